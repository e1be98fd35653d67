# SPDX-License-Identifier: Apache-2.0
"""Pools, availability zones, and the hosts behind them."""

from typing import Any, Literal

from cumulet.kernel.auth.context import Context
from cumulet.kernel.db import Tx
from cumulet.kernel.hosts import HostRow
from cumulet.kernel.http.endpoint import route
from cumulet.kernel.http.messages import Request
from cumulet.kernel.resource.shapes import array, keys, maybe
from cumulet.services.cinder import listing
from cumulet.services.cinder.volumes.creating import ZONES
from cumulet.services.cinder.volumes.placement import rooms
from cumulet.services.cinder.volumes.views import pool

CAPABILITIES = keys(
    {f"{kind}_capacity_gb": int for kind in ("total", "free", "allocated", "provisioned")},
    max_over_subscription_ratio=str,
    reserved_percentage=int,
    thin_provisioning_support=bool,
    thick_provisioning_support=bool,
    multiattach=bool,
    online_extend_support=bool,
    volume_backend_name=str,
    vendor_name=str,
    driver_version=str,
    storage_protocol=str,
    backend_state=Literal["up", "down"],
    QoS_support=bool,
)
POOL = keys(name=str, capabilities=maybe(CAPABILITIES))
ZONE = keys(zoneName=str, zoneState=keys(available=bool))


@route("GET", "/scheduler-stats/get_pools", query=("detail", "name"), answer=keys(pools=array(POOL)))
def list_pools(tx: Tx, ctx: Context, request: Request) -> dict[str, Any]:
    """The pool of each host that is up; with `detail` what there is room for."""
    ctx.require("scheduler_extension:scheduler_stats:get_pools")
    detail = listing.strict_flag_of(request.query, "detail")
    found = sorted(rooms(tx, tx.all(HostRow, HostRow.c.state == "up")), key=lambda room: room.host)
    if ctx.at("3.28") and (name := request.query.get("name")):
        found = [room for room in found if pool(room.host) == name]
    return {
        "pools": [
            {"name": pool(room.host), **({"capabilities": room.capabilities} if detail else {})}
            for room in found
        ]
    }


@route("GET", "/os-availability-zone", answer=keys(availabilityZoneInfo=array(ZONE)))
def list_zones(tx: Tx, ctx: Context, request: Request) -> dict[str, Any]:
    """The availability zones of storage."""
    return {"availabilityZoneInfo": [{"zoneName": zone, "zoneState": {"available": True}} for zone in ZONES]}


ROUTES = (list_pools, list_zones)
