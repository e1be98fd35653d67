# SPDX-License-Identifier: Apache-2.0
"""An image made of a volume."""

from typing import Any, Literal

from cumulet.contracts.glance import Images
from cumulet.kernel import saga
from cumulet.kernel.auth.context import Context
from cumulet.kernel.db import Tx
from cumulet.kernel.errors import BadRequest, Unavailable
from cumulet.kernel.http.messages import as_flag
from cumulet.kernel.resource import Action
from cumulet.kernel.resource.shapes import keys, since
from cumulet.services.cinder.errors import InvalidVolume
from cumulet.services.cinder.schemas import BOOLEAN, TEXT, thing
from cumulet.services.cinder.types.model import VolumeType
from cumulet.services.cinder.volumes import flows, states
from cumulet.services.cinder.volumes.model import Volume

OF_IMAGE = frozenset(
    ("image_id", "image_name", "checksum", "container_format", "disk_format", "min_disk", "min_ram", "size")
)
"""Image metadata that belongs to the image it came from, not to one that is made of the volume."""
WRITABLE = ("raw", "qcow2", "vmdk", "vdi", "vhd", "vhdx", "ploop")


def upload_image(tx: Tx, ctx: Context, volume: Volume, asked: dict[str, Any]) -> dict[str, Any]:
    """Accept an image of the volume; with `force` also while a server has the volume."""
    visibility = asked.get("visibility", "private")
    if visibility == "public":
        ctx.require("volume_extension:volume_actions:upload_public", Volume.target(tx, volume))
    allowed = ("available", "in-use") if as_flag(asked.get("force", False)) else ("available",)
    if volume.status not in allowed:
        raise InvalidVolume(f"Volume {volume.id} status must be {states.either(allowed)}")
    if not tx.app.has("glance"):
        raise Unavailable("This cloud has no image service.")
    shape = {
        "disk_format": asked.get("disk_format") or "raw",
        "container_format": asked.get("container_format") or "bare",
    }
    if shape["disk_format"] not in ("raw", "qcow2"):
        raise BadRequest(f"The volume's host cannot write the disk format {shape['disk_format']}.")
    more = (
        {"visibility": visibility, "protected": as_flag(asked.get("protected", False))}
        if ctx.at("3.1")
        else {}
    )
    kept = {key: value for key, value in volume.image_metadata.items() if key not in OF_IMAGE}
    properties = {**kept, **shape, **more, "min_disk": volume.size}
    image_id = tx.app.contract(Images).create(tx, ctx.within("glance"), asked["image_name"], properties)
    volume = tx.update(volume, status="uploading")
    saga.start(tx, ctx, flows.upload_volume, volume_id=volume.id, image_id=image_id)
    return {
        "os-volume_upload_image": {**_view(tx, ctx, volume, image_id, asked["image_name"]), **shape, **more}
    }


def _view(tx: Tx, ctx: Context, volume: Volume, image_id: str, name: str) -> dict[str, Any]:
    volume_type = tx.need(VolumeType, volume.volume_type_id)
    return {
        "id": volume.id,
        "updated_at": ctx.service.api.wire.time(volume.updated_at),
        "status": "uploading",
        "display_description": volume.description,
        "size": volume.size,
        "volume_type": {"id": volume_type.id, "name": volume_type.name, "is_public": volume_type.is_public},
        "image_id": image_id,
        "image_name": name,
    }


def _body(version: int) -> dict[str, Any]:
    fields: dict[str, dict[str, Any]] = {
        "image_name": {"type": "string", "minLength": 1, "maxLength": 255},
        "force": BOOLEAN,
        "disk_format": {"enum": list(WRITABLE)},
        "container_format": TEXT,
    }
    if version >= 3001:
        fields["visibility"] = {"enum": ["community", "public", "private", "shared"]}
        fields["protected"] = BOOLEAN
    return thing("image_name", **fields)


UPLOAD = keys(
    id=str,
    updated_at=str | None,
    status=Literal["uploading"],
    display_description=str | None,
    size=int,
    volume_type=keys(id=str, name=str, is_public=bool),
    image_id=str,
    image_name=str,
    disk_format=str,
    container_format=str,
    visibility=since("3.1", str),
    protected=since("3.1", bool),
)
UPLOADING = (
    Action(
        name="os-volume_upload_image",
        policy="volume_extension:volume_actions:upload_image",
        run=upload_image,
        body=_body,
        answer=keys({"os-volume_upload_image": UPLOAD}),
    ),
)
