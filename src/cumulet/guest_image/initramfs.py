# SPDX-License-Identifier: Apache-2.0
"""The initial RAM file system: busybox, the disks' drivers, and files/initramfs/init.

The archive is cpio's "newc" form (the kernel's Documentation/driver-api/early-userspace/buffer-format.rst),
written here because it is little: a header of 13 hexadecimal fields, the name, the content, each padded to 4.
"""

import gzip
from collections.abc import Iterator
from itertools import count
from pathlib import Path
from stat import S_IFDIR, S_IFREG
from tempfile import TemporaryDirectory

from cumulet.guest_image.host import FILES
from cumulet.guest_image.rootfs import Tree, copy_module, module_files

DRIVERS = {
    "virtio": ("virtio_pci", "virtio_blk"),
    "other": (
        "virtio_mmio",
        "virtio_scsi",
        "sd_mod",
        "ata_piix",
        "nvme",
        "xen-blkfront",
        "hv_storvsc",
        "vmw_pvscsi",
        "mptspi",
    ),
}
"""Names of lists in /modules of the archive, and the drivers in them; init loads the second only in need."""

_FOLDERS = ("bin", "dev", "modules", "proc", "root", "sys")


def make(tree: Tree) -> bytes:
    """The compressed archive; the same packages give the same bytes."""
    return gzip.compress(b"".join(_archive(_contents(tree))), compresslevel=6, mtime=0)


def _contents(tree: Tree) -> Iterator[tuple[str, int, bytes]]:
    """Path, mode and content of each member, folders before what is in them."""
    for folder in _FOLDERS:
        yield folder, S_IFDIR | 0o755, b""
    yield "init", S_IFREG | 0o755, (FILES / "initramfs/init").read_bytes()
    yield "bin/busybox", S_IFREG | 0o755, tree.static_busybox.read_bytes()
    for name, drivers in DRIVERS.items():
        yield from _modules(tree, name, drivers)


def _modules(tree: Tree, name: str, drivers: tuple[str, ...]) -> Iterator[tuple[str, int, bytes]]:
    order = []
    with TemporaryDirectory() as scratch:
        for file in module_files(tree, drivers):
            module = copy_module(tree.modules / file, Path(scratch) / file.name)
            order.append(module.name)
            yield f"modules/{module.name}", S_IFREG | 0o644, module.read_bytes()
    yield f"modules/{name}", S_IFREG | 0o644, "".join(f"{file}\n" for file in order).encode()


def _archive(members: Iterator[tuple[str, int, bytes]]) -> Iterator[bytes]:
    numbers = count(1)
    seen = set()
    for name, mode, content in members:
        if name not in seen:
            yield _member(name, mode, content, next(numbers))
        seen.add(name)
    yield _member("TRAILER!!!", 0, b"", 0)


def _member(name: str, mode: int, content: bytes, number: int) -> bytes:
    owner = group = time = device_major = device_minor = special_major = special_minor = checksum = 0
    links = 2 if mode & S_IFDIR else 1
    path = name.encode() + b"\0"
    fields = (
        *(number, mode, owner, group, links, time, len(content)),
        *(device_major, device_minor, special_major, special_minor, len(path), checksum),
    )
    header = b"070701" + b"".join(b"%08X" % field for field in fields)
    return _padded(header + path) + _padded(content)


def _padded(content: bytes) -> bytes:
    return content + bytes(-len(content) % 4)
