# SPDX-License-Identifier: Apache-2.0
"""A multipart body as it streams in: the headers of each part, and its content in chunks, never all of it."""

from collections.abc import AsyncIterator
from email.message import Message
from email.parser import HeaderParser

from cumulet.kernel.errors import BadRequest

_MOST_HEADERS = 16 * 1024


class Reader:
    """Reads the parts of a stream, one after another; a part that is left unread is skipped."""

    def __init__(self, stream: AsyncIterator[bytes], boundary: str) -> None:
        self._stream = stream
        self._mark = b"\r\n--" + boundary.encode("latin-1")
        self._buffer = b"\r\n"
        self._ended = False
        self._inside = False

    async def parts(self) -> AsyncIterator["Message[str, str]"]:
        """The headers of each part; `content` yields what follows them. Raises BadRequest."""
        await self._fill(len(self._mark))
        if not self._buffer.startswith(self._mark):
            raise BadRequest("FormPost: invalid starting boundary")
        self._buffer = self._buffer[len(self._mark) :]
        while not await self._at_end():
            headers = await self._headers()
            self._inside = True
            yield headers
            async for _ in self.content():
                pass

    async def content(self) -> AsyncIterator[bytes]:
        """What is left of the part. Raises BadRequest when the body ends within it."""
        while self._inside:
            at = self._buffer.find(self._mark)
            if at >= 0:
                chunk, self._buffer = self._buffer[:at], self._buffer[at + len(self._mark) :]
                self._inside = False
                if chunk:
                    yield chunk
                return
            keep = len(self._mark) - 1
            if len(self._buffer) > keep:
                chunk, self._buffer = self._buffer[:-keep], self._buffer[-keep:]
                yield chunk
            if not await self._more():
                raise BadRequest("FormPost: the body ends within a part")

    async def _at_end(self) -> bool:
        await self._fill(2)
        return self._buffer.startswith(b"--") or not self._buffer

    async def _headers(self) -> "Message[str, str]":
        """The lines up to an empty one; a character stands for each byte of them."""
        while (at := self._buffer.find(b"\r\n\r\n")) < 0:
            if len(self._buffer) > _MOST_HEADERS or not await self._more():
                raise BadRequest("FormPost: the headers of a part do not end")
        text, self._buffer = self._buffer[:at], self._buffer[at + 4 :]
        return HeaderParser().parsestr(text.lstrip().decode("latin-1"))

    async def _fill(self, length: int) -> None:
        while len(self._buffer) < length and await self._more():
            pass

    async def _more(self) -> bool:
        if self._ended:
            return False
        chunk = await anext(self._stream, None)
        self._ended = chunk is None
        self._buffer += chunk or b""
        return not self._ended
