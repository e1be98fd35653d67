# SPDX-License-Identifier: Apache-2.0
"""The steps of an import."""

import asyncio
import os
from typing import Any

import msgspec

from cumulet.kernel.auth.context import Context
from cumulet.kernel.db import Tx
from cumulet.kernel.errors import Error
from cumulet.kernel.saga import StepFailed, step
from cumulet.services.glance.data import uploads
from cumulet.services.glance.data.digest import Content, Digest
from cumulet.services.glance.data.store import Store
from cumulet.services.glance.data.transfer import sum_up
from cumulet.services.glance.images.model import Image

HOURS = 6 * 3600.0


@step(deadline=HOURS)
async def take_staged(ctx: Context, image_id: str) -> dict[str, Any]:
    """What was staged is what it should be, and lies in the store too."""
    image = await ctx.read(Tx.get, Image, image_id)
    if image is None:
        raise StepFailed("The image was deleted.")
    store = ctx.app.contract(Store)
    digest = Digest(image.disk_format, image.container_format)
    try:
        content = await asyncio.to_thread(sum_up, store.staging / image_id, digest)
        await asyncio.to_thread(_link, store, image_id)
    except Error as error:
        raise StepFailed(error.message) from error
    except OSError as error:
        raise StepFailed(f"The staged content cannot be read: {error.strerror}") from error
    found: dict[str, Any] = msgspec.to_builtins(content)
    return found


def _link(store: Store, image_id: str) -> None:
    """A link that an earlier try has left is of the same file."""
    store.path(image_id).unlink(missing_ok=True)
    os.link(store.staging / image_id, store.path(image_id))


@step()
def activate(tx: Tx, ctx: Context, image_id: str, content: dict[str, Any]) -> None:
    image = tx.get(Image, image_id)
    if image is None or image.status != "importing":
        raise StepFailed("The image was deleted.")
    uploads.activate(tx, ctx, image, Content(**content))


@step()
async def forget_staged(ctx: Context, image_id: str) -> None:
    """What was staged is now only in the store."""
    await asyncio.to_thread((ctx.app.contract(Store).staging / image_id).unlink, missing_ok=True)


@step()
async def drop_content(ctx: Context, image_id: str) -> None:
    """Nothing of the content is left, staged or stored."""
    await asyncio.to_thread(ctx.app.contract(Store).remove, image_id)


@step()
def queue_again(tx: Tx, ctx: Context, image_id: str, why: str) -> None:
    """The image waits for other content."""
    image = tx.get(Image, image_id)
    if image is not None and image.status == "importing":
        tx.update(image, status="queued", **uploads.EMPTY)
