# SPDX-License-Identifier: Apache-2.0
"""What was asked of a server, for its users to read, also after it was deleted."""

import hashlib
from typing import Any

from cumulet.kernel.auth.context import Context
from cumulet.kernel.db import Tx
from cumulet.kernel.errors import BadRequest, NotFound
from cumulet.kernel.http.endpoint import route
from cumulet.kernel.http.messages import Request
from cumulet.kernel.resource.shapes import LINKS, array, keys, maybe, since
from cumulet.lib import timestamps
from cumulet.lib.timestamps import Timestamp
from cumulet.services.nova.servers.finding import server_of
from cumulet.services.nova.servers.model import InstanceAction, Server
from cumulet.services.nova.wire import next_page

_RULE = "os_compute_api:os-instance-actions"
_PATH = "/servers/{server_id}/os-instance-actions"
_C = InstanceAction.c


def _server(tx: Tx, ctx: Context, request: Request, policy: str) -> Server:
    """The server; from 2.21 a deleted one too."""
    if ctx.at("2.21"):
        row = tx.get(Server, request.params["server_id"])
        mine = row is not None and (ctx.is_admin or row.project_id == ctx.project_id)
        if row is not None and mine and row.deleted:
            ctx.require(policy, Server.target(tx, row))
            return row
    return server_of(tx, ctx, request, policy)


_SHOWN = {
    **dict.fromkeys(("action", "instance_uuid", "request_id", "start_time"), str),
    **dict.fromkeys(("user_id", "project_id", "message"), str | None),
    "updated_at": since("2.58", str | None),
}
EVENT = keys(
    event=str,
    start_time=str,
    finish_time=str | None,
    result=str | None,
    traceback=maybe(str | None),
    hostId=since("2.62", str),
    host=since("2.62", maybe(str)),
    details=since("2.84", maybe(str | None)),
)


def _view(ctx: Context, row: InstanceAction) -> dict[str, Any]:
    body: dict[str, Any] = {
        "action": row.action,
        "instance_uuid": row.server_id,
        "request_id": row.request_id,
        "user_id": row.user_id,
        "project_id": row.project_id,
        "start_time": row.created_at,
        "message": row.message,
    }
    if ctx.at("2.58"):
        body["updated_at"] = row.updated_at
    return body


@route(
    "GET",
    _PATH,
    policy=f"{_RULE}:list",
    query=("limit", "marker", "changes-since", "changes-before"),
    answer=keys(instanceActions=array(keys(_SHOWN)), links=since("2.58", maybe(LINKS))),
)
def list_actions(tx: Tx, ctx: Context, request: Request) -> dict[str, Any]:
    """The newest first; from 2.58 in pages whose marker is a request's id, and since or before a time."""
    server = _server(tx, ctx, request, f"{_RULE}:list")
    where, limit = [_C.server_id == server.id], None
    if ctx.at("2.58"):
        where += _between(ctx, request)
        limit = min(1000, asked) if (asked := request.query.integer("limit")) is not None else 1000
        where += _after(tx, server, request.query.get("marker"))
    order = (_C.created_at.desc(), _C.id.desc())
    rows = tx.all(InstanceAction, *where, order_by=order, limit=limit)
    body: dict[str, Any] = {"instanceActions": [_view(ctx, row) for row in rows]}
    if limit and len(rows) == limit:
        href = next_page(ctx, request.path, request.query.pairs, rows[-1].request_id)
        body["links"] = [{"rel": "next", "href": href}]
    return body


def _between(ctx: Context, request: Request) -> list[Any]:
    found: list[Any] = []
    since = _moment(request, "changes-since")
    before = _moment(request, "changes-before") if ctx.at("2.66") else None
    if since and before and since > before:
        raise BadRequest("The value of changes-since must be less than or equal to changes-before.")
    found += [_C.updated_at >= since] if since else []
    return found + ([_C.updated_at <= before] if before else [])


def _moment(request: Request, name: str) -> Timestamp | None:
    value = request.query.get(name)
    if value is None:
        return None
    try:
        return timestamps.parse(value)
    except ValueError:
        raise BadRequest(
            f"Invalid input for query parameters {name}. Value: {value}. '{value}' is not a 'date-time'"
        ) from None


def _after(tx: Tx, server: Server, marker: str | None) -> list[Any]:
    if marker is None:
        return []
    row = tx.first(InstanceAction, _C.server_id == server.id, _C.request_id == marker)
    if row is None:
        raise BadRequest(f"Marker {marker} could not be found.")
    older = (_C.created_at < row.created_at) | ((_C.created_at == row.created_at) & (_C.id < row.id))
    return [older]


@route(
    "GET",
    _PATH + "/{request_id}",
    policy=f"{_RULE}:show",
    answer=keys(instanceAction=keys(_SHOWN, events=maybe(array(EVENT)))),
)
def show_action(tx: Tx, ctx: Context, request: Request) -> dict[str, Any]:
    """One action with its events: to administrators always, from 2.51 to everyone without details."""
    server, wanted = _server(tx, ctx, request, f"{_RULE}:show"), request.params["request_id"]
    row = tx.first(InstanceAction, _C.server_id == server.id, _C.request_id == wanted)
    if row is None:
        raise NotFound(f"Action {wanted} not found")
    body, target = _view(ctx, row), Server.target(tx, server)
    full = ctx.can(f"{_RULE}:events", target)
    if full or ctx.at("2.51"):
        body["events"] = [_event(ctx, server, event, target, full=full) for event in row.events]
    return {"instanceAction": body}


def _event(ctx: Context, server: Server, event: dict[str, Any], target: Any, *, full: bool) -> dict[str, Any]:
    body = {name: event[name] for name in ("event", "start_time", "finish_time", "result")}
    if full:
        body["traceback"] = event["traceback"]
    if ctx.at("2.62"):
        host = event["host"] or ""
        body["hostId"] = hashlib.sha224(f"{server.project_id}{host}".encode()).hexdigest() if host else ""
        if full:
            body["host"] = host
    if ctx.at("2.84") and ctx.can(f"{_RULE}:events:details", target):
        body["details"] = event["details"]
    return body


ROUTES = (list_actions, show_action)
