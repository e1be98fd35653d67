# SPDX-License-Identifier: Apache-2.0
"""The public guest image that CI built on DevStack takes for granted."""

import asyncio
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

from cumulet.contracts.keystone import Directory
from cumulet.kernel.auth.context import Context
from cumulet.kernel.db import Tx
from cumulet.kernel.service import own_context
from cumulet.lib.qcow2 import empty_qcow2
from cumulet.services.glance.contract import GlanceImages
from cumulet.services.glance.images.changes import create_image
from cumulet.services.glance.images.model import Image

if TYPE_CHECKING:
    from cumulet.kernel.app import App

NAME = "cirros-0.6.3-x86_64-disk"
SIMULATED_BYTES = 112 << 20
"""The virtual size of the image without content that simulated guests boot from."""


async def add_guest_image(app: "App", path: Path | None) -> None:
    """There is a public image with this content, or with an empty disk where there is no path.

    An image that exists stays as it is.
    """
    ctx = own_context(app, "glance")
    image = await app.db.transact(_queued, ctx)
    if image.status == "active":
        return
    images = GlanceImages(app)
    target = images.upload_path(image.id)
    if path is None:
        await asyncio.to_thread(target.write_bytes, empty_qcow2(SIMULATED_BYTES))
    else:
        await asyncio.to_thread(shutil.copyfile, path, target)
    await images.uploaded(ctx, image.id)


def _queued(tx: Tx, ctx: Context) -> Image:
    """The image, made now unless it is there."""
    existing = tx.first(Image, Image.c.name == NAME, Image.c.visibility == "public")
    if existing is not None:
        return existing
    given = {
        "name": NAME,
        "visibility": "public",
        "disk_format": "qcow2",
        "container_format": "bare",
        "project_id": _admin_project(tx),
    }
    image: Image = create_image(tx, ctx, given).row
    return image


def _admin_project(tx: Tx) -> str | None:
    try:
        project = tx.app.contract(Directory).find_project(tx, "admin")
    except LookupError:
        return None
    return project.id if project is not None else None
