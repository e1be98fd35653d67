# SPDX-License-Identifier: Apache-2.0
"""Programs run to their end, and what they say turned into a sentence."""

import asyncio
import shutil
from collections.abc import Sequence

from cumulet.agent.driver import DriverError

PACKAGES = {
    "qemu-system-x86_64": "qemu-system-x86",
    "qemu-img": "qemu-utils",
    "qemu-storage-daemon": "qemu-system-common",
    "setpriv": "util-linux",
}

DISK_FULL = "No space left on device"

BUSY = ('Failed to get "write" lock', 'Failed to get "consistent read" lock', "Cannot lock pid file")
"""What QEMU says while another program still has a file, for instance one that is ending."""


def require(*names: str) -> None:
    """Every program is installed. Raises DriverError that says what to install."""
    missing = [name for name in names if shutil.which(name) is None]
    if missing:
        packages = ", ".join(sorted({PACKAGES.get(name, name) for name in missing}))
        raise DriverError(f"This host has no {' and no '.join(missing)}: install {packages}.")


async def run(argv: Sequence[str], *, pass_fds: Sequence[int] = (), deadline: float | None = None) -> bytes:
    """What a program wrote to its standard output. Raises DriverError when it failed.

    A program that is not done by the deadline, in seconds, or whose caller is cancelled, is killed.
    """
    try:
        process = await asyncio.create_subprocess_exec(
            *argv,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            pass_fds=pass_fds,
            start_new_session=True,
        )
    except FileNotFoundError:
        require(argv[0])
        raise
    try:
        output, complaint = await asyncio.wait_for(process.communicate(), deadline)
    except TimeoutError:
        raise DriverError(f"{argv[0]} did not end within {deadline:g} seconds.", retry=True) from None
    finally:
        if process.returncode is None:
            process.kill()
    if process.returncode:
        raise failure(_name(argv), process.returncode, complaint.decode(errors="replace"))
    return output


def failure(program: str, status: int, complaint: str) -> DriverError:
    """The error of a program that failed, from what it wrote to its standard error."""
    if DISK_FULL in complaint:
        return DriverError("The disk of the host is full.")
    lines = [line for line in complaint.splitlines() if line.strip() and "warning:" not in line]
    said = lines[-1].removeprefix(f"{program}: ") if lines else f"it ended with status {status} and no word."
    return DriverError(f"{program} failed: {said}", retry=any(sign in complaint for sign in BUSY))


def _name(argv: Sequence[str]) -> str:
    """The program that an argument vector is about, not the one that drops privileges for it."""
    return next((word for word in argv if word in PACKAGES and word != "setpriv"), argv[0])
