# SPDX-License-Identifier: Apache-2.0
"""How an image comes to be, changes and goes, inside one transaction."""

import asyncio
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from cumulet.kernel.auth.context import Context
from cumulet.kernel.db import Tx
from cumulet.kernel.errors import BadRequest, Conflict, Duplicate, Forbidden, NotPermitted, TooLarge
from cumulet.kernel.resource import Create, Resource
from cumulet.kernel.resource.writing import Made, row_from
from cumulet.services.glance.data.store import Store
from cumulet.services.glance.images.model import Image, ImageMember, ImageProperty, ImageTag

if TYPE_CHECKING:
    from cumulet.kernel.app import App

MOST = 128
"""Tags, custom properties and members that one image may have of each."""
LARGEST_NUMBER = 2**31 - 1
LONGEST_NAME = 255
IMPORT_METHODS = ("glance-direct",)
VISIBILITY_RULES = {"public": "publicize_image", "community": "communitize_image"}


def create_image(tx: Tx, ctx: Context, given: dict[str, Any]) -> Made:
    """A queued image with its tags and custom properties."""
    require_visibility(ctx, given.get("visibility", "shared"), Image.target_of_new(tx, ctx, given))
    require_numbers(given)
    try:
        image: Image = tx.insert(row_from(Image, ctx, given))
    except Duplicate:
        raise Conflict(f"Image ID {given.get('id')} already exists!") from None
    set_tags(tx, image, given.get("tags", ()))
    set_properties(tx, image, given.get("properties", {}))
    return Made(image, headers={"OpenStack-image-import-methods": ",".join(IMPORT_METHODS)})


def require_visibility(ctx: Context, visibility: str, target: Mapping[str, Any]) -> None:
    rule = VISIBILITY_RULES.get(visibility)
    if rule is not None and not ctx.can(rule, target):
        raise NotPermitted(rule=rule)


def require_numbers(given: Mapping[str, Any]) -> None:
    for name in ("min_disk", "min_ram"):
        value = given.get(name, 0)
        if value < 0:
            raise BadRequest(f"Invalid value '{value}' for parameter '{name}': Cannot be a negative value")
        if value > LARGEST_NUMBER:
            raise BadRequest(f"'{name}' value out of range, must not exceed {LARGEST_NUMBER}.")


def set_tags(tx: Tx, image: Image, tags: Iterable[str]) -> None:
    """The image has exactly these tags."""
    wanted = list(dict.fromkeys(tags))
    require_room("tags", len(wanted))
    tx.delete_where(ImageTag, ImageTag.c.image_id == image.id)
    tx.insert_many([ImageTag(image_id=image.id, value=value) for value in wanted])


def set_properties(tx: Tx, image: Image, properties: Mapping[str, str]) -> None:
    """The image has exactly these custom properties."""
    for name in properties:
        if len(name) > LONGEST_NAME:
            raise BadRequest("Custom property should not be greater than 255 characters.")
    require_room("properties", len(properties))
    tx.delete_where(ImageProperty, ImageProperty.c.image_id == image.id)
    tx.insert_many([ImageProperty(image_id=image.id, name=n, value=v) for n, v in properties.items()])


def require_room(noun: str, count: int) -> None:
    """Raise TooLarge when an image would have more of something than it may."""
    if count > MOST:
        raise TooLarge(
            f"The limit has been exceeded on the number of allowed image {noun}. "
            f"Attempted: {count}, Maximum: {MOST}"
        )


def delete_image(tx: Tx, ctx: Context, image: Image) -> None:
    """The image is gone, with its content and whatever was being uploaded to it."""
    if image.protected:
        raise Forbidden(f"Image {image.id} is protected and cannot be deleted.")
    forget(tx, ctx, image)


def forget(tx: Tx, ctx: Context, image: Image) -> None:
    """The row and its side tables are gone, and its files soon are."""
    for side in (ImageTag, ImageProperty, ImageMember):
        tx.delete_where(side, side.c.image_id == image.id)
    tx.delete(image)
    tx.after_commit(lambda: _remove_files(ctx.app, image))


def _remove_files(app: "App", image: Image) -> None:
    """Remove them in a thread; what a crash leaves, the reconciler finds."""
    store = app.contract(Store)
    asyncio.get_running_loop().run_in_executor(None, store.remove, image.id, image.upload_id or "")


class CreateImage(Create):
    """Whoever may not make an image for another project is told so."""

    def authorize(self, tx: Tx, ctx: Context, cls: type[Resource], given: Mapping[str, Any]) -> None:
        try:
            super().authorize(tx, ctx, cls, given)
        except NotPermitted:
            owner = given.get("project_id", ctx.project_id)
            if owner == ctx.project_id:
                raise
            raise Forbidden(f"You are not permitted to create images owned by '{owner}'") from None


CREATE = CreateImage(policy="add_image", run=create_image, location=True, quota={"image_count_total": 1})
