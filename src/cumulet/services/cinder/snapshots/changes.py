# SPDX-License-Identifier: Apache-2.0
"""Snapshots accepted and ended: the rows, the quota and the sagas."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from cumulet.kernel import ids, saga
from cumulet.kernel.auth.context import Context
from cumulet.kernel.db import Tx
from cumulet.services.cinder import metadata
from cumulet.services.cinder.errors import InvalidSnapshot, InvalidVolume
from cumulet.services.cinder.quotas.usage import charge_snapshot
from cumulet.services.cinder.snapshots import flows
from cumulet.services.cinder.snapshots.model import Snapshot
from cumulet.services.cinder.types.model import VolumeType
from cumulet.services.cinder.volumes.model import Volume
from cumulet.services.cinder.volumes.placement import refuse_frozen


@dataclass(frozen=True, kw_only=True)
class NewSnapshot:
    """What is wanted. `in_use_too` takes one of a volume that a server has."""

    name: str | None = None
    description: str | None = None
    metadata: Mapping[str, str] = field(default_factory=dict)
    in_use_too: bool = False


def create_snapshot(tx: Tx, ctx: Context, volume: Volume, new: NewSnapshot) -> Snapshot:
    """Accept a snapshot: the row, its quota and the saga that makes it, or nothing."""
    refuse_frozen(tx, volume.host)
    if volume.host is None:
        raise InvalidVolume(
            "The snapshot cannot be created because volume has not been scheduled to any host."
        )
    if volume.status in _REFUSED:
        raise InvalidVolume(_REFUSED[volume.status])
    allowed = ("available", "in-use") if new.in_use_too else ("available",)
    if volume.status not in allowed:
        raise InvalidVolume(
            f"Volume {volume.id} status must be {', '.join(allowed)}, but current status is: {volume.status}."
        )
    charge_snapshot(tx, ctx, str(ctx.project_id), volume.size, tx.need(VolumeType, volume.volume_type_id))
    snapshot = tx.insert(
        Snapshot(
            id=ids.dashed(),
            name=new.name,
            description=new.description,
            volume_id=volume.id,
            volume_size=volume.size,
            volume_type_id=volume.volume_type_id,
            is_bootable=volume.is_bootable,
            image_metadata=volume.image_metadata,
            project_id=str(ctx.project_id),
            user_id=ctx.user_id,
        )
    )
    metadata.add(tx, metadata.SnapshotMetadata, snapshot.id, new.metadata)
    saga.start(tx, ctx, flows.create_snapshot, snapshot_id=snapshot.id)
    return snapshot


_REFUSED = {
    "maintenance": "The snapshot cannot be created when the volume is in maintenance mode.",
    "error": "The snapshot cannot be created when the volume is in error status.",
}
DELETABLE = ("available", "error")


def delete_snapshot(tx: Tx, ctx: Context, snapshot: Snapshot, *, force: bool = False) -> None:
    """Accept the end of a snapshot; what is under way with it is called off."""
    refuse_frozen(tx, snapshot.host)
    if not force and snapshot.status not in DELETABLE:
        raise InvalidSnapshot(
            f"Snapshot status must be {' or '.join(DELETABLE)} and must not be part of a group."
        )
    tx.update(snapshot, status="deleting")
    saga.cancel(tx, f"snapshot:{snapshot.id}")
    saga.start(tx, ctx, flows.delete_snapshot, snapshot_id=snapshot.id)
