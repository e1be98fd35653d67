# SPDX-License-Identifier: Apache-2.0
"""Copies: another name for the same bytes, which neither of the two objects knows of."""

import asyncio
from dataclasses import replace
from urllib.parse import quote

from cumulet.kernel.auth.context import Context
from cumulet.kernel.errors import BadRequest, NotFound, TooLarge
from cumulet.kernel.http.messages import Reply, Request, as_flag
from cumulet.services.swift import access, gate, headers, limits, quotas, times
from cumulet.services.swift.asked import Found, find
from cumulet.services.swift.gate import Pass
from cumulet.services.swift.names import Place, split_object
from cumulet.services.swift.objects import incoming, writing
from cumulet.services.swift.objects.content import Stream
from cumulet.services.swift.objects.discarding import discard
from cumulet.services.swift.objects.draft import Draft
from cumulet.services.swift.objects.expiry import delete_at
from cumulet.services.swift.objects.opening import Opened, Opener, ways
from cumulet.services.swift.store import Store


async def copy_here(ctx: Context, request: Request, entered: Pass, target: Place) -> Reply:
    """PUT with X-Copy-From: who may write the target, which was asked before, must be let read the source."""
    if request.headers.get("content-length", "0") != "0":
        raise BadRequest("Copy requests require a zero byte body")
    account = request.headers.get("x-copy-from-account", target.account)
    source = split_object(request.headers["x-copy-from"], "X-Copy-From", account)
    found = await ctx.read(find, source)
    gate.require_reading(ctx, request, entered, source, found)
    return await _copy(ctx, request, await _opened(ctx, request, entered, source, found), target)


async def copy_there(ctx: Context, request: Request, source: Place, target: Place) -> Reply:
    """COPY: who may read the source must be let write the target."""
    found, into = await ctx.read(find, source), await ctx.read(find, target)
    entered = Pass(
        access.permitted(ctx, access.asking(request, source, found.account, found.container, "GET"))
    )
    access.permitted(ctx, access.asking(request, target, into.account, into.container, "PUT"))
    writing.needed(into)
    return await _copy(ctx, request, await _opened(ctx, request, entered, source, found), target)


async def _opened(ctx: Context, request: Request, entered: Pass, source: Place, found: Found) -> Opened:
    return await Opener(ctx, request, entered).open(source, found, replace(ways(request), raw=False))


async def _copy(ctx: Context, request: Request, opened: Opened, target: Place) -> Reply:
    limits.require_names(target)
    if opened.content.length > limits.MAX_FILE_SIZE:
        raise TooLarge
    draft = _described(ctx, request, opened, target)
    quotas.require_room(await ctx.read(find, target), opened.content.length)
    store = ctx.app.contract(Store)
    with store.new() as blob:
        try:
            draft = await _content(store, blob, opened, draft)
            written = await ctx.transact(writing.put, target, draft)
        except FileNotFoundError:
            raise NotFound from None
        except BaseException:
            await asyncio.shield(asyncio.to_thread(store.remove, (blob,)))
            raise
    await discard(ctx.app, written.dead)
    stored, source = written.object, opened.place
    found = {
        **{name: value for name, value in stored.headers.items() if name.startswith("X-Object-Meta-")},
        "ETag": stored.etag,
        "Last-Modified": times.http_date(stored.updated_at),
        "X-Copied-From": quote(f"{source.container}/{source.name}"),
        "X-Copied-From-Account": quote(source.account),
        "X-Copied-From-Last-Modified": times.http_date(opened.stored.updated_at),
    }
    if stored.version:
        found["X-Object-Version-Id"] = stored.version
    return Reply(201, None, found)


def _described(ctx: Context, request: Request, opened: Opened, target: Place) -> Draft:
    """What is said of the copy: what the source says, and over it, or in its place, what the request does."""
    sent, source = request.headers, opened.stored
    fresh = as_flag(sent.get("x-fresh-metadata", ""))
    said = {**({} if fresh else source.headers), **headers.of_object(sent)}
    headers.require_limits(said, "object")
    asked = ways(request)
    if not asked.manifest_itself and "x-object-manifest" not in sent:
        said.pop("X-Object-Manifest", None)
    itself = (source.kind == "slo" and asked.manifest_itself) or source.kind == "symlink"
    expires = delete_at(sent, ctx.app.clock.now())
    return Draft(
        content_type=sent.get("content-type") or source.content_type,
        headers=said,
        delete_at=expires if expires is not None or fresh else source.delete_at,
        kind=source.kind if itself else "",
        facts=source.facts if itself else {},
    )


async def _content(store: Store, blob: str, opened: Opened, draft: Draft) -> Draft:
    """The draft with the source's content; where that is one blob the copy is a second name of it."""
    stored = opened.stored
    if opened.etag != stored.etag or opened.content.length != stored.size:
        stream = await Stream(store, opened.content.parts(0, opened.content.length)).begin()
        return await incoming.receive(store, blob, stream, draft, limits.MAX_FILE_SIZE)
    if stored.blob is None:
        return draft
    await asyncio.to_thread(store.link, stored.blob, blob)
    return replace(draft, blob=blob, size=stored.size, etag=stored.etag)
