# SPDX-License-Identifier: Apache-2.0
"""What the host of a volume is told of it, and how its status and its export follow its attachments.

A volume is served on its host as long as some attachment names a host: its own, or one that reaches it.
"""

from collections.abc import Sequence

from cumulet.contracts.documents import VolumeDocument, VolumeSource
from cumulet.kernel import hosts
from cumulet.kernel.auth.context import Context
from cumulet.kernel.db import Tx
from cumulet.services.cinder.attachments.model import Attachment
from cumulet.services.cinder.volumes import states
from cumulet.services.cinder.volumes.model import Volume


def document(volume: Volume, attachments: Sequence[Attachment] = ()) -> VolumeDocument:
    """The volume as its host should have it."""
    source = VolumeSource(
        image_id=volume.image_id, snapshot_id=volume.snapshot_id, volume_id=volume.source_volid
    )
    served = any(attachment.host for attachment in attachments)
    return VolumeDocument(id=volume.id, size_gb=volume.target_size, source=source, exported=served)


def publish(tx: Tx, ctx: Context, volume: Volume) -> list[int] | None:
    """The host is told how the volume is now; None where it has none of it."""
    if volume.host is None or volume.status in states.NOT_ON_HOST:
        return None
    return hosts.publish(tx, ctx, volume.host, document(volume, attachments(tx, volume.id)))


def follow(tx: Tx, ctx: Context, volume: Volume) -> tuple[Volume, list[int] | None]:
    """The volume has the status that its attachments say, and is served if they want it; its generation."""
    status = states.at_rest(attachments(tx, volume.id))
    if volume.status in states.FOLLOWING and volume.status != status:
        volume = tx.update(volume, status=status)
    return volume, publish(tx, ctx, volume)


def settle(tx: Tx, volume: Volume, **changes: object) -> Volume:
    """An operation is over: the attachments have the word again. A volume on its way out stays so."""
    if volume.status == "deleting":
        return tx.update(volume, **changes)
    return tx.update(volume, status=states.at_rest(attachments(tx, volume.id)), **changes)


def attachments(tx: Tx, volume_id: str) -> list[Attachment]:
    return tx.all_in(Attachment, "volume_id", [volume_id])
