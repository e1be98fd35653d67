# SPDX-License-Identifier: Apache-2.0
"""A session with the monitor of QEMU or of its storage daemon.

A monitor socket serves one session at a time, and a session outlives no agent: a new agent simply connects.
Replies and events arrive by `qemu.qmp`; whatever goes wrong comes out as a MonitorError.
"""

import asyncio
import logging
import socket
import struct
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

from qemu.qmp import ExecInterruptedError, ExecuteError, QMPClient, QMPError, Runstate, StateError

from cumulet.agent.driver import DriverError

logging.getLogger("qemu.qmp").setLevel(logging.CRITICAL)  # it calls the end of a session an error

Event = dict[str, Any]


class MonitorError(DriverError):
    """QEMU refused a command, or the session ended before it answered (`lost`)."""

    def __init__(self, message: str, *, lost: bool = False) -> None:
        super().__init__(message, retry=lost)
        self.lost = lost


class Events:
    """Events of some names, in order, from the moment that listening began."""

    def __init__(self, monitor: "Monitor", get: Callable[[], Awaitable[Event]]) -> None:
        self._monitor = monitor
        self._get = get

    async def until(self, deadline: float | None, wanted: Callable[[dict[str, Any]], bool]) -> Event | None:
        """The first event whose data is wanted, None when there was none before the deadline, in seconds.

        Raises MonitorError when the session ends first.
        """
        with suppress(TimeoutError):
            async with asyncio.timeout(deadline):
                while event := await self._next():
                    if wanted(event.get("data", {})):
                        return event
        return None

    async def _next(self) -> Event:
        arrival = asyncio.ensure_future(self._get())
        loss = asyncio.ensure_future(self._monitor.lost.wait())
        try:
            await asyncio.wait((arrival, loss), return_when=asyncio.FIRST_COMPLETED)
            if not arrival.done():
                raise MonitorError("QEMU ended.", lost=True)
            return arrival.result()
        finally:
            arrival.cancel()
            loss.cancel()


class Monitor:
    """An open session. `lost` is set when it ends, by either side."""

    def __init__(self, client: QMPClient, wire: socket.socket) -> None:
        self._client = client
        self._wire = wire
        self.lost = asyncio.Event()
        self._watch = asyncio.create_task(self._await_loss())

    @classmethod
    async def connect(cls, path: Path, deadline: float = 10.0) -> "Monitor":
        """A session with the monitor that listens on a unix socket; seconds to wait for its greeting."""
        end = socket.socket(socket.AF_UNIX)
        end.setblocking(False)
        wire = None
        client = QMPClient(path.parent.name)
        try:
            async with asyncio.timeout(deadline):
                await asyncio.get_running_loop().sock_connect(end, str(path))
                wire = end.dup()
                await client.connect(end)
        except BaseException as error:
            end.close()
            if wire:
                wire.close()
            if isinstance(error, TimeoutError | OSError | QMPError | EOFError):
                raise MonitorError(f"The monitor at {path.name} does not answer.", lost=True) from error
            raise
        return cls(client, wire)

    async def run(self, command: str, arguments: dict[str, Any] | None = None) -> Any:
        """The reply to a command."""
        try:
            return await self._client.execute(command, arguments)
        except ExecuteError as error:
            raise MonitorError(f"QEMU refused {command}: {error}") from error
        except (ExecInterruptedError, StateError, OSError, EOFError) as error:
            raise MonitorError(f"QEMU ended before it answered {command}.", lost=True) from error

    async def give(self, name: str, fd: int) -> None:
        """QEMU has a copy of an open file under a name, for one command to use."""
        try:
            self._wire.sendmsg([b" "], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, struct.pack("@i", fd))])
        except OSError as error:
            raise MonitorError("QEMU ended before it took a file.", lost=True) from error
        await self.run("getfd", {"fdname": name})

    @asynccontextmanager
    async def events(self, *names: str) -> AsyncIterator[Events]:
        """Listen for events while the block runs."""
        with self._client.listener(names) as listener:
            yield Events(self, listener.get)

    async def close(self) -> None:
        """Let go of the monitor; what it belongs to runs on."""
        with suppress(Exception):
            await self._client.disconnect()
        await self._watch
        self._wire.close()

    async def _await_loss(self) -> None:
        while self._client.runstate not in (Runstate.DISCONNECTING, Runstate.IDLE):
            await self._client.runstate_changed()
        self.lost.set()
        with suppress(Exception):
            await self._client.disconnect()
