# SPDX-License-Identifier: Apache-2.0
"""The guest's disk: a partition table, GRUB for BIOS, and one ext4 file system, as a qcow2.

    sector 0         the boot record: GRUB's first 440 bytes, and the table with one partition
    sector 1...      GRUB's core, which finds /boot/grub/grub.cfg by itself
    sector 2048...   the root file system

Times, identities and the order of files are fixed, so that the same packages give the same disk.
"""

import os
import struct
from collections.abc import Iterator
from pathlib import Path

from cumulet.guest_image import rootfs
from cumulet.guest_image.host import FILES, BuildError, run
from cumulet.guest_image.rootfs import Tree
from cumulet.lib.units import KIB, MIB

SIZE = 128 * MIB
"""Of the virtual disk; the guest grows the file system to whatever its flavor gives."""

LABEL = "cirros-rootfs"

_SECTOR = 512
_START = 1 * MIB
_LINUX = 0x83
_TIME = 1_700_000_000
_DISK_ID = 0x63756D75
_UUID = "63756d75-6c65-4774-8000-000000000001"
_HASH_SEED = "63756d75-6c65-4774-8000-000000000002"

_GRUB_MODULES = ("biosdisk", "part_msdos", "ext2", "linux", "normal", "boot", "configfile")
_EXT4_FEATURES = (
    *(
        "none",
        "has_journal",
        "ext_attr",
        "resize_inode",
        "dir_index",
        "filetype",
        "extent",
        "64bit",
        "flex_bg",
    ),
    *("sparse_super", "large_file", "huge_file", "uninit_bg", "dir_nlink", "extra_isize"),
)
"""Those that GRUB 2.06 reads; uninit_bg lets a large disk grow without writing all its inode tables."""


def install_kernel(root: Path, tree: Tree, initramfs: bytes) -> None:
    """The kernel and the initramfs lie in the root's /boot, where grub.cfg names them."""
    (root / "boot/vmlinuz").write_bytes(tree.kernel.read_bytes())
    (root / "boot/initrd.img").write_bytes(initramfs)


def make(root: Path, tree: Tree, scratch: Path, output: Path) -> None:
    """The output is a qcow2 that boots into the root file system."""
    raw = scratch / "disk.raw"
    with raw.open("wb") as disk:
        disk.truncate(SIZE)
    _make_file_system(root, raw)
    with raw.open("r+b") as disk:
        disk.write(_boot_record(_grub(tree, "boot.img").read_bytes()))
        disk.write(_grub_core(tree, scratch))
    output.parent.mkdir(parents=True, exist_ok=True)
    run("qemu-img", "convert", "-f", "raw", "-O", "qcow2", "-c", raw, output)


def _make_file_system(root: Path, raw: Path) -> None:
    for path in [root, *root.rglob("*")]:
        os.utime(path, (_TIME, _TIME), follow_symlinks=False)
    options = f"offset={_START},hash_seed={_HASH_SEED},resize={16 << 20},lazy_itable_init=1,nodiscard"
    run(
        *("mke2fs", "-q", "-F", "-t", "ext4", "-b", "4096", "-m", "0", "-L", LABEL, "-U", _UUID),
        *("-O", ",".join(_EXT4_FEATURES), "-E", options, "-d", root, raw, f"{(SIZE - _START) // KIB}k"),
        E2FSPROGS_FAKE_TIME=str(_TIME),
    )
    commands = "\n".join(_corrections(root))
    run("debugfs", "-w", "-f", "-", f"{raw}?offset={_START}", stdin=commands, E2FSPROGS_FAKE_TIME=str(_TIME))


def _corrections(root: Path) -> Iterator[str]:
    """What to tell debugfs so that files have the owners of rootfs.OWNERS and no trace of the build."""
    for path in [root, *sorted(root.rglob("*"))]:
        inside = path.relative_to(root)
        user, group = rootfs.OWNERS.get(str(inside), (0, 0))
        fields = {"uid": user, "gid": group, "atime": f"@{_TIME}", "ctime": f"@{_TIME}"}
        for field, value in fields.items():
            yield f'set_inode_field "/{inside}" {field} {value}'


def _boot_record(boot_code: bytes) -> bytes:
    """Sector 0; addresses in cylinders and heads are the customary ones for "too large, use the sectors"."""
    bootable = 0x80
    no_chs = b"\xfe\xff\xff"
    start, sectors = _START // _SECTOR, (SIZE - _START) // _SECTOR
    entry = struct.pack("<B3sB3sII", bootable, no_chs, _LINUX, no_chs, start, sectors)
    return struct.pack("<440sIH16s48x2s", boot_code, _DISK_ID, 0, entry, b"\x55\xaa")


def _grub_core(tree: Tree, scratch: Path) -> bytes:
    core = scratch / "core.img"
    tree.run(
        tree.program("grub-mkimage"),
        *("-O", "i386-pc", "-d", _grub(tree, "."), "-p", "(hd0,msdos1)/boot/grub"),
        *("-c", FILES / "grub-early.cfg", "-o", core, *_GRUB_MODULES),
    )
    if core.stat().st_size > _START - _SECTOR:
        raise BuildError("GRUB's core does not fit before the first partition.")
    return core.read_bytes()


def _grub(tree: Tree, name: str) -> Path:
    return tree.path / "usr/lib/grub/i386-pc" / name
