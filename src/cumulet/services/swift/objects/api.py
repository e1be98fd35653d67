# SPDX-License-Identifier: Apache-2.0
"""Objects over HTTP."""

from cumulet.kernel.auth.context import Context
from cumulet.kernel.db import Tx
from cumulet.kernel.errors import NotFound
from cumulet.kernel.http.endpoint import route
from cumulet.kernel.http.messages import Reply, Request
from cumulet.services.swift import gate, quotas, times
from cumulet.services.swift import headers as kept
from cumulet.services.swift.asked import find
from cumulet.services.swift.model import Stored
from cumulet.services.swift.names import Place, place_of, split_object
from cumulet.services.swift.objects import copying, expiry, incoming, showing, writing
from cumulet.services.swift.objects.discarding import discard
from cumulet.services.swift.objects.draft import Draft
from cumulet.services.swift.objects.opening import open_object, seek
from cumulet.services.swift.store import Store

PATH = "/{account}/{container}/{object:path}"
TAGS = ("objects",)
_TRIES = 3


@route("GET", PATH, anonymous=True, tags=TAGS, returns="*/*", also=(206, 304))
async def read(ctx: Context, request: Request) -> Reply:
    """The content of an object, or what is said of it."""
    place = place_of(request)
    found = await ctx.read(find, place)
    entered = gate.enter(ctx, request, place, found)
    for left in reversed(range(_TRIES)):
        opened = await open_object(ctx, request, entered, place, found)
        try:
            return await showing.show(ctx.app.contract(Store), request, opened, {})
        except FileNotFoundError:
            # It was replaced in the meantime, and what is there now has a file of its own.
            if not left:
                ctx.app.log.error("the content of an object is missing", object=place.path)
    raise NotFound


@route("PUT", PATH, anonymous=True, tags=TAGS, raw=True, status=201)
async def write(ctx: Context, request: Request) -> Reply:
    """The object is there, with the body as its content, or a copy of another one's."""
    place = place_of(request)
    found = await ctx.read(find, place)
    entered = gate.enter(ctx, request, place, found)
    writing.needed(found)
    if "x-copy-from" in request.headers:
        return await copying.copy_here(ctx, request, entered, place)
    draft = incoming.described(ctx, request, place)
    bound = not entered.grant.reseller
    quotas.require_room(found, incoming.declared_length(request.headers), bound_by_account=bound)
    assert request.stream is not None
    async with incoming.received(ctx.app.contract(Store), request.stream, draft) as draft:
        incoming.require_etag(request.headers, draft)
        only_new = "if-none-match" in request.headers
        written = await ctx.transact(writing.put, place, draft, only_new=only_new, bound_by_account=bound)
    await discard(ctx.app, written.dead)
    return created(written.object)


def created(stored: Stored, **more: str) -> Reply:
    """The answer to who has made an object."""
    found = {"ETag": stored.etag, "Last-Modified": times.http_date(stored.updated_at), **more}
    if stored.version:
        found["X-Object-Version-Id"] = stored.version
    return Reply(201, None, found)


@route("POST", PATH, anonymous=True, tags=TAGS, raw=True, status=202)
async def describe(ctx: Context, request: Request) -> Reply:
    """What is said of the object is this, and nothing else."""
    place = place_of(request)
    found = await ctx.read(find, place)
    gate.enter(ctx, request, place, found)
    said = Draft(
        content_type=incoming.content_type(request.headers, "")
        if request.headers.get("content-type")
        else "",
        headers=kept.of_object(request.headers),
        delete_at=expiry.delete_at(request.headers, ctx.app.clock.now()),
    )
    await ctx.transact(_describe, place, said)
    return Reply(202)


def _describe(tx: Tx, place: Place, said: Draft) -> None:
    stored = seek(tx, place)
    tx.update(
        stored,
        headers=said.headers,
        content_type=said.content_type or stored.content_type,
        delete_at=said.delete_at,
    )


@route("DELETE", PATH, anonymous=True, tags=TAGS, raw=True, status=204)
async def remove(ctx: Context, request: Request) -> Reply:
    """The object is not there."""
    place = place_of(request)
    found = await ctx.read(find, place)
    gate.enter(ctx, request, place, found)
    removed = await ctx.transact(writing.remove, place)
    await discard(ctx.app, removed.dead)
    headers = {"X-Object-Version-Id": removed.version} if removed.version else {}
    if not removed.existed:
        raise NotFound(headers=headers)
    return Reply(204, None, headers)


@route("COPY", PATH, anonymous=True, tags=TAGS, status=201)
async def copy(ctx: Context, request: Request) -> Reply:
    """Another object, which the header Destination names, is like this one."""
    place = place_of(request)
    account = request.headers.get("destination-account", place.account)
    target = split_object(request.headers.get("destination", ""), "Destination", account)
    return await copying.copy_there(ctx, request, place, target)


ROUTES = (read, write, describe, remove, copy)
