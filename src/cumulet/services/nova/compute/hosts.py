# SPDX-License-Identifier: Apache-2.0
"""os-hosts: hosts by name, until 2.42; os-services and os-hypervisors took its place.

What a hypervisor would have to do to its own machine is refused with 501, as upstream refuses it for
libvirt: maintenance mode, and switching the machine off and on.
"""

from collections import defaultdict
from typing import Any, Literal

from cumulet.contracts.placement import Allocator
from cumulet.kernel.auth.context import Context
from cumulet.kernel.db import Tx
from cumulet.kernel.errors import NotFound, NotImplementedHere
from cumulet.kernel.http.endpoint import route
from cumulet.kernel.http.messages import Request
from cumulet.kernel.resource.schema import Checked
from cumulet.kernel.resource.shapes import array, keys, maybe
from cumulet.services.nova.compute.model import Hypervisor, all_services, computes
from cumulet.services.nova.servers.model import Server
from cumulet.services.nova.servers.schemas import obj

_RULE = "os_compute_api:os-hosts"
_LAST = "2.42"
_ONE = "/os-hosts/{host_name}"
_SWITCH = {"enum": ["enable", "disable", "Enable", "Disable", "ENABLE", "DISABLE"]}
UPDATE = Checked({**obj({"status": _SWITCH, "maintenance_mode": _SWITCH}), "minProperties": 1})
RESOURCE = keys(host=str, project=str, cpu=int, memory_mb=int, disk_gb=int)
Figures = tuple[int, int, int]
"""Processors, MiB of memory and GiB of disk."""


def _unsupported() -> NotImplementedHere:
    return NotImplementedHere("The requested functionality is not supported.")


@route(
    "GET",
    "/os-hosts",
    until=_LAST,
    policy=f"{_RULE}:list",
    query=("zone",),
    answer=keys(hosts=array(keys(host_name=str, service=str, zone=str))),
)
def list_hosts(tx: Tx, ctx: Context, request: Request) -> dict[str, Any]:
    """Every service that is enabled, by its host, or those of a zone."""
    ctx.require(f"{_RULE}:list")
    zone = request.query.get("zone")
    found = [s for s in all_services(tx) if not s.service.disabled and zone in (None, "", s.zone)]
    return {
        "hosts": [
            {"host_name": s.host, "service": s.service.binary.removeprefix("nova-"), "zone": s.zone}
            for s in found
        ]
    }


@route(
    "GET",
    _ONE,
    until=_LAST,
    policy=f"{_RULE}:show",
    answer=keys(host=array(keys(resource=RESOURCE))),
)
def show_host(tx: Tx, ctx: Context, request: Request) -> dict[str, Any]:
    """What a compute host has, what of it is used, and by which projects."""
    ctx.require(f"{_RULE}:show")
    name = request.params["host_name"]
    row = tx.first(Hypervisor, Hypervisor.c.host == name)
    if row is None:
        raise _unknown(name)
    used = tx.app.contract(Allocator).usage(tx, [row.id]).get(row.id, {})
    now = (used.get("VCPU", 0), used.get("MEMORY_MB", 0), used.get("DISK_GB", 0))
    projects = _by_project(tx, name)
    most = _sum(list(projects.values()))
    figures = {
        "(total)": (row.vcpus, row.memory_mb, row.disk_gb),
        "(used_now)": now,
        "(used_max)": most,
        **projects,
    }
    return {"host": [{"resource": _resource(name, who, what)} for who, what in figures.items()]}


def _resource(host: str, project: str, figures: Figures) -> dict[str, Any]:
    cpu, memory_mb, disk_gb = figures
    return {"host": host, "project": project, "cpu": cpu, "memory_mb": memory_mb, "disk_gb": disk_gb}


def _by_project(tx: Tx, host: str) -> dict[str, Figures]:
    """What the flavors of the host's servers say, by project."""
    found: dict[str, list[Figures]] = defaultdict(list)
    for server in tx.all(Server, Server.c.host == host, Server.c.deleted.is_(False)):
        flavor = server.flavor_copy
        found[server.project_id].append(
            (server.vcpus, server.memory_mb, flavor["disk"] + flavor["ephemeral"])
        )
    return {project: _sum(listed) for project, listed in found.items()}


def _sum(figures: list[Figures]) -> Figures:
    cpu, memory_mb, disk_gb = (sum(column) for column in zip((0, 0, 0), *figures, strict=True))
    return cpu, memory_mb, disk_gb


@route(
    "PUT",
    _ONE,
    until=_LAST,
    policy=f"{_RULE}:update",
    schema=UPDATE.at,
    answer=keys(host=str, status=maybe(Literal["enabled", "disabled"])),
)
def update_host(tx: Tx, ctx: Context, request: Request) -> dict[str, Any]:
    """Take a compute host out of use or back in."""
    ctx.require(f"{_RULE}:update")
    given, name = UPDATE(ctx, request.body), request.params["host_name"]
    host = computes(tx, [name]).get(name)
    if host is None:
        raise _unknown(name)
    if "maintenance_mode" in given:
        raise _unsupported()
    enabled = given["status"].lower() == "enable"
    tx.update(host.service, disabled=not enabled, disabled_reason=None)
    return {"host": name, "status": "enabled" if enabled else "disabled"}


@route("GET", f"{_ONE}/startup", until=_LAST, policy=f"{_RULE}:start", status=501)
def start_host(tx: Tx, ctx: Context, request: Request) -> None:
    """Refused: no hypervisor here can start its own machine."""
    _refuse_power(tx, ctx, request, "start")


@route("GET", f"{_ONE}/shutdown", until=_LAST, policy=f"{_RULE}:shutdown", status=501)
def shut_down_host(tx: Tx, ctx: Context, request: Request) -> None:
    """Refused: no hypervisor here shuts down its own machine."""
    _refuse_power(tx, ctx, request, "shutdown")


@route("GET", f"{_ONE}/reboot", until=_LAST, policy=f"{_RULE}:reboot", status=501)
def reboot_host(tx: Tx, ctx: Context, request: Request) -> None:
    """Refused: no hypervisor here restarts its own machine."""
    _refuse_power(tx, ctx, request, "reboot")


def _refuse_power(tx: Tx, ctx: Context, request: Request, rule: str) -> None:
    ctx.require(f"{_RULE}:{rule}")
    name = request.params["host_name"]
    raise _unsupported() if name in computes(tx, [name]) else _unknown(name)


def _unknown(name: str) -> NotFound:
    return NotFound(f"Host '{name}' is not mapped to any cell")


ROUTES = (list_hosts, show_host, update_host, start_host, shut_down_host, reboot_host)
