# SPDX-License-Identifier: Apache-2.0
"""What a machine is: the facts that its agent tells the control plane."""

import os
import platform
import shutil
import uuid
from pathlib import Path

from cumulet.kernel.bus import HostFacts

_PROC = Path("/proc")


def machine_facts(name: str, disk: Path, accelerator: str) -> HostFacts:
    """This machine; `disk` lies on the file system that holds its guests and volumes."""
    return HostFacts(
        name=name,
        boot_id=(_PROC / "sys/kernel/random/boot_id").read_text().strip(),
        vcpus=len(os.sched_getaffinity(0)),
        memory_mb=_memory_mb((_PROC / "meminfo").read_text()),
        disk_gb=shutil.disk_usage(disk).total // 2**30,
        hypervisor="QEMU",
        accelerator=accelerator,
        architecture=platform.machine(),
        cpu_model=_cpu_model((_PROC / "cpuinfo").read_text()),
    )


def simulated_facts(name: str) -> HostFacts:
    """An imagined machine, large, and restarted each time that its agent is."""
    return HostFacts(
        name=name,
        boot_id=str(uuid.uuid4()),
        vcpus=64,
        memory_mb=262_144,
        disk_gb=10_000,
        hypervisor="Simulated",
        cpu_model="Imagined",
        fabric="imagined",
    )


def _memory_mb(meminfo: str) -> int:
    line = next(line for line in meminfo.splitlines() if line.startswith("MemTotal:"))
    return int(line.split()[1]) // 1024


def _cpu_model(cpuinfo: str) -> str:
    lines = (line.partition(":") for line in cpuinfo.splitlines())
    return next((value.strip() for key, _, value in lines if key.strip() == "model name"), "")
