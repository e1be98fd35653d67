# SPDX-License-Identifier: Apache-2.0
"""Conditional requests and ranges: what of a thing a request wants, if it wants it at all."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise

from cumulet.kernel.errors import PreconditionFailed
from cumulet.lib.timestamps import Timestamp
from cumulet.services.swift import times

_RANGE = re.compile(r"(\d*)\s*-\s*(\d*)", re.ASCII)
MOST_RANGES = 50
MOST_OVERLAPS = 2


@dataclass(frozen=True)
class Range:
    """Bytes `start` to `end`, the last excluded."""

    start: int
    end: int

    @property
    def length(self) -> int:
        return self.end - self.start

    def of(self, whole: int) -> str:
        """As Content-Range says it."""
        return f"bytes {self.start}-{self.end - 1}/{whole}"


def is_known(headers: Mapping[str, str], etag: str, modified: Timestamp) -> bool:
    """Whether the caller has this already: 304. Raises PreconditionFailed for what was asked otherwise."""
    if (asked := headers.get("if-match")) is not None and not _among(etag, asked):
        raise PreconditionFailed
    second = times.whole_second(modified)
    if (asked := headers.get("if-none-match")) is not None and _among(etag, asked):
        return True
    since = _date(headers, "if-unmodified-since")
    if since is not None and second > since:
        raise PreconditionFailed
    since = _date(headers, "if-modified-since")
    return since is not None and second <= since


def _among(etag: str, asked: str) -> bool:
    words = {word.strip().strip('"') for word in asked.split(",")}
    return "*" in words or etag in words


def _date(headers: Mapping[str, str], name: str) -> float | None:
    return times.read_http_date(headers[name]) if name in headers else None


def asked_ranges(
    headers: Mapping[str, str], length: int, etag: str, modified: Timestamp
) -> list[Range] | None:
    """What is wanted of so many bytes: None for all of it, an empty list for nothing that there is."""
    text = headers.get("range")
    if text is None or not _still_holds(headers.get("if-range"), etag, modified):
        return None
    wanted = read_ranges(text)
    if wanted is None:
        return None
    found = [known for first, last in wanted if (known := _within(first, last, length)) is not None]
    return found if found and _is_modest(found) else []


def _still_holds(condition: str | None, etag: str, modified: Timestamp) -> bool:
    if condition is None or condition.strip('"') == etag:
        return True
    since = times.read_http_date(condition)
    return since is not None and times.whole_second(modified) <= since


def read_ranges(text: str) -> list[tuple[int | None, int | None]] | None:
    """First and last byte of each range, None for what is no Range header."""
    unit, equals, rest = text.partition("=")
    if unit.strip().lower() != "bytes" or not equals:
        return None
    found: list[tuple[int | None, int | None]] = []
    for word in rest.split(","):
        match = _RANGE.fullmatch(word.strip())
        if match is None or not (match[1] or match[2]) or len(word) > 40:
            return None
        first, last = (int(part) if part else None for part in match.groups())
        if first is not None and last is not None and last < first:
            return None
        found.append((first, last))
    return found


def _within(first: int | None, last: int | None, length: int) -> Range | None:
    if first is None:
        assert last is not None
        return Range(max(0, length - last), length) if last and length else None
    if first >= length:
        return None
    return Range(first, length if last is None else min(last + 1, length))


def _is_modest(ranges: list[Range]) -> bool:
    """Whether so many ranges, and such as overlap, are not there to make work."""
    ordered = sorted(ranges, key=lambda item: item.start)
    overlaps = sum(b.start < a.end for a, b in pairwise(ordered))
    return len(ranges) <= MOST_RANGES and overlaps <= MOST_OVERLAPS
