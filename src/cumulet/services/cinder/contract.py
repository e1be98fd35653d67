# SPDX-License-Identifier: Apache-2.0
"""What Cinder offers the other services in their own transaction: the volumes of servers."""

from collections import defaultdict
from collections.abc import Iterable
from typing import Any

from cumulet.contracts.cinder import NewVolume, VolumeInfo
from cumulet.kernel import events, hosts
from cumulet.kernel.auth.context import Context
from cumulet.kernel.db import Tx
from cumulet.kernel.errors import Conflict, NotFound
from cumulet.kernel.resource.finding import fetch_by_key
from cumulet.services.cinder.attachments import changes
from cumulet.services.cinder.attachments.model import Attachment
from cumulet.services.cinder.snapshots.changes import NewSnapshot, create_snapshot, delete_snapshot
from cumulet.services.cinder.snapshots.model import Snapshot
from cumulet.services.cinder.volumes import exports
from cumulet.services.cinder.volumes.creating import create_volume
from cumulet.services.cinder.volumes.deleting import end_volume
from cumulet.services.cinder.volumes.model import Volume
from cumulet.services.cinder.volumes.uploading import OF_IMAGE

LOOK_EVERY = 0.5


class ServerVolumes:
    """Implements `contracts.cinder.Volumes`. Callers are judged by Cinder's policy, as themselves."""

    def volume(self, tx: Tx, ctx: Context, volume_id: str) -> VolumeInfo | None:
        try:
            return _info(_fetch(tx, ctx.within("cinder"), volume_id, "volume:get"))
        except NotFound:
            return None

    def create(self, tx: Tx, ctx: Context, new: NewVolume) -> str:
        ctx = ctx.within("cinder")
        ctx.require("volume:create")
        volume = create_volume(
            tx,
            ctx,
            {
                "name": new.name,
                "size": new.size_gb,
                "image_id": new.image_id,
                "snapshot_id": new.snapshot_id,
                "volume_type": new.volume_type,
                "availability_zone": new.availability_zone,
            },
        )
        events.emit(tx, ctx, "volume.create", volume)
        return volume.id

    async def wait_available(self, ctx: Context, volume_id: str) -> None:
        pause = 0.01
        while True:
            volume = await ctx.read(Tx.get, Volume, volume_id)
            if volume is None:
                raise ValueError(f"Volume {volume_id} could not be found.")
            if volume.status in ("error", "deleting"):
                raise ValueError(volume.error_text or f"Volume {volume_id} is in status {volume.status}.")
            if volume.status != "creating":
                return
            await ctx.app.clock.sleep(pause)
            pause = min(pause * 2, LOOK_EVERY)

    def reserve(self, tx: Tx, ctx: Context, volume_id: str, server_id: str) -> str:
        ctx = ctx.within("cinder")
        volume = _fetch(tx, ctx, volume_id, "volume:attachment_create")
        return changes.reserve(tx, ctx, volume, server_id).id

    def export(self, tx: Tx, ctx: Context, attachment_id: str, host: str, device: str) -> list[Any]:
        attachment = tx.need(Attachment, attachment_id)
        volume = tx.need(Volume, attachment.volume_id)
        if volume.host is None or host not in hosts.reaching(tx, volume.host):
            raise Conflict(
                f"Volume {volume.id} is on host {volume.host}; guests of host {host} cannot reach it."
            )
        connector = {"host": host, "mountpoint": device}
        _, generation = changes.connect(tx, ctx.within("cinder"), volume, attachment, connector)
        return [volume.host, volume.id, generation]

    def unexport(self, tx: Tx, ctx: Context, attachment_id: str) -> None:
        attachment = tx.get(Attachment, attachment_id)
        if attachment is not None:
            changes.disconnect(tx, ctx.within("cinder"), attachment)

    def attached(self, tx: Tx, ctx: Context, attachment_id: str) -> None:
        attachment = tx.need(Attachment, attachment_id)
        changes.complete(tx, ctx.within("cinder"), tx.need(Volume, attachment.volume_id), attachment)

    def release(self, tx: Tx, ctx: Context, attachment_id: str) -> None:
        attachment = tx.get(Attachment, attachment_id)
        if attachment is not None:
            changes.end(tx, ctx.within("cinder"), attachment)

    def detaching(self, tx: Tx, ctx: Context, volume_id: str, server_id: str) -> str:
        volume = _fetch(
            tx, ctx.within("cinder"), volume_id, "volume_extension:volume_actions:begin_detaching"
        )
        held = [item for item in exports.attachments(tx, volume_id) if item.server_id == server_id]
        if not held:
            raise NotFound(f"Volume {volume_id} is not attached to server {server_id}.")
        changes.begin_detaching(tx, volume)
        return held[0].id

    def attachments(self, tx: Tx, server_ids: Iterable[str]) -> dict[str, list[dict[str, Any]]]:
        found: dict[str, list[dict[str, Any]]] = defaultdict(list)
        for row in tx.all_in(Attachment, "server_id", server_ids, order=("created_at", "id")):
            found[str(row.server_id)].append(
                {"id": row.id, "volume_id": row.volume_id, "device": row.device, "status": row.status}
            )
        return found

    def delete(self, tx: Tx, ctx: Context, volume_id: str) -> None:
        volume = tx.get(Volume, volume_id)
        if (
            volume is None
            or volume.status == "deleting"
            or tx.exists(Snapshot, Snapshot.c.volume_id == volume_id, Snapshot.c.status != "deleting")
        ):
            return
        end_volume(tx, ctx.within("cinder"), volume)

    def snapshot(self, tx: Tx, ctx: Context, volume_id: str, name: str) -> str:
        ctx = ctx.within("cinder")
        volume = _fetch(tx, ctx, volume_id, "volume:create_snapshot")
        return create_snapshot(tx, ctx, volume, NewSnapshot(name=name, in_use_too=True)).id

    async def wait_snapshot(self, ctx: Context, snapshot_id: str) -> None:
        pause = 0.01
        while True:
            snapshot = await ctx.read(Tx.get, Snapshot, snapshot_id)
            if snapshot is None or snapshot.status in ("error", "deleting"):
                why = snapshot.error_text if snapshot is not None else None
                raise ValueError(why or f"Snapshot {snapshot_id} could not be made.")
            if snapshot.status != "creating":
                return
            await ctx.app.clock.sleep(pause)
            pause = min(pause * 2, LOOK_EVERY)

    def delete_snapshot(self, tx: Tx, ctx: Context, snapshot_id: str) -> None:
        snapshot = tx.get(Snapshot, snapshot_id)
        if snapshot is not None and snapshot.status != "deleting":
            delete_snapshot(tx, ctx.within("cinder"), snapshot, force=True)


def _fetch(tx: Tx, ctx: Context, volume_id: str, policy: str) -> Volume:
    volume: Volume = fetch_by_key(tx, ctx, Volume, volume_id, policy)
    return volume


def _info(volume: Volume) -> VolumeInfo:
    return VolumeInfo(
        id=volume.id,
        name=volume.name,
        size_gb=volume.size,
        status=volume.status,
        bootable=volume.is_bootable,
        multiattach=volume.multiattach,
        host=volume.host,
        image_properties={k: v for k, v in volume.image_metadata.items() if k not in OF_IMAGE},
    )
