# SPDX-License-Identifier: Apache-2.0
"""What part of its content a request wants."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from cumulet.kernel.errors import BadRequest, RangeNotSatisfiable

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
