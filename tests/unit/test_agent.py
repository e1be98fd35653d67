# SPDX-License-Identifier: Apache-2.0
"""The agent over an imagined machine: what it makes, in which order, what it refuses and what it survives."""

import asyncio
from collections.abc import Callable, Coroutine
from functools import wraps
from pathlib import Path
from typing import Any

import msgspec
import pytest

from cumulet.agent.agent import Agent
from cumulet.agent.driver import DriverError
from cumulet.agent.drivers.simulated import World, simulated_drivers
from cumulet.agent.drivers.simulated.faults import Fault
from cumulet.agent.journal import FileJournal, Journal, MemoryJournal
from cumulet.contracts.documents import (
    Document,
    GuestDisk,
    GuestDocument,
    GuestNic,
    NetworkDocument,
    PortDocument,
    RouterDocument,
    RouterInterface,
    SecurityGroupDocument,
    VolumeDocument,
    VolumeSnapshotDocument,
    VolumeSource,
)
from cumulet.kernel.bus import NEVER, CallError, Generation, HostFacts, Published
from cumulet.kernel.clock import ManualClock
from cumulet.testing.control import MemoryControl, rest

FACTS = HostFacts(name="host-1", boot_id="b", vcpus=8, memory_mb=8192, disk_gb=100, hypervisor="Simulated")

NETWORK = NetworkDocument(id="net")
GROUP = SecurityGroupDocument(id="group")
PORT = PortDocument(
    id="port", network_id="net", mac_address="fa:16:3e:00:00:01", security_group_ids=("group",)
)
VOLUME = VolumeDocument(id="volume", size_gb=1, exported=True)
UNEXPORTED = VolumeDocument(id="volume", size_gb=1)
GUEST = GuestDocument(
    id="guest",
    name="instance-1",
    hostname="web",
    vcpus=1,
    memory_mb=512,
    image_id="image",
    nics=(GuestNic(port_id="port", mac_address="fa:16:3e:00:00:01"),),
    disks=(GuestDisk(volume_id="volume", device="/dev/vdb"),),
)
BARE_GUEST = msgspec.structs.replace(GUEST, nics=(), disks=())
EVERYTHING = (GUEST, PORT, VOLUME, GROUP, NETWORK)


class Scene:
    """A machine, its control plane and, one after the other, the agents that run on it."""

    def __init__(self, journal: Journal | None = None) -> None:
        self.clock = ManualClock()
        self.world = World(clock=self.clock)
        self.control = MemoryControl()
        self.control.images["image"] = "/no/such/file"
        self.journal = journal or MemoryJournal()
        self.agent = self._new_agent()

    @property
    def faults(self) -> Any:
        return self.world.faults

    def _new_agent(self, **limits: int) -> Agent:
        drivers = simulated_drivers(self.world)
        return Agent(FACTS, drivers, self.control, self.journal, clock=self.clock, limits=limits)

    async def start(self) -> "Scene":
        await self.agent.start()
        if not self.control.away:
            await rest(self.agent)
        return self

    async def restart(self, journal: Journal | None = None, **limits: int) -> None:
        await self.agent.stop()
        self.journal = journal or self.journal
        self.agent = self._new_agent(**limits)
        await self.start()

    async def publish(self, *documents: Document) -> None:
        self.control.publish(*documents)
        await rest(self.agent)

    async def withdraw(self, *documents: Document) -> None:
        self.control.withdraw(*documents)
        await rest(self.agent)

    async def wait(self, seconds: float) -> None:
        await self.clock.pass_time(seconds)
        await rest(self.agent)

    def strokes(self, kind: str, operation: str = "apply") -> int:
        return int(self.world.faults.strokes[kind, operation])


def played(play: Callable[..., Coroutine[Any, Any, None]]) -> Callable[..., None]:
    """A test as a coroutine, which leaves no task behind."""

    @wraps(play)
    def test(*args: Any, **kwargs: Any) -> None:
        asyncio.run(play(*args, **kwargs))

    return test


# -- making documents true -----------------------------------------------------------------------------


@played
async def test_a_guest_with_its_port_and_volume_runs_without_any_time_passing() -> None:
    scene = await Scene().start()
    await scene.publish(*EVERYTHING)
    assert scene.control.state(GUEST) == {
        "power": "running",
        "disks": ["volume"],
        "nics": ["port"],
        "reboots": 0,
        "hard_reboots": 0,
        "rebuilds": 0,
    }
    assert scene.clock.monotonic() == 0


@played
async def test_each_document_is_applied_once_and_reported_once() -> None:
    scene = await Scene().start()
    await scene.publish(*EVERYTHING)
    await scene.wait(60)
    assert {kind: scene.strokes(kind) for kind, _ in scene.faults.strokes} == {
        "guest": 1,
        "port": 1,
        "volume": 1,
        "security_group": 1,
        "network": 1,
    }
    assert len(scene.control.reports) == 5


@played
async def test_a_guest_waits_for_a_port_that_comes_later() -> None:
    scene = await Scene().start()
    await scene.publish(GUEST, VOLUME)
    assert "guest" not in scene.world.guests
    error = scene.control.error(GUEST)
    assert error is not None and error.retrying
    assert error.error == "It waits for port port, of which this host was not told."
    await scene.publish(NETWORK, GROUP, PORT)
    assert scene.control.state(GUEST) is not None


@played
async def test_a_guest_fails_with_the_port_that_it_needs_and_runs_once_that_is_mended() -> None:
    scene = await Scene().start()
    fault = scene.faults.fail("network")
    await scene.publish(*EVERYTHING)
    error = scene.control.error(GUEST)
    assert error is not None and not error.retrying
    assert error.error == f"It needs port port: It needs network net: {fault.error}"
    await scene.publish(NETWORK)
    assert scene.control.state(GUEST) is not None


@played
async def test_a_router_waits_for_its_networks() -> None:
    leg = RouterInterface(port_id="leg", network_id="net", mac_address="m", cidrs=("10.0.0.1/24",))
    scene = await Scene().start()
    router = RouterDocument(id="router", interfaces=(leg,))
    await scene.publish(router, NETWORK)
    assert scene.control.state(router) is not None


@played
async def test_a_volume_waits_for_its_source_only_until_it_is_filled() -> None:
    scene = await Scene().start()
    snapshot = VolumeSnapshotDocument(id="snapshot", volume_id="volume")
    copy = VolumeDocument(id="copy", size_gb=1, source=VolumeSource(snapshot_id="snapshot"))
    await scene.publish(copy, snapshot, UNEXPORTED)
    await scene.withdraw(snapshot, UNEXPORTED)
    assert list(scene.world.volumes) == ["copy"]
    await scene.publish(msgspec.structs.replace(copy, size_gb=2))
    assert scene.world.volumes["copy"].document.size_gb == 2


@played
async def test_a_source_is_not_removed_while_a_volume_is_filled_from_it() -> None:
    scene = await Scene().start()
    await scene.publish(UNEXPORTED)
    scene.faults.hang("volume", id="copy")
    copy = VolumeDocument(id="copy", size_gb=1, source=VolumeSource(volume_id="volume"))
    scene.control.publish(copy)
    await scene.clock.pass_time(0)
    scene.control.withdraw(UNEXPORTED)
    await scene.clock.pass_time(1)
    assert "volume" in scene.world.volumes
    scene.faults.heal()
    await rest(scene.agent)
    assert list(scene.world.volumes) == ["copy"]


@played
async def test_what_a_guest_stands_on_is_removed_after_it() -> None:
    scene = await Scene().start()
    await scene.publish(*EVERYTHING)
    scene.faults.hang("guest", "remove")
    scene.control.withdraw(NETWORK, GROUP, PORT, VOLUME, GUEST)
    await scene.clock.pass_time(1)
    assert scene.strokes("port", "remove") + scene.strokes("volume", "remove") == 0
    scene.faults.heal()
    await rest(scene.agent)
    world = scene.world
    assert not (world.guests or world.ports or world.volumes or world.networks or world.security_groups)


@played
async def test_a_volume_stays_exported_until_the_guest_let_go_of_it() -> None:
    scene = await Scene().start()
    await scene.publish(*EVERYTHING)
    await scene.publish(UNEXPORTED, msgspec.structs.replace(GUEST, disks=()))
    assert scene.control.error(UNEXPORTED) is None
    assert scene.control.state(UNEXPORTED) == {"size_gb": 1, "exported": False, "bytes": 196608}


@played
async def test_a_port_is_removed_although_a_guest_keeps_wanting_it() -> None:
    scene = await Scene().start()
    await scene.publish(*EVERYTHING)
    await scene.withdraw(PORT)
    assert not scene.world.ports


@played
async def test_guests_start_no_more_at_once_than_allowed() -> None:
    scene = Scene()
    await scene.restart(guest=2)
    scene.faults.hang("guest")
    scene.control.publish(*(msgspec.structs.replace(BARE_GUEST, id=f"guest-{n}") for n in range(5)))
    await scene.clock.pass_time(0)
    assert scene.strokes("guest") == 2
    scene.faults.heal()
    await rest(scene.agent)
    assert len(scene.world.guests) == 5


@played
async def test_of_the_generations_that_arrive_during_an_apply_only_the_latest_is_applied() -> None:
    scene = await Scene().start()
    scene.faults.hang("volume")
    scene.control.publish(VOLUME)
    await scene.clock.pass_time(0)
    for size in (2, 3, 4):
        scene.control.publish(msgspec.structs.replace(VOLUME, size_gb=size))
        await scene.clock.pass_time(0)
    scene.faults.heal()
    await rest(scene.agent)
    assert scene.strokes("volume") == 2
    assert scene.world.volumes["volume"].document.size_gb == 4


@played
async def test_a_thing_that_is_withdrawn_while_it_is_made_is_removed() -> None:
    scene = await Scene().start()
    scene.faults.hang("volume")
    scene.control.publish(VOLUME)
    await scene.clock.pass_time(0)
    scene.control.withdraw(VOLUME)
    await scene.clock.pass_time(0)
    scene.faults.heal()
    await rest(scene.agent)
    assert not scene.world.volumes and not scene.control.documents


# -- trouble ---------------------------------------------------------------------------------------------


@played
async def test_a_refusal_is_reported_once_and_not_tried_again() -> None:
    scene = await Scene().start()
    await scene.publish(VOLUME)
    await scene.publish(msgspec.structs.replace(VOLUME, size_gb=0))
    await scene.wait(600)
    error = scene.control.error(VOLUME)
    assert error is not None and not error.retrying
    assert error.error == "Volume volume has 1 GB and cannot shrink to 0 GB."
    assert error.state == {"size_gb": 1, "exported": True, "bytes": 196608}
    assert scene.strokes("volume") == 2


@played
async def test_what_may_go_better_later_is_tried_again_after_longer_and_longer_pauses() -> None:
    scene = await Scene().start()
    scene.faults.refuse("volume", retry=True)
    await scene.publish(VOLUME)
    error = scene.control.error(VOLUME)
    assert error is not None and error.retrying
    for pause, strokes in ((1, 2), (1, 2), (1, 3), (4, 4)):
        await scene.wait(pause)
        assert scene.strokes("volume") == strokes
    scene.faults.heal()
    await scene.wait(8)
    assert scene.control.state(VOLUME) is not None
    assert len(scene.control.reports) == 2


@played
async def test_a_new_generation_does_not_wait_for_the_pause_of_the_old_one() -> None:
    scene = await Scene().start()
    scene.faults.fail("volume", retry=True)
    await scene.publish(VOLUME)
    await scene.publish(VOLUME)
    assert scene.control.state(VOLUME) is not None


@played
async def test_an_unexpected_error_is_logged_reported_and_tried_again(
    caplog: pytest.LogCaptureFixture,
) -> None:
    scene = await Scene().start()
    scene.faults.add(Fault("volume", error=ZeroDivisionError("oops")))
    await scene.publish(VOLUME)
    error = scene.control.error(VOLUME)
    assert error is not None and error.retrying
    assert error.error == "The host met an unexpected error: ZeroDivisionError('oops')"
    assert "Traceback" in caplog.text
    await scene.wait(1)
    assert scene.control.state(VOLUME) is not None


@played
async def test_a_removal_is_tried_until_it_succeeds_even_when_the_driver_gave_up() -> None:
    scene = await Scene().start()
    await scene.publish(VOLUME)
    scene.faults.fail("volume", "remove")
    await scene.withdraw(VOLUME)
    assert "volume" in scene.world.volumes
    await scene.wait(1)
    assert not scene.world.volumes and not scene.control.documents


@played
async def test_a_document_that_cannot_be_read_is_an_error_of_its_thing_alone() -> None:
    scene = await Scene().start()
    broken = Published(
        kind="volume",
        id="odd",
        generation=Generation(1, 1),
        body=msgspec.Raw(b'{"id": "odd", "size_gb": "x"}'),
    )
    foreign = Published(kind="moon", id="io", generation=Generation(1, 2), body=msgspec.Raw(b"{}"))
    scene.control.documents.update({("volume", "odd"): broken, ("moon", "io"): foreign})
    scene.control.n = 2
    await scene.publish(NETWORK)
    assert "cannot read the document of the volume" in str(scene.control.latest["volume", "odd"].error)
    assert scene.control.latest["moon", "io"].error == "This host has no driver for a moon."
    assert scene.control.state(NETWORK) is not None


# -- what is refused, and what is left over ------------------------------------------------------------------


@played
async def test_an_older_generation_is_refused() -> None:
    scene = await Scene().start()
    await scene.publish(VOLUME)
    old = scene.control.documents["volume", "volume"]
    await scene.publish(msgspec.structs.replace(VOLUME, size_gb=2))
    scene.control.documents["volume", "volume"] = old
    await scene.restart()
    assert scene.world.volumes["volume"].document.size_gb == 2
    refusal = next(report for report in scene.control.reports if report.error)
    assert refusal.generation == old.generation and "restored database" in str(refusal.error)


@played
async def test_a_removed_thing_is_not_brought_back_by_a_control_plane_of_the_past() -> None:
    scene = await Scene().start()
    await scene.publish(VOLUME)
    past = dict(scene.control.documents)
    await scene.withdraw(VOLUME)
    assert scene.journal.documents == {}
    scene.control.documents = past
    await scene.restart()
    assert not scene.world.volumes


@played
async def test_a_new_epoch_brings_back_what_a_backup_knew() -> None:
    scene = await Scene().start()
    await scene.publish(VOLUME)
    await scene.withdraw(VOLUME)
    scene.control.epoch, scene.control.n = 2, 0
    await scene.publish(VOLUME)
    assert scene.control.state(VOLUME) is not None


@played
async def test_orphans_are_removed_from_the_top_down_but_not_before_the_first_full_fetch() -> None:
    scene = await Scene().start()
    await scene.publish(*EVERYTHING)
    await scene.agent.stop()
    scene.control = MemoryControl()
    scene.control.away = True
    await scene.restart(MemoryJournal())
    await scene.clock.pass_time(30)
    assert scene.world.guests
    scene.control.away = False
    await scene.wait(30)
    world = scene.world
    assert not (world.guests or world.ports or world.volumes or world.networks or world.security_groups)
    assert scene.control.reports == []


@played
async def test_a_document_that_control_no_longer_lists_is_an_orphan_and_forgotten() -> None:
    scene = await Scene().start()
    await scene.publish(VOLUME, NETWORK)
    del scene.control.documents["volume", "volume"]
    await scene.restart()
    assert not scene.world.volumes and scene.world.networks
    assert list(scene.journal.documents) == [("network", "net")]


@played
async def test_nothing_is_kept_of_what_is_gone() -> None:
    scene = await Scene().start()
    for n in range(20):
        volume = msgspec.structs.replace(VOLUME, id=f"volume-{n}")
        guest = msgspec.structs.replace(BARE_GUEST, id=f"guest-{n}")
        await scene.publish(volume, guest)
        await scene.withdraw(volume, guest)
    work = scene.agent._work
    assert scene.journal.documents == {}
    assert not (work._things or work._parked or work._holders or work._unsure or work._tasks)


@played
async def test_the_newest_generation_that_was_seen_is_told_when_connecting() -> None:
    scene = await Scene().start()
    await scene.publish(VOLUME)
    await scene.withdraw(VOLUME)
    await scene.restart()
    assert [facts.seen for facts in scene.control.connections] == [NEVER, Generation(1, 2)]


# -- restarts and a control plane that is away ---------------------------------------------------------------


@played
async def test_guests_run_on_without_an_agent_and_the_next_one_takes_them_over() -> None:
    scene = await Scene().start()
    await scene.publish(*EVERYTHING)
    await scene.agent.stop()
    assert scene.world.guests["guest"].power == "running"
    console = list(scene.world.guests["guest"].console)
    reports = len(scene.control.reports)
    await scene.restart()
    assert scene.world.guests["guest"].console == console
    assert len(scene.control.reports) == reports + 5


@played
async def test_a_removal_that_a_crash_cut_short_is_finished_in_order_after_the_restart() -> None:
    scene = await Scene().start()
    await scene.publish(*EVERYTHING)
    scene.faults.hang("guest", "remove")
    scene.control.withdraw(*EVERYTHING)
    await scene.clock.pass_time(0)
    await scene.agent.stop()
    scene.agent = scene._new_agent()
    await scene.agent.start()
    await scene.clock.pass_time(1)
    assert scene.world.ports and scene.world.volumes
    scene.faults.heal()
    await rest(scene.agent)
    assert not scene.control.documents and not scene.world.networks


@played
async def test_the_journal_in_a_file_outlives_the_agent(tmp_path: Path) -> None:
    path = tmp_path / "journal"
    scene = await Scene(FileJournal(path)).start()
    await scene.publish(VOLUME, NETWORK)
    await scene.withdraw(NETWORK)
    await scene.agent.call("op-1", "volume_to_image", {"id": "volume", "path": str(tmp_path / "image")})
    await scene.agent.stop()
    with path.open("ab") as file:
        file.write(b'{"type":"kept","docu')
    journal = FileJournal(path)
    assert list(journal.documents) == [("volume", "volume")]
    assert journal.watermark == Generation(1, 3)
    assert list(journal.outcomes) == ["op-1"]


@played
async def test_the_journal_is_rewritten_when_most_of_it_is_past(tmp_path: Path) -> None:
    path = tmp_path / "journal"
    scene = await Scene(FileJournal(path)).start()
    for size in range(1, 1100):
        scene.control._put("volume", "volume", msgspec.Raw(b'{"id":"volume","size_gb":%d}' % size))
        await scene.agent._accept([scene.control.documents["volume", "volume"]])
    await scene.agent.stop()
    assert len(path.read_bytes().splitlines()) < 200
    assert FileJournal(path).watermark == Generation(1, 1099)


@played
async def test_while_control_is_away_guests_go_on_and_afterwards_all_is_told_again(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level("INFO")
    scene = await Scene().start()
    await scene.publish(*EVERYTHING)
    scene.control.away = True
    await scene.clock.pass_time(60)
    scene.world.guest_powers_off("guest")
    scene.control.publish(NetworkDocument(id="new"))
    scene.control.latest.clear()
    scene.control.away = False
    await scene.wait(10)
    assert len(scene.control.connections) == 2
    assert set(scene.control.latest) == {("network", "new"), *((d.kind, d.id) for d in EVERYTHING)}
    assert scene.control.state(GUEST) is not None
    assert scene.control.latest["guest", "guest"].state["power"] == "stopped"  # type: ignore[index]
    assert [record.message.split(":")[0] for record in caplog.records] == [
        "The talk with the control plane broke off",
        "The control plane answers again.",
    ]


@played
async def test_an_agent_that_starts_before_its_control_plane_waits_for_it() -> None:
    scene = Scene()
    scene.control.away = True
    await scene.start()
    await scene.clock.pass_time(100)
    scene.control.publish(VOLUME)
    scene.control.away = False
    await scene.wait(10)
    assert scene.control.state(VOLUME) is not None


@played
async def test_a_lost_hint_costs_seconds_only() -> None:
    scene = await Scene().start()
    scene.control._put("volume", "volume", msgspec.Raw(msgspec.json.encode(VOLUME)))
    await scene.wait(5)
    assert scene.control.state(VOLUME) is not None
    assert scene.control.beats == 5


@played
async def test_a_change_by_itself_is_reported_with_the_generation_that_was_made() -> None:
    scene = await Scene().start()
    await scene.publish(*EVERYTHING)
    scene.world.guest_powers_off("guest")
    await rest(scene.agent)
    state = scene.control.state(GUEST)
    assert state is not None and state["power"] == "stopped"


# -- calls -----------------------------------------------------------------------------------------------


@played
async def test_the_console_shows_a_login_prompt() -> None:
    scene = await Scene().start()
    await scene.publish(*EVERYTHING)
    text = await scene.agent.call("", "console_log", {"id": "guest"})
    assert text.endswith("web login: ")


@played
async def test_a_repeated_operation_is_answered_from_the_journal(tmp_path: Path) -> None:
    scene = await Scene().start()
    await scene.publish(*EVERYTHING)
    arguments = {"id": "guest", "path": str(tmp_path / "image")}
    first = await scene.agent.call("op-1", "guest_snapshot", arguments)
    await scene.restart()
    assert await scene.agent.call("op-1", "guest_snapshot", arguments) == first
    assert scene.strokes("guest", "guest_snapshot") == 1


@played
async def test_an_operation_that_runs_is_joined_and_outlives_its_caller() -> None:
    scene = await Scene().start()
    await scene.publish(*EVERYTHING)
    scene.faults.hang("guest", "console_log")
    calls = [asyncio.create_task(scene.agent.call("op-1", "console_log", {"id": "guest"})) for _ in range(2)]
    await scene.clock.pass_time(0)
    calls[0].cancel()
    scene.faults.heal()
    assert "login:" in await calls[1]
    assert scene.strokes("guest", "console_log") == 1


@played
async def test_a_refused_operation_stays_refused_and_one_that_may_go_better_is_tried_again() -> None:
    scene = await Scene().start()
    with pytest.raises(CallError, match="Guest guest is not on this host"):
        await scene.agent.call("op-1", "console_log", {"id": "guest"})
    await scene.publish(*EVERYTHING)
    with pytest.raises(CallError, match="Guest guest is not on this host"):
        await scene.agent.call("op-1", "console_log", {"id": "guest"})
    scene.faults.add(Fault("guest", "console_log", error=DriverError("Busy.", retry=True)))
    with pytest.raises(CallError, match="Busy"):
        await scene.agent.call("op-2", "console_log", {"id": "guest"})
    assert "login:" in await scene.agent.call("op-2", "console_log", {"id": "guest"})


@played
async def test_an_unknown_call_is_refused() -> None:
    scene = await Scene().start()
    with pytest.raises(CallError, match="no driver that answers 'dance'"):
        await scene.agent.call("op-1", "dance", {})


@played
async def test_the_journal_keeps_only_the_latest_outcomes() -> None:
    scene = await Scene().start()
    await scene.publish(*EVERYTHING)
    for n in range(1005):
        await scene.agent.call(f"op-{n}", "console_log", {"id": "guest", "lines": 1})
    assert len(scene.journal.outcomes) == 1000
    assert "op-4" not in scene.journal.outcomes and "op-5" in scene.journal.outcomes
