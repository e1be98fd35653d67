# SPDX-License-Identifier: Apache-2.0
"""Files on their way out, a chunk at a time, read in threads."""

import asyncio
from pathlib import Path

CHUNK = 1 << 20


class FileStream:
    """So many bytes of a file from a place in it. Opening it blocks."""

    def __init__(self, path: Path, start: int, length: int) -> None:
        self._file = path.open("rb", buffering=0)
        self._file.seek(start)
        self._left = length

    def __aiter__(self) -> "FileStream":
        return self

    async def __anext__(self) -> bytes:
        chunk = await asyncio.to_thread(self._file.read, min(CHUNK, self._left)) if self._left else b""
        if not chunk:
            raise StopAsyncIteration
        self._left -= len(chunk)
        return chunk

    async def close(self) -> None:
        self._file.close()
