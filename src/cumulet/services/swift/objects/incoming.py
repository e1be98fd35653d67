# SPDX-License-Identifier: Apache-2.0
"""Content on its way in: from a request to a file, and what the request says of it."""

import asyncio
import hashlib
import mimetypes
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace

from cumulet.kernel.auth.context import Context
from cumulet.kernel.errors import BadRequest, LengthRequired, NotImplementedHere, TooLarge, Unprocessable
from cumulet.kernel.http.files import CHUNK
from cumulet.kernel.http.messages import Request, as_flag
from cumulet.services.swift import headers, limits
from cumulet.services.swift.names import Place
from cumulet.services.swift.objects.draft import Draft
from cumulet.services.swift.objects.expiry import delete_at
from cumulet.services.swift.store import Store, Writing

OCTETS = "application/octet-stream"


def described(ctx: Context, request: Request, place: Place) -> Draft:
    """What a request says of an object that it writes. Raises BadRequest."""
    limits.require_names(place)
    sent = request.headers
    if sent.get("if-none-match", "*") != "*":
        raise BadRequest("If-None-Match only supports *")
    return Draft(
        content_type=content_type(sent, place.name),
        headers=headers.of_object(sent),
        delete_at=delete_at(sent, ctx.app.clock.now()),
    )


def content_type(sent: Mapping[str, str], name: str, otherwise: str = OCTETS) -> str:
    """What the content is said to be, or by its name seems to be. Raises BadRequest."""
    given = sent.get("content-type", "")
    if not given or as_flag(sent.get("x-detect-content-type", "")):
        return mimetypes.guess_type(name)[0] or otherwise
    try:
        given.encode("latin-1").decode()
    except UnicodeError:
        raise BadRequest("Invalid Content-Type") from None
    return given


def declared_length(sent: Mapping[str, str], most: int = limits.MAX_FILE_SIZE) -> int | None:
    """How many bytes will come, None for a body in chunks. Raises LengthRequired, TooLarge, BadRequest."""
    coding = sent.get("transfer-encoding", "").lower()
    if coding and coding != "chunked":
        raise NotImplementedHere(
            f"Unsupported Transfer-Encoding header value specified in Transfer-Encoding header: {coding}"
        )
    text = sent.get("content-length")
    if text is None:
        if not coding:
            raise LengthRequired("Missing Content-Length header.")
        return None
    if not (text.isascii() and text.isdecimal()):
        raise BadRequest("Invalid Content-Length header value")
    if int(text[:20]) > most:
        raise TooLarge("Your request is too large.")
    return int(text)


@asynccontextmanager
async def received(
    store: Store, stream: AsyncIterator[bytes], draft: Draft, most: int = limits.MAX_FILE_SIZE
) -> AsyncIterator[Draft]:
    """The draft with what came as its content, which is on disk; unless all goes well inside, nothing stays.

    Raises TooLarge.
    """
    with store.new() as blob:
        try:
            yield await receive(store, blob, stream, draft, most)
        except BaseException:
            await asyncio.shield(asyncio.to_thread(store.remove, (blob,)))
            raise


@asynccontextmanager
async def kept(store: Store, content: bytes, draft: Draft) -> AsyncIterator[Draft]:
    """`received` of content that is in memory."""
    with store.new() as blob:
        try:
            yield await _at_once(store, blob, content, draft)
        except BaseException:
            await asyncio.shield(asyncio.to_thread(store.remove, (blob,)))
            raise


async def receive(store: Store, blob: str, stream: AsyncIterator[bytes], draft: Draft, most: int) -> Draft:
    """The draft with a stream as its content, in this blob. Raises TooLarge."""
    buffer, size = bytearray(), 0
    writing: Writing | None = None
    try:
        async for chunk in stream:
            size += len(chunk)
            if size > most:
                raise TooLarge("Your request is too large.")
            buffer += chunk
            if len(buffer) >= CHUNK:
                if writing is None:
                    writing = await asyncio.to_thread(Writing, store, blob)
                full, buffer = buffer, bytearray()
                await asyncio.to_thread(writing.write, full)
        if writing is None:
            return await _at_once(store, blob, bytes(buffer), draft)
        await asyncio.to_thread(_end, writing, buffer)
        return replace(draft, blob=blob, size=size, etag=writing.etag)
    finally:
        if writing is not None:
            writing.close()


def _end(writing: Writing, last: bytearray) -> None:
    writing.write(last)
    writing.keep()


async def _at_once(store: Store, blob: str, content: bytes, draft: Draft) -> Draft:
    """Short content needs one visit to the disk, and no content none."""
    if not content:
        return draft
    await asyncio.to_thread(store.write, blob, content)
    return replace(draft, blob=blob, size=len(content), etag=md5(content))


def md5(content: bytes) -> str:
    return hashlib.md5(content, usedforsecurity=False).hexdigest()


def require_etag(sent: Mapping[str, str], draft: Draft) -> None:
    """Raise Unprocessable unless the content is what its sender says it is."""
    asked = sent.get("etag", "").strip().strip('"').lower()
    if asked and asked != draft.etag:
        raise Unprocessable
