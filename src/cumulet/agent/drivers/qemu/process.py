# SPDX-License-Identifier: Apache-2.0
"""The process of a guest: started, found again, watched, and ended in one way or another.

A process is started paused and detached. Whoever ends it says so before; an end that nobody announced is the
guest's own (it powered off, or QEMU died), and `on_end` is called then.
"""

import asyncio
import os
from collections.abc import Callable
from contextlib import suppress

from cumulet.agent.driver import DriverError
from cumulet.agent.drivers.qemu import cgroup
from cumulet.agent.drivers.qemu.commandline import Launch, command_line
from cumulet.agent.drivers.qemu.folder import Folder, Record
from cumulet.agent.drivers.qemu.host import GuestHost
from cumulet.agent.emulator.detached import Detached
from cumulet.agent.emulator.live_copy import clear_copies
from cumulet.agent.emulator.monitor import Monitor, MonitorError

QUIT = 5.0
"""Seconds that QEMU may take to write what it holds and end."""

KNOCK = 5.0
"""Seconds between two presses of the power button: a guest that is booting misses the first."""


class GuestProcess:
    """QEMU for one guest, whether it runs or not."""

    def __init__(self, host: GuestHost, folder: Folder, on_end: Callable[[], None]) -> None:
        self._host = host
        self._folder = folder
        self._on_end = on_end
        self._daemon = Detached(folder.pid)
        self._monitor: Monitor | None = None
        self._watch: asyncio.Task[None] | None = None
        self._ending = False
        self._connecting = asyncio.Lock()

    @property
    def pid(self) -> int | None:
        """Its process id while it runs."""
        return self._daemon.pid()

    async def monitor(self) -> Monitor:
        """A session with the running process, which is watched from then on."""
        async with self._connecting:
            if self._monitor is None or self._monitor.lost.is_set():
                self._monitor = await Monitor.connect(self._folder.monitor)
                await clear_copies(self._monitor)
                self._ending = False
                self._watch = asyncio.create_task(self._await_end(self._monitor))
            return self._monitor

    async def see_off(self) -> None:
        """A process that is just dying is gone."""
        if self.pid is not None:
            try:
                await (await self.monitor()).run("query-status")
            except MonitorError:
                await self._daemon.ended(QUIT)

    async def start(self, record: Record, *, incoming: bool = False) -> Monitor:
        """The process is there, paused; with `incoming` it has no memory yet."""
        taps = await self._open_taps(record)
        try:
            launch = Launch(
                document=record.document,
                slots=record.slots,
                folder=self._folder,
                state_dir=self._host.site.state_dir,
                accelerator=self._host.accelerator,
                taps=taps,
                incoming=incoming,
            )
            arguments = command_line(launch)
            await self._daemon.start(self._host.site, arguments, pass_fds=tuple(taps.values()))
        finally:
            for tap in taps.values():
                os.close(tap)
        if (pid := self.pid) is not None:
            await asyncio.to_thread(cgroup.confine, record.document.id, pid, record.document.vcpus)
        return await self.monitor()

    async def power_down(self, patience: float) -> None:
        """The process has ended: by the guest's own doing if it listens within so many seconds."""
        if self.pid is None:
            return
        with suppress(DriverError):
            monitor = await self.monitor()
            self._ending = True
            if (await monitor.run("query-status"))["status"] == "running":
                await self._press_power_button(monitor, patience)
        await self.end()

    async def end(self) -> None:
        """The process has ended, at once."""
        self._ending = True
        if self.pid is not None:
            with suppress(DriverError):
                monitor = await self.monitor()
                self._ending = True
                await monitor.run("quit")
            if not await self._daemon.ended(QUIT):
                await self._daemon.kill()
        await self.let_go()
        await cgroup.release(self._folder.path.name)

    async def let_go(self) -> None:
        """The process runs on without this agent."""
        if self._watch:
            self._watch.cancel()
            await asyncio.gather(self._watch, return_exceptions=True)
            self._watch = None
        if self._monitor:
            await self._monitor.close()
            self._monitor = None

    async def _press_power_button(self, monitor: Monitor, patience: float) -> None:
        loop = asyncio.get_running_loop()
        deadline = loop.time() + patience
        while (left := deadline - loop.time()) > 0:
            await monitor.run("system_powerdown")
            if await self._daemon.ended(min(left, KNOCK)):
                return

    async def _await_end(self, monitor: Monitor) -> None:
        await monitor.lost.wait()
        await self._daemon.ended()
        if not self._ending:
            await cgroup.release(self._folder.path.name)
            self._on_end()

    async def _open_taps(self, record: Record) -> dict[str, int]:
        """The taps of all NICs, by port; none on a host without a network plane."""
        taps: dict[str, int] = {}
        if self._host.open_tap is None:
            return taps
        try:
            for nic in record.document.nics:
                taps[nic.port_id] = await self._host.open_tap(nic.port_id)
        except BaseException:
            for tap in taps.values():
                os.close(tap)
            raise
        return taps
