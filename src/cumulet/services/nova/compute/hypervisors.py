# SPDX-License-Identifier: Apache-2.0
"""os-hypervisors: what the compute hosts have, and what of it is used."""

from collections import defaultdict
from collections.abc import Sequence
from typing import Any, Literal

import msgspec
import sqlalchemy as sa

from cumulet.contracts.placement import Allocator
from cumulet.kernel.auth.context import Context
from cumulet.kernel.db import Tx
from cumulet.kernel.errors import BadRequest, NotFound
from cumulet.kernel.http.endpoint import route
from cumulet.kernel.http.messages import Request, strict_flag
from cumulet.kernel.ids import is_uuid
from cumulet.kernel.resource.shapes import LINKS, array, by_version, keys, maybe, since, until
from cumulet.lib import timestamps
from cumulet.services.nova.compute.model import Compute, Hypervisor, computes
from cumulet.services.nova.compute.services import ID, STATUS
from cumulet.services.nova.servers.model import Server, guest_name
from cumulet.services.nova.wire import next_page

_RULE = "os_compute_api:os-hypervisors"
VERSION = 1000000

SERVERS = array(keys(uuid=str, name=str))
FIGURES = (
    *("vcpus", "vcpus_used", "memory_mb", "memory_mb_used", "free_ram_mb", "local_gb", "local_gb_used"),
    *("free_disk_gb", "disk_available_least", "current_workload", "running_vms"),
)
_BRIEF = {
    "id": ID,
    "hypervisor_hostname": str,
    "state": Literal["up", "down"],
    "status": STATUS,
}
_WITH_SERVERS = {**_BRIEF, "servers": since("2.53", maybe(SERVERS))}
DETAIL = keys(
    {**_WITH_SERVERS, **dict.fromkeys(FIGURES, until("2.87", int))},
    hypervisor_type=str,
    hypervisor_version=int,
    host_ip=str,
    service=keys(id=ID, host=str, disabled_reason=str | None),
    uptime=since("2.88", str),
    cpu_info=until("2.87", by_version({"2.1": str, "2.28": dict})),
)
_NEXT = since("2.33", maybe(LINKS))
_QUERY = ("hypervisor_hostname_pattern", "with_servers", "limit", "marker")


class Page:
    """Some hypervisors with all that is shown of them, each kind of it read once."""

    def __init__(self, tx: Tx, rows: Sequence[Hypervisor]) -> None:
        self.tx, self.rows = tx, rows
        self.hosts = computes(tx, [row.host for row in rows])
        self.used = tx.app.contract(Allocator).usage(tx, [row.id for row in rows])
        where = (Server.c.host.in_([row.host for row in rows]), Server.c.deleted.is_(False))
        self.servers: dict[str, list[dict[str, str]]] = defaultdict(list)
        self.busy: dict[str, int] = defaultdict(int)
        chosen = sa.select(Server.c.id, Server.c.host, Server.c.task_state).where(*where)
        for id, host, task in tx.execute(chosen.order_by(Server.c.created_at, Server.c.id)):
            self.servers[host].append({"uuid": id, "name": guest_name(id)})
            self.busy[host] += task is not None

    def brief(self, ctx: Context, row: Hypervisor) -> dict[str, Any]:
        host = self.hosts.get(row.host)
        return {
            "id": row.id if ctx.at("2.53") else row.number,
            "hypervisor_hostname": row.host,
            "state": "up" if host is not None and host.up else "down",
            "status": "disabled" if host is None or host.service.disabled else "enabled",
        }

    def detail(self, ctx: Context, row: Hypervisor) -> dict[str, Any]:
        body = self.brief(ctx, row) | {
            "hypervisor_type": row.type,
            "hypervisor_version": VERSION,
            "host_ip": row.address,
            "service": self._service(ctx, self.hosts.get(row.host), row),
        }
        if ctx.at("2.88"):
            return body | {"uptime": self.uptime(row)}
        return body | self.figures(row) | {"cpu_info": self._cpu(ctx, row)}

    def figures(self, row: Hypervisor) -> dict[str, Any]:
        """What is there and what is used; gone from 2.88."""
        used = self.used.get(row.id, {})
        memory, disk = used.get("MEMORY_MB", 0), used.get("DISK_GB", 0)
        return {
            "vcpus": row.vcpus,
            "vcpus_used": used.get("VCPU", 0),
            "memory_mb": row.memory_mb,
            "memory_mb_used": memory,
            "free_ram_mb": row.memory_mb - memory,
            "local_gb": row.disk_gb,
            "local_gb_used": disk,
            "free_disk_gb": row.disk_gb - disk,
            "disk_available_least": row.disk_gb - disk,
            "current_workload": self.busy[row.host],
            "running_vms": len(self.servers[row.host]),
        }

    def uptime(self, row: Hypervisor) -> str:
        """In the words of uptime(1), because clients take them apart."""
        seconds = int(max(0, timestamps.seconds_between(row.started_at, self.tx.now)))
        days, rest = divmod(seconds, 86400)
        clock = f"{rest // 3600}:{rest % 3600 // 60:02}"
        return f" {self.tx.now[11:19]} up {days} days, {clock},  0 users,  load average: 0.00, 0.00, 0.00"

    def _cpu(self, ctx: Context, row: Hypervisor) -> Any:
        return row.cpu if ctx.at("2.28") else msgspec.json.encode(row.cpu).decode()

    def _service(self, ctx: Context, host: Compute | None, row: Hypervisor) -> dict[str, Any]:
        if host is None:
            return {"id": row.id if ctx.at("2.53") else 0, "host": row.host, "disabled_reason": None}
        service = host.service
        return {
            "id": service.id if ctx.at("2.53") else service.number,
            "host": service.host,
            "disabled_reason": service.disabled_reason,
        }

    def with_servers(
        self, ctx: Context, row: Hypervisor, body: dict[str, Any], asked: bool
    ) -> dict[str, Any]:
        """The servers of the host: when they are asked for, from 2.75 also when there are none."""
        servers = self.servers[row.host]
        if asked and (servers or ctx.at("2.75")):
            body["servers"] = servers
        return body


# -- lists --------------------------------------------------------------------------------------------


@route(
    "GET",
    "/os-hypervisors",
    policy=f"{_RULE}:list",
    query=_QUERY,
    answer=keys(hypervisors=array(keys(_WITH_SERVERS)), hypervisors_links=_NEXT),
)
def list_hypervisors(tx: Tx, ctx: Context, request: Request) -> dict[str, Any]:
    """Names and states."""
    ctx.require(f"{_RULE}:list")
    return _list(tx, ctx, request, detail=False)


@route(
    "GET",
    "/os-hypervisors/detail",
    policy=f"{_RULE}:list-detail",
    query=_QUERY,
    answer=keys(hypervisors=array(DETAIL), hypervisors_links=_NEXT),
)
def list_hypervisors_detail(tx: Tx, ctx: Context, request: Request) -> dict[str, Any]:
    """With all that is known of them."""
    ctx.require(f"{_RULE}:list-detail")
    return _list(tx, ctx, request, detail=True)


def _list(tx: Tx, ctx: Context, request: Request, *, detail: bool) -> dict[str, Any]:
    query, c = request.query, Hypervisor.c
    pattern = query.get("hypervisor_hostname_pattern") if ctx.at("2.53") else None
    paged = ctx.at("2.33")
    if pattern is not None and ("limit" in query or "marker" in query):
        raise BadRequest(
            "Paging over hypervisors with the hypervisor_hostname_pattern query parameter is not supported."
        )
    where = [c.host.contains(pattern, autoescape=True)] if pattern is not None else []
    if paged and (marker := query.get("marker")) is not None:
        where.append(c.number > _marker(tx, ctx, marker))
    limit = min(1000, query.integer("limit") or 1000) if paged else None
    rows = tx.all(Hypervisor, *where, order_by=(c.number,), limit=limit)
    if pattern is not None and not rows:
        raise NotFound(f"No hypervisor matching '{pattern}' could be found.")
    body = {"hypervisors": _bodies(tx, ctx, rows, _wants_servers(ctx, request), detail=detail)}
    if limit and len(rows) == limit:
        last = rows[-1].id if ctx.at("2.53") else str(rows[-1].number)
        href = next_page(ctx, request.path, query.pairs, last)
        body["hypervisors_links"] = [{"rel": "next", "href": href}]
    return body


def _bodies(tx: Tx, ctx: Context, rows: Sequence[Hypervisor], servers: bool, *, detail: bool) -> list[Any]:
    page = Page(tx, rows)
    show = page.detail if detail else page.brief
    return [page.with_servers(ctx, row, show(ctx, row), servers) for row in rows]


def _wants_servers(ctx: Context, request: Request) -> bool:
    asked = request.query.get("with_servers") if ctx.at("2.53") else None
    return asked is not None and strict_flag(asked, "with_servers")


def _marker(tx: Tx, ctx: Context, marker: str) -> int:
    row = _find(tx, ctx, marker)
    if row is None:
        raise BadRequest(f"marker [{marker}] not found")
    return row.number


def _find(tx: Tx, ctx: Context, id: str) -> Hypervisor | None:
    if ctx.at("2.53"):
        return tx.get(Hypervisor, id)
    return tx.first(Hypervisor, Hypervisor.c.number == int(id)) if id.isdecimal() else None


@route(
    "GET",
    "/os-hypervisors/statistics",
    until="2.87",
    policy=f"{_RULE}:statistics",
    answer=keys(hypervisor_statistics=keys(dict.fromkeys(FIGURES, int), count=int)),
)
def show_statistics(tx: Tx, ctx: Context, request: Request) -> dict[str, Any]:
    """The sums over all hypervisors."""
    ctx.require(f"{_RULE}:statistics")
    rows = tx.all(Hypervisor)
    page = Page(tx, rows)
    sums = {name: sum(page.figures(row)[name] for row in rows) for name in FIGURES}
    return {"hypervisor_statistics": {"count": len(rows), **sums}}


# -- one ----------------------------------------------------------------------------------------------


@route(
    "GET",
    "/os-hypervisors/{hypervisor_id}",
    policy=f"{_RULE}:show",
    query=("with_servers",),
    answer=keys(hypervisor=DETAIL),
)
def show_hypervisor(tx: Tx, ctx: Context, request: Request) -> dict[str, Any]:
    """One hypervisor."""
    ctx.require(f"{_RULE}:show")
    row = _need(tx, ctx, request)
    return {"hypervisor": _bodies(tx, ctx, [row], _wants_servers(ctx, request), detail=True)[0]}


@route(
    "GET",
    "/os-hypervisors/{hypervisor_id}/uptime",
    until="2.87",
    policy=f"{_RULE}:uptime",
    answer=keys(hypervisor=keys(_BRIEF, uptime=str)),
)
def show_uptime(tx: Tx, ctx: Context, request: Request) -> dict[str, Any]:
    """How long the host has been running."""
    ctx.require(f"{_RULE}:uptime")
    row = _need(tx, ctx, request)
    page = Page(tx, [row])
    if not page.hosts[row.host].up:
        raise BadRequest(f"Compute service of {row.host} is unavailable at this time.")
    return {"hypervisor": page.brief(ctx, row) | {"uptime": page.uptime(row)}}


@route(
    "GET",
    "/os-hypervisors/{hypervisor_id}/search",
    until="2.52",
    policy=f"{_RULE}:search",
    answer=keys(hypervisors=array(keys(_BRIEF))),
)
def search_hypervisors(tx: Tx, ctx: Context, request: Request) -> dict[str, Any]:
    """Hypervisors whose name holds a text."""
    ctx.require(f"{_RULE}:search")
    return {"hypervisors": _bodies(tx, ctx, _matching(tx, request), False, detail=False)}


@route(
    "GET",
    "/os-hypervisors/{hypervisor_id}/servers",
    until="2.52",
    policy=f"{_RULE}:servers",
    answer=keys(hypervisors=array(keys(_BRIEF, servers=maybe(SERVERS)))),
)
def list_servers_of(tx: Tx, ctx: Context, request: Request) -> dict[str, Any]:
    """The same with their servers."""
    ctx.require(f"{_RULE}:servers")
    return {"hypervisors": _bodies(tx, ctx, _matching(tx, request), True, detail=False)}


def _matching(tx: Tx, request: Request) -> list[Hypervisor]:
    text = request.params["hypervisor_id"]
    where = Hypervisor.c.host.contains(text, autoescape=True)
    rows = tx.all(Hypervisor, where, order_by=(Hypervisor.c.number,))
    if not rows:
        raise NotFound(f"No hypervisor matching '{text}' could be found.")
    return rows


def _need(tx: Tx, ctx: Context, request: Request) -> Hypervisor:
    id = request.params["hypervisor_id"]
    if ctx.at("2.53") and not is_uuid(id):
        raise BadRequest(f"Invalid uuid {id}")
    row = _find(tx, ctx, id)
    if row is None:
        raise NotFound(f"Hypervisor with ID '{id}' could not be found.")
    return row


ROUTES = (
    list_hypervisors,
    list_hypervisors_detail,
    show_statistics,
    show_hypervisor,
    show_uptime,
    search_hypervisors,
    list_servers_of,
)
