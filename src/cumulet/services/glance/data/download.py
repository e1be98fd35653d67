# SPDX-License-Identifier: Apache-2.0
"""Content on its way out: a file, or a part of it, a chunk at a time."""

import asyncio
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from cumulet.kernel.errors import BadRequest, RangeNotSatisfiable
from cumulet.services.glance.data.store import CHUNK

_RANGE = re.compile(r"\s*bytes\s*=\s*(\d*)\s*-\s*(\d*)\s*", re.IGNORECASE | re.ASCII)
_CONTENT_RANGE = re.compile(r"\s*bytes\s+(\d+)-(\d+)/(\d+|\*)\s*", re.IGNORECASE | re.ASCII)


@dataclass(frozen=True)
class Span:
    """Bytes `start` to `end`, the last excluded."""

    start: int
    end: int
    partial: bool = False

    @property
    def length(self) -> int:
        return self.end - self.start


class FileStream:
    """The bytes of a span of a file, read in a thread. Opening it blocks."""

    def __init__(self, path: Path, span: Span) -> None:
        self._file = path.open("rb", buffering=0)
        self._file.seek(span.start)
        self._left = span.length

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


def asked_span(headers: Mapping[str, str], size: int) -> Span:
    """What a Range header asks of content of this size, all of it without one.

    Content-Range is understood too, as upstream does for old clients. Raises BadRequest for several
    ranges at once, RangeNotSatisfiable for one that cannot be read or lies outside.
    """
    if (text := headers.get("range")) is not None:
        return _range(text, size)
    if (text := headers.get("content-range")) is not None:
        return _content_range(text, size)
    return Span(0, size)


def _range(text: str, size: int) -> Span:
    if "," in text:
        raise BadRequest(
            "Requests with multiple ranges are not supported in Glance. "
            "You may make multiple single-range requests instead."
        )
    match = _RANGE.fullmatch(text)
    if match is None or not (match[1] or match[2]):
        raise RangeNotSatisfiable("Invalid Range header.")
    if not match[1]:
        return Span(max(0, size - int(match[2])), size, partial=True)
    start = int(match[1])
    end = int(match[2]) + 1 if match[2] else size
    if end <= start:
        raise RangeNotSatisfiable("Invalid Range header.")
    _require_start(start, size, "Range")
    return Span(start, min(end, size), partial=True)


def _content_range(text: str, size: int) -> Span:
    match = _CONTENT_RANGE.fullmatch(text)
    if match is None or int(match[2]) < int(match[1]):
        raise RangeNotSatisfiable("Invalid Content-Range header.")
    start, end = int(match[1]), int(match[2]) + 1
    if match[3] == "*" and end > size:
        raise RangeNotSatisfiable(
            "Invalid stop position in Content-Range header. "
            f"The stop position MUST be in the inclusive range [0, {size - 1}]."
        )
    _require_start(start, size, "Content-Range")
    return Span(start, min(end, size), partial=True)


def _require_start(start: int, size: int, header: str) -> None:
    if start >= size:
        raise RangeNotSatisfiable(
            f"Invalid start position in {header} header. "
            f"Start position MUST be in the inclusive range [0, {size - 1}]."
        )
