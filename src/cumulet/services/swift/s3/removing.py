# SPDX-License-Identifier: Apache-2.0
"""Objects go, and with them the parts that they were uploaded in."""

from collections.abc import Sequence
from dataclasses import dataclass

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


@dataclass(frozen=True)
class Replaced:
    """What another object takes the place of: its content, and the parts in which it was uploaded."""

    blob: str | None = None
    parts: Sequence[Place] = ()


async def replaced(ctx: Context, place: Place, found: Found) -> Replaced:
    """What is at a place that gets another object."""
    if found.object is None or found.object.kind != "slo":
        return Replaced()
    try:
        segments = await static.segments_of(ctx.app.contract(Store), found.object)
    except FileNotFoundError:
        return Replaced()
    start = f"/{place.container}{SEGMENTS}/"
    names = [segment.name.removeprefix(start) for segment in segments if segment.name.startswith(start)]
    parts = [place.to(f"{place.container}{SEGMENTS}", name) for name in names]
    return Replaced(found.object.blob, parts)


def without_parts(tx: Tx, old: Replaced, dead: writing.Blobs) -> writing.Blobs:
    """What is dead with the parts of what was replaced, which go too unless it is kept as a version."""
    return dead + _remove_parts(tx, old.parts) if old.parts and old.blob in dead else dead


def _remove_parts(tx: Tx, parts: Sequence[Place]) -> writing.Blobs:
    dead: writing.Blobs = ()
    for part in parts:
        if find(tx, part).object is not None:
            dead += writing.remove(tx, part).dead
    return dead
