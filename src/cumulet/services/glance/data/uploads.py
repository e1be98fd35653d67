# SPDX-License-Identifier: Apache-2.0
"""Uploads as rows know them: begun before the first byte, ended by one of two transactions.

    queued -> saving -> active          (upload)
    queued -> uploading -> importing -> active     (stage, import)

The row names the one upload that may write its content. Whoever finds another name there has lost.
"""

from collections.abc import Iterable

from cumulet.kernel import events
from cumulet.kernel.auth.context import Context
from cumulet.kernel.db import Tx
from cumulet.kernel.errors import BadRequest, Conflict
from cumulet.kernel.resource.finding import fetch_by_key
from cumulet.services.glance import limits
from cumulet.services.glance.data.digest import HASH, Content
from cumulet.services.glance.images.model import Image

EMPTY = {"size": None, "virtual_size": None, "checksum": None, "os_hash_algo": None, "os_hash_value": None}


def begin(tx: Tx, ctx: Context, image_id: str, upload_id: str, size: int | None) -> Image:
    """The image is `saving`, by this upload of as many bytes, if they were announced.

    Raises Conflict unless it was queued, BadRequest while it has no formats, LimitExceeded.
    """
    image: Image = fetch_by_key(tx, ctx, Image, image_id, "upload_image")
    require_transition(image, "saving", ("queued",))
    require_formats(image)
    limits.charge_upload(tx, ctx, image, size)
    return tx.update(image, status="saving", upload_id=upload_id, upload_seen_at=tx.now)


def begin_staging(tx: Tx, ctx: Context, image_id: str, upload_id: str, size: int | None) -> None:
    """The image is `uploading`, by this upload. Raises Conflict unless it was queued, LimitExceeded."""
    image: Image = fetch_by_key(tx, ctx, Image, image_id, "modify_image")
    require_transition(image, "uploading", ("queued",))
    limits.charge_staging(tx, ctx, image, size)
    tx.update(image, status="uploading", upload_id=upload_id, upload_seen_at=tx.now)


def finish_staging(tx: Tx, image_id: str, upload_id: str, size: int) -> bool:
    """The image has staged content and waits for its import; False when it is no longer this upload's."""
    image = tx.get(Image, image_id)
    if image is None or image.upload_id != upload_id:
        return False
    tx.update(image, upload_id=None, size=size)
    return True


def require_transition(image: Image, to: str, when: Iterable[str]) -> None:
    if image.status not in when:
        raise Conflict(f"Image status transition from {image.status} to {to} is not allowed")


def require_formats(image: Image) -> None:
    missing = [name for name in ("disk_format", "container_format") if not image.__dict__[name]]
    if missing:
        noun = "Property" if len(missing) == 1 else "Properties"
        raise BadRequest(f"{noun} {', '.join(missing)} must be set prior to saving data.")


def finish(tx: Tx, ctx: Context, image_id: str, upload_id: str, content: Content) -> bool:
    """The image is active with this content; False when it is no longer this upload's."""
    image = tx.get(Image, image_id)
    if image is None or image.upload_id != upload_id:
        return False
    activate(tx, ctx, image, content)
    return True


def activate(tx: Tx, ctx: Context, image: Image, content: Content) -> None:
    image = tx.update(
        image,
        status="active",
        upload_id=None,
        size=content.size,
        virtual_size=content.virtual_size,
        checksum=content.checksum,
        os_hash_algo=HASH,
        os_hash_value=content.os_hash_value,
    )
    events.emit(tx, ctx, "image.upload", image)
    events.emit(tx, ctx, "image.activate", image)


def give_back(tx: Tx, image_id: str, upload_id: str) -> bool:
    """The image is queued again, if this upload still has it."""
    image = tx.get(Image, image_id)
    if image is None or image.upload_id != upload_id:
        return False
    tx.update(image, status="queued", upload_id=None, **EMPTY)
    return True


def still_alive(tx: Tx, upload_ids: list[str]) -> None:
    """Other processes can see that these uploads go on."""
    tx.update_where(Image, {"upload_seen_at": tx.now}, Image.c.upload_id.in_(upload_ids))
