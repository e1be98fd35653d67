# SPDX-License-Identifier: Apache-2.0
"""The guest's root file system: chosen programs with their libraries, kernel modules, our own files.

Its layout is simpler than Debian's: all programs lie in /usr/bin and all libraries in one folder, and /bin,
/sbin, /lib... are links to these, so every customary path leads to its program.
"""

import lzma
import os
import re
import shutil
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from cumulet.guest_image import packages
from cumulet.guest_image.host import FILES, BuildError, run

LIBRARIES = "usr/lib/x86_64-linux-gnu"

FOLDERS = (
    *("proc", "sys", "dev", "run", "tmp", "mnt", "media", "root", "home/cirros", "etc/dropbear"),
    *("usr/bin", "var/lib/cirros", "var/log", "var/tmp", LIBRARIES),
)

LINKS = {
    "bin": "usr/bin",
    "sbin": "usr/bin",
    "usr/sbin": "bin",
    "lib": "usr/lib",
    "lib64": LIBRARIES,
    "var/run": "/run",
    "etc/pam.d/sudo": "other",
    "usr/bin/sh": "bash",
    "usr/bin/ssh": "dbclient",
    "usr/bin/ping6": "ping",
    "usr/bin/mkfs.ext2": "mke2fs",
    "usr/bin/mkfs.ext3": "mke2fs",
    "usr/bin/mkfs.ext4": "mke2fs",
}

PROGRAMS = (
    *("busybox", "bash", "curl", "jq", "ping", "sudo", "dropbear", "dropbearkey", "dbclient"),
    *("mke2fs", "resize2fs", "e2fsck", "mkfs", "lsblk", "blkid", "losetup", "swapon"),
)
"""Taken from their own packages; every other name of busybox is a link to busybox."""

RENAMED = {"socat": "usr/libexec/cumulet/nc"}
"""Programs that lie elsewhere, for files/rootfs/usr/bin/nc."""

PLUGINS = ("pam_permit.so", "sudoers.so", "libsudo_util.so.0")
"""Libraries that programs open by name, which no list of dependencies shows."""

MODULES = (
    *("virtio_pci", "virtio_mmio", "virtio_blk", "virtio_scsi", "virtio_net", "virtio_console", "virtio_rng"),
    *("virtio_balloon", "virtio_input", "virtiofs", "sd_mod", "sr_mod", "ata_piix", "nvme", "loop"),
    *("isofs", "vfat", "nls_ascii", "nls_utf8", "nls_cp437", "button", "evdev", "af_packet", "8021q"),
    *("i6300esb", "uhci_hcd", "usbhid", "usb-storage", "xen-blkfront", "xen-netfront"),
    *("hv_vmbus", "hv_storvsc", "hv_netvsc", "vmw_pvscsi", "vmxnet3", "mptspi", "ena"),
)

MODES = {
    "tmp": 0o1777,
    "var/tmp": 0o1777,
    "root": 0o700,
    "etc/shadow": 0o600,
    "etc/sudoers": 0o440,
    f"{LIBRARIES}/ld-linux-x86-64.so.2": 0o755,
    "usr/bin/sudo": 0o4755,
    "usr/bin/ping": 0o4755,
}
"""Of other files: 755 for folders, programs and what begins with `#!`, 644 for the rest."""

OWNERS = {"home/cirros": (1000, 1000)}
"""All else is root's; disk.py writes owners into the file system, so that building needs no root rights."""


@dataclass(frozen=True)
class Tree:
    """The unpacked packages, from which programs can be taken and run without being installed."""

    path: Path

    def program(self, name: str) -> Path:
        """Where the packages put a program."""
        return self._first(f"{folder}/{name}" for folder in ("usr/bin", "bin", "usr/sbin", "sbin"))

    def plugin(self, name: str) -> Path:
        """Where the packages put a library that is opened by name."""
        return self._first(str(path.relative_to(self.path)) for path in sorted(self.path.rglob(name)))

    def run(self, program: Path, *arguments: str | Path) -> str:
        """What a program of the packages wrote, run with the packages' libraries instead of the host's."""
        return run(self.loader, "--library-path", self._library_path, program, *arguments)

    def libraries(self, program: Path) -> Iterator[Path]:
        """The shared libraries that a program of the packages needs, the loader not among them."""
        listing = run(self.loader, "--library-path", self._library_path, "--list", program)
        for name, found in re.findall(r"^\s+(\S+) => (\S+)", listing, re.MULTILINE):
            if not found.startswith(str(self.path)):
                raise BuildError(f"{program.name} needs {name}, which none of the packages has.")
            yield Path(found)

    @cached_property
    def loader(self) -> Path:
        """The dynamic loader of the packages' libc."""
        return self._first(f"{folder}/x86_64-linux-gnu/ld-linux-x86-64.so.2" for folder in ("usr/lib", "lib"))

    @cached_property
    def kernel_version(self) -> str:
        """The one kernel of the packages, as `uname -r` will say."""
        return next((self.path / "boot").glob("vmlinuz-*")).name.removeprefix("vmlinuz-")

    @cached_property
    def kernel(self) -> Path:
        """The kernel."""
        return self.path / f"boot/vmlinuz-{self.kernel_version}"

    @cached_property
    def modules(self) -> Path:
        """The folder of the kernel's modules."""
        return self._first(f"{folder}/modules/{self.kernel_version}" for folder in ("usr/lib", "lib"))

    @cached_property
    def static_busybox(self) -> Path:
        """The busybox that needs no libraries."""
        return self._first(
            f"{packages.ASIDE['busybox-static']}/{folder}/busybox" for folder in ("usr/bin", "bin")
        )

    @cached_property
    def _library_path(self) -> str:
        folders = ("usr/lib/x86_64-linux-gnu", "lib/x86_64-linux-gnu", "usr/libexec/sudo", "usr/lib/sudo")
        return ":".join(str(self.path / folder) for folder in folders)

    def _first(self, places: Iterable[str]) -> Path:
        tried = list(places)
        for place in tried:
            if (self.path / place).exists():
                return self.path / place
        raise BuildError(f"None of the packages has {' or '.join(tried) or 'a file that the guest needs'}.")


def populate(root: Path, tree: Tree) -> None:
    """The root file system lies in the folder, but for /boot, which comes with the disk."""
    for folder in FOLDERS:
        (root / folder).mkdir(parents=True, exist_ok=True)
    shutil.copytree(FILES / "rootfs", root, dirs_exist_ok=True)
    for link, target in LINKS.items():
        (root / link).symlink_to(target)
    for name in PROGRAMS:
        _take(tree.program(name), root / "usr/bin" / name, tree, root)
    for name, place in RENAMED.items():
        _take(tree.program(name), root / place, tree, root)
    for name in PLUGINS:
        plugin = tree.plugin(name)
        _take(plugin, root / plugin.relative_to(tree.path), tree, root)
    _copy(tree.loader, root / LIBRARIES / tree.loader.name)
    _copy(tree.path / "etc/mke2fs.conf", root / "etc/mke2fs.conf")
    _link_applets(root, tree)
    _take_modules(root, tree)
    _set_modes(root)


def module_files(tree: Tree, names: Iterable[str]) -> list[Path]:
    """The modules of these names and those beneath them, each after what it needs; unknown names are skipped.

    Paths are relative to the folder of the kernel's modules, as in its modules.dep.
    """
    needs: dict[str, list[str]] = {}
    by_name: dict[str, str] = {}
    for line in _dependencies(tree).splitlines():
        file, _, beneath = line.partition(":")
        needs[file] = beneath.split()
        by_name[_module_name(file)] = file
    found: dict[str, None] = {}
    for name in names:
        file = by_name.get(name.replace("-", "_"), "")
        found.update(dict.fromkeys([*reversed(needs.get(file, [])), *([file] if file else [])]))
    return [Path(file) for file in found]


def copy_module(module: Path, target: Path) -> Path:
    """The module lies at the target, uncompressed whatever the package did; returns its path."""
    target.parent.mkdir(parents=True, exist_ok=True)
    if module.suffix != ".xz":
        return Path(shutil.copyfile(module, target))
    target = target.with_suffix("")
    target.write_bytes(lzma.decompress(module.read_bytes()))
    return target


def _dependencies(tree: Tree) -> str:
    listing = tree.modules / "modules.dep"
    if not listing.exists():
        _depmod(tree, tree.modules.parents[2], tree.kernel_version)
    return listing.read_text()


def _module_name(file: str) -> str:
    return Path(file).name.split(".ko")[0].replace("-", "_")


def _depmod(tree: Tree, base: Path, version: str) -> None:
    tree.run(tree.program("busybox"), "depmod", "-b", base, version)


def _take(source: Path, target: Path, tree: Tree, root: Path) -> None:
    """A program or plugin and its libraries lie in the root file system."""
    _copy(source, target)
    for library in tree.libraries(source):
        inside = library.relative_to(tree.path)
        private = inside.parent.name != "x86_64-linux-gnu"
        _copy(library, root / (inside if private else Path(LIBRARIES) / library.name))


def _copy(source: Path, target: Path) -> None:
    if not target.exists():
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source, target)


def _link_applets(root: Path, tree: Tree) -> None:
    for applet in tree.run(tree.program("busybox"), "--list").split():
        link = root / "usr/bin" / applet
        if not os.path.lexists(link):
            link.symlink_to("busybox")


def _take_modules(root: Path, tree: Tree) -> None:
    target = root / "usr/lib/modules" / tree.kernel_version
    for file in module_files(tree, MODULES):
        copy_module(tree.modules / file, target / file)
    for index in ("modules.builtin", "modules.order"):
        _copy(tree.modules / index, target / index)
    _depmod(tree, root, tree.kernel_version)


def _set_modes(root: Path) -> None:
    programs = {root / "usr/bin", *((root / place).parent for place in RENAMED.values())}
    for path in root.rglob("*"):
        if path.is_symlink():
            continue
        executable = path.is_dir() or path.parent in programs or path.read_bytes()[:2] == b"#!"
        path.chmod(MODES.get(str(path.relative_to(root)), 0o755 if executable else 0o644))
