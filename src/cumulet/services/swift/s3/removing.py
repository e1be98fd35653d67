# SPDX-License-Identifier: Apache-2.0
"""Objects go, and with them the parts that they were uploaded in."""

from cumulet.kernel.auth.context import Context
from cumulet.kernel.db import Tx
from cumulet.kernel.http.messages import Request
from cumulet.services.swift.asked import Found, find
from cumulet.services.swift.gate import Pass
from cumulet.services.swift.large import deleting, static
from cumulet.services.swift.names import Place
from cumulet.services.swift.objects import writing
from cumulet.services.swift.objects.discarding import discard
from cumulet.services.swift.store import Store

SEGMENTS = "+segments"
"""A bucket's name and this is that of the container which has the parts of uploads."""


async def remove(ctx: Context, request: Request, by: Pass, place: Place, found: Found) -> None:
    """An object, with its segments where it has any, is not there; nothing being there is fine."""
    if found.object is not None and found.object.kind == "slo":
        await deleting.delete(ctx, request, by, place)
    elif found.object is not None:
        await discard(ctx.app, (await ctx.transact(writing.remove, place)).dead)


async def parts_of(ctx: Context, place: Place, found: Found) -> list[Place]:
    """The parts of an upload that an object is made of."""
    if found.object is None or found.object.kind != "slo":
        return []
    try:
        segments = await static.segments_of(ctx.app.contract(Store), found.object)
    except FileNotFoundError:
        return []
    start = f"/{place.container}{SEGMENTS}/"
    names = [segment.name.removeprefix(start) for segment in segments if segment.name.startswith(start)]
    return [place.to(f"{place.container}{SEGMENTS}", name) for name in names]


async def discard_replaced(ctx: Context, found: Found, dead: writing.Blobs, parts: list[Place]) -> None:
    """What was replaced is not there, nor are its parts unless it is kept as a version."""
    if parts and found.object is not None and found.object.blob in dead:
        dead += await ctx.transact(_remove_parts, parts)
    await discard(ctx.app, dead)


def _remove_parts(tx: Tx, parts: list[Place]) -> writing.Blobs:
    dead: writing.Blobs = ()
    for part in parts:
        if find(tx, part).object is not None:
            dead += writing.remove(tx, part).dead
    return dead
