# SPDX-License-Identifier: Apache-2.0
"""The documents by which clients find their way: versions, core resources, and lists that never change."""

from typing import Any, Literal

from cumulet.kernel.auth.context import Context
from cumulet.kernel.db import Tx
from cumulet.kernel.http.endpoint import route
from cumulet.kernel.http.messages import Request
from cumulet.kernel.resource.shapes import LINKS, array, keys

CORE = (("network", "networks"), ("subnet", "subnets"), ("port", "ports"))


ZONE_FILTERS = ("name", "resource", "state")
VERSION = keys(id=str, status=str, links=LINKS)
RESOURCE = keys(name=str, collection=str, links=LINKS)
PROVIDER = keys(service_type=str, name=str, default=bool)
ZONE = keys(name=str, resource=Literal["network", "router"], state=Literal["available", "unavailable"])


@route("GET", "/", prefixed=False, public=True, answer=keys(versions=array(VERSION)))
def list_versions(tx: Tx, ctx: Context, request: Request) -> dict[str, Any]:
    """The one version of the API."""
    links = [{"rel": "self", "href": f"{ctx.base_url}/v2.0/"}]
    return {"versions": [{"id": "v2.0", "status": "CURRENT", "links": links}]}


@route("GET", "/", answer=keys(resources=array(RESOURCE)))
def list_resources(tx: Tx, ctx: Context, request: Request) -> dict[str, Any]:
    """The core resources and where they are."""
    return {
        "resources": [
            {
                "name": name,
                "collection": plural,
                "links": [{"rel": "self", "href": f"{ctx.base_url}/v2.0/{plural}"}],
            }
            for name, plural in CORE
        ]
    }


@route("GET", "/service-providers", answer=keys(service_providers=array(PROVIDER)))
def list_service_providers(tx: Tx, ctx: Context, request: Request) -> dict[str, Any]:
    """What routers are made with."""
    provider = {"service_type": "L3_ROUTER_NAT", "name": "single_node", "default": True}
    return {"service_providers": [provider]}


@route(
    "GET",
    "/availability_zones",
    policy="get_availability_zone",
    query=ZONE_FILTERS,
    answer=keys(availability_zones=array(ZONE)),
)
def list_availability_zones(tx: Tx, ctx: Context, request: Request) -> dict[str, Any]:
    """The one zone of networks, and of routers."""
    ctx.require("get_availability_zone")
    zones = [{"name": "nova", "resource": kind, "state": "available"} for kind in ("network", "router")]
    asked = {key: request.query.all(key) for key in ZONE_FILTERS}
    return {
        "availability_zones": [
            zone for zone in zones if all(not wanted or zone[key] in wanted for key, wanted in asked.items())
        ]
    }


ROUTES = (list_versions, list_resources, list_service_providers, list_availability_zones)
