# SPDX-License-Identifier: Apache-2.0
"""Hosts as operators' older tools ask for them: what is on each, and what its backend can do."""

from collections.abc import Mapping
from typing import Any, Literal

import sqlalchemy as sa

from cumulet.kernel.auth.context import Context
from cumulet.kernel.db import Tx
from cumulet.kernel.errors import NotFound
from cumulet.kernel.hosts import HostRow
from cumulet.kernel.http.endpoint import route
from cumulet.kernel.http.messages import Request
from cumulet.kernel.resource.shapes import array, keys, mapping
from cumulet.services.cinder.hosting.services import CONTROL, SCHEDULER, VOLUME
from cumulet.services.cinder.snapshots.model import Snapshot
from cumulet.services.cinder.volumes.model import Volume
from cumulet.services.cinder.volumes.placement import DRIVER, DisabledHost
from cumulet.services.cinder.volumes.views import BACKEND, backend_host

HOST = keys(
    {
        "host_name": str,
        "service": str,
        "zone": str,
        "service-status": Literal["available", "unavailable"],
        "service-state": Literal["enabled"],
        "last-update": str,
    }
)
_SUMS = ("volume_count", "total_volume_gb", "snapshot_count", "total_snapshot_gb")
RESOURCE = keys(resource=keys(dict.fromkeys(("host", "project", *_SUMS), str)))
Sums = dict[str, tuple[int, int]]
"""How many there are and what size they have together, by project."""


@route("GET", "/os-hosts", query=("zone",), answer=keys(hosts=array(HOST)))
def list_hosts(tx: Tx, ctx: Context, request: Request) -> dict[str, Any]:
    """The services that may be given work, by host."""
    ctx.require("volume_extension:hosts")
    time = ctx.service.api.wire.time
    disabled = {row.id for row in tx.all(DisabledHost)}
    found = [_entry(SCHEDULER, CONTROL, time(tx.now), up=True)]
    found += [
        _entry(VOLUME, backend_host(host.id), time(host.seen_at), up=host.state == "up")
        for host in tx.all(HostRow, order_by=(HostRow.c.id,))
        if host.id not in disabled
    ]
    zone = request.query.get("zone")
    return {"hosts": [entry for entry in found if not zone or entry["zone"] == zone]}


def _entry(service: str, host: str, seen: str, *, up: bool) -> dict[str, Any]:
    return {
        "host_name": host,
        "service": service,
        "zone": "nova",
        "service-status": "available" if up else "unavailable",
        "service-state": "enabled",
        "last-update": seen,
    }


@route("GET", "/os-hosts/{host}", answer=keys(host=array(RESOURCE)))
def show_host(tx: Tx, ctx: Context, request: Request) -> dict[str, Any]:
    """How many volumes and snapshots are on a host, in all and by project, and their GB."""
    ctx.require("volume_extension:hosts")
    named = request.params["host"]
    host = _known(tx, named, NotFound(f"Host {named} could not be found."))
    volumes = _sums(tx, Volume, Volume.c.size, host)
    snapshots = _sums(tx, Snapshot, Snapshot.c.volume_size, host)
    projects = sorted({*volumes, *snapshots})
    rows = [_resource(named, "(total)", _total(volumes), _total(snapshots))]
    rows += [
        _resource(named, project, volumes.get(project, (0, 0)), snapshots.get(project, (0, 0)))
        for project in projects
    ]
    return {"host": rows}


def _known(tx: Tx, named: str, missing: NotFound) -> str:
    """The host of that name, which may be its backend's or its pool's as well. Raises what is given."""
    host, _, backend = named.partition("@")
    if backend not in ("", BACKEND, f"{BACKEND}#{BACKEND}") or tx.get(HostRow, host) is None:
        raise missing
    return host


def _sums(tx: Tx, cls: type[Volume] | type[Snapshot], size: sa.ColumnElement[int], host: str) -> Sums:
    c = cls.c
    query = sa.select(c.project_id, sa.func.count(), sa.func.sum(size)).where(c.host == host)
    return {
        project: (count, int(total)) for project, count, total in tx.execute(query.group_by(c.project_id))
    }


def _total(sums: Sums) -> tuple[int, int]:
    return sum(count for count, _ in sums.values()), sum(size for _, size in sums.values())


def _resource(
    host: str, project: str, volumes: tuple[int, int], snapshots: tuple[int, int]
) -> dict[str, Mapping[str, str]]:
    sums = (str(number) for number in (*volumes, *snapshots))
    return {"resource": {"host": host, "project": project, **dict(zip(_SUMS, sums, strict=True))}}


# -- what a backend can do ------------------------------------------------------------------------------

_PROPERTIES = {
    "thin_provisioning": ("Thin Provisioning", "Sets thin provisioning."),
    "compression": ("Compression", "Enables compression."),
    "qos": ("QoS", "Enables QoS."),
    "replication_enabled": ("Replication", "Enables replication."),
}
"""What extra specs of volume types may ask for, as every driver has it."""
CAPABILITIES = keys(
    {
        **dict.fromkeys(("namespace", *DRIVER), str),
        **dict.fromkeys(("pool_name", "display_name", "description", "visibility"), None),
    },
    replication_targets=list[str],
    properties=mapping(keys(title=str, description=str, type=Literal["boolean"])),
)


@route("GET", "/capabilities/{host}", answer=CAPABILITIES)
def show_capabilities(tx: Tx, ctx: Context, request: Request) -> dict[str, Any]:
    """What the backend of a host is, and what may be asked of it."""
    ctx.require("volume_extension:capabilities")
    named = request.params["host"]
    host = _known(tx, named, NotFound(f"Can't find service: {named}"))
    return {
        "namespace": f"OS::Storage::Capabilities::{backend_host(host)}",
        **DRIVER,
        **dict.fromkeys(("pool_name", "display_name", "description", "visibility")),
        "replication_targets": [],
        "properties": {
            name: {"title": title, "description": description, "type": "boolean"}
            for name, (title, description) in _PROPERTIES.items()
        },
    }


ROUTES = (list_hosts, show_host, show_capabilities)
