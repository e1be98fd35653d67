# SPDX-License-Identifier: Apache-2.0
"""A control group for each guest, where the machine allows it; nothing depends on it.

It lies outside of the agent's own group, lest whoever stops the agent's service ends the guests with it. A
guest weighs as much as it has processors.
"""

import asyncio
import os
from contextlib import suppress
from pathlib import Path

ROOT = Path("/sys/fs/cgroup")
SHARE = {"cpu.shares": 1024, "cpu.weight": 100}
"""What one processor weighs, in version 1 and in version 2."""

TRIES, PAUSE = 50, 0.01
"""How often, and after how many seconds, the removal of a group is tried."""

HEAVIEST = 10_000


def confine(guest_id: str, pid: int, vcpus: int) -> None:
    """The process is in the guest's group."""
    with suppress(OSError):
        group = _parent() / guest_id
        group.mkdir(parents=True, exist_ok=True)
        with suppress(OSError):
            (group.parent / "cgroup.subtree_control").write_text("+cpu")
        for name, share in SHARE.items():
            if (group / name).exists():
                (group / name).write_text(str(min(share * vcpus, HEAVIEST)))
        (group / "cgroup.procs").write_text(str(pid))


async def release(guest_id: str) -> None:
    """The group of a guest without a process is gone, and so is the parent when it was the last.

    The kernel counts the process in for a moment after its end.
    """
    group = _parent() / guest_id
    for _ in range(TRIES):
        with suppress(OSError):
            os.rmdir(group)
        if not group.exists():
            break
        await asyncio.sleep(PAUSE)
    with suppress(OSError):
        os.rmdir(_parent())


def _parent() -> Path:
    version_2 = (ROOT / "cgroup.controllers").exists()
    return ROOT / "cumulet" if version_2 else ROOT / "cpu" / "cumulet"
