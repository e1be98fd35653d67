# SPDX-License-Identifier: Apache-2.0
"""Content on its way out: pieces of blobs and bytes between them, one after another."""

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass

from cumulet.kernel.http.files import FileStream
from cumulet.services.swift.store import Store

SHORT = 64 * 1024
"""Bytes that are answered at once rather than streamed."""


@dataclass(frozen=True)
class Piece:
    """A part of a blob."""

    blob: str
    start: int
    length: int


Parts = AsyncIterator[bytes | Piece]


@dataclass(frozen=True)
class Content:
    """What an object consists of: how long it is, and the parts of bytes `start` to `end` of it."""

    length: int
    parts: Callable[[int, int], Parts]


class Stream:
    """The bytes of parts, in order. `begin` opens the first one, so that what is gone is known before."""

    def __init__(self, store: Store, parts: Parts) -> None:
        self._store = store
        self._parts = parts
        self._file: FileStream | None = None
        self._ready: list[bytes] = []

    async def begin(self) -> "Stream":
        """Raises FileNotFoundError, and whatever the first part of a large object raises."""
        await self._next_part()
        return self

    def __aiter__(self) -> "Stream":
        return self

    async def __anext__(self) -> bytes:
        while True:
            if self._ready:
                return self._ready.pop()
            if self._file is not None:
                try:
                    return await anext(self._file)
                except StopAsyncIteration:
                    await self._close_file()
            if not await self._next_part():
                raise StopAsyncIteration

    async def _next_part(self) -> bool:
        part = await anext(self._parts, None)
        if part is None:
            return False
        if isinstance(part, bytes):
            self._ready.append(part)
        else:
            path = self._store.path(part.blob)
            self._file = await asyncio.to_thread(FileStream, path, part.start, part.length)
        return True

    async def _close_file(self) -> None:
        if self._file is not None:
            file, self._file = self._file, None
            await file.close()

    async def close(self) -> None:
        await self._close_file()


def in_memory(content: bytes) -> Content:
    """Content that is at hand."""

    async def parts(start: int, end: int) -> Parts:
        yield content[start:end]

    return Content(len(content), parts)


def plain(blob: str | None, size: int) -> Content:
    """Content that is one blob, or nothing."""

    async def parts(start: int, end: int) -> Parts:
        if blob is not None and end > start:
            yield Piece(blob, start, end - start)

    return Content(size, parts)
