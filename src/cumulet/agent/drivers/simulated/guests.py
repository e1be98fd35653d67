# SPDX-License-Identifier: Apache-2.0
"""Guests that boot, reboot, stop and speak on their console, without running anything."""

import asyncio
import base64
from pathlib import Path
from typing import Any

from cumulet.agent.driver import DriverError, State
from cumulet.agent.drivers.simulated.images import write_empty_image
from cumulet.agent.drivers.simulated.world import Guest, Twin, World, guest_state
from cumulet.contracts.documents import GuestDocument

BOOTS_ON_CONSOLE = 5

_BLACK_PIXEL = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAAAAAA6fptVAAAACklEQVR42mNgAAAAAgAB5Sfe/AAAAABJRU5ErkJggg=="
)

_BOOT_LOG = """\
[    0.000000] Linux version 6.1.0-simulated (cumulet) #1 SMP PREEMPT_DYNAMIC
[    0.000000] Command line: BOOT_IMAGE=/boot/vmlinuz root=LABEL=rootfs ro console=ttyS0
[    0.000000] Memory: {memory_kb}K/{memory_kb}K available
[    0.052117] smp: Brought up 1 node, {vcpus} CPUs
[    0.730402] virtio_blk virtio1: [vda] {disks} disk(s) attached
[    0.861240] virtio_net: {nics} interface(s) attached
[    1.204811] EXT4-fs (vda1): mounted filesystem with ordered data mode
[    2.015530] cloud-init: Set hostname to {hostname}
[    2.400118] sshd: Server listening on 0.0.0.0 port 22.

{hostname} login: """


class SimulatedGuests(Twin[GuestDocument, Guest]):
    kind = "guest"

    def __init__(self, world: World) -> None:
        super().__init__(world, world.guests)
        self.calls = {
            "console_log": self.console_log,
            "guest_snapshot": self.guest_snapshot,
            "guest_diagnostics": self.guest_diagnostics,
            "guest_extend_disk": self.guest_extend_disk,
            "guest_screendump": self.guest_screendump,
            "image_cache": self.image_cache,
        }

    async def make(self, document: GuestDocument, record: Guest | None) -> Guest:
        self._check_ports(document)
        self._check_volumes(document)
        comes = record is None and document.disk_from is None
        if comes or (record is not None and document.rebuilds > record.document.rebuilds):
            await self._check_root(document)
        if document.rescue is not None and (record is None or document.rescue != record.document.rescue):
            await self.image_bytes(document.rescue.image_id)
        guest = record or Guest(document, power="stopped")
        if _boots(guest, document, fresh=record is None):
            guest.console = [*guest.console, _boot_log(document)][-BOOTS_ON_CONSOLE:]
        guest.document = document
        guest.power = document.power
        return guest

    def state(self, record: Guest) -> State:
        return guest_state(record)

    async def console_log(self, id: str, lines: int | None = None) -> str:
        """What the guest wrote on its serial console, or its last lines."""
        await self.strike("console_log", id)
        text = "\n".join(self._guest(id).console)
        return text if lines is None else "\n".join(text.split("\n")[-lines:])

    async def guest_snapshot(self, id: str, path: str, format: str = "qcow2") -> dict[str, Any]:
        """Write the guest's root disk to a file."""
        await self.strike("guest_snapshot", id)
        virtual_bytes = max(1, self._guest(id).document.root_gb) * 2**30
        return {"bytes": await write_empty_image(path, virtual_bytes, format)}

    async def guest_diagnostics(self, id: str) -> dict[str, Any]:
        """Figures of a running guest that has done nothing yet."""
        await self.strike("guest_diagnostics", id)
        guest = self._guest(id)
        if guest.power not in ("running", "paused"):
            raise DriverError(f"Guest {id} is not running.")
        return _diagnostics(guest)

    async def guest_extend_disk(self, id: str) -> None:
        """A running guest sees the sizes that its volumes have now."""
        await self.strike("guest_extend_disk", id)
        self._guest(id)

    async def guest_screendump(self, id: str, path: str) -> None:
        """A picture of the guest's screen, one black pixel, is a PNG file."""
        await self.strike("guest_screendump", id)
        self._guest(id)
        await asyncio.to_thread(Path(path).write_bytes, _BLACK_PIXEL)

    async def image_cache(self, id: str) -> None:
        """The image is on this host before any guest needs it."""
        await self.strike("image_cache", id)
        await self.image_bytes(id)
        self.world.images.add(id)

    def _guest(self, id: str) -> Guest:
        guest = self.world.guests.get(id)
        if guest is None:
            raise DriverError(f"Guest {id} is not on this host.")
        return guest

    def _check_ports(self, document: GuestDocument) -> None:
        for nic in document.nics:
            if nic.port_id not in self.world.ports:
                raise DriverError(f"Port {nic.port_id} of guest {document.id} is not plugged on this host.")

    def _check_volumes(self, document: GuestDocument) -> None:
        for disk in document.disks:
            if disk.volume_host is not None:
                continue
            volume = self.world.volumes.get(disk.volume_id)
            if volume is None or not volume.document.exported:
                raise DriverError(
                    f"Volume {disk.volume_id} of guest {document.id} is not served on this host."
                )

    async def _check_root(self, document: GuestDocument) -> None:
        if document.image_id is not None:
            await self.image_bytes(document.image_id)
        elif not any(disk.boot_index == 0 for disk in document.disks):
            raise DriverError(f"Guest {document.id} has neither an image nor a volume to boot from.")


def _boots(guest: Guest, document: GuestDocument, *, fresh: bool) -> bool:
    """Whether making the document true starts the guest's system anew."""
    if document.power == "stopped":
        return False
    before = guest.document
    again = _restarting(document) != _restarting(before)
    return fresh or again or guest.power == "stopped"


def _restarting(document: GuestDocument) -> tuple[object, ...]:
    """What cannot change without the guest's system being started anew."""
    size = (document.vcpus, document.memory_mb, document.root_gb)
    counters = (document.reboots, document.hard_reboots, document.rebuilds)
    return (*size, *counters, document.rescue)


def _diagnostics(guest: Guest) -> dict[str, Any]:
    document = guest.document
    disks = _disk_count(document)
    idle = {"read_bytes": 0, "read_requests": 0, "write_bytes": 0, "write_requests": 0, "errors_count": 0}
    return {
        "state": guest.power,
        "driver": "simulated",
        "uptime": 0,
        "num_cpus": document.vcpus,
        "cpu_details": [{"id": cpu, "time": 0} for cpu in range(document.vcpus)],
        "num_disks": disks,
        "disk_details": [idle] * disks,
        "num_nics": len(document.nics),
        "nic_details": [{"mac_address": nic.mac_address} for nic in document.nics],
        "memory_details": {"maximum": document.memory_mb, "used": document.memory_mb},
    }


def _disk_count(document: GuestDocument) -> int:
    return len(document.disks) + (document.image_id is not None) + (document.rescue is not None)


def _boot_log(document: GuestDocument) -> str:
    return _BOOT_LOG.format(
        memory_kb=document.memory_mb * 1024,
        vcpus=document.vcpus,
        disks=_disk_count(document),
        nics=len(document.nics),
        hostname=document.hostname,
    )
