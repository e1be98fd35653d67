# SPDX-License-Identifier: Apache-2.0
"""What Glance offers to other services and to hosts."""

import asyncio
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from cumulet.contracts.glance import ImageInfo
from cumulet.kernel import events, ids
from cumulet.kernel.auth.context import Context
from cumulet.kernel.db import Tx
from cumulet.kernel.errors import Error
from cumulet.kernel.resource import schema
from cumulet.services.glance.data import transfer, uploads
from cumulet.services.glance.data.digest import Digest
from cumulet.services.glance.data.store import Part, Store
from cumulet.services.glance.images import changes
from cumulet.services.glance.images.model import Image, ImageProperty, image_target, properties_of
from cumulet.services.glance.wire import WIRE

if TYPE_CHECKING:
    from cumulet.kernel.app import App


class GlanceImages:
    """`contracts.glance.Images` and `kernel.hosts.ImageSource`."""

    def __init__(self, app: "App") -> None:
        self.app = app

    @property
    def store(self) -> Store:
        return self.app.contract(Store)

    def image(self, tx: Tx, ctx: Context, image_id: str) -> ImageInfo | None:
        ctx = ctx.within("glance")
        visible = Image.visible(ctx)
        image = tx.first(Image, Image.c.id == image_id, *([] if visible is None else [visible]))
        if image is None or not ctx.can("get_image", image_target(ctx, image)):
            return None
        return ImageInfo(
            id=image.id,
            name=image.name,
            status=image.status,
            size=image.size,
            virtual_size=image.virtual_size,
            min_disk=image.min_disk,
            min_ram=image.min_ram,
            disk_format=image.disk_format,
            container_format=image.container_format,
            checksum=image.checksum,
            properties=properties_of(tx, ctx, [image]).get(image.id, {}),
        )

    def create(self, tx: Tx, ctx: Context, name: str, properties: Mapping[str, object]) -> str:
        ctx = ctx.within("glance")
        body = {"disk_format": "qcow2", "container_format": "bare", **_texts(properties), "name": name}
        given = schema.parse(Image, "create", body, 0, WIRE)
        image: Image = changes.CREATE.make(tx, ctx, Image, given).row
        return image.id

    def with_properties(self, tx: Tx, ctx: Context, said: Mapping[str, str]) -> list[str]:
        ctx, c, p = ctx.within("glance"), Image.c, ImageProperty.c
        where = [
            c.id.in_(sa.select(p.image_id).where(p.name == name, p.value == value))
            for name, value in said.items()
        ]
        where += [] if ctx.is_admin else [c.project_id == ctx.project_id]
        return [row.id for row in tx.all(Image, *where, order_by=(c.created_at.desc(), c.id.desc()))]

    def upload_path(self, image_id: str) -> Path:
        return self.store.exchange / image_id

    async def uploaded(self, ctx: Context, image_id: str) -> None:
        upload_id = ids.plain()
        with self.store.upload(upload_id):
            image = await ctx.transact(_take, image_id, upload_id)
            if image is not None:
                await self._take_over(ctx.within("glance"), image, upload_id)
        await asyncio.to_thread(self.store.remove_exchanged, image_id)

    async def _take_over(self, ctx: Context, image: Image, upload_id: str) -> None:
        try:
            await asyncio.to_thread(self.store.path(image.id).unlink, missing_ok=True)
            content = await asyncio.to_thread(self._copy, image, upload_id)
            done = await ctx.transact(uploads.finish, ctx, image.id, upload_id, content)
        except BaseException as error:
            await asyncio.shield(transfer.undo(self.app, self.store, image.id, upload_id))
            if isinstance(error, Error):
                raise ValueError(error.message) from error
            raise
        if not done:
            await asyncio.shield(transfer.undo(self.app, self.store, image.id, upload_id))
            raise ValueError(f"Image {image.id} was deleted while its content was being taken over.")

    def _copy(self, image: Image, upload_id: str) -> Any:
        digest = Digest(image.disk_format, image.container_format)
        part = Part(self.store.images, image.id, upload_id, digest)
        try:
            transfer.copy(self.upload_path(image.id), part)
            content = digest.content()
            part.keep()
        except BaseException:
            part.discard()
            raise
        return content

    def delete(self, tx: Tx, ctx: Context, image_id: str) -> None:
        ctx, image = ctx.within("glance"), tx.get(Image, image_id)
        if image is not None and not image.protected:
            changes.forget(tx, ctx, image)
            events.emit(tx, ctx, "image.delete", image)

    def abandon(self, tx: Tx, ctx: Context, image_id: str) -> None:
        image = tx.get(Image, image_id)
        if image is not None and image.status not in ("active", "deactivated"):
            changes.forget(tx, ctx.within("glance"), image)

    async def path(self, image_id: str) -> str | None:
        image = await self.app.db.read(Tx.get, Image, image_id)
        if image is None or image.status not in ("active", "deactivated"):
            return None
        return str(self.store.path(image_id))


def _texts(properties: Mapping[str, object]) -> dict[str, object]:
    """Custom properties as the texts that they are kept as; those without a value are left out."""
    fields = {spec.on_wire for spec in Image.fields.values() if spec.create}
    given = {name: value for name, value in properties.items() if value is not None}
    return {name: value if name in fields else str(value) for name, value in given.items()}


def _take(tx: Tx, image_id: str, upload_id: str) -> Image | None:
    """The image is this upload's, whoever had it before the crash; None when it is active already."""
    image = tx.get(Image, image_id)
    if image is None:
        raise ValueError(f"Image {image_id} does not exist any more.")
    if image.status in ("active", "deactivated"):
        return None
    if image.status not in ("queued", "saving"):
        raise ValueError(f"Image {image_id} is {image.status} and cannot take content.")
    return tx.update(image, status="saving", upload_id=upload_id, upload_seen_at=tx.now)
