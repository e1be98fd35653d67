# SPDX-License-Identifier: Apache-2.0
"""The end of a volume: whether it may be, and the saga that brings it about."""

from cumulet.kernel import saga
from cumulet.kernel.auth.context import Context
from cumulet.kernel.db import Tx
from cumulet.services.cinder.attachments.model import Attachment
from cumulet.services.cinder.errors import InvalidVolume
from cumulet.services.cinder.snapshots.model import Snapshot
from cumulet.services.cinder.volumes import exports, flows
from cumulet.services.cinder.volumes.model import Volume
from cumulet.services.cinder.volumes.placement import refuse_frozen
from cumulet.services.cinder.volumes.states import DELETABLE, either

SNAPSHOT_DELETABLE = ("available", "error", "deleting")


def delete_volume(
    tx: Tx, ctx: Context, volume: Volume, *, cascade: bool = False, force: bool = False
) -> None:
    """Accept the end of a volume that no server has: with its snapshots, or only if it has none."""
    refuse_frozen(tx, volume.host)
    attached = any(item.status == "attached" for item in exports.attachments(tx, volume.id))
    snapshots = tx.all(Snapshot, Snapshot.c.volume_id == volume.id)
    in_the_way = [item for item in snapshots if not cascade or not _may_go(ctx, item, force)]
    if attached or in_the_way or not (force or volume.status in DELETABLE):
        states = "" if force else f"status must be {either(DELETABLE)} and"
        raise InvalidVolume(
            f"Volume {states} must not be migrating, attached, belong to a group, have snapshots, awaiting a "
            "transfer, or be disassociated from snapshots after volume transfer."
        )
    for snapshot in snapshots:
        tx.update(snapshot, status="deleting")
        saga.cancel(tx, f"snapshot:{snapshot.id}")
    end_volume(tx, ctx, volume)


def _may_go(ctx: Context, snapshot: Snapshot, force: bool) -> bool:
    mine = ctx.is_admin or snapshot.project_id == ctx.project_id
    return force or (mine and snapshot.status in SNAPSHOT_DELETABLE)


def end_volume(tx: Tx, ctx: Context, volume: Volume) -> None:
    """Whatever is under way with the volume is called off, and it goes."""
    tx.delete_where(Attachment, Attachment.c.volume_id == volume.id)
    tx.update(volume, status="deleting")
    saga.cancel(tx, f"volume:{volume.id}")
    saga.start(tx, ctx, flows.delete_volume, volume_id=volume.id)
