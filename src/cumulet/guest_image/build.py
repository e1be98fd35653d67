# SPDX-License-Identifier: Apache-2.0
"""From nothing to a bootable image, one stage after the other."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from cumulet.guest_image import disk, host, initramfs, packages, rootfs

Progress = Callable[[str, float], None]
"""Called with what is being done and the share of the whole that is behind, from 0 to 1."""


@dataclass(frozen=True)
class BuiltImage:
    """An image that was built."""

    path: Path
    size: int
    """Bytes of the file, not of the virtual disk."""
    seconds: float
    packages: Mapping[str, str]
    """Versions by name."""


def build(output: Path, cache: Path, progress: Progress) -> BuiltImage:
    """A small guest lies at the output as a qcow2; its packages stay in the cache for the next time.

    BuildError says what the host lacks. Needs 300 MB in the folder for temporary files, and no root rights.
    """
    begin = time.monotonic()
    host.check()
    progress("fetching packages", 0.0)
    fetched = packages.fetch(cache)
    with TemporaryDirectory(prefix="cumulet-guest-") as folder:
        scratch = Path(folder)
        tree, root = rootfs.Tree(scratch / "packages"), scratch / "root"
        packages.unpack(fetched, tree.path, lambda share: progress("unpacking packages", 0.3 + 0.3 * share))
        progress("choosing files", 0.6)
        rootfs.populate(root, tree)
        progress("making the initramfs", 0.7)
        disk.install_kernel(root, tree, initramfs.make(tree))
        progress("making the disk", 0.8)
        disk.make(root, tree, scratch, output)
    progress("done", 1.0)
    versions = {package.name: package.version for package in fetched}
    return BuiltImage(output, output.stat().st_size, time.monotonic() - begin, versions)
