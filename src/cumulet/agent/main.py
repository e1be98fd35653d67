# SPDX-License-Identifier: Apache-2.0
"""The agent as a process of its own: its drivers, its journal and its end of the host bus."""

import asyncio
import fcntl
import signal
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from cumulet.agent.agent import Agent
from cumulet.agent.driver import Driver, DriverError
from cumulet.agent.drivers.simulated import World, simulated_drivers
from cumulet.agent.journal import FileJournal, Journal, MemoryJournal
from cumulet.agent.machine import machine_facts, simulated_facts
from cumulet.kernel.bus import HostFacts
from cumulet.kernel.bus_unix import UnixControl

GUESTS_AT_ONCE: Mapping[str, int] = {"kvm": 8, "tcg": 2}
"""Translated guests keep a core busy each while they boot."""

VOLUMES_AT_ONCE = 4

LOOK_EVERY = 0.5
"""Seconds between two looks for the word that the cloud has ended."""


@dataclass(frozen=True)
class Place:
    """Where an agent lives: its host's name, its state directory, and the users of unprivileged programs."""

    name: str
    state_dir: Path
    uid: int | None = None
    gid: int | None = None
    exchange: Path | None = None
    """Where the control process finds what this host leaves for it, such as images made of guests."""
    dhcp_uid: int | None = None
    """The user of DHCP servers."""


@dataclass(frozen=True)
class Machinery:
    """What an agent is made of on its machine."""

    facts: HostFacts
    drivers: Sequence[Driver[Any]]
    journal: Journal
    limits: Mapping[str, int] = field(default_factory=dict)


async def run_agent(place: Place, socket_path: Path, *, simulate: bool = False) -> None:
    """The host of this place serves the control process behind the socket, until SIGTERM or SIGINT.

    It ends too when the control process leaves a file `down` beside the socket: so says one that was ended
    in order, and that has no right to send a signal to root's processes.

    What runs on the host goes on afterwards. Raises DriverError when the machine lacks what a driver needs,
    or when another agent has the state directory.
    """
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    place.state_dir.mkdir(parents=True, exist_ok=True)
    with _owned(place.state_dir):
        machinery = simulated_machinery(place) if simulate else await real_machinery(place)
        agent = Agent(
            machinery.facts,
            machinery.drivers,
            UnixControl(socket_path),
            machinery.journal,
            limits=machinery.limits,
        )
        await agent.start()
        watching = asyncio.create_task(_told_to_end(socket_path.with_name("down"), stop))
        await stop.wait()
        watching.cancel()
        await agent.stop()


async def _told_to_end(marker: Path, stop: asyncio.Event) -> None:
    while not marker.exists():
        await asyncio.sleep(LOOK_EVERY)
    stop.set()


def simulated_machinery(place: Place) -> Machinery:
    """An imagined host, empty."""
    return Machinery(simulated_facts(place.name), simulated_drivers(World()), MemoryJournal())


async def real_machinery(place: Place) -> Machinery:
    """This machine, with QEMU and Linux networking; nothing is started yet."""
    from cumulet.agent.drivers.qemu.accel import find_accelerator
    from cumulet.agent.emulator.site import Site

    site = Site(place.state_dir, place.uid, place.gid, place.exchange)
    site.prepare(site.guests)
    accelerator = await find_accelerator(site)
    return Machinery(
        facts=machine_facts(place.name, place.state_dir, accelerator),
        drivers=real_drivers(place),
        journal=FileJournal(place.state_dir / "agent.journal"),
        limits={
            "guest": GUESTS_AT_ONCE[accelerator],
            "volume": VOLUMES_AT_ONCE,
            "volume_snapshot": VOLUMES_AT_ONCE,
        },
    )


def real_drivers(place: Place) -> list[Driver[Any]]:
    """The drivers of a place, over whatever another agent made there."""
    from cumulet.agent.drivers.linux_network import Plane, linux_network
    from cumulet.agent.drivers.qemu import QemuDriver
    from cumulet.agent.drivers.qsd import SnapshotDriver, VolumeDriver
    from cumulet.agent.emulator.image_cache import ImageCache
    from cumulet.agent.emulator.site import Site

    site = Site(place.state_dir, place.uid, place.gid, place.exchange)
    images = ImageCache(site)
    plane = Plane(place.state_dir / "network", place.name, owner=place.uid or 0, dhcp_uid=place.dhcp_uid or 0)
    volumes = VolumeDriver(site, images)
    guests = QemuDriver(site, images, plane.open_tap)
    return [*linux_network(plane), volumes, SnapshotDriver(volumes), guests]


@contextmanager
def _owned(state_dir: Path) -> Iterator[None]:
    """No other agent works on this state directory; a killed one lets go of it by dying."""
    with (state_dir / "agent.lock").open("a") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise DriverError(f"Another agent works on {state_dir}; stop it first.") from None
        yield
