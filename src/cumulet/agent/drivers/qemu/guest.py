# SPDX-License-Identifier: Apache-2.0
"""One guest is made what its document says, from whatever it is.

The steps, in order; each looks at what is there and does nothing when it is as it should be, so an agent
that was killed between any two is followed by one that starts again at the first:

1. settle    finish what was being suspended, start again what was being resumed
2. rebuild   end the process, forget the local disks
3. restart   end the process when a reboot is due or the flavor changed
4. start     make the disks, write the record, start the process, paused, or load its memory
5. plug      take away and add disks and NICs, show grown volumes
6. power     let it run, hold it, or save its memory and end it
"""

import asyncio
import shutil

import msgspec

from cumulet.agent.driver import DriverError, State
from cumulet.agent.drivers.qemu import devices, hotplug, memory
from cumulet.agent.drivers.qemu.folder import Folder, Record
from cumulet.agent.drivers.qemu.host import GuestHost
from cumulet.agent.drivers.qemu.process import GuestProcess
from cumulet.agent.emulator.monitor import Monitor, MonitorError
from cumulet.agent.emulator.site import volume_socket
from cumulet.contracts.documents import GuestDocument

POWER = {"running": "running", "suspended": "running", "shutdown": "stopped"}
"""QEMU's states as ours; `suspended` is a guest that sleeps by itself. Every other one is a pause."""


class Guest:
    """A guest of this host, from its first document until it is removed."""

    def __init__(self, host: GuestHost, guest_id: str) -> None:
        self.id = guest_id
        self.folder = Folder(host.site.guests / guest_id)
        self.process = GuestProcess(host, self.folder, self._ended)
        self.lock = asyncio.Lock()
        """Held while the guest is changed, and while its disks are read without a process."""
        self._host = host

    async def apply(self, document: GuestDocument) -> State:
        """The document is true."""
        async with self.lock:
            self._host.site.prepare(self.folder.path)
            record = self.folder.load() or _first_record(document)
            await self.process.see_off()
            await self._settle()
            await self._rebuild(document, record)
            if document.power == "stopped":
                await self._stop(document, record)
            else:
                await self._restart_if_due(document, record)
                await self._run(document, record)
            return await self.state()

    async def remove(self) -> None:
        """Nothing of the guest is left but its volumes."""
        async with self.lock:
            await self.process.end()
            await asyncio.to_thread(shutil.rmtree, self.folder.path, ignore_errors=True)

    async def state(self) -> State:
        """What the guest is now, by QEMU's word where there is one."""
        record = self.folder.load()
        document = record.document if record else None
        state: State = {
            "power": "suspended" if self.folder.memory.exists() else "stopped",
            "disks": [disk.volume_id for disk in document.disks] if document else [],
            "nics": [nic.port_id for nic in document.nics] if document else [],
            "reboots": record.reboots if record else 0,
            "hard_reboots": record.hard_reboots if record else 0,
            "rebuilds": record.rebuilds if record else 0,
        }
        if self.process.pid is None:
            return state
        return state | await self._observed(state)

    async def _observed(self, recorded: State) -> State:
        """The part of the state that QEMU tells; the order of disks and NICs is the record's."""
        try:
            monitor = await self.process.monitor()
            status = (await monitor.run("query-status"))["status"]
            present = await hotplug.plugged(monitor)
        except MonitorError:
            return {} if self.process.pid is None else {"power": "running"}
        volumes = set(filter(None, map(devices.volume_of, present)))
        ports = set(filter(None, map(devices.port_of, present)))
        return {
            "power": POWER.get(status, "paused"),
            "disks": _in_order(volumes, recorded["disks"]),
            "nics": _in_order(ports, recorded["nics"]),
        }

    async def _settle(self) -> None:
        if self.process.pid is None:
            self.folder.unfinished_memory.unlink(missing_ok=True)
            return
        monitor = await self.process.monitor()
        if (await monitor.run("query-status"))["status"] == "postmigrate":
            if self.folder.unfinished_memory.exists():
                self.folder.unfinished_memory.rename(self.folder.memory)
            await self.process.end()
        elif self.folder.memory.exists():
            await self.process.end()
        elif self.folder.unfinished_memory.exists():
            await memory.forsake(monitor, self.folder)

    async def _rebuild(self, document: GuestDocument, record: Record) -> None:
        if document.rebuilds > record.rebuilds:
            await self.process.power_down(document.shutdown_timeout)
            self._forget_memory()
            await asyncio.to_thread(self._host.disks.remove, self.folder)
            record.rebuilds = document.rebuilds

    async def _stop(self, document: GuestDocument, record: Record) -> None:
        """The guest is off, and starts with the whole document when it is started."""
        await self.process.power_down(document.shutdown_timeout)
        self._forget_memory()
        await self._host.disks.make(document, self.folder)
        await self._write(record, document, devices.assign_slots(document))

    async def _restart_if_due(self, document: GuestDocument, record: Record) -> None:
        hard = document.hard_reboots > record.hard_reboots
        soft = document.reboots > record.reboots
        if hard:
            await self.process.end()
        elif soft or _shape(document) != _shape(record.document):
            await self.process.power_down(document.shutdown_timeout)
        if hard or soft or document.rescue != record.document.rescue:
            self._forget_memory()

    async def _run(self, document: GuestDocument, record: Record) -> None:
        self._require_volumes(document)
        if self.process.pid is None:
            if self.folder.memory.exists() and document.power == "suspended":
                return
            await self._start(document, record)
        monitor = await self.process.monitor()
        await self._plug(monitor, document, record)
        status = (await monitor.run("query-status"))["status"]
        if document.power == "suspended":
            await memory.save(monitor, self.folder)
            await self.process.end()
        elif document.power == "paused":
            await monitor.run("stop")
        elif POWER.get(status) != "running":
            await monitor.run("cont")

    async def _start(self, document: GuestDocument, record: Record) -> None:
        """A process is there, paused: a new one, or what was suspended."""
        if self.folder.memory.exists():
            monitor = await self.process.start(record, incoming=True)
            await memory.load(monitor, self.folder)
            return
        await self._host.disks.make(document, self.folder)
        await self._write(record, document, devices.assign_slots(document))
        await self.process.start(record)

    async def _plug(self, monitor: Monitor, document: GuestDocument, record: Record) -> None:
        """The guest has the disks and NICs of its document, and the record says so.

        Slots are written before a device is plugged, and freed after it is gone.
        """
        await hotplug.unplug_unwanted(monitor, document)
        slots = _kept_slots(document, record.slots)
        if slots != record.slots or document.disks != record.document.disks:
            await self._write(record, _with_devices(record.document, document), slots)
        await hotplug.plug_missing(monitor, document, slots, self._host)
        await hotplug.show_sizes(monitor, document, self._host.site.volumes)

    async def _write(self, record: Record, document: GuestDocument, slots: dict[str, int]) -> None:
        """The record says that the guest was given this document, and carried out its counters."""
        has_config = document.config_drive is not None
        record.document = msgspec.structs.replace(document, config_drive={} if has_config else None)
        record.slots = slots
        record.reboots = max(record.reboots, document.reboots)
        record.hard_reboots = max(record.hard_reboots, document.hard_reboots)
        await asyncio.to_thread(self.folder.save, record)

    def _require_volumes(self, document: GuestDocument) -> None:
        for disk in document.disks:
            if not volume_socket(self._host.site.state_dir, disk.volume_id).exists():
                raise DriverError(
                    f"Volume {disk.volume_id} of guest {self.id} is not served on this host.", retry=True
                )

    def _forget_memory(self) -> None:
        self.folder.memory.unlink(missing_ok=True)

    def _ended(self) -> None:
        self._told = asyncio.create_task(self._tell())

    async def _tell(self) -> None:
        self._host.around.changed("guest", self.id, await self.state())


def _first_record(document: GuestDocument) -> Record:
    """A new guest has carried out whatever its document counts."""
    return Record(
        document=document,
        reboots=document.reboots,
        hard_reboots=document.hard_reboots,
        rebuilds=document.rebuilds,
    )


def _shape(document: GuestDocument) -> tuple[object, ...]:
    """What a running guest cannot be given: a change of it restarts the guest."""
    sizes = (document.root_gb, document.ephemeral_gb, document.swap_mb)
    return (document.vcpus, document.memory_mb, *sizes, document.machine, document.rescue)


def _with_devices(document: GuestDocument, wanted: GuestDocument) -> GuestDocument:
    return msgspec.structs.replace(document, disks=wanted.disks, nics=wanted.nics)


def _kept_slots(document: GuestDocument, slots: dict[str, int]) -> dict[str, int]:
    """The slots of the devices that stay, and free ones for those that come."""
    wanted = list(devices.assign_slots(document))
    kept = {device: slots[device] for device in wanted if device in slots}
    for device in wanted:
        if device not in kept:
            kept[device] = devices.free_slot(device, kept.values())
    return kept


def _in_order(present: set[str], recorded: list[str]) -> list[str]:
    return [id for id in recorded if id in present] + sorted(present - set(recorded))
