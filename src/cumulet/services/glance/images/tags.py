# SPDX-License-Identifier: Apache-2.0
"""Tags, one by one."""

from cumulet.kernel import events
from cumulet.kernel.auth.context import Context
from cumulet.kernel.db import Tx
from cumulet.kernel.errors import BadRequest, NotFound, TooLarge
from cumulet.kernel.http.endpoint import route
from cumulet.kernel.http.messages import Request
from cumulet.kernel.resource.finding import fetch_by_key
from cumulet.services.glance.images.changes import require_room
from cumulet.services.glance.images.model import Image, ImageTag

LONGEST = 255


@route("PUT", "/images/{image_id}/tags/{tag_value}", status=204)
def add_tag(tx: Tx, ctx: Context, request: Request) -> None:
    """The image has the tag, whether or not it had it before."""
    value = request.params["tag_value"]
    if len(value) > LONGEST:
        raise BadRequest(
            f"Provided object does not match schema 'image': '{value}' is too long (at 'tags.0')"
        )
    tx.lock(f"image:{request.params['image_id']}")
    image = _image(tx, ctx, request)
    if not tx.exists(ImageTag, ImageTag.c.image_id == image.id, ImageTag.c.value == value):
        _require_room(tx, image)
        tx.insert(ImageTag(image_id=image.id, value=value), retry=True)
        _touch(tx, ctx, image)


@route("DELETE", "/images/{image_id}/tags/{tag_value}", status=204)
def remove_tag(tx: Tx, ctx: Context, request: Request) -> None:
    """The image has lost the tag; NotFound when it had no such one."""
    image = _image(tx, ctx, request)
    value = request.params["tag_value"]
    if not tx.delete_where(ImageTag, ImageTag.c.image_id == image.id, ImageTag.c.value == value):
        raise NotFound("The resource could not be found.")
    _touch(tx, ctx, image)


def _image(tx: Tx, ctx: Context, request: Request) -> Image:
    image: Image = fetch_by_key(tx, ctx, Image, request.params["image_id"], "modify_image")
    return image


def _require_room(tx: Tx, image: Image) -> None:
    try:
        require_room("tags", tx.count(ImageTag, ImageTag.c.image_id == image.id) + 1)
    except TooLarge as error:
        raise TooLarge(f"Image tag limit exceeded for image {image.id}: {error.message}:") from None


def _touch(tx: Tx, ctx: Context, image: Image) -> None:
    events.emit(tx, ctx, "image.update", tx.update(image))


ROUTES = (add_tag, remove_tag)
