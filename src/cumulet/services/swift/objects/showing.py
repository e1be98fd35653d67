# SPDX-License-Identifier: Apache-2.0
"""An object as an answer: its headers, and of its content what was asked for."""

import asyncio
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from cumulet.kernel.errors import RangeNotSatisfiable
from cumulet.kernel.http.messages import Reply, Request
from cumulet.services.swift import times
from cumulet.services.swift.model import Stored
from cumulet.services.swift.objects import conditions
from cumulet.services.swift.objects.conditions import Range
from cumulet.services.swift.objects.content import SHORT, Content, Parts, Piece, Stream
from cumulet.services.swift.store import Store

if TYPE_CHECKING:
    from cumulet.services.swift.objects.opening import Opened


def object_headers(stored: Stored, etag: str) -> dict[str, str]:
    """What is said of an object, whether it is read or not."""
    found = {
        **stored.headers,
        "Content-Type": stored.content_type,
        "ETag": etag,
        "Last-Modified": times.http_date(stored.updated_at),
        "X-Timestamp": times.stamp(stored.updated_at),
        "Accept-Ranges": "bytes",
    }
    if stored.delete_at is not None:
        found["X-Delete-At"] = str(stored.delete_at)
    return found


async def show(store: Store, request: Request, opened: "Opened") -> Reply:
    """The answer to GET or HEAD. Raises PreconditionFailed, RangeNotSatisfiable, FileNotFoundError."""
    stored, content = opened.stored, opened.content
    plain_etag = opened.etag.strip('"')
    headers = {**object_headers(stored, opened.etag), **opened.headers}
    if conditions.is_known(request.headers, plain_etag, stored.updated_at):
        return Reply(304, None, headers)
    kind = headers.pop("Content-Type")
    if request.method == "HEAD":
        return Reply(200, None, {**headers, "Content-Type": kind, "Content-Length": str(content.length)})
    ranges = conditions.asked_ranges(request.headers, content.length, plain_etag, stored.updated_at)
    if ranges is None:
        return await _reply(store, 200, headers, kind, Selection.of(content, [Range(0, content.length)]))
    if not ranges:
        unmet = {
            "Content-Range": f"bytes */{content.length}",
            "ETag": headers["ETag"],
            "Accept-Ranges": "bytes",
        }
        raise RangeNotSatisfiable(headers=unmet)
    if len(ranges) == 1:
        headers["Content-Range"] = ranges[0].of(content.length)
        return await _reply(store, 206, headers, kind, Selection.of(content, ranges))
    boundary = secrets.token_hex(16)
    several = Selection.multipart(content, ranges, kind, boundary)
    return await _reply(store, 206, headers, f"multipart/byteranges;boundary={boundary}", several)


@dataclass(frozen=True)
class Selection:
    """What is sent of content, and how long that is."""

    length: int
    parts: Parts

    @classmethod
    def of(cls, content: Content, ranges: Sequence[Range]) -> "Selection":
        wanted = ranges[0]
        return cls(wanted.length, content.parts(wanted.start, wanted.end))

    @classmethod
    def multipart(cls, content: Content, ranges: Sequence[Range], kind: str, boundary: str) -> "Selection":
        """Several ranges, each behind a head of its own."""
        heads = [_head(kind, boundary, wanted, content.length) for wanted in ranges]
        tail = f"--{boundary}--".encode()
        length = sum(len(head) + wanted.length + 2 for head, wanted in zip(heads, ranges, strict=True))

        async def parts() -> Parts:
            for head, wanted in zip(heads, ranges, strict=True):
                yield head
                async for part in content.parts(wanted.start, wanted.end):
                    yield part
                yield b"\r\n"
            yield tail

        return cls(length + len(tail), parts())


def _head(kind: str, boundary: str, wanted: Range, whole: int) -> bytes:
    text = f"--{boundary}\r\nContent-Type: {kind}\r\nContent-Range: {wanted.of(whole)}\r\n\r\n"
    return text.encode("latin-1")


async def _reply(store: Store, status: int, headers: dict[str, str], kind: str, chosen: Selection) -> Reply:
    if chosen.length <= SHORT:
        return Reply(status, await _whole(store, chosen.parts), headers, kind)
    stream = await Stream(store, chosen.parts).begin()
    return Reply(status, None, {**headers, "Content-Length": str(chosen.length)}, kind, stream)


async def _whole(store: Store, parts: Parts) -> bytes:
    """Short content, read at once."""
    found: list[bytes] = []
    async for part in parts:
        if isinstance(part, Piece):
            chunk = store.read_now(part.blob, part.start, part.length)
            if chunk is None:
                chunk = await asyncio.to_thread(store.read, part.blob, part.start, part.length)
            found.append(chunk)
        else:
            found.append(part)
    return b"".join(found)
