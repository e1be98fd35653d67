# SPDX-License-Identifier: Apache-2.0
"""A host with the real drivers of guests, volumes and snapshots, in a folder of its own.

As root the programs run as nobody, as they should. A guest without a system (its root disk is blank) is
enough for most of its life: firmware runs, and waits.
"""

import asyncio
import gc
import os
import shutil
import socket
import subprocess
import tempfile
import time
import uuid
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import pytest

from cumulet.agent.driver import State
from cumulet.agent.drivers.qemu import QemuDriver
from cumulet.agent.drivers.qemu.host import OpenTap
from cumulet.agent.drivers.qsd import SnapshotDriver, VolumeDriver
from cumulet.agent.emulator.image_cache import ImageCache
from cumulet.agent.emulator.site import Site
from cumulet.contracts.documents import (
    Document,
    GuestDisk,
    GuestDocument,
    VolumeDocument,
    VolumeSnapshotDocument,
    VolumeSource,
)

T = TypeVar("T")
NOBODY = 65534
BLANK = "blank-image"

needs_qemu = pytest.mark.skipif(
    not (shutil.which("qemu-system-x86_64") and shutil.which("qemu-storage-daemon")),
    reason="QEMU is not installed",
)


class Around:
    """The agent, as drivers see it."""

    def __init__(self, images: Path) -> None:
        self.images = images
        self.told: list[tuple[str, str, State | None]] = []

    async def image_path(self, image_id: str) -> str | None:
        path = self.images / image_id
        return str(path) if path.exists() else None

    async def metadata(
        self, peer: dict[str, str], path: str, posted: bytes | None = None
    ) -> tuple[int, str, bytes]:
        return 404, "text/plain", b""

    def changed(self, kind: str, id: str, state: State | None) -> None:
        self.told.append((kind, id, state))


class Machine:
    """The host under test; its methods block."""

    def __init__(self, folder: Path, open_tap: OpenTap | None = None) -> None:
        self.folder = folder
        self.open_tap = open_tap
        self.state_dir = folder / "state"
        root = os.geteuid() == 0
        self.site = Site(self.state_dir, NOBODY if root else None, NOBODY if root else None)
        self.around = Around(folder)
        self.around.images.mkdir(exist_ok=True)
        self.make_image(BLANK, "1M")
        self._runner = asyncio.Runner()
        self.start()

    def start(self) -> None:
        images = ImageCache(self.site)
        self.volumes = VolumeDriver(self.site, images)
        self.snapshots = SnapshotDriver(self.volumes)
        self.guests = QemuDriver(self.site, images, self.open_tap)
        self.drivers: dict[str, Any] = {
            driver.kind: driver for driver in (self.volumes, self.snapshots, self.guests)
        }
        for driver in self.drivers.values():
            self.run(driver.start(self.around))

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        return self._runner.run(work)

    def kill_agent(self) -> None:
        """The agent is gone without a word, and another one starts."""
        self.let_go()
        self.start()

    def let_go(self) -> None:
        """The agent is gone without a word."""
        self._runner.close()
        del self.volumes, self.snapshots, self.guests, self.drivers
        gc.collect()  # closes its sockets, as the end of a process would
        self._runner = asyncio.Runner()

    def close(self) -> None:
        for driver in reversed(self.drivers.values()):
            self.run(driver.purge())
            self.run(driver.stop())
        self._runner.close()

    def make_image(self, name: str, size: str, *options: str) -> Path:
        path = self.folder / name
        subprocess.run(["qemu-img", "create", "-q", "-f", "qcow2", *options, path, size], check=True)
        return path

    def apply(self, document: Document) -> State:
        state: State = self.run(self.drivers[document.kind].apply(document))
        return state

    def remove(self, document: Any) -> None:
        self.run(self.drivers[document.kind].remove(document.id))

    def observe(self, kind: str) -> dict[str, State]:
        observed: dict[str, State] = self.run(self.drivers[kind].observe())
        return observed

    def ask(self, guest: GuestDocument, command: str, **arguments: Any) -> Any:
        """What a guest's QEMU answers, through the session that the driver has."""

        async def asked() -> Any:
            monitor = await self.guests._guest(guest.id).process.monitor()
            return await monitor.run(command, {key.replace("_", "-"): arguments[key] for key in arguments})

        return self.run(asked())

    def pid(self, guest: GuestDocument) -> int | None:
        return self.guests._guest(guest.id).process.pid

    def wait_told(self, within: float = 10.0) -> tuple[str, str, State | None]:
        """The next thing that a driver tells by itself."""

        async def waited() -> tuple[str, str, State | None]:
            async with asyncio.timeout(within):
                while not self.around.told:
                    await asyncio.sleep(0.02)
            return self.around.told.pop(0)

        return self.run(waited())

    def processes(self) -> list[str]:
        """Command lines of all programs that have to do with this host."""
        found = []
        for entry in Path("/proc").glob("[0-9]*/cmdline"):
            try:
                arguments = entry.read_bytes().replace(b"\0", b" ").decode(errors="replace")
            except OSError:
                continue
            if str(self.folder) in arguments and int(entry.parent.name) != os.getpid():
                found.append(arguments)
        return found


@contextmanager
def a_machine(open_tap: OpenTap | None = None) -> Iterator[Machine]:
    folder = Path(tempfile.mkdtemp(prefix="cumulet-"))
    folder.chmod(0o755)
    machine = Machine(folder, open_tap)
    try:
        yield machine
    finally:
        machine.close()
        left = machine.processes()
        shutil.rmtree(folder, ignore_errors=True)
    assert left == []


def a_guest(**settings: Any) -> GuestDocument:
    """A small guest with a blank root disk, which gets no time to shut down: there is nobody in it."""
    defaults: dict[str, Any] = {
        "id": str(uuid.uuid4()),
        "name": "guest",
        "hostname": "guest",
        "vcpus": 1,
        "memory_mb": 32,
        "image_id": BLANK,
        "shutdown_timeout": 0,
    }
    return GuestDocument(**defaults | settings)


def a_volume(**settings: Any) -> VolumeDocument:
    return VolumeDocument(**{"id": str(uuid.uuid4()), "size_gb": 1, "exported": True} | settings)


def a_snapshot(volume: VolumeDocument) -> VolumeSnapshotDocument:
    return VolumeSnapshotDocument(id=str(uuid.uuid4()), volume_id=volume.id)


def a_copy_of(**source: str) -> VolumeDocument:
    return a_volume(exported=False, source=VolumeSource(**source))


def attached(volume: VolumeDocument, device: str = "/dev/vdb", boot_index: int | None = None) -> GuestDisk:
    return GuestDisk(volume_id=volume.id, device=device, boot_index=boot_index)


class Console:
    """Somebody who sits at the serial console of a guest, logged in."""

    def __init__(self, machine: Machine, guest: GuestDocument, *, logged_in: bool = False) -> None:
        self._socket = socket.socket(socket.AF_UNIX)
        self._socket.settimeout(60)
        self._socket.connect(str(machine.site.guests / guest.id / "tty.sock"))
        self._seen = ""
        if not logged_in:
            self._say("\n", "login: ")
            self._say("cirros\n", "assword: ")
            self._say("gocubsgo\n", "$ ")

    def run(self, command: str) -> str:
        """What a command says."""
        self._say(f"{command}; echo do''ne\n", "done\r\n")
        return self._seen.split("\n", 1)[1].rsplit("done", 1)[0]

    def wait(self, command: str, wanted: str) -> None:
        """The command says what is wanted, soon: a guest takes a moment to notice new devices."""
        deadline = time.monotonic() + 20
        while wanted not in (said := self.run(command)):
            assert time.monotonic() < deadline, said
            time.sleep(0.1)

    def _say(self, line: str, until: str) -> None:
        self._seen = ""
        self._socket.sendall(line.encode())
        while until not in self._seen:
            heard = self._socket.recv(4096)
            assert heard, f"the guest ended; it had said {self._seen!r}"
            self._seen += heard.decode(errors="replace")
