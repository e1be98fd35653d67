# SPDX-License-Identifier: Apache-2.0
"""One volume served on a unix socket, by a qemu-storage-daemon of its own.

A daemon for each volume costs 8 MB and lets nothing that happens to one volume touch another: taking it away
is ending a process. It outlives the agent; when it dies by itself its guests wait at the socket until the
agent has started another.
"""

import asyncio
import json
import os
from contextlib import suppress
from pathlib import Path

from cumulet.agent.driver import DriverError
from cumulet.agent.emulator.detached import Detached
from cumulet.agent.emulator.live_copy import clear_copies, qcow2_node
from cumulet.agent.emulator.monitor import Monitor, MonitorError
from cumulet.agent.emulator.site import Site, volume_socket

NODE = "disk"
"""The volume inside its daemon."""

QUIT = 5.0
"""Seconds that a daemon may take to write what it holds and end."""

CONNECTED = b"03"
"""The state of a socket in /proc/net/unix."""

PAUSE = 1.0
"""Seconds between two attempts to serve again what stopped by itself."""


class Export:
    """The service of one volume, running or not."""

    def __init__(self, site: Site, volume_id: str) -> None:
        self._site = site
        self._volume_id = volume_id
        self._file = site.volumes / f"{volume_id}.qcow2"
        self._monitor_socket = site.volumes / f"{volume_id}.qmp"
        self._socket = volume_socket(site.state_dir, volume_id)
        self._daemon = Detached(site.volumes / f"{volume_id}.pid")
        self._monitor: Monitor | None = None
        self._watch: asyncio.Task[None] | None = None
        self._opening = asyncio.Lock()
        self._connecting = asyncio.Lock()

    @property
    def serving(self) -> bool:
        """Whether its daemon runs."""
        return self._daemon.pid() is not None

    @property
    def in_use(self) -> bool:
        """Whether somebody is connected to the socket."""
        name = os.fsencode(self._socket)
        rows = Path("/proc/net/unix").read_bytes().splitlines()
        return any(row.endswith(name) and row.split()[5] == CONNECTED for row in rows)

    async def monitor(self) -> Monitor:
        """A session with the running daemon."""
        async with self._connecting:
            if self._monitor is None or self._monitor.lost.is_set():
                self._monitor = await Monitor.connect(self._monitor_socket)
                await clear_copies(self._monitor)
            return self._monitor

    async def open(self) -> None:
        """The volume is served, by the daemon that an earlier agent left if there is one."""
        async with self._opening:
            monitor = await self._answering()
            if not await monitor.run("query-block-exports"):
                await monitor.run("block-export-add", self._export())
        if self._watch is None:
            self._watch = asyncio.create_task(self._keep_open())

    async def close(self) -> None:
        """The volume is not served, and nothing of its service is left.

        Raises DriverError while it is in use.
        """
        if self.serving and self.in_use:
            raise DriverError(f"Volume {self._volume_id} is in use by a guest.", retry=True)
        await self.let_go()
        if self.serving:
            with suppress(DriverError):
                await (await self.monitor()).run("quit")
            if not await self._daemon.ended(QUIT):
                await self._daemon.kill()
        await self.let_go()
        for path in (self._monitor_socket, self._socket, self._daemon.pid_file):
            path.unlink(missing_ok=True)

    async def let_go(self) -> None:
        """The daemon runs on without this agent."""
        if self._watch:
            self._watch.cancel()
            await asyncio.gather(self._watch, return_exceptions=True)
            self._watch = None
        if self._monitor:
            await self._monitor.close()
            self._monitor = None

    async def resize(self, size: int) -> None:
        """The served volume has this many bytes.

        An export forbids that its size changes, so it is taken away for some milliseconds; its guests come
        back by themselves, and see the new size when they are told to look.
        """
        monitor = await self.monitor()
        async with monitor.events("BLOCK_EXPORT_DELETED") as events:
            if await monitor.run("query-block-exports"):
                await monitor.run("block-export-del", {"id": NODE, "mode": "hard"})
                await events.until(QUIT, lambda said: said["id"] == NODE)
        try:
            await monitor.run("block_resize", {"node-name": NODE, "size": size})
        finally:
            await monitor.run("block-export-add", self._export())

    async def _keep_open(self) -> None:
        while True:
            if self._monitor is not None:
                await self._monitor.lost.wait()
            await self._daemon.ended()
            with suppress(DriverError):
                await self.open()
                continue
            await asyncio.sleep(PAUSE)

    async def _answering(self) -> Monitor:
        """A session with the daemon, which is started when it does not run, or is just dying."""
        if self.serving:
            try:
                monitor = await self.monitor()
                await monitor.run("query-block-exports")
                return monitor
            except MonitorError:
                if not await self._daemon.ended(PAUSE):
                    raise
        await self._daemon.start(self._site, self._command())
        return await self.monitor()

    def _export(self) -> dict[str, object]:
        return {"type": "nbd", "id": NODE, "node-name": NODE, "name": self._volume_id, "writable": True}

    def _command(self) -> list[str]:
        server = {"addr": {"type": "unix", "path": str(self._socket)}, "max-connections": 0}
        monitor_path = str(self._monitor_socket).replace(",", ",,")
        return [
            *("qemu-storage-daemon", "--pidfile", str(self._daemon.pid_file)),
            *("--chardev", f"socket,id=monitor,path={monitor_path},server=on,wait=off"),
            *("--monitor", "chardev=monitor"),
            *("--blockdev", json.dumps(qcow2_node(NODE, self._file))),
            *("--nbd-server", json.dumps(server)),
            *("--export", json.dumps(self._export())),
        ]
