# SPDX-License-Identifier: Apache-2.0
"""os-simple-tenant-usage: what projects have used between two moments, in hours."""

from collections import defaultdict
from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa

from cumulet.kernel.auth.context import Context
from cumulet.kernel.db import Tx
from cumulet.kernel.errors import BadRequest
from cumulet.kernel.http.endpoint import route
from cumulet.kernel.http.messages import Request
from cumulet.kernel.resource.shapes import LINKS, array, either, keys, maybe, since
from cumulet.lib import timestamps
from cumulet.lib.timestamps import Timestamp
from cumulet.services.nova.servers.model import Server
from cumulet.services.nova.wire import next_page

_RULE = "os_compute_api:os-simple-tenant-usage"
_MONTH = 28 * 86400.0


def _period(tx: Tx, request: Request) -> tuple[Timestamp, Timestamp]:
    end = _moment(request.query.get("end")) or tx.now
    start = _moment(request.query.get("start")) or timestamps.add(end, -_MONTH)
    if start > end:
        raise BadRequest("Invalid start time. The start time cannot occur after the end time.")
    return start, end


def _moment(text: str | None) -> Timestamp | None:
    if not text:
        return None
    try:
        return timestamps.parse(text)
    except ValueError:
        raise BadRequest("Datetime is in invalid format") from None


def _servers(tx: Tx, start: Timestamp, end: Timestamp, project: str | None) -> list[Server]:
    """Servers that ran at any moment of the period."""
    c = Server.c
    where = [c.launched_at.is_not(None), c.launched_at < end]
    where.append(sa.or_(c.terminated_at.is_(None), c.terminated_at > start))
    if project is not None:
        where.append(c.project_id == project)
    return tx.all(Server, *where, order_by=(c.launched_at, c.id))


def _one(tx: Tx, server: Server, start: Timestamp, end: Timestamp) -> dict[str, Any]:
    """What one server used within the period."""
    began = server.launched_at or start
    ended = server.terminated_at
    hours = max(0.0, timestamps.seconds_between(max(start, began), min(end, ended or end))) / 3600
    return {
        "instance_id": server.id,
        "name": server.name,
        "hours": hours,
        "flavor": server.flavor_copy["name"],
        "memory_mb": server.memory_mb,
        "local_gb": server.flavor_copy["disk"] + server.flavor_copy["ephemeral"],
        "vcpus": server.vcpus,
        "tenant_id": server.project_id,
        "started_at": began,
        "ended_at": ended,
        "uptime": int(max(0.0, timestamps.seconds_between(began, ended or tx.now))),
        "state": "terminated" if server.deleted else server.vm_state,
    }


def _sum(
    project: str, used: Sequence[dict[str, Any]], start: Timestamp, end: Timestamp, *, detailed: bool
) -> dict[str, Any]:
    body: dict[str, Any] = {
        "tenant_id": project,
        "start": start,
        "stop": end,
        "total_hours": sum(item["hours"] for item in used),
        "total_local_gb_usage": sum(item["local_gb"] * item["hours"] for item in used),
        "total_memory_mb_usage": sum(item["memory_mb"] * item["hours"] for item in used),
        "total_vcpus_usage": sum(item["vcpus"] * item["hours"] for item in used),
    }
    return body | ({"server_usages": list(used)} if detailed else {})


def _page(ctx: Context, request: Request, servers: list[Server]) -> tuple[list[Server], str | None]:
    """From 2.40 a page of servers, and the marker of the next one when this is full."""
    if not ctx.at("2.40"):
        return servers, None
    limit = min(1000, request.query.integer("limit") or 1000)
    if (marker := request.query.get("marker")) is not None:
        ids = [server.id for server in servers]
        if marker not in ids:
            raise BadRequest(f"marker [{marker}] not found")
        servers = servers[ids.index(marker) + 1 :]
    servers = servers[:limit]
    return servers, servers[-1].id if len(servers) == limit else None


OF_SERVER = keys(
    instance_id=str,
    name=str,
    hours=float,
    flavor=str,
    memory_mb=int,
    local_gb=int,
    vcpus=int,
    tenant_id=str,
    started_at=str,
    ended_at=str | None,
    uptime=int,
    state=str,
)
_TOTAL = {
    **dict.fromkeys(("tenant_id", "start", "stop"), str),
    **{f"total_{what}": float for what in ("hours", "local_gb_usage", "memory_mb_usage", "vcpus_usage")},
}
USAGES = array(keys(_TOTAL, server_usages=maybe(array(OF_SERVER))))
USAGE = either(keys(_TOTAL, server_usages=array(OF_SERVER)), keys())
"""What one project used; nothing, where it used nothing."""
_PERIOD = ("start", "end", "limit", "marker")


@route(
    "GET",
    "/os-simple-tenant-usage",
    policy=f"{_RULE}:list",
    query=(*_PERIOD, "detailed"),
    answer=keys(tenant_usages=USAGES, tenant_usages_links=since("2.40", maybe(LINKS))),
)
def list_usage(tx: Tx, ctx: Context, request: Request) -> dict[str, Any]:
    """What every project used; with `detailed=1` server by server."""
    ctx.require(f"{_RULE}:list")
    start, end = _period(tx, request)
    detailed = request.query.get("detailed") == "1"
    servers, marker = _page(ctx, request, _servers(tx, start, end, None))
    by_project: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for server in servers:
        by_project[server.project_id].append(_one(tx, server, start, end))
    body: dict[str, Any] = {
        "tenant_usages": [
            _sum(project, used, start, end, detailed=detailed) for project, used in by_project.items()
        ]
    }
    if marker is not None:
        href = next_page(ctx, request.path, request.query.pairs, marker)
        body["tenant_usages_links"] = [{"rel": "next", "href": href}]
    return body


@route(
    "GET",
    "/os-simple-tenant-usage/{project_id}",
    policy=f"{_RULE}:show",
    query=_PERIOD,
    answer=keys(tenant_usage=USAGE, tenant_usage_links=since("2.40", maybe(LINKS))),
)
def show_usage(tx: Tx, ctx: Context, request: Request) -> dict[str, Any]:
    """What one project used, server by server."""
    project = request.params["project_id"]
    ctx.require(f"{_RULE}:show", {"project_id": project})
    start, end = _period(tx, request)
    servers, marker = _page(ctx, request, _servers(tx, start, end, project))
    used = [_one(tx, server, start, end) for server in servers]
    body: dict[str, Any] = {"tenant_usage": _sum(project, used, start, end, detailed=True) if used else {}}
    if marker is not None:
        href = next_page(ctx, request.path, request.query.pairs, marker)
        body["tenant_usage_links"] = [{"rel": "next", "href": href}]
    return body


ROUTES = (list_usage, show_usage)
