# SPDX-License-Identifier: Apache-2.0
"""The simulated twins pass the contract of all drivers, and go wrong only when they are told to."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from cumulet.agent.driver import DriverError, State
from cumulet.agent.drivers.simulated import World, simulated_drivers
from cumulet.agent.drivers.simulated.volumes import SimulatedVolumes
from cumulet.contracts.documents import DOCUMENTS, VolumeDocument
from cumulet.kernel.clock import ManualClock
from cumulet.lib.qcow2 import empty_qcow2
from cumulet.testing.drivers import Bench, Check, Machine, checks, name_of, run_check
from cumulet.testing.samples import sample_of

VOLUME = VolumeDocument(id="volume", size_gb=1)


class Surroundings:
    """An agent that knows one image, and keeps what it is told."""

    def __init__(self) -> None:
        self.changes: list[tuple[str, str, State | None]] = []

    async def image_path(self, image_id: str) -> str | None:
        return "/images/one" if image_id == "one" else None

    async def metadata(
        self, peer: dict[str, str], path: str, posted: bytes | None = None
    ) -> tuple[int, str, bytes]:
        return 404, "text/plain", b""

    def changed(self, kind: str, id: str, state: State | None) -> None:
        self.changes.append((kind, id, state))


def imagined(world: World | None = None) -> Machine:
    world = world or World()
    return Machine(lambda: simulated_drivers(world), Surroundings(), image_id="one")


@pytest.mark.parametrize(
    ("kind", "check"),
    [(kind, check) for kind in DOCUMENTS for check in checks(kind)],
    ids=lambda value: value if isinstance(value, str) else name_of(value),
)
def test_a_simulated_driver_keeps_the_contract(kind: str, check: Check) -> None:
    asyncio.run(run_check(check, imagined(), kind))


def with_guest(play: Any) -> None:
    """Play with a bench on which a guest runs."""

    async def run() -> None:
        world = World(clock=ManualClock())
        bench = Bench(imagined(world), sample_of("guest", "one"))
        await bench.restart()
        await bench.apply(*bench.sample.needs, bench.sample.document)
        await play(bench, world)

    asyncio.run(run())


def test_the_console_has_a_prompt_for_each_boot_until_the_last_lines_are_asked_for() -> None:
    async def play(bench: Bench, world: World) -> None:
        text = await bench.driver.calls["console_log"](id=bench.sample.document.id)
        assert text.endswith("\nsample login: ")
        last = await bench.driver.calls["console_log"](id=bench.sample.document.id, lines=1)
        assert last == "sample login: "

    with_guest(play)


def test_a_snapshot_of_a_guest_is_a_qcow2_file(tmp_path: Path) -> None:
    async def play(bench: Bench, world: World) -> None:
        path = tmp_path / "image"
        answer = await bench.driver.calls["guest_snapshot"](id=bench.sample.document.id, path=str(path))
        assert path.read_bytes() == empty_qcow2(2**30)
        assert answer == {"bytes": path.stat().st_size}

    with_guest(play)


def test_a_guest_that_powers_off_by_itself_says_so() -> None:
    async def play(bench: Bench, world: World) -> None:
        world.guest_powers_off(bench.sample.document.id)
        [(kind, id, state)] = bench.machine.around.changes  # type: ignore[attr-defined]
        assert (kind, id, state["power"]) == ("guest", bench.sample.document.id, "stopped")

    with_guest(play)


def test_a_volume_in_use_is_neither_removed_nor_withdrawn() -> None:
    async def play(bench: Bench, world: World) -> None:
        volume = bench.sample.needs[-1]
        for work in (
            bench.drivers["volume"].remove(volume.id),
            bench.apply(VolumeDocument(id=volume.id, size_gb=1)),
        ):
            with pytest.raises(DriverError, match="is in use by guest") as caught:
                await work
            assert caught.value.retry

    with_guest(play)


def test_faults_strike_when_they_are_told_to() -> None:
    async def play() -> None:
        world = World(clock=ManualClock())
        volumes = SimulatedVolumes(world)
        world.faults.fail("volume", nth=2)
        await volumes.apply(VOLUME)
        with pytest.raises(DriverError, match="told to fail at apply of a volume"):
            await volumes.apply(VOLUME)
        await volumes.apply(VOLUME)
        world.faults.fail("volume").late = True
        with pytest.raises(DriverError):
            await volumes.apply(VolumeDocument(id="volume", size_gb=2))
        assert world.volumes["volume"].document.size_gb == 2

    asyncio.run(play())


def test_an_apply_takes_as_long_as_the_clock_says() -> None:
    async def play() -> None:
        clock = ManualClock()
        world = World(clock=clock, latency={"volume": 2.0})
        world.faults.delay("volume", 3.0)
        work = asyncio.create_task(SimulatedVolumes(world).apply(VOLUME))
        await clock.pass_time(4.9)
        assert not work.done()
        await clock.pass_time(0.1)
        assert work.done()

    asyncio.run(play())
