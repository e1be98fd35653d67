# SPDX-License-Identifier: Apache-2.0
"""Objects by S3: the same objects, under Amazon's names of headers."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any
from urllib.parse import unquote

from cumulet.kernel.auth.context import Context
from cumulet.kernel.db import Tx
from cumulet.kernel.errors import BadRequest, NotImplementedHere, PreconditionFailed, Unavailable
from cumulet.kernel.http.endpoint import route
from cumulet.kernel.http.messages import Query, Reply, Request
from cumulet.services.swift import headers, limits, quotas
from cumulet.services.swift.asked import Found, find
from cumulet.services.swift.gate import Pass
from cumulet.services.swift.model import Stored
from cumulet.services.swift.names import Place
from cumulet.services.swift.objects import conditions, incoming, reading, writing
from cumulet.services.swift.objects.conditions import Range
from cumulet.services.swift.objects.content import Stream
from cumulet.services.swift.objects.discarding import discard
from cumulet.services.swift.objects.draft import Draft
from cumulet.services.swift.objects.opening import Opened, Opener
from cumulet.services.swift.s3 import acl, letter, removing, uploads
from cumulet.services.swift.s3.buckets import BUCKET, RULES, moment
from cumulet.services.swift.s3.chunked import body_of
from cumulet.services.swift.s3.door import entered, place_of, served
from cumulet.services.swift.s3.removing import Replaced
from cumulet.services.swift.store import Store

KEY = f"{BUCKET}/{{key:path}}"
_META = "x-amz-meta-"
_ANSWERED = (
    "Content-Type",
    "Last-Modified",
    "Accept-Ranges",
    "Content-Range",
    "Content-Length",
    *headers.KEPT,
)
_NOT_THERE = (
    "acl",
    "tagging",
    "retention",
    "legal-hold",
    "torrent",
    "select",
    "restore",
    "attributes",
    "versionId",
)


@route("GET", KEY, returns="*/*", also=(206, 304), **RULES)
@served
async def read(ctx: Context, request: Request) -> Reply:
    """The content of an object; or the parts that have come of an upload."""
    place, query = place_of(ctx, request), request.query
    found, _ = await entered(ctx, request, place)
    container = writing.needed(found)
    if "uploadId" in query:
        return await uploads.list_parts(ctx, place, query.get("uploadId") or "")
    if found.object is not None and "acl" in query:
        return acl.shown(ctx, container)
    if found.object is not None and "tagging" in query:
        return letter.answer("Tagging", [("TagSet", [])])
    _refuse_subresource(query, "acl", "tagging")
    request.query = Query()
    reply = _dressed(await reading.show(ctx, request, place, found))
    for name, value in query.pairs:
        if name.startswith("response-") and name[9:].title() in ("Content-Type", *headers.KEPT):
            reply.headers = {**reply.headers, name[9:].title(): value}
            reply.content_type = value if name == "response-content-type" else reply.content_type
    return reply


def _dressed(reply: Reply) -> Reply:
    """The answer with Amazon's names."""
    kept = {name: value for name, value in reply.headers.items() if name in _ANSWERED}
    for name, value in reply.headers.items():
        if name.lower().startswith("x-object-meta-"):
            kept[f"{_META}{name[14:].lower()}"] = value
    reply.headers = {**kept, "ETag": _quoted(reply.headers.get("ETag", ""))}
    return reply


def _quoted(etag: str) -> str:
    return '"' + etag.strip('"') + '"'


def _refuse_subresource(query: Query, *known: str) -> None:
    """Raise NotImplementedHere for what objects elsewhere have besides."""
    if any(name in query and name not in known for name in _NOT_THERE):
        raise NotImplementedHere


def _as_swift(sent: Mapping[str, str]) -> dict[str, str]:
    """The headers of a request by Swift's names."""
    found = {name: value for name, value in sent.items() if not name.startswith("x-object-")}
    found.pop("x-object-manifest", None)
    for name, value in sent.items():
        if name.startswith(_META):
            found[f"x-object-meta-{name[len(_META) :]}"] = value
    codings = [word.strip() for word in found.pop("content-encoding", "").split(",")]
    if kept := ",".join(word for word in codings if word and word != "aws-chunked"):
        found["content-encoding"] = kept
    return found


def _described(request: Request, place: Place) -> Draft:
    limits.require_names(place)
    sent = _as_swift(request.headers)
    return Draft(incoming.content_type(sent, place.name), headers=headers.of_object(sent))


@route("PUT", KEY, returns=letter.XML, **RULES)
@served
async def write(ctx: Context, request: Request) -> Reply:
    """The object, or a part of an upload, is there: the body, or a copy of another object."""
    place, query = place_of(ctx, request), request.query
    found, grant = await entered(ctx, request, place)
    writing.needed(found)
    _refuse_subresource(query)
    acl.of_object(request)
    draft = _described(request, place)
    if "uploadId" in query:
        part, upload_id = uploads.part_number(query.get("partNumber")), query.get("uploadId") or ""
        await ctx.read(uploads.needed, place, upload_id)
        place, draft = uploads.part_place(place, upload_id, part), Draft(incoming.OCTETS)
        found = await ctx.read(find, place)
    if "x-amz-copy-source" in request.headers:
        return await _copy(ctx, request, place, draft, found)
    quotas.require_room(found, incoming.declared_length(request.headers), bound_by_account=not grant.reseller)
    stored = await _put(ctx, request, place, draft, body_of(request), found)
    return Reply(200, None, {"ETag": _quoted(stored.etag)})


async def _put(
    ctx: Context, request: Request, place: Place, draft: Draft, stream: Any, found: Found
) -> Stored:
    """The object is there, and the parts of the one that it replaces are not."""
    only_new = request.headers.get("if-none-match") == "*"
    old = await removing.replaced(ctx, place, found)
    async with incoming.received(ctx.app.contract(Store), stream, draft) as draft:
        stored, dead = await ctx.transact(_replace, place, draft, only_new, old)
    await discard(ctx.app, dead)
    return stored


def _replace(
    tx: Tx, place: Place, draft: Draft, only_new: bool, old: Replaced
) -> tuple[Stored, writing.Blobs]:
    written = writing.put(tx, place, draft, only_new=only_new)
    return written.object, removing.without_parts(tx, old, written.dead)


async def _copy(ctx: Context, request: Request, place: Place, draft: Draft, replaced: Found) -> Reply:
    """A copy of what x-amz-copy-source names, or of a range of it."""
    sent = request.headers
    container, _, name = unquote(sent["x-amz-copy-source"].split("?")[0]).lstrip("/").partition("/")
    if not container or not name or "\0" in name:
        raise BadRequest("Copy Source must mention the source bucket and key.", kind="InvalidArgument")
    source = Place(place.account, container, name)
    found, grant = await entered(ctx, request, source, "GET")
    opened = await Opener(ctx, request, Pass(grant)).open(source, found)
    _require_conditions(sent, opened)
    anew = sent.get("x-amz-metadata-directive", "COPY").upper() == "REPLACE"
    if source == place and not anew:
        raise BadRequest("This copy request is illegal: nothing would change.", kind="InvalidRequest")
    if not anew and "uploadId" not in request.query:
        draft = replace(draft, content_type=opened.stored.content_type, headers=dict(opened.stored.headers))
    span = _span(sent.get("x-amz-copy-source-range"), opened.content.length)
    try:
        parts = opened.content.parts(span.start, span.end)
        stream = await Stream(ctx.app.contract(Store), parts).begin()
    except FileNotFoundError:
        raise Unavailable("The source was replaced meanwhile; ask again.") from None
    stored = await _put(ctx, request, place, draft, stream, replaced)
    tag = "CopyPartResult" if "uploadId" in request.query else "CopyObjectResult"
    return letter.answer(tag, [("LastModified", moment(stored.updated_at)), ("ETag", _quoted(stored.etag))])


def _require_conditions(sent: Mapping[str, str], opened: Opened) -> None:
    """Raise PreconditionFailed for a source that is not as it was asked for."""
    start = "x-amz-copy-source-"
    asked = {name[len(start) :]: value for name, value in sent.items() if name.startswith(f"{start}if-")}
    if conditions.is_known(asked, opened.etag.strip('"'), opened.stored.updated_at):
        raise PreconditionFailed


def _span(text: str | None, length: int) -> Range:
    if text is None:
        return Range(0, length)
    found = conditions.read_ranges(text)
    if found is None or len(found) != 1 or None in found[0] or (found[0][1] or 0) >= length:
        raise BadRequest(
            "The x-amz-copy-source-range value must be of the form bytes=first-last.", kind="InvalidArgument"
        )
    first, last = found[0]
    return Range(first or 0, (last or 0) + 1)


@route("POST", KEY, returns=letter.XML, query=("uploads", "uploadId"), **RULES)
@served
async def upload(ctx: Context, request: Request) -> Reply:
    """An upload in parts begins, or ends as an object."""
    place, query = place_of(ctx, request), request.query
    found, _ = await entered(ctx, request, place)
    writing.needed(found)
    if "uploads" in query:
        return await uploads.begin(ctx, place, _described(request, place))
    if "uploadId" in query:
        return await uploads.complete(ctx, request, place, query.get("uploadId") or "")
    raise NotImplementedHere


@route("DELETE", KEY, status=204, **RULES)
@served
async def remove(ctx: Context, request: Request) -> Reply:
    """The object, or an upload, is not there."""
    place, query = place_of(ctx, request), request.query
    found, grant = await entered(ctx, request, place)
    writing.needed(found)
    if "uploadId" in query:
        return await uploads.abort(ctx, place, query.get("uploadId") or "")
    _refuse_subresource(query)
    await removing.remove(ctx, request, Pass(grant), place, found)
    return Reply(204)


ROUTES = (read, write, upload, remove)
