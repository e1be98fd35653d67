# SPDX-License-Identifier: Apache-2.0
"""Figures of a running guest, in the words of Nova's diagnostics (microversion 2.48)."""

import os
from pathlib import Path
from typing import Any

from cumulet.agent.driver import DriverError
from cumulet.agent.drivers.qemu.folder import Record
from cumulet.agent.drivers.qemu.guest import POWER
from cumulet.agent.drivers.qemu.process import GuestProcess
from cumulet.agent.emulator.monitor import Monitor

NANOSECONDS_PER_TICK = 1_000_000_000 // os.sysconf("SC_CLK_TCK")

MIB = 1 << 20


async def diagnostics(process: GuestProcess, record: Record) -> dict[str, Any]:
    """Processor time in nanoseconds, memory in MB, and what went through each disk."""
    pid = process.pid
    if pid is None:
        raise DriverError(f"Guest {record.document.id} is not running.")
    monitor = await process.monitor()
    disks = await _disks(monitor)
    cpus = [_cpu(pid, cpu) for cpu in await monitor.run("query-cpus-fast")]
    balloon = await monitor.run("query-balloon")
    status = (await monitor.run("query-status"))["status"]
    return {
        "state": POWER.get(status, "paused"),
        "driver": "qemu",
        "uptime": _uptime(pid),
        "num_cpus": len(cpus),
        "cpu_details": cpus,
        "num_disks": len(disks),
        "disk_details": disks,
        "num_nics": len(record.document.nics),
        "nic_details": [{"mac_address": nic.mac_address} for nic in record.document.nics],
        "memory_details": {"maximum": record.document.memory_mb, "used": balloon["actual"] // MIB},
    }


async def _disks(monitor: Monitor) -> list[dict[str, int]]:
    rows = await monitor.run("query-blockstats")
    return [_disk(row["stats"]) for row in rows if row.get("qdev")]


def _disk(stats: dict[str, int]) -> dict[str, int]:
    return {
        "read_bytes": stats["rd_bytes"],
        "read_requests": stats["rd_operations"],
        "write_bytes": stats["wr_bytes"],
        "write_requests": stats["wr_operations"],
        "errors_count": stats["failed_rd_operations"] + stats["failed_wr_operations"],
    }


def _cpu(pid: int, cpu: dict[str, Any]) -> dict[str, int]:
    fields = _stat(Path(f"/proc/{pid}/task/{cpu['thread-id']}/stat"))
    ticks = int(fields[11]) + int(fields[12])
    return {"id": cpu["cpu-index"], "time": ticks * NANOSECONDS_PER_TICK}


def _uptime(pid: int) -> int:
    """Seconds since the process started."""
    started = int(_stat(Path(f"/proc/{pid}/stat"))[19]) / os.sysconf("SC_CLK_TCK")
    return int(float(Path("/proc/uptime").read_text().split()[0]) - started)


def _stat(path: Path) -> list[str]:
    """The fields of a process after its name, which may hold anything."""
    return path.read_text().rpartition(") ")[2].split()
