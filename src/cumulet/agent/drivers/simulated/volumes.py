# SPDX-License-Identifier: Apache-2.0
"""Volumes and snapshots that hold no data but remember how large they are."""

from typing import Any

from cumulet.agent.driver import DriverError, State
from cumulet.agent.drivers.simulated.images import write_empty_image
from cumulet.agent.drivers.simulated.world import Snapshot, Twin, Volume, World
from cumulet.contracts.documents import VolumeDocument, VolumeSnapshotDocument, VolumeSource

EMPTY_BYTES = 196608
"""What an empty qcow2 file takes."""


class SimulatedVolumes(Twin[VolumeDocument, Volume]):
    kind = "volume"

    def __init__(self, world: World) -> None:
        super().__init__(world, world.volumes)
        self.calls = {"volume_to_image": self.volume_to_image}

    async def make(self, document: VolumeDocument, record: Volume | None) -> Volume:
        if record is None:
            return Volume(document, await self._filled_bytes(document.source))
        if document.size_gb < record.document.size_gb:
            raise DriverError(
                f"Volume {document.id} has {record.document.size_gb} GB and cannot shrink to "
                f"{document.size_gb} GB."
            )
        if record.document.exported and not document.exported:
            self.release(record)
        record.document = document
        return record

    def release(self, record: Volume) -> None:
        for guest in self.world.guests.values():
            attached = any(disk.volume_id == record.document.id for disk in guest.document.disks)
            if attached and guest.power in ("running", "paused"):
                raise DriverError(
                    f"Volume {record.document.id} is in use by guest {guest.document.id}.", retry=True
                )

    def state(self, record: Volume) -> State:
        return {
            "size_gb": record.document.size_gb,
            "exported": record.document.exported,
            "bytes": record.bytes,
        }

    async def volume_to_image(self, id: str, path: str, format: str = "qcow2") -> dict[str, Any]:
        """Write the volume's content to a file."""
        await self.strike("volume_to_image", id)
        volume = self.world.volumes.get(id)
        if volume is None:
            raise DriverError(f"Volume {id} is not on this host.")
        virtual_bytes = volume.document.size_gb * 2**30
        return {"bytes": await write_empty_image(path, virtual_bytes, format)}

    async def _filled_bytes(self, source: VolumeSource) -> int:
        if source.image_id is not None:
            return await self.image_bytes(source.image_id)
        if source.snapshot_id is not None:
            if source.snapshot_id not in self.world.snapshots:
                raise DriverError(f"Snapshot {source.snapshot_id} is not on this host.", retry=True)
            return self.world.snapshots[source.snapshot_id].bytes
        if source.volume_id is not None:
            if source.volume_id not in self.world.volumes:
                raise DriverError(f"Volume {source.volume_id} is not on this host.", retry=True)
            return self.world.volumes[source.volume_id].bytes
        return EMPTY_BYTES


class SimulatedSnapshots(Twin[VolumeSnapshotDocument, Snapshot]):
    kind = "volume_snapshot"

    def __init__(self, world: World) -> None:
        super().__init__(world, world.snapshots)

    async def make(self, document: VolumeSnapshotDocument, record: Snapshot | None) -> Snapshot:
        if record is not None:
            return record
        volume = self.world.volumes.get(document.volume_id)
        if volume is None:
            raise DriverError(f"Volume {document.volume_id} is not on this host.", retry=True)
        return Snapshot(document.id, volume.document.size_gb, volume.bytes)

    def state(self, record: Snapshot) -> State:
        return {"size_gb": record.size_gb, "bytes": record.bytes}
