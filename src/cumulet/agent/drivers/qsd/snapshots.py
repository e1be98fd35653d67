# SPDX-License-Identifier: Apache-2.0
"""A snapshot of a volume is a file `snapshots/<id>.qcow2` that depends on no other file."""

import asyncio
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from cumulet.agent.driver import Call, State, Surroundings
from cumulet.agent.drivers.qsd.volumes import VolumeDriver
from cumulet.agent.emulator import disk_images
from cumulet.agent.emulator.disk_images import GIB
from cumulet.contracts.documents import VolumeSnapshotDocument


class SnapshotDriver:
    """Driver of volume snapshot documents. State: {"size_gb": n, "bytes": allocated on the host}."""

    kind = "volume_snapshot"
    name = "qsd"
    calls: Mapping[str, Call] = {}

    def __init__(self, volumes: VolumeDriver) -> None:
        self._volumes = volumes
        self._folder = volumes.site.snapshots

    async def start(self, around: Surroundings) -> None:
        self._volumes.site.prepare(self._folder)
        for part in self._folder.glob("*.part"):
            part.unlink()

    async def stop(self) -> None:
        """Nothing runs for a snapshot."""

    async def purge(self) -> None:
        for path in self._folder.glob("*"):
            await asyncio.to_thread(path.unlink)
        with suppress(OSError):
            self._folder.rmdir()

    async def observe(self) -> dict[str, State]:
        return {path.stem: _state(path) for path in self._folder.glob("*.qcow2")}

    async def apply(self, document: VolumeSnapshotDocument) -> State:
        path = self._path(document.id)
        if not path.exists():
            part = path.with_suffix(".part")
            part.unlink(missing_ok=True)
            try:
                await self._volumes.copy(document.volume_id, part)
                part.rename(path)
            finally:
                part.unlink(missing_ok=True)
        return _state(path)

    async def remove(self, id: str) -> None:
        for suffix in (".qcow2", ".part"):
            await asyncio.to_thread(self._path(id).with_suffix(suffix).unlink, missing_ok=True)

    def _path(self, snapshot_id: str) -> Path:
        return self._folder / f"{snapshot_id}.qcow2"


def _state(path: Path) -> State:
    return {"size_gb": -(-disk_images.virtual_size(path) // GIB), "bytes": disk_images.allocated(path)}
