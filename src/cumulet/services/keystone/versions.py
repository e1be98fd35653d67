# SPDX-License-Identifier: Apache-2.0
"""Keystone's version documents, whose links carry the address by which the client came, and JSON home."""

from typing import Any

from cumulet.kernel.auth.context import Context
from cumulet.kernel.db import Tx
from cumulet.kernel.http.endpoint import Other, route
from cumulet.kernel.http.messages import Reply, Request
from cumulet.kernel.http.wire import preferred
from cumulet.kernel.resource.shapes import LINKS, array, keys, mapping
from cumulet.services.keystone import json_home

_JSON, _JSON_HOME = "application/json", "application/json-home"


def _version(ctx: Context) -> dict[str, Any]:
    return {
        "id": "v3.14",
        "status": "stable",
        "updated": "2020-04-07T00:00:00Z",
        "links": [{"rel": "self", "href": f"{ctx.base_url}/v3/"}],
        "media-types": [{"base": "application/json", "type": "application/vnd.openstack.identity-v3+json"}],
    }


def _likes_json_home(request: Request) -> bool:
    return preferred(request.headers.get("accept", ""), _JSON, _JSON_HOME) == _JSON_HOME


def _json_home(ctx: Context, prefix: str) -> Reply:
    home = json_home.document(ctx.service.api.endpoints, prefix)
    return Reply(200, home, {"Vary": "X-Auth-Token"}, _JSON_HOME)


VERSION = keys({"media-types": array(keys(base=str, type=str))}, id=str, status=str, updated=str, links=LINKS)
HOME = Other(200, keys(resources=mapping(dict[str, Any])), _JSON_HOME)


@route(
    "GET",
    "/",
    prefixed=False,
    public=True,
    status=300,
    also=(HOME,),
    answer=keys(versions=keys(values=array(VERSION))),
)
def list_versions(tx: Tx, ctx: Context, request: Request) -> Reply:
    """The versions, of which there is one; or JSON home, for who likes that better."""
    if _likes_json_home(request):
        return _json_home(ctx, "/v3")
    body = {"versions": {"values": [_version(ctx)]}}
    return Reply(300, body, {"Location": f"{ctx.base_url}/v3/", "Vary": "X-Auth-Token"})


@route("GET", "", public=True, also=(HOME,), answer=keys(version=VERSION))
def show_version(tx: Tx, ctx: Context, request: Request) -> Reply:
    """Version 3; or JSON home, for who likes that better."""
    if _likes_json_home(request):
        return _json_home(ctx, "")
    return Reply(200, {"version": _version(ctx)}, {"Vary": "X-Auth-Token"})


ROUTES = (list_versions, show_version)
