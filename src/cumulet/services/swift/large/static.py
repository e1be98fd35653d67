# SPDX-License-Identifier: Apache-2.0
"""Static large objects: a manifest says which objects follow one another, and how they were."""

import asyncio
import base64
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import quote

from cumulet.kernel.auth.context import Context
from cumulet.kernel.errors import Conflict, Error, MethodNotAllowed, TooLarge, Unprocessable
from cumulet.kernel.http.messages import Reply, Request
from cumulet.services.swift import times
from cumulet.services.swift.bulk.outcome import Outcome
from cumulet.services.swift.gate import Pass
from cumulet.services.swift.large import manifest
from cumulet.services.swift.large.manifest import Segment, Wanted
from cumulet.services.swift.model import Stored
from cumulet.services.swift.names import Place
from cumulet.services.swift.objects import incoming, writing
from cumulet.services.swift.objects.content import Content, Parts
from cumulet.services.swift.objects.discarding import discard
from cumulet.services.swift.objects.draft import Draft
from cumulet.services.swift.store import Store

DEPTH = 10
"""How many manifests may lie one in another."""

Look = Callable[[Place], Awaitable[Any]]
"""From a segment's place to what is there, opened; raises what refuses it."""


# -- coming ------------------------------------------------------------------------------------------------


async def write(
    ctx: Context, request: Request, entered: Pass, place: Place, draft: Draft, look: Look
) -> Reply:
    """PUT ?multipart-manifest=put: the object consists of these segments, which are as they should be."""
    if "x-copy-from" in request.headers:
        raise MethodNotAllowed("Multipart Manifest PUTs cannot be COPY requests")
    incoming.declared_length(request.headers, manifest.MAX_SIZE)
    wanted = manifest.read(await _body(request), f"{place.container}/{place.name}")
    checked = await _checked(wanted, place, look)
    if checked.problems:
        return _refusal(request, checked.problems)
    whole = manifest.etag(checked.segments)
    asked = request.headers.get("etag", "").strip('"')
    if asked and asked != whole:
        raise Unprocessable
    facts = {"bytes": checked.length, "etag": whole, "listed": {"slo_etag": f'"{whole}"'}}
    draft = replace(draft, kind="slo", facts=facts)
    store = ctx.app.contract(Store)
    async with incoming.kept(store, manifest.kept(checked.segments), draft) as draft:
        bound = not entered.grant.reseller
        written = await ctx.transact(writing.put, place, draft, bound_by_account=bound)
    await discard(ctx.app, written.dead)
    found = {"ETag": f'"{whole}"', "Last-Modified": times.http_date(written.object.updated_at)}
    if written.object.version:
        found["X-Object-Version-Id"] = written.object.version
    return Reply(201, None, found)


async def _body(request: Request) -> bytes:
    assert request.stream is not None
    body = bytearray()
    async for chunk in request.stream:
        body += chunk
        if len(body) > manifest.MAX_SIZE:
            raise TooLarge(f"Manifest File > {manifest.MAX_SIZE} bytes")
    return bytes(body)


@dataclass(frozen=True)
class _Checked:
    """Segments that are there, their length in all, and what is wrong with others."""

    segments: list[Segment]
    length: int
    problems: list[tuple[str, str]]


async def _checked(wanted: list[Wanted], place: Place, look: Look) -> _Checked:
    segments: list[Segment] = []
    problems: list[tuple[str, str]] = []
    known: dict[str, Any] = {}
    for index, item in enumerate(wanted):
        if item.data:
            segments.append(Segment(data=base64.b64encode(item.data).decode()))
            continue
        if item.path not in known:
            known[item.path] = await _seen(place, item.path, look)
        seen = known[item.path]
        if isinstance(seen, str):
            problems.append((quote(item.path), seen))
            continue
        segment, wrong = _segment(item, seen, last=index == len(wanted) - 1)
        segments.append(segment)
        problems += [(quote(item.path), sentence) for sentence in wrong]
    return _Checked(segments, sum(segment.length for segment in segments), problems)


async def _seen(place: Place, path: str, look: Look) -> Any:
    """What a segment is, or how it was refused."""
    container, _, name = path.lstrip("/").partition("/")
    try:
        return await look(place.to(container, name))
    except Error as refusal:
        return f"{refusal.status} {refusal.title}"


def _segment(item: Wanted, opened: Any, *, last: bool) -> tuple[Segment, list[str]]:
    """A segment as it is kept, and what is not as it should be."""
    size, sum_ = opened.content.length, opened.etag.strip('"')
    part = manifest.within(item.range, size) if item.range else None
    wrong = []
    if item.range and part is None:
        wrong.append("Unsatisfiable Range")
    if (part.length if part else size) < 1 and not last:
        wrong.append("Too small; each segment must be at least 1 byte.")
    if item.size is not None and item.size != size:
        wrong.append("Size Mismatch")
    if item.etag is not None and item.etag.strip('"') != sum_:
        wrong.append("Etag Mismatch")
    stored: Stored = opened.stored
    segment = Segment(
        name="/" + item.path.lstrip("/"),
        bytes=size,
        hash=sum_,
        range=f"{part.start}-{part.end - 1}" if part and part.length < size else "",
        sub_slo=stored.kind == "slo",
        content_type=stored.content_type,
        last_modified=times.listed(stored.updated_at),
    )
    return segment, wrong


def _refusal(request: Request, problems: list[tuple[str, str]]) -> Reply:
    return Outcome("upload", errors=problems, only_errors=True).reply(request, 400)


# -- going -------------------------------------------------------------------------------------------------


async def segments_of(store: Store, stored: Stored) -> list[Segment]:
    """The segments of a manifest. Raises FileNotFoundError when it was replaced."""
    assert stored.blob is not None
    return manifest.read_kept(await asyncio.to_thread(store.read, stored.blob, 0, stored.size))


def content(store: Store, stored: Stored, place: Place, look: Look) -> Content:
    """What a manifest stands for. Reading it raises Conflict where a segment is not as it was."""

    async def parts(start: int, end: int) -> Parts:
        at = 0
        for segment in await segments_of(store, stored):
            length = segment.length
            first, last = max(start - at, 0), min(end - at, length)
            at += length
            if first >= last:
                continue
            if (inline := segment.inline) is not None:
                yield bytes(inline[first:last])
                continue
            opened = await _unchanged(segment, place, look)
            offset = segment.part.start
            async for part in opened.content.parts(offset + first, offset + last):
                yield part

    return Content(stored.facts["bytes"], parts)


async def _unchanged(segment: Segment, place: Place, look: Look) -> Any:
    opened = await _seen(place, segment.name, look)
    if isinstance(opened, str):
        raise Conflict(f"Segment {segment.name} cannot be read: {opened}")
    if opened.etag.strip('"') != segment.hash or opened.content.length != segment.bytes:
        raise Conflict(f"Segment {segment.name} is not what it was when the manifest was written.")
    return opened
