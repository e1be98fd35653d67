# SPDX-License-Identifier: Apache-2.0
"""Volumes are files `volumes/<id>.qcow2`, made under another name and renamed once they are whole.

So a file under a volume's id is that volume, filled; whatever ends in `.part` is the remains of an agent that
was killed. One thing at a time happens to a volume: a copy of it and a change of it wait for each other.
"""

import asyncio
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any
from uuid import uuid4

from cumulet.agent.driver import Call, DriverError, State, Surroundings
from cumulet.agent.drivers.qsd.export import NODE, Export
from cumulet.agent.emulator import disk_images, programs
from cumulet.agent.emulator.disk_images import GIB
from cumulet.agent.emulator.image_cache import ImageCache
from cumulet.agent.emulator.live_copy import copy_node
from cumulet.agent.emulator.site import Site
from cumulet.contracts.documents import VolumeDocument

SUFFIXES = (".qcow2", ".pid", ".qmp", ".sock")
"""Of the files that belong to a volume."""


class VolumeDriver:
    """Driver of volume documents. State: {"size_gb": n, "exported": bool, "bytes": allocated on the host}."""

    kind = "volume"
    name = "qsd"

    def __init__(self, site: Site, images: ImageCache) -> None:
        self.site = site
        self._images = images
        self._around: Surroundings | None = None
        self._exports: dict[str, Export] = {}
        self._locks: dict[str, asyncio.Lock] = {}
        self.calls: Mapping[str, Call] = {"volume_to_image": self.volume_to_image}

    async def start(self, around: Surroundings) -> None:
        self._around = around
        programs.require("qemu-storage-daemon", "qemu-img")
        self._images.start()
        self.site.prepare(self.site.volumes)
        for part in self.site.volumes.glob("*.part"):
            part.unlink()
        taken_over = [export for export in map(self._export, self._ids()) if export.serving]
        await asyncio.gather(*(export.open() for export in taken_over), return_exceptions=True)

    async def stop(self) -> None:
        await asyncio.gather(*(export.let_go() for export in self._exports.values()))
        self._exports.clear()

    async def purge(self) -> None:
        for volume_id in self._ids():
            await self.remove(volume_id)
        for rest in (self.site.volumes, self.site.images):
            await asyncio.to_thread(_remove_folder, rest)

    async def observe(self) -> dict[str, State]:
        return {path.stem: self._state(path.stem) for path in self.site.volumes.glob("*.qcow2")}

    async def apply(self, document: VolumeDocument) -> State:
        path = self.path(document.id)
        size = document.size_gb * GIB
        async with self._lock(document.id):
            export = self._export(document.id)
            if not path.exists():
                await self._fill(document, path)
            if disk_images.virtual_size(path) > size:
                raise DriverError(f"Volume {document.id} cannot shrink to {document.size_gb} GB.")
            if disk_images.virtual_size(path) < size:
                await (export.resize(size) if export.serving else disk_images.grow(self.site, path, size))
            await (export.open() if document.exported else export.close())
            return self._state(document.id)

    async def remove(self, id: str) -> None:
        async with self._lock(id):
            await self._export(id).close()
            await asyncio.to_thread(self.path(id).unlink, missing_ok=True)
            for part in self.site.volumes.glob(f"{id}.*part"):
                part.unlink(missing_ok=True)
            del self._exports[id]

    async def volume_to_image(self, id: str, path: str, format: str = "qcow2") -> dict[str, Any]:
        """The volume as it is at this instant is a file in the exchange folder; its size in bytes."""
        target = self.site.exchange_target(path)
        part = self.site.volumes / f"{id}.{uuid4().hex}.part"
        try:
            await self.copy(id, part)
            return {"bytes": await disk_images.hand_over(self.site, part, target, format)}
        finally:
            part.unlink(missing_ok=True)

    async def copy(self, volume_id: str, target: Path) -> None:
        """`target` is a qcow2 file of its own that holds the volume as it is at this instant."""
        path = self.path(volume_id)
        async with self._lock(volume_id):
            if not path.exists():
                raise DriverError(f"Volume {volume_id} is not on this host.", retry=True)
            export = self._export(volume_id)
            if export.serving:
                await copy_node(await export.monitor(), self.site, NODE, target)
            else:
                await disk_images.convert(self.site, path, target)

    def path(self, volume_id: str) -> Path:
        return self.site.volumes / f"{volume_id}.qcow2"

    async def _fill(self, document: VolumeDocument, path: Path) -> None:
        """The volume's file is there, whole."""
        size = document.size_gb * GIB
        part = path.with_suffix(".part")
        try:
            await self._copy_source(document, part)
            needed = disk_images.virtual_size(part)
            if needed > size:
                raise DriverError(
                    f"Volume {document.id} of {document.size_gb} GB is too small for its source of "
                    f"{needed / GIB:.2f} GB."
                )
            await disk_images.grow(self.site, part, size)
            part.rename(path)
        finally:
            part.unlink(missing_ok=True)

    async def _copy_source(self, document: VolumeDocument, part: Path) -> None:
        source = document.source
        part.unlink(missing_ok=True)
        if source.image_id:
            assert self._around is not None
            cached = await self._images.path(source.image_id, self._around)
            await disk_images.convert(self.site, cached, part)
        elif source.snapshot_id:
            snapshot = self.site.snapshots / f"{source.snapshot_id}.qcow2"
            if not snapshot.exists():
                raise DriverError(f"Snapshot {source.snapshot_id} is not on this host.", retry=True)
            copy = ["cp", "--sparse=always", "--reflink=auto", str(snapshot), str(part)]
            await programs.run(self.site.command(copy))
        elif source.volume_id:
            await self.copy(source.volume_id, part)
        else:
            await disk_images.create(self.site, part, document.size_gb * GIB)

    def _state(self, volume_id: str) -> State:
        path = self.path(volume_id)
        return {
            "size_gb": -(-disk_images.virtual_size(path) // GIB),
            "exported": self._export(volume_id).serving,
            "bytes": disk_images.allocated(path),
        }

    def _export(self, volume_id: str) -> Export:
        if volume_id not in self._exports:
            self._exports[volume_id] = Export(self.site, volume_id)
        return self._exports[volume_id]

    def _lock(self, volume_id: str) -> asyncio.Lock:
        return self._locks.setdefault(volume_id, asyncio.Lock())

    def _ids(self) -> set[str]:
        """Every volume that has a file of any sort."""
        return {path.stem for path in self.site.volumes.glob("*") if path.suffix in SUFFIXES}


def _remove_folder(folder: Path) -> None:
    """The folder is gone, if nothing but remains is in it."""
    for part in folder.glob("*.part"):
        part.unlink(missing_ok=True)
    with suppress(OSError):
        folder.rmdir()
