# SPDX-License-Identifier: Apache-2.0
"""The host protocol over a unix socket, between the control process and the agents of its machine.

Either process may be killed at any time: the other notices the end of the stream, fails what it had asked
with a ConnectionError, and the agent, woken by a hint, connects anew. A full fetch travels in pages, each
beginning after the last generation of the one before, so that no frame comes near the bound.

An agent names its version when it connects. Both ends then speak the lower version of the two, and refuse one
another when they are more than one apart.
"""

import asyncio
import contextlib
import logging
import os
import socket
import struct
from collections.abc import Collection
from pathlib import Path
from typing import Any

import msgspec

from cumulet.kernel.bus import (
    PROTOCOL_VERSION,
    CallError,
    Control,
    Generation,
    Host,
    HostFacts,
    Published,
    Report,
    Written,
)
from cumulet.kernel.wire import Connection, Refusal, RemoteError

PAGE_BYTES = 2**20

_BUFFER_BYTES = 2**20
_CREDENTIALS = struct.Struct("3i")

log = logging.getLogger(__name__)


class Connect(msgspec.Struct, frozen=True, tag="connect"):
    facts: HostFacts


class Fetch(msgspec.Struct, frozen=True, tag="fetch"):
    since: Generation


class Page(msgspec.Struct, frozen=True):
    documents: list[Written]
    last: bool


class Store(msgspec.Struct, frozen=True, tag="report"):
    reports: list[Report]


class Beat(msgspec.Struct, frozen=True, tag="beat"):
    pass


class ImagePath(msgspec.Struct, frozen=True, tag="image_path"):
    image_id: str


class Metadata(msgspec.Struct, frozen=True, tag="metadata"):
    peer: dict[str, str]
    path: str
    posted: bytes | None = None


class Call(msgspec.Struct, frozen=True, tag="call"):
    operation_id: str
    name: str
    arguments: dict[str, Any]


AskedOfControl = Connect | Fetch | Store | Beat | ImagePath | Metadata


async def serve(
    path: Path, control: Control, *, allowed_uids: Collection[int], mode: int = 0o600
) -> "Server":
    """Agents of these users can reach the control process through the socket at this path.

    A socket that a killed process left is replaced.
    """
    server = Server(path, control, allowed_uids)
    await server.start(mode)
    return server


class Server:
    """The control process's end of the bus."""

    def __init__(self, path: Path, control: Control, allowed_uids: Collection[int]) -> None:
        self._path = path
        self._control = control
        self._allowed_uids = allowed_uids
        self._connections: dict[Connection, asyncio.Task[Any] | None] = {}
        self._server: asyncio.Server | None = None
        self._inode = 0

    async def start(self, mode: int) -> None:
        # Nobody can connect before the mode is set: the socket gets its name only then.
        unnamed = self._path.with_name(f".{self._path.name}.{os.getpid()}")
        unnamed.unlink(missing_ok=True)
        listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        listener.bind(str(unnamed))
        unnamed.chmod(mode)
        self._server = await asyncio.start_unix_server(self._welcome, sock=listener, limit=_BUFFER_BYTES)
        self._inode = unnamed.stat().st_ino
        unnamed.rename(self._path)

    async def close(self) -> None:
        if self._server is not None:
            self._server.close()
            with contextlib.suppress(FileNotFoundError):
                if self._path.stat().st_ino == self._inode:  # else a later process has taken the place
                    self._path.unlink()
        tasks = [task for task in self._connections.values() if task is not None]
        for connection in self._connections:
            connection.close()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _welcome(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        uid = _peer_uid(writer)
        if uid not in self._allowed_uids:
            log.warning("User %d may not speak on the host bus and was turned away.", uid)
            writer.close()
            return
        connection = Connection(reader, writer)
        self._connections[connection] = asyncio.current_task()
        try:
            agent = RemoteAgent(self._control, connection)
            await connection.run(agent.respond)
            agent.gone()
        finally:
            del self._connections[connection]


class RemoteAgent:
    """What an agent asks through its connection, put to the control plane."""

    def __init__(self, control: Control, connection: Connection) -> None:
        self._control = control
        self._host = RemoteHost(connection)
        self._name: str | None = None

    async def respond(self, body: msgspec.Raw) -> Any:
        question = _read(body)
        if isinstance(question, Connect):
            return await self._connect(question.facts)
        if self._name is None:
            raise RemoteError("An agent must connect before it asks anything else.")
        match question:
            case Fetch(since=since):
                return _first_page(await self._control.fetch(self._name, since))
            case Store(reports=reports):
                return await self._control.report(self._name, reports)
            case Beat():
                return await self._control.beat(self._name)
            case ImagePath(image_id=image_id):
                return await self._control.image_path(image_id)
            case Metadata(peer=peer, path=path, posted=posted):
                return await self._control.metadata(peer, path, posted)

    def gone(self) -> None:
        if self._name is not None:
            self._control.disconnect(self._name, self._host)

    async def _connect(self, facts: HostFacts) -> int:
        """The version that both speak."""
        if abs(facts.version - PROTOCOL_VERSION) > 1:
            raise RemoteError(
                f"The agent of {facts.name} speaks version {facts.version} of the host protocol and the "
                f"control process version {PROTOCOL_VERSION}; they may be one apart. Upgrade the older one."
            )
        await self._control.connect(facts, self._host)
        self._name = facts.name
        return min(facts.version, PROTOCOL_VERSION)


class RemoteHost:
    """The host at the other end, as the control plane knows it."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._loop = asyncio.get_running_loop()

    def hint(self) -> None:
        """Some document changed; may be called from any thread."""
        if not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._connection.hint)

    async def call(self, operation_id: str, name: str, arguments: dict[str, Any]) -> Any:
        """The result; ConnectionError when it cannot be known, and the same operation may be asked again."""
        try:
            return await self._connection.ask(Call(operation_id, name, arguments), Any)
        except (Refusal, RemoteError) as error:
            raise CallError(str(error)) from None


class UnixControl:
    """The control plane behind a socket, as an agent knows it; each `connect` opens a connection anew."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._connection: Connection | None = None
        self._running: asyncio.Task[None] | None = None

    async def connect(self, facts: HostFacts, host: Host) -> None:
        self.disconnect(facts.name, host)
        reader, writer = await asyncio.open_unix_connection(str(self._path), limit=_BUFFER_BYTES)
        self._connection = Connection(reader, writer)
        self._running = asyncio.create_task(_listen(self._connection, host))
        await self._connection.ask(Connect(facts), int)

    def disconnect(self, name: str, host: Host) -> None:
        if self._connection is not None and self._running is not None:
            self._connection.close()
            self._running.cancel()

    async def fetch(self, name: str, since: Generation) -> list[Published]:
        documents: list[Published] = []
        while True:
            page = await self._ask(Fetch(since), Page)
            documents += [written.published() for written in page.documents]
            if page.last:
                return documents
            since = documents[-1].generation

    async def report(self, name: str, reports: list[Report]) -> None:
        await self._ask(Store(reports), None)

    async def beat(self, name: str) -> None:
        await self._ask(Beat(), None)

    async def image_path(self, image_id: str) -> str | None:
        path: str | None = await self._ask(ImagePath(image_id), str | None)
        return path

    async def metadata(
        self, peer: dict[str, str], path: str, posted: bytes | None = None
    ) -> tuple[int, str, bytes]:
        question = Metadata(peer, path, posted)
        answer: tuple[int, str, bytes] = await self._ask(question, tuple[int, str, bytes])
        return answer

    async def _ask(self, question: AskedOfControl, answer_type: Any) -> Any:
        if self._connection is None:
            raise ConnectionError("The agent is not connected to its control process.")
        return await self._connection.ask(question, answer_type)


async def _listen(connection: Connection, host: Host) -> None:
    async def respond(body: msgspec.Raw) -> Any:
        call = msgspec.json.decode(body, type=Call)
        try:
            return await host.call(call.operation_id, call.name, call.arguments)
        except CallError as error:
            raise Refusal(str(error)) from None

    await connection.run(respond, host.hint)
    host.hint()  # its next question fails, and it connects anew


def _read(body: msgspec.Raw) -> AskedOfControl:
    try:
        question: AskedOfControl = msgspec.json.decode(body, type=AskedOfControl)
    except msgspec.ValidationError as error:
        raise RemoteError(f"The control process does not understand the question: {error}.") from error
    return question


def _first_page(documents: list[Published]) -> Page:
    """As many documents as fit; those of one generation stay together."""
    page: list[Written] = []
    size = 0
    for document in documents:
        if size > PAGE_BYTES and document.generation != page[-1].generation:
            return Page(page, last=False)
        page.append(Written.of(document))
        size += len(document.body or b"")
    return Page(page, last=True)


def _peer_uid(writer: asyncio.StreamWriter) -> int:
    peer: socket.socket = writer.get_extra_info("socket")
    credentials = peer.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size)
    _, uid, _ = _CREDENTIALS.unpack(credentials)
    return int(uid)
