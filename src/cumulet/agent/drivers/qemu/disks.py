# SPDX-License-Identifier: Apache-2.0
"""The disks that are files of the guest: root, ephemeral, swap, config drive and rescue disk.

Each is made under another name and renamed, so that what has its name is whole. The root disk is an overlay
of the cached image; it is looked at and grown before every start, so a guest that got a larger flavor has
it.
"""

import asyncio
import os
import shutil
import uuid
from pathlib import Path

from cumulet.agent.driver import DriverError, Surroundings
from cumulet.agent.drivers.qemu.config_drive import write_config_drive
from cumulet.agent.drivers.qemu.devices import LOCAL_DISKS
from cumulet.agent.drivers.qemu.folder import Folder
from cumulet.agent.emulator import disk_images, programs
from cumulet.agent.emulator.disk_images import GIB
from cumulet.agent.emulator.image_cache import ImageCache
from cumulet.agent.emulator.site import Site
from cumulet.contracts.documents import GuestDocument, GuestRescue

MIB = 1 << 20
PAGE = 4096


class LocalDisks:
    """Makes and removes the local disks of guests."""

    def __init__(self, site: Site, images: ImageCache, around: Surroundings) -> None:
        self._site = site
        self._images = images
        self._around = around

    async def make(self, document: GuestDocument, folder: Folder) -> None:
        """All local disks that the document asks for are there, at least as large as it says."""
        if document.image_id is not None:
            await self._make_root(document.image_id, document.root_gb * GIB, folder.disk("root"))
        await self._make_rescue(document.rescue, folder)
        if document.ephemeral_gb:
            await self._make_ephemeral(folder.disk("ephemeral"), document.ephemeral_gb * GIB)
        if document.swap_mb:
            await self._make_swap(folder.disk("swap"), document.swap_mb * MIB)
        if document.config_drive is not None:
            config = folder.disk("config")
            await asyncio.to_thread(write_config_drive, _part(config), document.config_drive)
            self._keep(config)

    def remove(self, folder: Folder) -> None:
        """No local disk is left; they are made anew from the image by the next `make`."""
        for name in LOCAL_DISKS:
            folder.disk(name).unlink(missing_ok=True)

    async def _make_root(self, image_id: str, size: int, root: Path) -> None:
        if root.exists():
            await disk_images.grow(self._site, root, size)
            return
        base = await self._images.path(image_id, self._around)
        needed = disk_images.virtual_size(base)
        if size and needed > size:
            raise DriverError(
                f"Image {image_id} needs a disk of {-(-needed // GIB)} GB; the flavor gives {size // GIB} GB."
            )
        part = _part(root)
        part.unlink(missing_ok=True)
        await disk_images.create_overlay(self._site, part, base, size or needed)
        self._keep(root)

    async def _make_rescue(self, rescue: GuestRescue | None, folder: Folder) -> None:
        """The disk of this rescue is there, and that of no other."""
        wanted = folder.rescue(rescue.count) if rescue is not None else None
        for path in folder.path.glob(folder.rescue(0).name.replace("0", "*")):
            if path != wanted:
                path.unlink()
        if rescue is not None:
            await self._make_root(rescue.image_id, 0, folder.rescue(rescue.count))

    async def _make_ephemeral(self, path: Path, size: int) -> None:
        """An empty ext4 file system, as cloud-init expects it, where the host can make one."""
        if path.exists():
            return
        _sparse(_part(path), size)
        if program := shutil.which("mkfs.ext4"):
            options = ("-q", "-F", "-L", "ephemeral0", "-E", "lazy_itable_init=1,lazy_journal_init=1")
            await programs.run([program, *options, str(_part(path))])
        self._keep(path)

    async def _make_swap(self, path: Path, size: int) -> None:
        if path.exists():
            return
        _sparse(_part(path), size)
        with _part(path).open("r+b") as file:
            file.write(swap_header(size))
        self._keep(path)

    def _keep(self, path: Path) -> None:
        """The finished file has its name, and belongs to the user that QEMU runs as."""
        self._site.give(_part(path))
        _part(path).rename(path)


def swap_header(size: int) -> bytes:
    """The first page of a swap area of so many bytes, as mkswap writes it."""
    page = bytearray(PAGE)
    page[1024:1028] = (1).to_bytes(4, "little")
    page[1028:1032] = (size // PAGE - 1).to_bytes(4, "little")
    page[1036:1052] = uuid.uuid4().bytes
    page[-10:] = b"SWAPSPACE2"
    return bytes(page)


def _sparse(path: Path, size: int) -> None:
    with path.open("wb") as file:
        os.truncate(file.fileno(), size)


def _part(path: Path) -> Path:
    return path.with_suffix(".part")
