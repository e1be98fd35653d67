# SPDX-License-Identifier: Apache-2.0
"""The host protocol between two ends of a unix socket."""

import asyncio
import os
import socket
import stat
import struct
from collections.abc import Callable, Coroutine
from functools import wraps
from pathlib import Path
from typing import Any

import msgspec
import pytest
import uvloop

from cumulet.agent.agent import Agent
from cumulet.agent.drivers.simulated import World, simulated_drivers
from cumulet.agent.journal import MemoryJournal
from cumulet.contracts.documents import NetworkDocument, VolumeDocument
from cumulet.kernel import wire
from cumulet.kernel.bus import NEVER, PROTOCOL_VERSION, CallError, HostFacts, Report
from cumulet.kernel.bus_unix import Server, UnixControl, serve
from cumulet.kernel.clock import ManualClock
from cumulet.kernel.wire import Connection, RemoteError
from cumulet.testing.control import MemoryControl, rest

FACTS = HostFacts(name="host-1", boot_id="b", vcpus=1, memory_mb=1, disk_gb=1, hypervisor="Simulated")
VOLUME = VolumeDocument(id="volume", size_gb=1)


class Echo:
    """A host that answers what it was called with."""

    def __init__(self) -> None:
        self.hints = 0
        self.hinted = asyncio.Event()
        self.release = asyncio.Event()

    def hint(self) -> None:
        self.hints += 1
        self.hinted.set()

    async def call(self, operation_id: str, name: str, arguments: dict[str, Any]) -> Any:
        if name == "refuse":
            raise CallError("I would rather not.")
        if name == "wait":
            await self.release.wait()
        return [operation_id, name, arguments]


class Line:
    """A control plane behind a socket, and an agent's end of it."""

    def __init__(self, path: Path) -> None:
        self.path = path / "bus"
        self.control = MemoryControl()
        self.host = Echo()
        self.client = UnixControl(self.path)
        self.server: Server | None = None

    async def open(self, *uids: int) -> None:
        self.server = await serve(self.path, self.control, allowed_uids=uids or (os.getuid(),))

    async def connect(self, facts: HostFacts = FACTS) -> None:
        await self.client.connect(facts, self.host)

    @property
    def far_host(self) -> Any:
        """The host as the control plane sees it."""
        return self.control._host

    async def close(self) -> None:
        self.client.disconnect("host-1", self.host)
        if self.server is not None:
            await self.server.close()


def lined(play: Callable[[Line], Coroutine[Any, Any, None]]) -> Callable[..., None]:
    """A test over a line that is open."""

    @wraps(play)
    def test(tmp_path: Path) -> None:
        async def run() -> None:
            line = Line(tmp_path)
            await line.open()
            async with asyncio.timeout(20):
                await play(line)
            await line.close()

        asyncio.run(run())

    del test.__wrapped__  # pytest would read the arguments of the play
    return test


@lined
async def test_what_an_agent_asks_reaches_the_control_plane(line: Line) -> None:
    await line.connect()
    line.control.images["image"] = "/images/1"
    line.control.publish(VOLUME)
    line.control.withdraw(NetworkDocument(id="net"))
    assert await line.client.fetch("host-1", NEVER) == list(line.control.documents.values())
    report = Report(kind="volume", id="volume", generation=NEVER, state={"size_gb": 1})
    await line.client.report("host-1", [report])
    assert line.control.reports == [report]
    await line.client.beat("host-1")
    assert line.control.beats == 1
    assert await line.client.image_path("image") == "/images/1"
    assert await line.client.image_path("none") is None
    assert await line.client.metadata({}, "/latest") == (200, "text/plain; charset=utf-8", b"/latest")


@lined
async def test_hints_and_calls_reach_the_agent(line: Line) -> None:
    await line.connect()
    line.control.publish(VOLUME)
    await line.host.hinted.wait()
    assert await line.far_host.call("op", "dance", {"steps": 3}) == ["op", "dance", {"steps": 3}]
    with pytest.raises(CallError, match="I would rather not"):
        await line.far_host.call("op", "refuse", {})


@lined
async def test_calls_do_not_wait_for_one_another(line: Line) -> None:
    await line.connect()
    slow = asyncio.create_task(line.far_host.call("1", "wait", {}))
    assert await line.far_host.call("2", "quick", {}) == ["2", "quick", {}]
    line.host.release.set()
    assert await slow == ["1", "wait", {}]


@lined
async def test_a_fetch_larger_than_a_frame_comes_in_pages(line: Line) -> None:
    await line.connect()
    body = msgspec.Raw(msgspec.json.encode({"id": "x", "padding": "p" * 700_000}))
    for n in range(40):
        line.control._put("volume", f"volume-{n}", body)
    documents = await line.client.fetch("host-1", NEVER)
    assert [document.id for document in documents] == [f"volume-{n}" for n in range(40)]


@lined
async def test_a_message_that_is_too_large_is_refused_and_the_line_holds(line: Line) -> None:
    await line.connect()
    report = Report(kind="guest", id="g", generation=NEVER, state={"text": "x" * wire.LARGEST_FRAME})
    with pytest.raises(RemoteError, match="larger than the host bus carries"):
        await line.client.report("host-1", [report])
    await line.client.beat("host-1")


@lined
async def test_an_error_of_the_control_plane_is_told_and_the_line_holds(line: Line) -> None:
    await line.connect()
    line.control.away = True
    with pytest.raises(RemoteError, match="control plane of the test is away"):
        await line.client.beat("host-1")
    line.control.away = False
    await line.client.beat("host-1")


@lined
async def test_when_the_control_process_goes_questions_fail_and_the_agent_is_woken(line: Line) -> None:
    await line.connect()
    assert line.server is not None
    await line.server.close()
    await line.host.hinted.wait()
    with pytest.raises(ConnectionError):
        await line.client.beat("host-1")
    with pytest.raises(OSError):
        await line.connect()
    await line.open()
    await line.connect()
    await line.client.beat("host-1")


@lined
async def test_when_the_agent_goes_a_call_under_way_fails(line: Line) -> None:
    await line.connect()
    far_host = line.far_host
    call = asyncio.create_task(far_host.call("1", "wait", {}))
    assert await far_host.call("2", "quick", {})
    line.client.disconnect("host-1", line.host)
    with pytest.raises(ConnectionError):
        await call
    with pytest.raises(ConnectionError):
        await far_host.call("3", "quick", {})
    await until(lambda: line.far_host is None)


@lined
async def test_the_socket_is_private_and_replaces_one_that_was_left(line: Line) -> None:
    await line.open()
    assert stat.S_IMODE(line.path.stat().st_mode) == 0o600
    assert os.listdir(line.path.parent) == ["bus"]
    await line.connect()


@lined
async def test_another_user_is_turned_away(line: Line) -> None:
    await line.open(os.getuid() + 1)
    with pytest.raises(OSError):
        await line.connect()
    assert line.control.connections == []


@lined
async def test_versions_may_be_one_apart(line: Line) -> None:
    await line.connect(msgspec.structs.replace(FACTS, version=PROTOCOL_VERSION + 1))
    with pytest.raises(RemoteError, match="may be one apart"):
        await line.connect(msgspec.structs.replace(FACTS, version=PROTOCOL_VERSION + 2))


@lined
async def test_nothing_is_answered_before_an_agent_said_who_it_is(line: Line) -> None:
    reader, writer = await asyncio.open_unix_connection(str(line.path))
    question = b'{"type":"question","id":1,"body":{"type":"beat"}}'
    writer.write(struct.pack(">I", len(question)) + question)
    (length,) = struct.unpack(">I", await reader.readexactly(4))
    assert b"must connect before" in await reader.readexactly(length)
    writer.close()


@pytest.mark.parametrize(
    "frame", [struct.pack(">I", wire.LARGEST_FRAME + 1), struct.pack(">I", 7) + b'{"a":1}', b"\0\0"]
)
def test_a_peer_that_speaks_nonsense_is_cut_off_and_others_are_served(frame: bytes, tmp_path: Path) -> None:
    async def play(line: Line) -> None:
        await line.connect()
        reader, writer = await asyncio.open_unix_connection(str(line.path))
        writer.write(frame)
        writer.write_eof()
        assert await reader.read() == b""
        writer.close()
        await line.client.beat("host-1")

    lined(play)(tmp_path)


def test_a_peer_that_asks_more_than_is_fair_is_cut_off(tmp_path: Path) -> None:
    async def play(line: Line) -> None:
        never = asyncio.Event()

        async def image_path(image_id: str) -> str | None:
            await never.wait()
            return None

        line.control.image_path = image_path  # type: ignore[method-assign]
        await line.connect()
        questions = [asyncio.create_task(line.client.image_path(str(n))) for n in range(2000)]
        await line.far_host.call("1", "quick", {})
        assert not line.client._connection.closed  # type: ignore[union-attr]
        line.client._connection._turns = asyncio.Semaphore(2000)  # type: ignore[union-attr]
        questions += [asyncio.create_task(line.client.image_path(str(n))) for n in range(2000)]
        with pytest.raises(ConnectionError):
            await questions[-1]
        for question in questions:
            question.cancel()
        await asyncio.gather(*questions, return_exceptions=True)
        never.set()

    lined(play)(tmp_path)


@lined
async def test_an_agent_works_over_the_socket_and_outlives_its_control_process(line: Line) -> None:
    clock = ManualClock()
    world = World(clock=clock)
    agent = Agent(FACTS, simulated_drivers(world), line.client, MemoryJournal(), clock=clock)
    await agent.start()
    line.control.publish(VOLUME)
    await until(lambda: line.control.state(VOLUME) is not None)
    assert line.server is not None
    await line.server.close()
    await until(lambda: not agent.connected)
    await line.open()
    line.control.publish(NetworkDocument(id="net"))
    clock.advance(10)
    await until(lambda: line.control.state(NetworkDocument(id="net")) is not None)
    assert len(line.control.connections) == 2
    await rest(agent)
    await agent.stop()


async def until(true: Callable[[], bool]) -> None:
    """Return when it is; the socket's own time is all that passes."""
    for _ in range(100_000):
        if true():
            return
        await asyncio.sleep(0)
    raise TimeoutError


def test_the_socket_takes_connections_only_once_its_mode_is_set(tmp_path: Path) -> None:
    async def play() -> None:
        server = await serve(tmp_path / "bus", MemoryControl(), allowed_uids=(), mode=0o660)
        assert stat.S_IMODE((tmp_path / "bus").stat().st_mode) == 0o660
        with socket.socket(socket.AF_UNIX) as peer:
            peer.connect(str(tmp_path / "bus"))
        await server.close()

    asyncio.run(play())


def test_who_writes_to_a_stream_that_broke_hears_that_the_peer_is_gone() -> None:
    async def play() -> None:
        ours, theirs = socket.socketpair()
        connection = Connection(*await asyncio.open_unix_connection(sock=ours))
        connection._writer.transport.abort()
        await asyncio.sleep(0.01)

        with pytest.raises(ConnectionError):
            await connection.ask("anybody there?", Any)
        theirs.close()

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:  # asyncio's own loop only warns
        runner.run(play())
