# SPDX-License-Identifier: Apache-2.0
"""What all guests of a host share."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from cumulet.agent.driver import Surroundings
from cumulet.agent.drivers.qemu.accel import Accelerator
from cumulet.agent.drivers.qemu.disks import LocalDisks
from cumulet.agent.emulator.site import Site

OpenTap = Callable[[str], Awaitable[int]]
"""Of a network plane: an open file, with virtio headers, of the tap of a port; the caller closes it."""


@dataclass(frozen=True, kw_only=True)
class GuestHost:
    """The place, the accelerator, the disks and the taps of guests, and whom to tell of their ends."""

    site: Site
    accelerator: Accelerator
    disks: LocalDisks
    open_tap: OpenTap | None
    around: Surroundings
