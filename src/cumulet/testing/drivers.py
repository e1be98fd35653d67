# SPDX-License-Identifier: Apache-2.0
"""What every driver of a host owes the agent, as checks that run on real and simulated drivers alike.

    machine = Machine(lambda: simulated_drivers(world), around, image_id="cirros")
    @pytest.mark.parametrize("check", checks("volume"), ids=name_of)
    def test_volumes(check): asyncio.run(run_check(check, machine, "volume"))

A machine makes, each time that it is asked, all drivers of a host anew over whatever exists on it already, as
an agent does that starts again. A check begins and ends with nothing on the machine.
"""

import asyncio
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import Any

import msgspec

from cumulet.agent.driver import Driver, DriverError, State, Surroundings
from cumulet.contracts.documents import (
    Document,
    GuestDisk,
    GuestDocument,
    GuestNic,
    GuestRescue,
    VolumeDocument,
)
from cumulet.testing.samples import Sample, sample_of

VOLATILE = ("bytes",)
"""What a state may say differently each time that it is asked."""


@dataclass(frozen=True)
class Machine:
    """Where drivers are checked. Guests are made from the image with this id, which `around` must know."""

    new_drivers: Callable[[], Sequence[Driver[Any]]]
    around: Surroundings
    image_id: str


class Bench:
    """A machine with one sample on it, and the drivers of one run of an agent."""

    def __init__(self, machine: Machine, sample: Sample) -> None:
        self.machine = machine
        self.sample = sample
        self.drivers: dict[str, Driver[Any]] = {}

    @property
    def driver(self) -> Driver[Any]:
        return self.drivers[self.sample.document.kind]

    async def restart(self) -> None:
        """The agent stopped, and another one started."""
        await self.stop()
        drivers = self.machine.new_drivers()
        for driver in drivers:
            await driver.start(self.machine.around)
        self.drivers = {driver.kind: driver for driver in drivers}

    async def stop(self) -> None:
        for driver in reversed(self.drivers.values()):
            await driver.stop()
        self.drivers = {}

    async def purge(self) -> None:
        for driver in reversed(self.drivers.values()):
            await driver.purge()

    async def apply(self, *documents: Document) -> State:
        """All are applied, in this order; the state of the last."""
        state: State = {}
        for document in documents:
            state = await self.drivers[document.kind].apply(document)
        return lasting(state)

    async def observed(self, id: str) -> State | None:
        state = (await self.driver.observe()).get(id)
        return None if state is None else lasting(state)


Check = Callable[[Bench], Awaitable[None]]


def lasting(state: State) -> State:
    return {name: value for name, value in state.items() if name not in VOLATILE}


# -- what holds for every kind ---------------------------------------------------------------------------


async def what_was_applied_is_observed(bench: Bench) -> None:
    document = bench.sample.document
    state = await bench.apply(document)
    assert await bench.observed(document.id) == state


async def applying_twice_changes_nothing(bench: Bench) -> None:
    document = bench.sample.document
    assert await bench.apply(document) == await bench.apply(document)


async def a_changed_document_is_made_true(bench: Bench) -> None:
    await bench.apply(bench.sample.document)
    state = await bench.apply(bench.sample.changed)
    assert await bench.observed(bench.sample.document.id) == state
    assert await bench.apply(bench.sample.changed) == state


async def another_agent_finds_what_exists(bench: Bench) -> None:
    document = bench.sample.document
    state = await bench.apply(document)
    await bench.restart()
    assert await bench.observed(document.id) == state
    assert await bench.apply(document) == state


async def removing_leaves_nothing_and_twice_is_fine(bench: Bench) -> None:
    document = bench.sample.document
    await bench.apply(document)
    await bench.driver.remove(document.id)
    assert await bench.observed(document.id) is None
    await bench.driver.remove(document.id)


async def removing_what_another_agent_made_leaves_nothing(bench: Bench) -> None:
    document = bench.sample.document
    await bench.apply(document)
    await bench.restart()
    await bench.driver.remove(document.id)
    assert await bench.observed(document.id) is None


async def removing_what_never_was_is_fine(bench: Bench) -> None:
    await bench.driver.remove(str(uuid.uuid4()))


async def what_was_removed_can_be_made_again(bench: Bench) -> None:
    document = bench.sample.document
    state = await bench.apply(document)
    await bench.driver.remove(document.id)
    assert await bench.apply(document) == state


async def an_apply_that_was_cut_short_is_completed(bench: Bench) -> None:
    document = bench.sample.document
    for turns in (1, 3, 10, 30):
        work = asyncio.create_task(bench.driver.apply(document))
        for _ in range(turns):
            await asyncio.sleep(0)
        work.cancel()
        with suppress(asyncio.CancelledError, DriverError):
            await work
        await bench.restart()
        state = await bench.apply(document)
        assert await bench.observed(document.id) == state
        await bench.driver.remove(document.id)
        assert await bench.observed(document.id) is None


async def two_of_a_kind_do_not_disturb_each_other(bench: Bench) -> None:
    first, second = bench.sample.document, bench.sample.other
    await asyncio.gather(bench.driver.apply(first), bench.driver.apply(second))
    await bench.driver.remove(first.id)
    assert await bench.observed(first.id) is None
    assert await bench.observed(second.id) is not None


async def purging_leaves_nothing(bench: Bench) -> None:
    await bench.apply(bench.sample.document)
    await bench.purge()
    await bench.restart()
    assert await bench.driver.observe() == {}


# -- what holds for one kind -----------------------------------------------------------------------------


async def a_volume_cannot_shrink(bench: Bench) -> None:
    document = bench.sample.document
    assert isinstance(document, VolumeDocument)
    await bench.apply(msgspec.structs.replace(document, size_gb=2))
    await refused(bench.apply(msgspec.structs.replace(document, size_gb=1)))
    state = await bench.observed(document.id)
    assert state is not None and state["size_gb"] == 2


async def a_snapshot_outlives_its_volume(bench: Bench) -> None:
    await bench.apply(bench.sample.document)
    for need in bench.sample.needs:
        await bench.drivers[need.kind].remove(need.id)
    assert await bench.observed(bench.sample.document.id) is not None
    await bench.apply(bench.sample.document)


async def a_guest_has_the_power_state_that_is_wanted(bench: Bench) -> None:
    document = guest_of(bench)
    for power in ("running", "paused", "running", "suspended", "running", "stopped", "running"):
        state = await bench.apply(msgspec.structs.replace(document, power=power, shutdown_timeout=1))
        assert state["power"] == power


async def a_guest_reboots_as_often_as_it_was_told(bench: Bench) -> None:
    document = guest_of(bench)
    await bench.apply(document)
    state = await bench.apply(
        msgspec.structs.replace(document, reboots=1, hard_reboots=1, shutdown_timeout=1)
    )
    assert (state["power"], state["reboots"], state["hard_reboots"]) == ("running", 1, 1)


async def a_guest_without_its_port_or_volume_fails(bench: Bench) -> None:
    document = guest_of(bench)
    nowhere = GuestNic(port_id=str(uuid.uuid4()), mac_address="fa:16:3e:00:00:99")
    nothing = GuestDisk(volume_id=str(uuid.uuid4()), device="/dev/vdz")
    await refused(bench.apply(msgspec.structs.replace(document, nics=(nowhere,))))
    await bench.driver.remove(document.id)
    await refused(bench.apply(msgspec.structs.replace(document, disks=(nothing,))))


async def a_guest_needs_something_to_boot_from(bench: Bench) -> None:
    await refused(bench.apply(msgspec.structs.replace(guest_of(bench), image_id=None, disks=())))


async def a_guest_of_an_unknown_image_fails(bench: Bench) -> None:
    await refused(bench.apply(msgspec.structs.replace(guest_of(bench), image_id=str(uuid.uuid4()))))


async def disks_and_nics_come_and_go(bench: Bench) -> None:
    """Of a stopped guest: a running one lets go only if its system plays along, and it may have none."""
    document = msgspec.structs.replace(guest_of(bench), power="stopped", shutdown_timeout=0)
    bare = msgspec.structs.replace(document, nics=(), disks=())
    for wanted in (document, bare, document):
        state = await bench.apply(wanted)
        assert state["disks"] == [disk.volume_id for disk in wanted.disks]
        assert state["nics"] == [nic.port_id for nic in wanted.nics]


async def a_guest_is_rescued_and_boots_from_its_own_disk_again(bench: Bench) -> None:
    """Every rescue that the host can give; one that it cannot is refused with a sentence."""
    document = msgspec.structs.replace(guest_of(bench), shutdown_timeout=0)
    before = await bench.apply(document)
    image_id = bench.machine.image_id
    for count, (bus, stable) in enumerate((("virtio", False), ("virtio", True), ("usb", True)), 1):
        rescue = GuestRescue(image_id=image_id, count=count, stable=stable, bus=bus)
        state = await bench.apply(msgspec.structs.replace(document, rescue=rescue))
        assert state["power"] == "running"
        assert await bench.apply(document) == before
    unknown = GuestRescue(image_id=str(uuid.uuid4()), count=9)
    await refused(bench.apply(msgspec.structs.replace(document, rescue=unknown)))
    assert await bench.apply(document) == before


COMMON: tuple[Check, ...] = (
    what_was_applied_is_observed,
    applying_twice_changes_nothing,
    a_changed_document_is_made_true,
    another_agent_finds_what_exists,
    removing_leaves_nothing_and_twice_is_fine,
    removing_what_another_agent_made_leaves_nothing,
    removing_what_never_was_is_fine,
    what_was_removed_can_be_made_again,
    an_apply_that_was_cut_short_is_completed,
    two_of_a_kind_do_not_disturb_each_other,
    purging_leaves_nothing,
)

OF_KIND: dict[str, tuple[Check, ...]] = {
    "volume": (a_volume_cannot_shrink,),
    "volume_snapshot": (a_snapshot_outlives_its_volume,),
    "guest": (
        a_guest_has_the_power_state_that_is_wanted,
        a_guest_reboots_as_often_as_it_was_told,
        a_guest_without_its_port_or_volume_fails,
        a_guest_needs_something_to_boot_from,
        a_guest_of_an_unknown_image_fails,
        disks_and_nics_come_and_go,
        a_guest_is_rescued_and_boots_from_its_own_disk_again,
    ),
}


def checks(kind: str) -> tuple[Check, ...]:
    """All that a driver of this kind must pass."""
    return COMMON + OF_KIND.get(kind, ())


def name_of(check: Any) -> str:
    return str(check.__name__)


async def run_check(check: Check, machine: Machine, kind: str) -> None:
    """The check passes, and leaves nothing on the machine whether it does or not."""
    async with _bench(machine, kind) as bench:
        await check(bench)


@asynccontextmanager
async def _bench(machine: Machine, kind: str) -> AsyncIterator[Bench]:
    bench = Bench(machine, sample_of(kind, machine.image_id))
    await bench.restart()
    try:
        await bench.apply(*bench.sample.needs)
        yield bench
    finally:
        await bench.restart()
        await bench.purge()
        await bench.stop()


async def refused(work: Awaitable[Any]) -> None:
    """The work ends in a DriverError with a sentence."""
    try:
        await work
    except DriverError as error:
        assert str(error).endswith("."), f"{error!s} is no sentence."
    else:
        raise AssertionError("The driver did what it should refuse.")


def guest_of(bench: Bench) -> GuestDocument:
    document = bench.sample.document
    assert isinstance(document, GuestDocument)
    return document
