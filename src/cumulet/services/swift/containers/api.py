# SPDX-License-Identifier: Apache-2.0
"""Containers over HTTP."""

from typing import Any

from cumulet.kernel.auth.context import Context
from cumulet.kernel.db import Tx
from cumulet.kernel.errors import Conflict, NotFound
from cumulet.kernel.http.endpoint import route
from cumulet.kernel.http.messages import Reply, Request
from cumulet.kernel.resource.shapes import array
from cumulet.services.swift import gate, limits, times
from cumulet.services.swift.accounts.api import AS_TEXT, LISTED
from cumulet.services.swift.asked import find
from cumulet.services.swift.containers.changes import Changes, changes_of
from cumulet.services.swift.containers.showing import container_headers
from cumulet.services.swift.counters import count_containers
from cumulet.services.swift.listing import source
from cumulet.services.swift.listing.letter import LISTED_OBJECT, listing_reply
from cumulet.services.swift.listing.question import Question, media_type, question
from cumulet.services.swift.model import Account, Container, Object, Version
from cumulet.services.swift.names import Place, place_of
from cumulet.services.swift.objects.writing import needed

PATH = "/{account}/{container}"
TAGS = ("containers",)


@route(
    "GET", PATH, anonymous=True, tags=TAGS, query=(*LISTED, "path"), answer=array(LISTED_OBJECT), also=AS_TEXT
)
async def show(ctx: Context, request: Request) -> Reply:
    """The objects of a container, and what is said of it."""
    place = place_of(request)
    found = await ctx.read(find, place)
    entered = gate.enter(ctx, request, place, found)
    container = needed(found)
    asked, kind = question(request.query), media_type(request.query, request.headers.get("accept", ""))
    said = container_headers(container, entered.grant)
    if request.method == "HEAD":
        return Reply(204, None, {**said, "Content-Type": f"{kind}; charset=utf-8"})
    items = await ctx.read(_list, container.id, asked)
    return listing_reply(kind, items, said, ("container", place.container, "object"))


def _list(tx: Tx, container_id: str, asked: Question) -> list[dict[str, Any]]:
    return [_listed(row) for row in source.objects(tx, container_id, asked)]


def _listed(row: Any) -> dict[str, Any]:
    if isinstance(row, str):
        return {"subdir": row}
    name, size, etag, content_type, updated_at, kind, facts = row
    return {
        "name": name,
        "bytes": facts["bytes"] if kind == "slo" else size,
        "hash": etag,
        "content_type": content_type.encode("latin-1").decode(errors="replace"),
        "last_modified": times.listed(updated_at),
        **facts.get("listed", {}),
    }


@route("PUT", PATH, anonymous=True, tags=TAGS, raw=True, status=201, also=(202,))
async def create(ctx: Context, request: Request) -> Reply:
    """The container is there, with this said of it."""
    place = place_of(request)
    entered = gate.enter(ctx, request, place, await ctx.read(find, place))
    limits.require_names(place)
    existed = await ctx.transact(_create, place, changes_of(request, entered.grant))
    return Reply(202 if existed else 201)


def _create(tx: Tx, place: Place, changes: Changes) -> bool:
    """Whether the container was there before."""
    found = find(tx, place)
    if found.container is not None:
        changes.require_policy(of_existing=True)
        changes.apply(tx, found.container)
        return True
    changes.require_policy(of_existing=False)
    if found.account is None:
        tx.insert(Account(id=place.account), retry=True)
    blank = Container(account_id=place.account, name=place.container)
    tx.insert(changes.applied(tx, blank), retry=True)
    count_containers(tx, place.account, 1)
    return False


@route("POST", PATH, anonymous=True, tags=TAGS, raw=True, status=204)
async def update(ctx: Context, request: Request) -> Reply:
    """What is said of the container is changed."""
    place = place_of(request)
    entered = gate.enter(ctx, request, place, await ctx.read(find, place))
    await ctx.transact(_update, place, changes_of(request, entered.grant))
    return Reply(204)


def _update(tx: Tx, place: Place, changes: Changes) -> None:
    changes.apply(tx, needed(find(tx, place)))


@route("DELETE", PATH, anonymous=True, tags=TAGS, raw=True, status=204)
async def remove(ctx: Context, request: Request) -> Reply:
    """The container is not there; it had to be empty, of old versions too."""
    place = place_of(request)
    gate.enter(ctx, request, place, await ctx.read(find, place))
    await ctx.transact(_remove, place)
    return Reply(204)


def _remove(tx: Tx, place: Place) -> None:
    container = find(tx, place).container
    if container is None:
        raise NotFound
    if tx.exists(Object, Object.c.container_id == container.id):
        raise Conflict
    if tx.exists(Version, Version.c.container_id == container.id):
        raise Conflict("Delete all versions before deleting container.")
    tx.delete(container)
    count_containers(tx, place.account, -1)


ROUTES = (show, create, update, remove)
