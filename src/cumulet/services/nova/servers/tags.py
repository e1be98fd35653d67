# SPDX-License-Identifier: Apache-2.0
"""The tags of servers."""

import re
from collections.abc import Iterable, Sequence
from typing import Any

from cumulet.kernel.auth.context import Context
from cumulet.kernel.db import Tx
from cumulet.kernel.errors import BadRequest, NotFound
from cumulet.kernel.http.endpoint import route
from cumulet.kernel.http.messages import Reply, Request
from cumulet.kernel.resource.schema import Checked
from cumulet.kernel.resource.shapes import keys
from cumulet.services.nova.servers.finding import server_of
from cumulet.services.nova.servers.guards import touchable
from cumulet.services.nova.servers.model import Server, ServerTag

MOST = 50
TAG = {"type": "string", "minLength": 1, "maxLength": 60, "pattern": "^[^,/]*$"}
_RULE = "os_compute_api:os-server-tags"
_PATH = "/servers/{server_id}/tags"
_BODY = Checked(
    {
        "type": "object",
        "properties": {"tags": {"type": "array", "items": TAG, "maxItems": MOST}},
        "required": ["tags"],
        "additionalProperties": False,
    }
)

TAGS = keys(tags=list[str])


def tags_of(tx: Tx, server_ids: Sequence[str]) -> dict[str, list[str]]:
    """The tags of each server, sorted."""
    found: dict[str, list[str]] = {}
    for start in range(0, len(server_ids), 500):
        where = ServerTag.c.server_id.in_(server_ids[start : start + 500])
        for row in tx.all(ServerTag, where, order_by=(ServerTag.c.tag,)):
            found.setdefault(row.server_id, []).append(row.tag)
    return found


def put(tx: Tx, server_id: str, tags: Iterable[str]) -> None:
    """The server has exactly these tags."""
    tx.delete_where(ServerTag, ServerTag.c.server_id == server_id)
    tx.insert_many([ServerTag(server_id=server_id, tag=tag) for tag in dict.fromkeys(tags)])


def _changed(tx: Tx, server: Server) -> None:
    tx.update(server)


@route("GET", _PATH, since="2.26", policy=f"{_RULE}:index", answer=TAGS)
def list_tags(tx: Tx, ctx: Context, request: Request) -> dict[str, Any]:
    """All tags of a server."""
    server = server_of(tx, ctx, request, f"{_RULE}:index")
    return {"tags": tags_of(tx, [server.id]).get(server.id, [])}


@route("PUT", _PATH, since="2.26", policy=f"{_RULE}:update_all", schema=_BODY.at, answer=TAGS)
def replace_tags(tx: Tx, ctx: Context, request: Request) -> dict[str, Any]:
    """Give a server exactly these tags."""
    server = server_of(tx, ctx, request, f"{_RULE}:update_all")
    tags = list(dict.fromkeys(_BODY(ctx, request.body)["tags"]))
    touchable(ctx, server, "update tags")
    put(tx, server.id, tags)
    _changed(tx, server)
    return {"tags": sorted(tags)}


@route("DELETE", _PATH, since="2.26", policy=f"{_RULE}:delete_all", status=204)
def delete_tags(tx: Tx, ctx: Context, request: Request) -> Reply:
    """Take all tags off a server."""
    server = server_of(tx, ctx, request, f"{_RULE}:delete_all")
    touchable(ctx, server, "delete tags")
    put(tx, server.id, ())
    _changed(tx, server)
    return Reply(204)


@route("GET", _PATH + "/{tag}", since="2.26", policy=f"{_RULE}:show", status=204)
def show_tag(tx: Tx, ctx: Context, request: Request) -> Reply:
    """204 when the server has the tag."""
    server = server_of(tx, ctx, request, f"{_RULE}:show")
    _find(tx, server, request.params["tag"])
    return Reply(204)


@route("PUT", _PATH + "/{tag}", since="2.26", policy=f"{_RULE}:update", status=201, also=(204,))
def add_tag(tx: Tx, ctx: Context, request: Request) -> Reply:
    """Put one tag on a server: 201 when it is new, 204 when it was there."""
    server = server_of(tx, ctx, request, f"{_RULE}:update")
    tag = request.params["tag"]
    touchable(ctx, server, "update tag")
    _check(tag)
    known = tags_of(tx, [server.id]).get(server.id, [])
    if tag in known:
        return Reply(204)
    if len(known) >= MOST:
        raise BadRequest(f"The number of tags exceeded the per-server limit {MOST}")
    tx.insert(ServerTag(server_id=server.id, tag=tag))
    _changed(tx, server)
    path = f"{ctx.base_url}/v2.1/servers/{server.id}/tags/{tag}"
    return Reply(201, headers={"Location": path})


def _check(tag: str) -> None:
    if 1 <= len(tag) <= 60 and re.fullmatch("[^,/]*", tag):
        return
    why = f"'{tag}' is too long" if len(tag) > 60 else f"'{tag}' does not match '^[^,/]*$'"
    raise BadRequest(
        f"Tag '{tag}' is invalid. It must be a non empty string without characters '/' and ','. "
        f"Validation error message: {why}"
    )


@route("DELETE", _PATH + "/{tag}", since="2.26", policy=f"{_RULE}:delete", status=204)
def delete_tag(tx: Tx, ctx: Context, request: Request) -> Reply:
    """Take one tag off a server."""
    server = server_of(tx, ctx, request, f"{_RULE}:delete")
    touchable(ctx, server, "delete tag")
    tx.delete(_find(tx, server, request.params["tag"]))
    _changed(tx, server)
    return Reply(204)


def _find(tx: Tx, server: Server, tag: str) -> ServerTag:
    row = tx.first(ServerTag, ServerTag.c.server_id == server.id, ServerTag.c.tag == tag)
    if row is None:
        raise NotFound(f"Server {server.id} has no tag '{tag}'")
    return row


ROUTES = (list_tags, replace_tags, delete_tags, show_tag, add_tag, delete_tag)
