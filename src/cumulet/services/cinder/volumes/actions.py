# SPDX-License-Identifier: Apache-2.0
"""The actions on a volume that are no attaching: growing, flags, image metadata, an operator's means."""

from typing import Any

from cumulet.kernel import saga
from cumulet.kernel.auth.context import Context
from cumulet.kernel.db import Tx
from cumulet.kernel.errors import BadRequest, NotFound
from cumulet.kernel.http.messages import as_flag
from cumulet.kernel.resource import Action
from cumulet.kernel.resource.shapes import keys
from cumulet.services.cinder.attachments import changes
from cumulet.services.cinder.errors import InvalidInput, InvalidVolume
from cumulet.services.cinder.quotas.usage import charge_growth
from cumulet.services.cinder.schemas import BOOLEAN, SIZE, thing
from cumulet.services.cinder.types.model import VolumeType
from cumulet.services.cinder.volumes import exports, flows, states
from cumulet.services.cinder.volumes.attaching import ATTACHING
from cumulet.services.cinder.volumes.creating import check_type_size
from cumulet.services.cinder.volumes.deleting import delete_volume
from cumulet.services.cinder.volumes.model import Volume
from cumulet.services.cinder.volumes.uploading import UPLOADING

Asked = dict[str, Any]


def extend(tx: Tx, ctx: Context, volume: Volume, asked: Asked) -> None:
    """Accept a larger size; from 3.42 on also of a volume that a server has, while the server runs."""
    size = int(asked["new_size"])
    attached = ctx.at("3.42") and volume.status == "in-use"
    if attached:
        ctx.require("volume:extend_attached_volume", Volume.target(tx, volume))
    if size <= volume.size:
        raise InvalidInput(
            "New size for extend must be greater than current size. "
            f"(current: {volume.size}, extended: {size})."
        )
    volume_type = tx.need(VolumeType, volume.volume_type_id)
    check_type_size(volume_type, size)
    if volume.status != "available" and not attached:
        raise InvalidVolume(
            f"Volume {volume.id} status must be '{{'status': 'available'}}' to extend, "
            f"currently {volume.status}."
        )
    charge_growth(tx, ctx, volume, size, volume_type)
    tx.update(volume, status="extending", target_size=max(size, volume.target_size))
    saga.start(tx, ctx, flows.extend_volume, volume_id=volume.id)


def set_bootable(tx: Tx, ctx: Context, volume: Volume, asked: Asked) -> None:
    """The volume may, or may not, be booted from."""
    tx.update(volume, is_bootable=as_flag(asked["bootable"]))


def update_readonly(tx: Tx, ctx: Context, volume: Volume, asked: Asked) -> None:
    """Servers may, or may not, write to the volume from its next attachment on."""
    if volume.status != "available":
        raise InvalidVolume(
            f"Volume {volume.id} status must be available to update readonly flag, but current status is: "
            f"{volume.status}."
        )
    tx.update(volume, readonly=as_flag(asked["readonly"]))


def reset_status(tx: Tx, ctx: Context, volume: Volume, asked: Asked) -> None:
    """The volume is in this status, whatever is true of it; `attach_status` detached ends its attachments."""
    status, attach = str(asked.get("status") or "").lower(), str(asked.get("attach_status") or "").lower()
    if status in ("deleting", "error_deleting", "detaching"):
        raise BadRequest(f"Cannot reset-state to {status}")
    held = exports.attachments(tx, volume.id)
    if status == "in-use" and not held:
        raise BadRequest("Cannot reset-state to in-use because volume does not have any attachments.")
    if saga.busy(tx, f"volume:{volume.id}"):
        saga.cancel(tx, f"volume:{volume.id}")
    if attach == "detached":
        for attachment in held:
            changes.end(tx, ctx, attachment)
    if status:
        tx.update(tx.need(Volume, volume.id), status=status)


def force_delete(tx: Tx, ctx: Context, volume: Volume, asked: Any) -> None:
    """Accept the end of a volume in any status that no server has."""
    delete_volume(tx, ctx, volume, force=True)


# -- what is remembered of the image ------------------------------------------------------------------------


def set_image_metadata(tx: Tx, ctx: Context, volume: Volume, asked: Asked) -> dict[str, Any]:
    """These words of the image are remembered besides the others."""
    merged = {**volume.image_metadata, **asked["metadata"]}
    return {"metadata": tx.update(volume, image_metadata=merged).image_metadata}


def show_image_metadata(tx: Tx, ctx: Context, volume: Volume, asked: Any) -> dict[str, Any]:
    """What is remembered of the image."""
    return {"metadata": volume.image_metadata}


def unset_image_metadata(tx: Tx, ctx: Context, volume: Volume, asked: Asked) -> None:
    """One word of the image is forgotten."""
    if asked["key"] not in volume.image_metadata:
        raise NotFound(f"Glance metadata for volume/snapshot {volume.id} cannot be found.")
    kept = {key: value for key, value in volume.image_metadata.items() if key != asked["key"]}
    tx.update(volume, image_metadata=kept)


STATUS = {"enum": [*states.ALL, *(word.upper() for word in states.ALL), None]}
RESET = thing(
    status={"type": ["string", "null"], **STATUS},
    attach_status={"enum": ["detached", "attached", "DETACHED", "ATTACHED", None]},
    migration_status={"type": ["string", "null"], "maxLength": 255},
)
IMAGE_METADATA = thing(
    "metadata",
    metadata={
        "type": "object",
        "patternProperties": {"^[a-zA-Z0-9-_:. /]{1,255}$": {"type": "string", "maxLength": 65535}},
        "additionalProperties": False,
    },
)
REMEMBERED = keys(metadata=dict[str, str])
ADMIN = "volume_extension:volume_admin_actions:"
IMAGE = "volume_extension:volume_image_metadata:"

ACTIONS = (
    Action(name="os-extend", policy="volume:extend", run=extend, body=thing("new_size", new_size=SIZE)),
    Action(
        name="os-set_bootable",
        policy="volume:update",
        run=set_bootable,
        body=thing("bootable", bootable=BOOLEAN),
        status=200,
    ),
    Action(
        name="os-update_readonly_flag",
        policy="volume:update_readonly_flag",
        run=update_readonly,
        body=thing("readonly", readonly=BOOLEAN),
    ),
    Action(name="os-reset_status", policy=f"{ADMIN}reset_status", run=reset_status, body=RESET),
    Action(name="os-force_delete", policy=f"{ADMIN}force_delete", run=force_delete),
    Action(
        name="os-set_image_metadata",
        policy=f"{IMAGE}set",
        run=set_image_metadata,
        body=IMAGE_METADATA,
        status=200,
        answer=REMEMBERED,
    ),
    Action(
        name="os-show_image_metadata",
        policy=f"{IMAGE}show",
        run=show_image_metadata,
        status=200,
        answer=REMEMBERED,
    ),
    Action(
        name="os-unset_image_metadata",
        policy=f"{IMAGE}remove",
        run=unset_image_metadata,
        body=thing("key", key={"type": "string", "minLength": 1, "maxLength": 255}),
        status=200,
    ),
    *UPLOADING,
    *ATTACHING,
)
