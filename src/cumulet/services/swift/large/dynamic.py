# SPDX-License-Identifier: Apache-2.0
"""Dynamic large objects: X-Object-Manifest names a container and a prefix; what is there is the content."""

import hashlib
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

from cumulet.kernel.auth.context import Context
from cumulet.kernel.db import Tx
from cumulet.kernel.errors import BadRequest, NotFound
from cumulet.services.swift.asked import find
from cumulet.services.swift.listing import source
from cumulet.services.swift.listing.question import Question
from cumulet.services.swift.names import Place, unescaped
from cumulet.services.swift.objects.content import Content, Parts

_PAGE = 1000
Look = Callable[[Place], Awaitable[Any]]


def require_valid(header: str) -> None:
    """Raise BadRequest for a manifest header that names no container and prefix."""
    container, slash, prefix = unescaped(header).partition("/")
    if not (container and slash and prefix) or "?" in header or "&" in header or prefix.startswith("/"):
        raise BadRequest("X-Object-Manifest must be in the format container/prefix")


def segments_at(header: str, account: str) -> Place:
    """The container and the prefix of the segments' names."""
    container, _, prefix = unescaped(header).lstrip("/").partition("/")
    return Place(account, container, prefix)


async def content(ctx: Context, at: Place, look: Look) -> tuple[Content, str]:
    """What the segments are together, and the sum by which it is known."""
    length, total = 0, hashlib.md5(usedforsecurity=False)
    async for _, size, etag in _segments(ctx, at):
        length += size
        total.update(etag.encode())

    async def parts(start: int, end: int) -> Parts:
        passed = 0
        async for name, size, _ in _segments(ctx, at):
            first, last = max(start - passed, 0), min(end - passed, size)
            passed += size
            if first < last:
                opened = await look(at.to(at.container, name))
                async for part in opened.content.parts(first, min(last, opened.content.length)):
                    yield part
            if passed >= end:
                return

    return Content(length, parts), f'"{total.hexdigest()}"'


async def _segments(ctx: Context, at: Place) -> AsyncIterator[tuple[str, int, str]]:
    """The name, the length and the sum of each segment, read a page at a time."""
    marker = ""
    while True:
        page = await ctx.read(_page, at, marker)
        for found in page:
            yield found
        if len(page) < _PAGE:
            return
        marker = page[-1][0]


def _page(tx: Tx, at: Place, marker: str) -> list[tuple[str, int, str]]:
    container = find(tx, at.to(at.container)).container
    if container is None:
        raise NotFound
    rows = source.objects(tx, container.id, Question(limit=_PAGE, prefix=at.name, marker=marker))
    return [
        (name, facts["bytes"] if kind == "slo" else size, facts["etag"] if kind == "slo" else etag)
        for name, size, etag, _, _, kind, facts in rows
    ]
