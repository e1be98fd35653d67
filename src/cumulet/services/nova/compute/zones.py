# SPDX-License-Identifier: Apache-2.0
"""Availability zones."""

from collections import defaultdict
from typing import Any

from cumulet.kernel.auth.context import Context
from cumulet.kernel.db import Tx
from cumulet.kernel.http.endpoint import route
from cumulet.kernel.http.messages import Request
from cumulet.kernel.resource.shapes import array, keys, mapping
from cumulet.services.nova.compute.model import INTERNAL_ZONE, Compute, all_services

_RULE = "os_compute_api:os-availability-zone"


def _by_zone(tx: Tx) -> list[tuple[str, list[Compute]]]:
    """The zones with their services by name, those that may not be used last."""
    found: dict[str, list[Compute]] = defaultdict(list)
    for service in all_services(tx):
        found[service.zone].append(service)
    return sorted(found.items(), key=lambda item: (not _available(item[1]), item[0]))


def _available(services: list[Compute]) -> bool:
    """Whether any host of the zone may be used."""
    return any(not service.service.disabled for service in services)


_ZONE = {"zoneName": str, "zoneState": keys(available=bool)}
HOSTS = mapping(mapping(keys(active=bool, available=bool, updated_at=str | None)))
"""By host and by service."""


@route(
    "GET",
    "/os-availability-zone",
    policy=f"{_RULE}:list",
    answer=keys(availabilityZoneInfo=array(keys(_ZONE, hosts=None))),
)
def list_zones(tx: Tx, ctx: Context, request: Request) -> dict[str, Any]:
    """The zones in which servers can be put."""
    ctx.require(f"{_RULE}:list")
    return {
        "availabilityZoneInfo": [
            {"zoneName": name, "zoneState": {"available": _available(services)}, "hosts": None}
            for name, services in _by_zone(tx)
            if name != INTERNAL_ZONE
        ]
    }


@route(
    "GET",
    "/os-availability-zone/detail",
    policy=f"{_RULE}:detail",
    answer=keys(availabilityZoneInfo=array(keys(_ZONE, hosts=HOSTS))),
)
def list_zones_detail(tx: Tx, ctx: Context, request: Request) -> dict[str, Any]:
    """All zones with the services of their hosts."""
    ctx.require(f"{_RULE}:detail")
    return {
        "availabilityZoneInfo": [
            {"zoneName": name, "zoneState": {"available": _available(services)}, "hosts": _hosts(services)}
            for name, services in _by_zone(tx)
        ]
    }


def _hosts(services: list[Compute]) -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = {}
    for service in services:
        row = service.service
        state = {"active": not row.disabled, "available": service.up, "updated_at": service.seen_at}
        found.setdefault(row.host, {})[row.binary] = state
    return found


ROUTES = (list_zones, list_zones_detail)
