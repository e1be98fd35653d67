# SPDX-License-Identifier: Apache-2.0
"""What processes cost, as /proc tells it."""

import os
from collections import defaultdict
from pathlib import Path

_TICKS = os.sysconf("SC_CLK_TCK")


def family(pid: int) -> list[int]:
    """A process and all its descendants that live."""
    children = defaultdict(list)
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit() and (fields := _stat(int(folder.name))):
            children[int(fields[1])].append(int(folder.name))
    found = [pid]
    for member in found:
        found += children[member]
    return found


def cpu_seconds(pid: int) -> float:
    """The CPU time of a process and its descendants so far."""
    used = [fields for member in family(pid) if (fields := _stat(member))]
    return sum(int(fields[11]) + int(fields[12]) for fields in used) / _TICKS


def resident_mib(pid: int) -> float:
    """The resident memory of a process and its descendants."""
    total = 0
    for member in family(pid):
        try:
            status = Path(f"/proc/{member}/status").read_text()
        except OSError:
            continue
        total += sum(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmRSS:"))
    return total / 1024


def _stat(pid: int) -> list[str]:
    """The fields of /proc/PID/stat from the state on; empty when the process is gone."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return []
