# SPDX-License-Identifier: Apache-2.0
"""Objects over HTTP."""

from cumulet.kernel.auth.context import Context
from cumulet.kernel.db import Tx
from cumulet.kernel.errors import BadRequest, NotFound
from cumulet.kernel.http.endpoint import Other, route
from cumulet.kernel.http.messages import Reply, Request
from cumulet.services.swift import gate, quotas, times
from cumulet.services.swift import headers as kept
from cumulet.services.swift.asked import Found, find
from cumulet.services.swift.bulk.extracting import extract
from cumulet.services.swift.bulk.outcome import FORMATS
from cumulet.services.swift.gate import Pass
from cumulet.services.swift.large import deleting, dynamic, static
from cumulet.services.swift.model import Stored
from cumulet.services.swift.names import Place, place_of, split_object
from cumulet.services.swift.objects import copying, expiry, incoming, reading, symlinks, writing
from cumulet.services.swift.objects.discarding import discard
from cumulet.services.swift.objects.draft import Draft
from cumulet.services.swift.objects.opening import Opener, seek
from cumulet.services.swift.signed import forms
from cumulet.services.swift.store import Store
from cumulet.services.swift.versions import changing
from cumulet.services.swift.web.cors import shared
from cumulet.services.swift.web.serving import serve

PATH = "/{account}/{container}/{object:path}"
TAGS = ("objects",)
READ = ("multipart-manifest", "symlink", "version-id", "format")
_OUTCOME = tuple(Other(200, None, kind) for kind in FORMATS)
_DESCRIBED = (
    Other(307, None, "text/plain"),
    Other(201, None, "text/plain"),
    Other(303, None, "text/html"),
)
_RESERVED = (
    "X-Static-Large-Object is a reserved header. To create a static large object add query param "
    "multipart-manifest=put."
)


@route("GET", PATH, anonymous=True, tags=TAGS, returns="*/*", also=(206, 301, 304), query=READ)
@shared
async def read(ctx: Context, request: Request) -> Reply:
    """The content of an object, or what is said of it."""
    place = place_of(request)
    found = await ctx.read(find, place)
    if (page := await serve(ctx, request, place, found)) is not None:
        return page
    return await reading.show(ctx, request, place, found)


@route(
    "PUT",
    PATH,
    anonymous=True,
    tags=TAGS,
    raw=True,
    status=201,
    also=_OUTCOME,
    query=("multipart-manifest", "version-id", "extract-archive"),
)
@shared
async def write(ctx: Context, request: Request) -> Reply:
    """The object is there: the body, a copy, a link, a manifest of segments, or an old version again."""
    place = place_of(request)
    if "extract-archive" in request.query:
        return await extract(ctx, request, place)
    found = await ctx.read(find, place)
    entered = gate.enter(ctx, request, place, found)
    writing.needed(found)
    if version := request.query.get("version-id"):
        return await _restore(ctx, request, place, version)
    if request.query.get("multipart-manifest") == "put":
        draft, look = incoming.described(ctx, request, place), Opener(ctx, request, entered).look
        return await static.write(ctx, request, entered, place, draft, look)
    if "x-static-large-object" in request.headers:
        raise BadRequest(_RESERVED)
    if "x-copy-from" in request.headers:
        return await copying.copy_here(ctx, request, entered, place)
    return await _write(ctx, request, entered, place, found)


async def _write(ctx: Context, request: Request, entered: Pass, place: Place, found: Found) -> Reply:
    draft = incoming.described(ctx, request, place)
    if manifest := draft.headers.get("X-Object-Manifest"):
        dynamic.require_valid(manifest)
    bound = not entered.grant.reseller
    quotas.require_room(found, incoming.declared_length(request.headers), bound_by_account=bound)
    if symlinks.is_asked(request):
        draft = await symlinks.described(request, place, draft, Opener(ctx, request, entered).look)
    assert request.stream is not None
    async with incoming.received(ctx.app.contract(Store), request.stream, draft) as draft:
        incoming.require_etag(request.headers, draft)
        only_new = "if-none-match" in request.headers
        written = await ctx.transact(writing.put, place, draft, only_new=only_new, bound_by_account=bound)
    await discard(ctx.app, written.dead)
    return created(written.object)


async def _restore(ctx: Context, request: Request, place: Place, version: str) -> Reply:
    if incoming.declared_length(request.headers) != 0:
        raise BadRequest("PUT version-id requests require a zero byte body")
    written = await ctx.transact(changing.restore, place, version)
    await discard(ctx.app, written.dead)
    return created(written.object)


def created(stored: Stored) -> Reply:
    """The answer to who has made an object."""
    found = {"ETag": stored.etag, "Last-Modified": times.http_date(stored.updated_at)}
    if stored.version:
        found["X-Object-Version-Id"] = stored.version
    return Reply(201, None, found)


@route("POST", PATH, anonymous=True, tags=TAGS, raw=True, status=202, also=_DESCRIBED, query=("version-id",))
@shared
async def describe(ctx: Context, request: Request) -> Reply:
    """What is said of the object is this and nothing else; or the files of a signed form are objects."""
    place = place_of(request)
    if forms.is_form(request):
        return await forms.accept(ctx, request, place)
    found = await ctx.read(find, place)
    gate.enter(ctx, request, place, found)
    if symlinks.is_asked(request):
        raise BadRequest("A PUT request is required to set a symlink target")
    said = Draft(
        content_type=incoming.content_type(request.headers, "", otherwise=""),
        headers=kept.of_object(request.headers),
        delete_at=expiry.delete_at(request.headers, ctx.app.clock.now()),
    )
    stored = await ctx.transact(_describe, place, said, request.query.get("version-id") or "")
    if stored.kind == "symlink":
        where = {"Location": f"/v1{symlinks.target_of(stored, place).escaped}"}
        return Reply(307, symlinks.DESCRIBED.encode(), where, "text/plain")
    return Reply(202)


def _describe(tx: Tx, place: Place, said: Draft, version: str) -> Stored:
    stored = seek(tx, place, version)
    return tx.update(
        stored,
        headers=said.headers,
        content_type=said.content_type or stored.content_type,
        delete_at=said.delete_at,
    )


@route(
    "DELETE",
    PATH,
    anonymous=True,
    tags=TAGS,
    raw=True,
    status=204,
    also=_OUTCOME,
    query=("multipart-manifest", "version-id"),
)
@shared
async def remove(ctx: Context, request: Request) -> Reply:
    """The object, or a version of it, is not there; a manifest goes with its segments where that is asked."""
    place = place_of(request)
    found = await ctx.read(find, place)
    entered = gate.enter(ctx, request, place, found)
    if request.query.get("multipart-manifest") == "delete":
        return await deleting.delete(ctx, request, entered, place)
    if version := request.query.get("version-id"):
        return await _forget(ctx, place, version)
    removed = await ctx.transact(writing.remove, place)
    await discard(ctx.app, removed.dead)
    headers = {"X-Object-Version-Id": removed.version} if removed.version else {}
    if not removed.existed:
        raise NotFound(headers=headers)
    return Reply(204, None, headers)


async def _forget(ctx: Context, place: Place, version: str) -> Reply:
    forgotten = await ctx.transact(changing.forget, place, version)
    await discard(ctx.app, forgotten.dead)
    current = {"X-Object-Current-Version-Id": forgotten.current}
    return Reply(204, None, {"X-Object-Version-Id": version, **current})


@route("COPY", PATH, anonymous=True, tags=TAGS, raw=True, status=201, query=READ)
@shared
async def copy(ctx: Context, request: Request) -> Reply:
    """Another object, which the header Destination names, is like this one."""
    place = place_of(request)
    account = request.headers.get("destination-account", place.account)
    target = split_object(request.headers.get("destination", ""), "Destination", account)
    return await copying.copy_there(ctx, request, place, target)


ROUTES = (read, write, describe, remove, copy)
