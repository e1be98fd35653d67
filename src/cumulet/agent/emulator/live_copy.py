# SPDX-License-Identifier: Apache-2.0
"""A disk in use is copied as it is at one instant, while its guest goes on writing.

The copy is a backup job inside the program that has the disk open: what the guest overwrites is saved first.
Jobs and their target nodes have names that begin with `PREFIX`, so that a new agent can clear away what a
killed one left.
"""

from functools import partial
from pathlib import Path
from typing import Any
from uuid import uuid4

from cumulet.agent.driver import DriverError
from cumulet.agent.emulator import disk_images
from cumulet.agent.emulator.monitor import Monitor
from cumulet.agent.emulator.programs import DISK_FULL
from cumulet.agent.emulator.site import Site

PREFIX = "copy-"


async def copy_node(monitor: Monitor, site: Site, node: str, target: Path) -> None:
    """`target`, a new qcow2 file, holds all of an open node's disk as it was at the start of the call."""
    name = f"{PREFIX}{uuid4().hex[:20]}"
    await disk_images.create(site, target, await _size(monitor, node))
    await monitor.run("blockdev-add", qcow2_node(name, target))
    try:
        async with monitor.events("JOB_STATUS_CHANGE") as events:
            job = {"job-id": name, "device": node, "target": name, "sync": "full", "auto-dismiss": False}
            await monitor.run("blockdev-backup", job)
            await events.until(None, partial(_concluded, name))
        await _conclude(monitor, name)
    finally:
        if not monitor.lost.is_set():
            await monitor.run("blockdev-del", {"node-name": name})


async def clear_copies(monitor: Monitor) -> None:
    """No copy that an agent before this one began is going on."""
    for job in await monitor.run("query-jobs"):
        if not job["id"].startswith(PREFIX):
            continue
        async with monitor.events("JOB_STATUS_CHANGE") as events:
            if job["status"] != "concluded":
                await monitor.run("job-cancel", {"id": job["id"]})
                await events.until(30.0, partial(_concluded, job["id"]))
        await monitor.run("job-dismiss", {"id": job["id"]})
    for node in await monitor.run("query-named-block-nodes", {"flat": True}):
        if node["node-name"].startswith(PREFIX):
            await monitor.run("blockdev-del", {"node-name": node["node-name"]})


def qcow2_node(name: str, path: Path, **options: Any) -> dict[str, Any]:
    """How QEMU is told to open a qcow2 file under a node name."""
    file = {"driver": "file", "filename": str(path), **options}
    return {"node-name": name, "driver": "qcow2", "discard": "unmap", "file": file}


def _concluded(job_id: str, said: dict[str, Any]) -> bool:
    """Whether an event says that a job is over, well or not."""
    return said["id"] == job_id and bool(said["status"] == "concluded")


async def _size(monitor: Monitor, name: str) -> int:
    nodes = await monitor.run("query-named-block-nodes", {"flat": True})
    size: int = next(node["image"]["virtual-size"] for node in nodes if node["node-name"] == name)
    return size


async def _conclude(monitor: Monitor, name: str) -> None:
    """The finished job is forgotten. Raises DriverError when it had failed."""
    job = next(job for job in await monitor.run("query-jobs") if job["id"] == name)
    await monitor.run("job-dismiss", {"id": name})
    if error := job.get("error"):
        raise DriverError(
            "The disk of the host is full." if DISK_FULL in error else f"The copy failed: {error}"
        )
