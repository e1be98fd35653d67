# SPDX-License-Identifier: Apache-2.0
"""Content on its way in: from a client or a host to a file, a chunk at a time, in a thread."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import TYPE_CHECKING

from cumulet.kernel.db import Tx
from cumulet.kernel.errors import Error
from cumulet.services.glance.data import uploads
from cumulet.services.glance.data.digest import Content, Digest
from cumulet.services.glance.data.store import CHUNK, Part, Store, open_foreign
from cumulet.services.glance.images.model import Image

if TYPE_CHECKING:
    from cumulet.kernel.app import App


async def receive(part: Part, stream: AsyncIterator[bytes]) -> None:
    """Write a stream to a file, whole or not at all.

    Content that is refused on the way is still read to its end, without being kept: a client that is
    in the middle of sending hears of an early answer only as a broken connection.
    """
    refusal: Error | None = None
    buffer = bytearray()
    async for chunk in stream:
        if refusal is not None:
            continue
        buffer += chunk
        if len(buffer) >= CHUNK:
            refusal = await _write(part, bytes(buffer))
            buffer.clear()
    if buffer and refusal is None:
        refusal = await _write(part, bytes(buffer))
    if refusal is not None:
        raise refusal


async def _write(part: Part, chunk: bytes) -> Error | None:
    try:
        await asyncio.to_thread(part.write, chunk)
    except Error as refusal:
        await asyncio.to_thread(part.discard)
        return refusal
    return None


def copy(source: Path, part: Part) -> None:
    """Write what a host has written; ValueError when it is no file that can be read."""
    with open_foreign(source) as file:
        while chunk := file.read(CHUNK):
            part.write(chunk)


def sum_up(path: Path, digest: Digest) -> Content:
    """Read a file of our own from end to end."""
    with path.open("rb") as file:
        while chunk := file.read(CHUNK):
            digest.feed(chunk)
    return digest.content()


async def undo(app: "App", store: Store, image_id: str, upload_id: str) -> None:
    """Nothing is left of an upload, and its image is queued again; an image that it has completed stays so.

    The files go first: while the row names the upload, nobody else writes any.
    """
    image = await app.db.read(Tx.get, Image, image_id)
    if image is None or image.upload_id == upload_id:
        await asyncio.to_thread(store.remove, image_id, upload_id)
    await app.db.transact(uploads.give_back, image_id, upload_id)
