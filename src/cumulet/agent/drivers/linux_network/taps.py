# SPDX-License-Identifier: Apache-2.0
"""Taps: the network cards of guests, seen from the host. These functions block."""

import fcntl
import os
import struct

from cumulet.agent.drivers.linux_network.namespaces import inside

DEVICE = "/dev/net/tun"

_TUNSETIFF = 0x400454CA
_TUNSETPERSIST = 0x400454CB
_TUNSETOWNER = 0x400454CC
_IFF_TAP, _IFF_NO_PI, _IFF_VNET_HDR = 0x0002, 0x1000, 0x4000


def open_tap(namespace: str, name: str, *, offload: bool = False) -> int:
    """A file descriptor whose reads and writes are the tap's frames; the tap is made when it is not there.

    With `offload` each frame is led by the virtio header that QEMU's `vnet_hdr=on` speaks.
    """
    flags = _IFF_TAP | _IFF_NO_PI | (_IFF_VNET_HDR if offload else 0)
    with inside(namespace):
        file = os.open(DEVICE, os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)
        try:
            fcntl.ioctl(file, _TUNSETIFF, struct.pack("16sH22x", name.encode(), flags))
        except OSError:
            os.close(file)
            raise
    return file


def make_tap(namespace: str, name: str, owner: int) -> None:
    """The tap exists, outlives this process, and may be opened by the user `owner`."""
    file = open_tap(namespace, name, offload=True)
    try:
        fcntl.ioctl(file, _TUNSETOWNER, owner)
        fcntl.ioctl(file, _TUNSETPERSIST, 1)
    finally:
        os.close(file)
