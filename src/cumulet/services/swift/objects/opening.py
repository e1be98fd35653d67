# SPDX-License-Identifier: Apache-2.0
"""From a name to what is read: the object or a version of it, and its content."""

from dataclasses import dataclass

from cumulet.kernel.auth.context import Context
from cumulet.kernel.db import Tx
from cumulet.kernel.errors import NotFound
from cumulet.kernel.http.messages import Request
from cumulet.services.swift.asked import Found, find
from cumulet.services.swift.gate import Pass
from cumulet.services.swift.model import Stored
from cumulet.services.swift.names import Place
from cumulet.services.swift.objects.content import Content, plain
from cumulet.services.swift.objects.writing import is_expired


@dataclass(frozen=True)
class Opened:
    """What stands behind a name: its row, and its content with the sum by which conditions know it."""

    place: Place
    stored: Stored
    content: Content
    etag: str


async def open_object(ctx: Context, request: Request, entered: Pass, place: Place, found: Found) -> Opened:
    """Raises NotFound."""
    stored = await ctx.read(seek, place)
    return Opened(place, stored, plain(stored.blob, stored.size), stored.etag)


def seek(tx: Tx, place: Place) -> Stored:
    """The object at a place. Raises NotFound when there is none, or it has expired."""
    stored = find(tx, place).object
    if stored is None or is_expired(tx, stored):
        raise NotFound
    return stored
