# SPDX-License-Identifier: Apache-2.0
"""Driver of guest documents: a QEMU process for each guest, spoken to over QMP, which outlives the agent."""

import asyncio
import shutil
from collections.abc import Mapping
from typing import Any

from cumulet.agent.driver import Call, DriverError, State, Surroundings
from cumulet.agent.drivers.qemu import hotplug
from cumulet.agent.drivers.qemu.accel import Accelerator, find_accelerator
from cumulet.agent.drivers.qemu.console import console_tail, cut_console
from cumulet.agent.drivers.qemu.diagnostics import diagnostics
from cumulet.agent.drivers.qemu.disks import LocalDisks
from cumulet.agent.drivers.qemu.folder import Folder, Record
from cumulet.agent.drivers.qemu.guest import Guest
from cumulet.agent.drivers.qemu.host import GuestHost, OpenTap
from cumulet.agent.drivers.qemu.rescue import check_rescue
from cumulet.agent.drivers.qemu.snapshot import clear_snapshots, snapshot_root
from cumulet.agent.emulator import programs
from cumulet.agent.emulator.image_cache import ImageCache
from cumulet.agent.emulator.site import Site
from cumulet.contracts.documents import GuestDocument

CUT_CONSOLES = 30.0
"""Seconds between two looks at the length of console logs."""


def images_of(document: GuestDocument) -> list[str]:
    """The images on which the guest's local disks stand."""
    own = [document.image_id] if document.image_id is not None else []
    return own if document.rescue is None else [*own, document.rescue.image_id]


class QemuDriver:
    """Makes guests of documents.

    State: {"power": running|stopped|paused|suspended, "disks": volume ids, "nics": port ids, "reboots": n,
    "hard_reboots": n, "rebuilds": n}. A network plane offers `open_tap`; without it, as in tests, each NIC
    has a network of its own.
    """

    kind = "guest"
    name = "qemu"

    def __init__(self, site: Site, images: ImageCache, open_tap: OpenTap | None = None) -> None:
        self._site = site
        self._images = images
        self._open_tap = open_tap
        self._host: GuestHost | None = None
        self._guests: dict[str, Guest] = {}
        self._consoles: asyncio.Task[None] | None = None
        self.calls: Mapping[str, Call] = {
            "console_log": self.console_log,
            "guest_snapshot": self.guest_snapshot,
            "guest_diagnostics": self.guest_diagnostics,
            "guest_extend_disk": self.guest_extend_disk,
            "guest_screendump": self.guest_screendump,
            "image_cache": self.image_cache,
        }

    @property
    def accelerator(self) -> Accelerator:
        """How guests are run; known once the driver has started."""
        return self._started.accelerator

    async def start(self, around: Surroundings) -> None:
        programs.require("qemu-system-x86_64", "qemu-img", "setpriv")
        self._site.prepare(self._site.guests)
        self._images.start()
        self._host = GuestHost(
            site=self._site,
            accelerator=await find_accelerator(self._site),
            disks=LocalDisks(self._site, self._images, around),
            open_tap=self._open_tap,
            around=around,
        )
        ids = self._ids()
        records = filter(None, (Folder(self._site.guests / id).load() for id in ids))
        used = {image_id for record in records for image_id in images_of(record.document)}
        await asyncio.to_thread(self._images.sweep, used)
        for id in ids:
            await asyncio.to_thread(clear_snapshots, Folder(self._site.guests / id))
        running = [guest for guest in map(self._guest, ids) if guest.process.pid is not None]
        await asyncio.gather(*(guest.process.monitor() for guest in running), return_exceptions=True)
        self._consoles = asyncio.create_task(self._cut_consoles())

    async def stop(self) -> None:
        if self._consoles:
            self._consoles.cancel()
        await asyncio.gather(*(guest.process.let_go() for guest in self._guests.values()))
        self._guests.clear()

    async def purge(self) -> None:
        await asyncio.gather(*(self.remove(id) for id in self._ids()))
        for folder in (self._site.guests, self._site.images):
            await asyncio.to_thread(shutil.rmtree, folder, ignore_errors=True)
        (self._site.state_dir / "accelerator.json").unlink(missing_ok=True)

    async def observe(self) -> dict[str, State]:
        ids = self._ids()
        states = await asyncio.gather(*(self._guest(id).state() for id in ids))
        return dict(zip(ids, states, strict=True))

    async def apply(self, document: GuestDocument) -> State:
        if document.image_id is None and not any(disk.boot_index == 0 for disk in document.disks):
            raise DriverError(f"Guest {document.id} has neither an image nor a volume to boot from.")
        if document.disk_from is not None and Folder(self._site.guests / document.id).load() is None:
            raise DriverError(f"The disk of guest {document.id} cannot come from host {document.disk_from}.")
        if document.rescue is not None:
            check_rescue(document.rescue)
        return await self._guest(document.id).apply(document)

    async def remove(self, id: str) -> None:
        await self._guest(id).remove()
        del self._guests[id]

    async def console_log(self, id: str, lines: int | None = None) -> str:
        """What the guest wrote on its serial console, or its last lines."""
        self._record(id)
        return await asyncio.to_thread(console_tail, self._guest(id).folder, lines)

    async def guest_snapshot(self, id: str, path: str, format: str = "qcow2") -> dict[str, Any]:
        """The guest's root disk as it is at this instant is a file in the exchange folder."""
        self._record(id)
        return {"bytes": await snapshot_root(self._guest(id), self._site, path, format)}

    async def guest_diagnostics(self, id: str) -> dict[str, Any]:
        """Figures of a running guest."""
        return await diagnostics(self._guest(id).process, self._record(id))

    async def guest_extend_disk(self, id: str) -> None:
        """A running guest sees the sizes that its volumes have now."""
        document = self._record(id).document
        if self._guest(id).process.pid is not None:
            await hotplug.show_sizes(await self._guest(id).process.monitor(), document, self._site.volumes)

    async def guest_screendump(self, id: str, path: str) -> None:
        """A picture of the guest's screen is a PNG file in the exchange folder."""
        target = self._site.exchange_target(path)
        self._record(id)
        guest = self._guest(id)
        part = guest.folder.path / "screen.part"
        monitor = await guest.process.monitor()
        await monitor.run("screendump", {"filename": str(part), "format": "png"})
        await asyncio.to_thread(self._site.hand_over, part, target)

    async def image_cache(self, id: str) -> None:
        """The image is on this host before a guest needs it; without one it goes when the agent restarts."""
        await self._images.path(id, self._started.around)

    def _record(self, id: str) -> Record:
        record = Folder(self._site.guests / id).load()
        if record is None:
            raise DriverError(f"Guest {id} is not on this host.")
        return record

    def _guest(self, id: str) -> Guest:
        if id not in self._guests:
            self._guests[id] = Guest(self._started, id)
        return self._guests[id]

    @property
    def _started(self) -> GuestHost:
        if self._host is None:
            raise DriverError("The qemu driver has not been started.")
        return self._host

    def _ids(self) -> list[str]:
        """Every guest that has a folder."""
        if not self._site.guests.exists():
            return []
        return sorted(path.name for path in self._site.guests.iterdir() if path.is_dir())

    async def _cut_consoles(self) -> None:
        while True:
            await asyncio.sleep(CUT_CONSOLES)
            for id in self._ids():
                await asyncio.to_thread(cut_console, Folder(self._site.guests / id))
