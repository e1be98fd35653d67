# SPDX-License-Identifier: Apache-2.0
"""Disk image files: what they are, and how they are made, copied and grown.

An image that a user uploaded may name other files of the host as its backing or its extents, so an image is
looked at before anything opens it, and refused when it is not all in one file.
"""

import asyncio
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from cumulet.agent.driver import DriverError
from cumulet.agent.emulator import programs
from cumulet.agent.emulator.site import Site

GIB = 1 << 30

SELF_CONTAINED_VMDK = ("monolithicSparse", "streamOptimized")


@dataclass(frozen=True)
class ImageFacts:
    """The format of a disk image, as QEMU names it, and the size in bytes of the disk inside."""

    format: str
    virtual_size: int


async def inspect(site: Site, path: Path) -> ImageFacts:
    """What a foreign image is. Raises DriverError when it is none, or needs other files or a secret."""
    output = await programs.run(
        site.command(["qemu-img", "info", "--force-share", "--output=json", str(path)]), deadline=60
    )
    facts: dict[str, Any] = msgspec.json.decode(output)
    special = facts.get("format-specific", {}).get("data", {})
    if "backing-filename" in facts or "data-file" in special:
        raise DriverError("The image refers to another file, so it is refused.")
    if facts["format"] == "vmdk" and special.get("create-type") not in SELF_CONTAINED_VMDK:
        raise DriverError("The image is a VMDK of several files, so it is refused.")
    if facts.get("encrypted"):
        raise DriverError("The image is encrypted, so the host cannot use it.")
    return ImageFacts(format=facts["format"], virtual_size=facts["virtual-size"])


def virtual_size(path: Path) -> int:
    """Bytes of the disk inside a qcow2 file of ours, read from its header."""
    with path.open("rb") as file:
        header = file.read(32)
    if len(header) < 32 or header[:4] != b"QFI\xfb":
        raise DriverError(f"{path.name} is not a qcow2 file.")
    return int.from_bytes(header[24:32], "big")


def allocated(path: Path) -> int:
    """Bytes that a file takes on the host's disk."""
    return path.stat().st_blocks * 512


async def create(site: Site, path: Path, size: int) -> None:
    """An empty qcow2 disk of this size in bytes is at the path."""
    await _qemu_img(site, "create", "-q", "-f", "qcow2", str(path), str(size))


async def create_overlay(site: Site, path: Path, base: Path, size: int) -> None:
    """A qcow2 disk at the path holds what is in the qcow2 file `base`; it stores only what differs."""
    backing = ("-b", str(base), "-F", "qcow2")
    await _qemu_img(site, "create", "-q", "-f", "qcow2", *backing, str(path), str(size))


async def grow(site: Site, path: Path, size: int) -> None:
    """The qcow2 disk, which nothing has open, is at least this many bytes large."""
    if virtual_size(path) < size:
        await _qemu_img(site, "resize", "-q", "-f", "qcow2", str(path), str(size))


async def convert(site: Site, source: Path, target: Path, source_format: str = "qcow2") -> None:
    """`target` is a qcow2 file with the same disk inside as the source, and depends on no other file."""
    await _qemu_img(site, "convert", "-q", "-f", source_format, "-O", "qcow2", str(source), str(target))


async def hand_over(site: Site, made: Path, target: Path, format: str) -> int:
    """The qcow2 file that was made is in the exchange folder, in this format; its size in bytes."""
    given = made
    if format != "qcow2":
        given = made.with_suffix(".converted.part")
        await _qemu_img(site, "convert", "-q", "-f", "qcow2", "-O", format, str(made), str(given))
    size = given.stat().st_size
    await asyncio.to_thread(site.hand_over, given, target)
    return size


async def _qemu_img(site: Site, *words: str) -> None:
    await programs.run(site.command(["qemu-img", *words]))
