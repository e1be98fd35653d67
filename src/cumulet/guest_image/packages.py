# SPDX-License-Identifier: Apache-2.0
"""What the guest takes from Debian, and how it gets here.

apt knows the versions and their checksums; the cache keeps each archive under apt's file name, so a build
fetches only what is new. Nothing is installed: the archives are unpacked side by side into one tree, and
rootfs.py picks what the guest needs out of it.
"""

import re
import shutil
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from tempfile import TemporaryDirectory
from urllib.parse import unquote

from cumulet.guest_image.host import BuildError, run

WANTED = {
    "bash": "sh with pipefail, which dash lacks; busybox's sh runs its own applets before the PATH",
    "busybox": "init, getty, login, udhcpc, acpid, ip, nc, wget and the other small tools",
    "busybox-static": "the same for the initramfs, where there are no libraries",
    "curl": "clients of the metadata service and of load balancers",
    "dropbear-bin": "the SSH server; its keys take milliseconds and its start is not felt",
    "e2fsprogs": "mkfs.ext4, and resize2fs for the root disk",
    "grub-common": "grub-mkimage, run at build time",
    "grub-pc-bin": "the boot loader's parts",
    "iputils-ping": "ping -M do, which busybox lacks",
    "jq": "reads meta_data.json",
    "libpam-modules": "sudo does not run without one",
    "mount": "losetup and swapon as util-linux has them",
    "socat": "what our nc is made of: Debian's netcats lack -e, -k or -u",
    "sudo": "user cirros without a password",
    "util-linux": "lsblk, blkid, mkfs",
}

KERNEL = "linux-image-cloud-amd64"
"""Depends on the newest kernel for virtual machines: small, and its drivers are those of hypervisors."""

ASIDE = {"busybox-static": "static"}
"""Packages with a file that another one has too, and the folder of the tree that is theirs alone."""

_LIBRARY = re.compile(r"^(lib|zlib)(?!perl|python|debconf)(?!.*-perl$)(?!.*:)")
_RECURSE = [
    f"--no-{kind}" for kind in ("recommends", "suggests", "conflicts", "breaks", "replaces", "enhances")
]
_ARCHIVE = re.compile(r"^'[^']+' (?P<file>\S+) \d+ SHA256:(?P<sha256>[0-9a-f]{64})$")


@dataclass(frozen=True)
class Package:
    """One Debian archive in the cache."""

    name: str
    version: str
    path: Path
    sha256: str

    def is_here(self) -> bool:
        """Whether the cache holds the archive, whole."""
        return self.path.exists() and sha256(self.path.read_bytes()).hexdigest() == self.sha256


def fetch(cache: Path) -> list[Package]:
    """Every package of the guest is in the cache, in the version that apt prefers today."""
    cache.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(dir=cache) as scratch:
        packages = _resolve(cache, Path(scratch))
        missing = [package for package in packages if not package.is_here()]
        if missing:
            _download(missing, Path(scratch))
    return packages


def unpack(packages: Iterable[Package], tree: Path, done: Callable[[float], None]) -> None:
    """The packages' files lie in the tree, as they would in a root directory."""
    for folder in (".", *ASIDE.values()):
        (tree / folder).mkdir(parents=True, exist_ok=True)
    packages = sorted(packages, key=lambda package: -package.path.stat().st_size)
    with ThreadPoolExecutor(max_workers=2) as pool:
        unpacking = pool.map(
            lambda package: run("dpkg-deb", "-x", package.path, tree / ASIDE.get(package.name, ".")), packages
        )
        for count, _ in enumerate(unpacking, start=1):
            done(count / len(packages))


def _resolve(cache: Path, scratch: Path) -> list[Package]:
    """The archives that apt would fetch; it leaves out those in its working directory, so that is empty."""
    names = [*WANTED, *_libraries(WANTED), _newest_kernel()]
    listing = _apt("apt-get", "download", "--print-uris", *names, directory=scratch)
    archives = [match for line in listing.splitlines() if (match := _ARCHIVE.match(line.strip()))]
    if len(archives) < len(names):
        raise BuildError(f"apt named {len(archives)} of {len(names)} packages; apt-get update may help.")
    return [_package(match["file"], match["sha256"], cache) for match in archives]


def _package(file: str, checksum: str, cache: Path) -> Package:
    name, version, _ = file.split("_")
    return Package(name=name, version=unquote(version), path=cache / file, sha256=checksum)


def _download(missing: list[Package], scratch: Path) -> None:
    _apt(
        "apt-get",
        "download",
        *(f"{package.name}={package.version}" for package in missing),
        directory=scratch,
    )
    for package in missing:
        shutil.move(scratch / package.path.name, package.path)
        if not package.is_here():
            raise BuildError(f"{package.path.name} came with another checksum than apt knows; try again.")


def _libraries(names: Iterable[str]) -> list[str]:
    """The packages of shared libraries beneath the named ones; only some of their files are needed."""
    listing = _apt("apt-cache", "depends", "--recurse", *_RECURSE, *names)
    found = {line for line in listing.splitlines() if _LIBRARY.match(line)}
    return sorted(found - set(names))


def _newest_kernel() -> str:
    listing = _apt("apt-cache", "depends", *_RECURSE, KERNEL)
    match = re.search(r"Depends: (linux-image-\S+)", listing)
    if match is None:
        raise BuildError(f"apt knows no kernel beneath {KERNEL}.")
    return match[1]


def _apt(*command: str, directory: Path | None = None) -> str:
    program, *rest = command
    try:
        return run(program, "-o", "APT::Sandbox::User=root", *rest, directory=directory)
    except BuildError as error:
        raise BuildError(f"{error} Does apt know the packages' sources (apt-get update)?") from error
