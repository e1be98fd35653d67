# SPDX-License-Identifier: Apache-2.0
"""A guest is suspended by migrating it into a file, and resumed by migrating it out of it.

Two facts hold at every instant, so that an agent that was killed can be followed by another: the file named
`memory` is whole, and while it is there the guest has not run since it was saved. So when the file and a
process are there at once, either the suspending was not finished (QEMU says `postmigrate`) or the resuming
was not, and then the process can be ended and the file be loaded again.
"""

import asyncio
import os
from contextlib import suppress

from cumulet.agent.driver import DriverError
from cumulet.agent.drivers.qemu.folder import Folder
from cumulet.agent.emulator.monitor import Monitor

FULL_SPEED = 1 << 40
"""Bytes a second: the disk sets the pace."""

POLL = 0.05


async def save(monitor: Monitor, folder: Folder) -> None:
    """The guest's memory is in its file, and its process waits to be ended."""
    await monitor.run("stop")
    await monitor.run("migrate-set-parameters", {"max-bandwidth": FULL_SPEED})
    fd = os.open(folder.unfinished_memory, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    try:
        await monitor.give("memory", fd)
        await monitor.run("migrate", {"uri": "fd:memory"})
        await _migrated(monitor)
        await asyncio.to_thread(os.fsync, fd)
    except DriverError:
        if not monitor.lost.is_set():
            await forsake(monitor, folder)
        raise
    finally:
        os.close(fd)
    folder.unfinished_memory.rename(folder.memory)


async def load(monitor: Monitor, folder: Folder) -> None:
    """The process that was started to be loaded holds the guest's memory, and is paused."""
    fd = os.open(folder.memory, os.O_RDONLY | os.O_CLOEXEC)
    try:
        await monitor.give("memory", fd)
        await monitor.run("migrate-incoming", {"uri": "fd:memory"})
        await _migrated(monitor)
    except DriverError as error:
        raise DriverError(
            "The guest could not be resumed from its saved memory; a hard reboot starts it anew."
        ) from error
    finally:
        os.close(fd)
    folder.memory.unlink()


async def forsake(monitor: Monitor, folder: Folder) -> None:
    """A saving that was not finished is given up; the guest is paused."""
    with suppress(DriverError):
        await monitor.run("migrate_cancel")
        await _migrated(monitor)
    folder.unfinished_memory.unlink(missing_ok=True)


async def _migrated(monitor: Monitor) -> None:
    while True:
        progress = await monitor.run("query-migrate")
        match progress.get("status"):
            case "completed" | None:
                return
            case "failed" | "cancelled" as status:
                raise DriverError(
                    f"The guest's memory could not be saved: {progress.get('error-desc', status)}"
                )
        await asyncio.sleep(POLL)
