# SPDX-License-Identifier: Apache-2.0
"""The root disk of a guest as a file of its own, as it is at one instant, running or not."""

from uuid import uuid4

from cumulet.agent.driver import DriverError
from cumulet.agent.drivers.qemu.folder import Folder
from cumulet.agent.drivers.qemu.guest import Guest
from cumulet.agent.emulator import disk_images
from cumulet.agent.emulator.live_copy import copy_node
from cumulet.agent.emulator.site import Site

PREFIX = "snapshot-"


def clear_snapshots(folder: Folder) -> None:
    """No file is left of a snapshot that a killed agent was taking."""
    for part in folder.path.glob(f"{PREFIX}*"):
        part.unlink(missing_ok=True)


async def snapshot_root(guest: Guest, site: Site, path: str, format: str) -> int:
    """The file is in the exchange folder, in this format; its size in bytes.

    A running guest writes on meanwhile; its file systems are as after a loss of power.
    """
    target = site.exchange_target(path)
    root = guest.folder.disk("root")
    if not root.exists():
        raise DriverError(f"Guest {guest.id} has no root disk of its own on this host.")
    part = guest.folder.path / f"{PREFIX}{uuid4().hex}.part"
    try:
        if guest.process.pid is not None:
            await copy_node(await guest.process.monitor(), site, "root", part)
        else:
            async with guest.lock:
                await disk_images.convert(site, root, part)
        return await disk_images.hand_over(site, part, target, format)
    finally:
        part.unlink(missing_ok=True)
