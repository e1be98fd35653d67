# SPDX-License-Identifier: Apache-2.0
"""What happens to attachments: reserved, given to a host, attached, ended. The volume follows each time."""

from collections.abc import Mapping
from typing import Any

from cumulet.kernel import events, ids
from cumulet.kernel.auth.context import Context
from cumulet.kernel.db import Tx
from cumulet.kernel.errors import Conflict
from cumulet.services.cinder.attachments.model import Attachment
from cumulet.services.cinder.errors import InvalidVolume
from cumulet.services.cinder.volumes import exports, states
from cumulet.services.cinder.volumes.model import Volume


def reserve(
    tx: Tx, ctx: Context, volume: Volume, server_id: str | None, *, mode: str | None = None
) -> Attachment:
    """A reserved attachment of a volume that is free, or that several may have. Raises InvalidVolume.

    The same server may reserve a volume that it has: it moves to another host so.
    """
    held = exports.attachments(tx, volume.id)
    if volume.multiattach and volume.status == "in-use" and volume.is_bootable:
        ctx.require("volume:multiattach_bootable_volume", Volume.target(tx, volume))
    allowed = ("available", "in-use", "reserved") if volume.multiattach else ("available",)
    moves = volume.status in ("in-use", "reserved") and any(
        server_id is not None and item.server_id == server_id for item in held
    )
    if volume.status not in allowed and not moves:
        raise InvalidVolume(
            f"Volume {volume.id} status must be {states.either(allowed)} to reserve, but the current "
            f"status is {volume.status}."
        )
    attachment = tx.insert(
        Attachment(
            id=ids.dashed(),
            volume_id=volume.id,
            server_id=server_id,
            attach_mode="ro" if volume.readonly else mode,
            project_id=volume.project_id,
        )
    )
    exports.follow(tx, ctx, volume)
    return attachment


def connect(
    tx: Tx, ctx: Context, volume: Volume, attachment: Attachment, connector: Mapping[str, Any]
) -> tuple[Attachment, list[int] | None]:
    """The volume is served to the connector's host; the generation of its document."""
    host = str(connector.get("host") or volume.host or "")
    mode = connector.get("mode") or attachment.attach_mode or "rw"
    attachment = tx.update(
        attachment,
        status="attached" if attachment.status == "attached" else "attaching",
        host=host,
        device=connector.get("mountpoint") or attachment.device,
        attach_mode=mode,
        connector=dict(connector),
        connection_info={"attachment_id": attachment.id, **flat_connection(volume, mode)},
    )
    _, generation = exports.follow(tx, ctx, volume)
    return attachment, generation


def disconnect(tx: Tx, ctx: Context, attachment: Attachment) -> None:
    """The attachment is reserved, as before a host was named."""
    tx.update(attachment, status="reserved", host=None, connector={}, connection_info={}, attached_at=None)
    volume = tx.get(Volume, attachment.volume_id)
    if volume is not None:
        exports.follow(tx, ctx, volume)


def connection(volume: Volume, mode: str) -> dict[str, Any]:
    """How a host reaches the volume: it is a file of its own host, served on a socket there."""
    return {
        "driver_volume_type": "local",
        "data": {
            "volume_id": volume.id,
            "host": volume.host,
            "access_mode": mode,
            "encrypted": volume.encrypted,
            "qos_specs": None,
            "target_discovered": False,
        },
    }


def flat_connection(volume: Volume, mode: str) -> dict[str, Any]:
    """The same as attachments write it: all on one level."""
    whole = connection(volume, mode)
    return {"driver_volume_type": whole["driver_volume_type"], **whole["data"]}


def complete(tx: Tx, ctx: Context, volume: Volume, attachment: Attachment) -> Attachment:
    """The server has the volume."""
    if attachment.status != "attached":
        attachment = tx.update(attachment, status="attached", attached_at=tx.now)
        volume, _ = exports.follow(tx, ctx, volume)
        events.emit(tx, ctx, "volume.attach", volume)
    return attachment


def end(tx: Tx, ctx: Context, attachment: Attachment) -> None:
    """The attachment is gone; with the last one of its host goes the export."""
    tx.delete(attachment)
    volume = tx.get(Volume, attachment.volume_id)
    if volume is not None:
        volume, _ = exports.follow(tx, ctx, volume)
        events.emit(tx, ctx, "volume.detach", volume)


def used_by_nova(server_id: str) -> Conflict:
    """The refusal of who would take a volume away under a running server."""
    return Conflict(
        f"Detach volume from instance {server_id} using the Compute API", kind="ConflictNovaUsingAttachment"
    )


def begin_detaching(tx: Tx, volume: Volume) -> Volume:
    """The volume is being taken from a server. Raises InvalidVolume unless one has it."""
    attached = any(item.status == "attached" for item in exports.attachments(tx, volume.id))
    if volume.status != "in-use" or not attached:
        raise InvalidVolume(
            "Unable to detach volume. Volume status must be 'in-use' and attach_status must be 'attached' to "
            "detach."
        )
    return tx.update(volume, status="detaching")
