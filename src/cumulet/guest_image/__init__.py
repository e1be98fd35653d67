# SPDX-License-Identifier: Apache-2.0
"""A small guest in the manner of CirrOS, built from Debian packages in under a minute.

`build()` turns an empty cache into a bootable qcow2 without root rights, mounts or loop devices:

    packages.py    what is fetched from Debian and why; fetching and unpacking
    rootfs.py      the root file system: programs with their libraries, kernel modules, our own files
    initramfs.py   the archive that finds, grows and mounts the root disk
    disk.py        partition table, boot loader, ext4, qcow2
    host.py        the host's programs, and the one error
    files/         the guest's own scripts and settings, each at the path that it has in the guest
"""

from cumulet.guest_image.build import BuiltImage, build
from cumulet.guest_image.host import BuildError

__all__ = ["BuildError", "BuiltImage", "build"]
