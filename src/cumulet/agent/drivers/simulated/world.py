# SPDX-License-Identifier: Apache-2.0
"""The imagined machine, and what all drivers over it have in common."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

from cumulet.agent.driver import Call, DriverError, State, Surroundings
from cumulet.agent.drivers.simulated.faults import Faults
from cumulet.agent.drivers.simulated.images import file_bytes
from cumulet.contracts.documents import (
    Document,
    GuestDocument,
    NetworkDocument,
    PortDocument,
    RouterDocument,
    SecurityGroupDocument,
    VolumeDocument,
)
from cumulet.kernel.clock import Clock, SystemClock

D = TypeVar("D", bound=Document)
R = TypeVar("R")


@dataclass(slots=True)
class Volume:
    document: VolumeDocument
    bytes: int


@dataclass(slots=True)
class Snapshot:
    id: str
    size_gb: int
    bytes: int


@dataclass(slots=True)
class Guest:
    document: GuestDocument
    power: str
    console: list[str] = field(default_factory=list)


@dataclass(slots=True)
class World:
    """What exists on one simulated host. It outlives the drivers and the agent, as a machine does."""

    clock: Clock = field(default_factory=SystemClock)
    faults: Faults = field(default_factory=Faults)
    latency: Mapping[str, float] = field(default_factory=dict)
    """Seconds that an apply of a kind takes."""
    networks: dict[str, NetworkDocument] = field(default_factory=dict)
    security_groups: dict[str, SecurityGroupDocument] = field(default_factory=dict)
    ports: dict[str, PortDocument] = field(default_factory=dict)
    routers: dict[str, RouterDocument] = field(default_factory=dict)
    volumes: dict[str, Volume] = field(default_factory=dict)
    snapshots: dict[str, Snapshot] = field(default_factory=dict)
    guests: dict[str, Guest] = field(default_factory=dict)
    images: set[str] = field(default_factory=set)
    """Those that were asked for before any guest needed them."""
    around: Surroundings | None = None
    """The agent that watches, if one does."""

    def guest_powers_off(self, guest_id: str) -> None:
        """Somebody inside the guest shut it down."""
        guest = self.guests[guest_id]
        guest.power = "stopped"
        if self.around is not None:
            self.around.changed("guest", guest_id, guest_state(guest))

    def lose_power(self) -> None:
        """The machine went down and came up: files are there, guests and networks are not."""
        for things in (self.networks, self.security_groups, self.ports, self.routers, self.guests):
            things.clear()


class Twin(Generic[D, R]):
    """A driver over records of the world; a kind says how a record is made and what is seen of it."""

    name = "simulated"
    kind: str

    def __init__(self, world: World, records: dict[str, R]) -> None:
        self.world = world
        self.records = records
        self.calls: Mapping[str, Call] = {}

    async def start(self, around: Surroundings) -> None:
        self.world.around = around

    async def stop(self) -> None:
        self.world.around = None

    async def purge(self) -> None:
        self.records.clear()

    async def observe(self) -> dict[str, State]:
        return {id: self.state(record) for id, record in self.records.items()}

    async def apply(self, document: D) -> State:
        await self.strike("apply", document.id)
        if seconds := self.world.latency.get(self.kind):
            await self.world.clock.sleep(seconds)
        record = await self.make(document, self.records.get(document.id))
        self.records[document.id] = record
        await self.strike("apply", document.id, late=True)
        return self.state(record)

    async def remove(self, id: str) -> None:
        await self.strike("remove", id)
        record = self.records.get(id)
        if record is not None:
            self.release(record)
            del self.records[id]
        await self.strike("remove", id, late=True)

    async def strike(self, operation: str, id: str, *, late: bool = False) -> None:
        await self.world.faults.strike(self.kind, operation, id, self.world.clock, late=late)

    async def make(self, document: D, record: R | None) -> R:
        """The record that the document describes, from the one that exists; DriverError when it cannot be."""
        raise NotImplementedError

    def release(self, record: R) -> None:
        """Raise DriverError when the thing cannot be removed now."""

    def state(self, record: R) -> State:
        raise NotImplementedError

    async def image_bytes(self, image_id: str) -> int:
        """Size of an image's file; DriverError when there is no such image."""
        around = self.world.around
        path = None if around is None else await around.image_path(image_id)
        if path is None:
            raise DriverError(f"Image {image_id} has no file that this host could read.")
        return await file_bytes(path)


def guest_state(guest: Guest) -> dict[str, Any]:
    document = guest.document
    return {
        "power": guest.power,
        "disks": [disk.volume_id for disk in document.disks],
        "nics": [nic.port_id for nic in document.nics],
        "reboots": document.reboots,
        "hard_reboots": document.hard_reboots,
        "rebuilds": document.rebuilds,
    }
