# SPDX-License-Identifier: Apache-2.0
"""A page of names, read off an index: what a delimiter folds into one name is stepped over, not read.

Names are in the order of their UTF-8, which is that of their characters. So all that begins with a text
lies between it and the text that follows all of those.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from cumulet.services.swift.listing.question import Question

R = TypeVar("R")
_FEW, _MANY = 16, 2000
_LAST, _FIRST_SURROGATE, _BEHIND_SURROGATES = 0x10FFFF, 0xD800, 0xE000


@dataclass(frozen=True)
class Span:
    """Names from `low` (itself too if `closed`) to before `high`, None for no end; from its end if `down`."""

    low: str
    closed: bool
    high: str | None
    down: bool


Fetch = Callable[[Span, int], Sequence[Any]]
"""The first so many rows of a span in its order; the first value of each is its name."""


def follower(text: str) -> str | None:
    """The least text behind everything that begins with this one, None when nothing is."""
    while text:
        code = ord(text[-1])
        if code != _LAST:
            following = code + 1
            if following == _FIRST_SURROGATE:
                following = _BEHIND_SURROGATES
            return text[:-1] + chr(following)
        text = text[:-1]
    return None


def walk(asked: Question, fetch: Fetch) -> list[Any]:
    """The rows of a page, and a text for each name that ends in a delimiter and stands for all below it."""
    span = _whole(asked)
    found: list[Any] = []
    wanted = _FEW if asked.delimiter else asked.limit
    while len(found) < asked.limit and not _is_empty(span):
        wanted = min(wanted, _MANY if asked.delimiter else asked.limit)
        rows = fetch(span, wanted)
        behind = _take(asked, rows, found)
        if len(rows) < wanted or behind is None:
            break
        # What a delimiter folds together is read on only to the end of what was fetched at once.
        wanted = max(_FEW, wanted // 2) if behind[1] else wanted * 2
        span = _rest(span, *behind)
    return found


def _whole(asked: Question) -> Span:
    """Everything that may be listed."""
    first, last = (asked.end_marker, asked.marker) if asked.reverse else (asked.marker, asked.end_marker)
    low, closed = asked.prefix, True
    if first and first >= low:
        low, closed = first, False
    high = follower(asked.prefix) if asked.prefix else None
    if last and (high is None or last < high):
        high = last
    return Span(low, closed, high, asked.reverse)


def _is_empty(span: Span) -> bool:
    return span.high is not None and span.high <= span.low


def _take(asked: Question, rows: Sequence[Any], found: list[Any]) -> tuple[str, bool] | None:
    """Add what these rows are to what was found; the name to go on behind, and whether it stands for many."""
    behind: tuple[str, bool] | None = None
    for row in rows:
        if len(found) >= asked.limit:
            break
        name: str = row[0]
        if behind is not None and behind[1] and name.startswith(behind[0]):
            continue
        folder = _folder(asked, name)
        behind = (folder or name, bool(folder))
        if not folder:
            if not (asked.exact and name == asked.prefix):
                found.append(row)
        elif folder != asked.marker and not asked.exact:
            found.append(folder)
    return behind


def _folder(asked: Question, name: str) -> str:
    """The name up to its first delimiter behind the prefix, "" when it is listed as it is."""
    if not asked.delimiter:
        return ""
    at = name.find(asked.delimiter, len(asked.prefix))
    if at < 0:
        return ""
    end = at + len(asked.delimiter)
    return "" if asked.exact and len(name) == end else name[:end]


def _rest(span: Span, name: str, folds: bool) -> Span:
    """What is left of a span behind a name, or behind all names that one stands for."""
    if span.down:
        return Span(span.low, span.closed, name, True)
    if not folds:
        return Span(name, False, span.high, False)
    following = follower(name)
    return Span(following, True, span.high, False) if following is not None else Span("", True, "", False)
