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

from cumulet.agent.driver import DriverError
from cumulet.agent.emulator import programs
from cumulet.agent.emulator.site import Site

PID_FILE_TAKEN = "Cannot lock pid file"
"""What QEMU says when there is another daemon with the pid file."""

TRIES, PAUSE = 100, 0.02
"""How often, and after how many seconds, the pid file of a starting daemon is looked at."""

LAUNCH = 60.0
"""Seconds that a program may take to be ready."""


@dataclass(frozen=True)
class Detached:
    """A daemon known by the pid file that it was told to write."""

    pid_file: Path

    async def start(self, site: Site, argv: Sequence[str], *, pass_fds: Sequence[int] = ()) -> None:
        """The daemon is ready, with these arguments. Raises DriverError when it did not start.

        An agent that was killed may have left one that is just starting, with other arguments; it is ended.
        """
        command = site.command([*argv, "--daemonize"])
        for last in (False, False, True):
            try:
                await programs.run(command, pass_fds=pass_fds, deadline=LAUNCH)
                return
            except DriverError as error:
                if last or PID_FILE_TAKEN not in str(error):
                    raise
            await self._end_other()

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

    async def _end_other(self) -> None:
        """The daemon that took the pid file, and is about to write its number there, does not run."""
        for _ in range(TRIES):
            if self.pid() is not None:
                break
            await asyncio.sleep(PAUSE)
        await self.kill()

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
