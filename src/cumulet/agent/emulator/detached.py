# SPDX-License-Identifier: Apache-2.0
"""A program that outlives the agent: it is found again by its pid file, and its end is awaited by pidfd.

The program makes itself a daemon: its launcher returns when the program is ready, so a failed start is an
exit status with a sentence, and nothing of it is a child of the agent. A pid file may be left over from
another boot and its number be somebody else's now, so a process counts only when the pid file's path is among
its arguments.
"""

import asyncio
import os
import signal
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from cumulet.agent.emulator import programs
from cumulet.agent.emulator.site import Site

LAUNCH = 60.0
"""Seconds that a program may take to be ready."""


@dataclass(frozen=True)
class Detached:
    """A daemon known by the pid file that it was told to write."""

    pid_file: Path

    async def start(self, site: Site, argv: Sequence[str], *, pass_fds: Sequence[int] = ()) -> None:
        """The daemon is ready. Raises DriverError when it did not start."""
        await programs.run(site.command([*argv, "--daemonize"]), pass_fds=pass_fds, deadline=LAUNCH)

    def pid(self) -> int | None:
        """Its process id while it runs."""
        try:
            pid = int(self.pid_file.read_text())
            arguments = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
        except (OSError, ValueError):
            return None
        return pid if os.fsencode(self.pid_file) in arguments else None

    async def ended(self, deadline: float | None = None) -> bool:
        """True once it does not run; false when it still does after the deadline, in seconds."""
        handle = self._handle()
        if handle is None:
            return True
        loop = asyncio.get_running_loop()
        over = asyncio.Event()
        loop.add_reader(handle, over.set)
        try:
            await asyncio.wait_for(over.wait(), deadline)
        except TimeoutError:
            return False
        finally:
            loop.remove_reader(handle)
            os.close(handle)
        return True

    async def kill(self) -> None:
        """It does not run any more, whatever it was doing."""
        while (handle := self._handle()) is not None:
            try:
                signal.pidfd_send_signal(handle, signal.SIGKILL)
            except ProcessLookupError:
                return
            finally:
                os.close(handle)
            await self.ended(5.0)

    def _handle(self) -> int | None:
        """A pidfd of the process, which is looked up again after opening, lest the number was reused."""
        pid = self.pid()
        if pid is None:
            return None
        try:
            handle = os.pidfd_open(pid)
        except ProcessLookupError:
            return None
        if self.pid() == pid:
            return handle
        os.close(handle)
        return None
