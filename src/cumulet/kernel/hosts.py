# SPDX-License-Identifier: Apache-2.0
"""The control plane's side of hosts: documents down, reports up, calls.

A document is published in the transaction that changes its rows, under the next generation of its host. The
host is given a hint after the commit and fetches; what it reports is stored, handed to the service that
owns the kind, and wakes whoever waits for it. A report of an older generation than was seen before changes
nothing.
"""

import asyncio
import contextlib
from collections import defaultdict
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Protocol

import msgspec
import sqlalchemy as sa

from cumulet.kernel import trace
from cumulet.kernel.auth.context import Context
from cumulet.kernel.bus import NEVER, CallError, Generation, Host, HostFacts, Published, Report
from cumulet.kernel.db.rows import Row, column, json_column
from cumulet.kernel.db.tx import Retry, Tx
from cumulet.lib.timestamps import Timestamp

if TYPE_CHECKING:
    from cumulet.kernel.app import App

BEAT_WRITTEN_EVERY = 10.0
LOOK_EVERY = 1.0


class HostRow(Row, table="hosts"):
    """A host that has connected at least once. `epoch` and `n` are the generation of its newest document."""

    id: str = column(primary=True)
    state: str = column(default="up")
    boot_id: str = column(default="")
    facts: dict[str, Any] = json_column()
    epoch: int = column(default=1)
    n: int = column(default=0)
    seen_at: Timestamp = column(default=Timestamp(""))
    created_at: Timestamp = column(default=Timestamp(""))


class DocumentRow(Row, table="documents", indexes=(("host", "n"),)):
    """What a host should make true, and what it said of it last. Without a body it should not exist."""

    id: str = column(primary=True)
    host: str
    kind: str
    thing_id: str = column(index=True)
    epoch: int
    n: int
    body: str | None
    request_id: str = column(default="")
    seen_epoch: int = column(default=0)
    seen_n: int = column(default=0)
    state: Any = json_column(default_factory=lambda: None, nullable=True)
    error: str | None = column(default=None)
    retrying: bool = column(default=False)
    updated_at: Timestamp = column(default=Timestamp(""))


class HostFailed(Exception):
    """The host could not make a document true; the text says why."""


class Documented(Protocol):
    """A document as the kernel needs it: a frozen record with a kind and an id."""

    @property
    def kind(self) -> str: ...
    @property
    def id(self) -> str: ...


class ImageSource(Protocol):
    """Where hosts find the files of images."""

    async def path(self, image_id: str) -> str | None: ...


class MetadataSource(Protocol):
    """Who answers the metadata requests of guests."""

    async def answer(self, peer: Mapping[str, str], path: str) -> tuple[int, str, bytes]: ...


# -- in a transaction -----------------------------------------------------------------------------------


def publish(tx: Tx, ctx: Context, host: str, document: Documented) -> list[int]:
    """Have the host make this document true; its generation as [epoch, n], for `made_true`.

    A document that says what the host was told already keeps its generation.
    """
    body = msgspec.json.encode(document).decode()
    key = f"{host}/{document.kind}/{document.id}"
    row = tx.get(DocumentRow, key)
    if row is not None and row.body == body:
        return [row.epoch, row.n]
    return _write(tx, ctx, key, row, body)


def withdraw(tx: Tx, ctx: Context, host: str, kind: str, id: str) -> list[int] | None:
    """Have the host remove this; its generation, None when the host was never told of it."""
    key = f"{host}/{kind}/{id}"
    row = tx.get(DocumentRow, key)
    if row is None:
        return None
    if row.body is None:
        return [row.epoch, row.n]
    return _write(tx, ctx, key, row, None)


def hosts_of(tx: Tx, kind: str, id: str) -> list[str]:
    """The hosts that are told to have this now."""
    rows = tx.all(DocumentRow, DocumentRow.c.thing_id == id, DocumentRow.c.kind == kind)
    return [row.host for row in rows if row.body is not None]


def published(tx: Tx, host: str, kind: str, id: str) -> bool:
    """Whether the host is told to have this now."""
    row = tx.get(DocumentRow, f"{host}/{kind}/{id}")
    return row is not None and row.body is not None


def _write(tx: Tx, ctx: Context, key: str, row: DocumentRow | None, body: str | None) -> list[int]:
    host, kind, id = key.split("/", 2)
    [(epoch, n)] = tx.rows(_NEXT, {"host": host})
    story = ctx.request_id
    if row is None:
        tx.insert(
            DocumentRow(
                id=key, host=host, kind=kind, thing_id=id, epoch=epoch, n=n, body=body, request_id=story
            ),
            retry=True,
        )
    else:
        tx.update(row, epoch=epoch, n=n, body=body, request_id=story)
    tx.after_commit(lambda: tx.app.hosts.hint(host))
    return [epoch, n]


_NEXT = (
    sa.update(HostRow.table)
    .where(HostRow.c.id == sa.bindparam("host"))
    .values(n=HostRow.c.n + 1)
    .returning(HostRow.c.epoch, HostRow.c.n)
)


# -- the process ----------------------------------------------------------------------------------------


class Hosts:
    """The hosts that are connected to this process; it implements `bus.Control` for them."""

    def __init__(self, app: "App") -> None:
        self.app = app
        self.connected: dict[str, Host] = {}
        self._waiting: dict[str, list[asyncio.Event]] = defaultdict(list)
        self._written: dict[str, float] = {}
        self._since = app.clock.monotonic()
        self._arrival = asyncio.Event()
        self._looking: asyncio.Task[None] | None = None

    @property
    def listened_for(self) -> float:
        """Seconds for which this process could have heard of hosts."""
        return self.app.clock.monotonic() - self._since

    # -- beside other control processes -------------------------------------------------------------------

    def start(self) -> None:
        """From now on hosts hear of what other processes publish too."""
        if not self.app.db.is_sqlite:
            self._looking = asyncio.create_task(self._look_around())

    async def stop(self) -> None:
        if self._looking is not None:
            self._looking.cancel()
            await asyncio.gather(self._looking, return_exceptions=True)

    async def _look_around(self) -> None:
        """Hint each host here whose newest document has changed: its process knew whom to tell, or not."""
        newest: dict[str, Generation] = {}
        while True:
            await self.app.clock.sleep(LOOK_EVERY)
            try:
                found = await self.app.db.read(_newest, list(self.connected))
            except Exception:
                self.app.log.exception("documents could not be looked for")
                continue
            for host in found.keys() & self.connected.keys():
                if newest.get(host) != found[host]:
                    self.hint(host)
            newest = found

    async def next_arrival(self, seconds: float) -> None:
        """Return when a host connects to this process, or after so many seconds."""
        self._arrival.clear()
        arrival = asyncio.ensure_future(self._arrival.wait())
        pause = asyncio.ensure_future(self.app.clock.sleep(seconds))
        try:
            await asyncio.wait((arrival, pause), return_when=asyncio.FIRST_COMPLETED)
        finally:
            arrival.cancel()
            pause.cancel()

    # -- what services ask --------------------------------------------------------------------------------

    async def made_true(self, host: str, kind: str, id: str, generation: list[int]) -> dict[str, Any] | None:
        """Wait until the host has made this generation true; the state it reported, None when it is gone.

        Raises HostFailed when the host gave up.
        """
        key, wanted = f"{host}/{kind}/{id}", Generation(*generation)
        while True:
            event = asyncio.Event()
            self._waiting[key].append(event)
            try:
                done, state, error = await self._look(key, wanted)
                if done:
                    if error is not None:
                        raise HostFailed(error)
                    return state
                await self._woken(event)
            finally:
                self._waiting[key].remove(event)
                if not self._waiting[key]:
                    del self._waiting[key]

    async def _look(self, key: str, wanted: Generation) -> tuple[bool, dict[str, Any] | None, str | None]:
        row = await self.app.db.read(Tx.get, DocumentRow, key)
        if row is None:
            return True, None, None
        seen = Generation(row.seen_epoch, row.seen_n)
        return seen.epoch == row.epoch and seen >= wanted and not row.retrying, row.state, row.error

    async def _woken(self, event: asyncio.Event) -> None:
        if self.app.db.is_sqlite:
            await event.wait()
            return
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(event.wait(), LOOK_EVERY)

    async def call(self, host: str, name: str, operation_id: str, deadline: float, **arguments: Any) -> Any:
        """Have a host carry out a named call. Raises CallError when it cannot, is away, or takes too long."""
        connection = self.connected.get(host)
        if connection is None:
            raise CallError(f"host {host} is not connected")
        with trace.part(self.app.traces, trace.current_story(), "call", f"{host} {name}"):
            try:
                async with asyncio.timeout(deadline):
                    return await connection.call(operation_id, name, arguments)
            except TimeoutError:
                raise CallError(f"host {host} did not answer {name} within {deadline:g} seconds") from None
            except ConnectionError:
                raise CallError(f"host {host} went away while it was asked to {name}; ask again") from None

    def hint(self, host: str) -> None:
        """Tell a connected host that something changed."""
        connection = self.connected.get(host)
        if connection is not None:
            connection.hint()

    # -- what agents ask (bus.Control) ----------------------------------------------------------------------

    async def connect(self, facts: HostFacts, host: Host) -> None:
        await self.app.db.transact(self._register, facts)
        self.connected[facts.name] = host
        self._arrival.set()
        self.app.log.info("host connected", host=facts.name)
        host.hint()

    def disconnect(self, name: str, host: Host) -> None:
        """Forget a connection that is gone, unless another has taken its place."""
        if self.connected.get(name) is host:
            del self.connected[name]
            self.app.log.warning("host disconnected", host=name)

    async def fetch(self, name: str, since: Generation) -> list[Published]:
        rows = await self.app.db.read(_changed, name, since)
        return [
            Published(
                kind=row.kind,
                id=row.thing_id,
                generation=Generation(row.epoch, row.n),
                body=msgspec.Raw(row.body.encode()) if row.body is not None else None,
                request_id=row.request_id,
            )
            for row in rows
        ]

    async def report(self, name: str, reports: list[Report]) -> None:
        news = await self.app.db.transact(self._store, name, reports)
        for report in news:
            self._tell_story(name, report)
            for event in self._waiting.get(f"{name}/{report.kind}/{report.id}", ()):
                event.set()

    def _tell_story(self, name: str, report: Report) -> None:
        """What the host did is a part of the story of the request that wanted it."""
        if report.took is None or not report.took.request_id:
            return
        done = "not made true" if report.error else "removed" if report.state is None else "made true"
        span = trace.Span(
            report.took.request_id,
            "host",
            f"{name} {report.kind} {report.id} {done}",
            report.took.began,
            ms=report.took.ms,
            resources={report.id},
        )
        if report.error:
            span.fail("failed", report.error)
        self.app.traces.keep(span)

    async def beat(self, name: str) -> None:
        now = self.app.clock.monotonic()
        if now - self._written.get(name, -BEAT_WRITTEN_EVERY) >= BEAT_WRITTEN_EVERY:
            self._written[name] = now
            await self.app.db.transact(_seen, name)

    async def image_path(self, image_id: str) -> str | None:
        return await self.app.contract(ImageSource).path(image_id)

    async def metadata(self, peer: dict[str, str], path: str) -> tuple[int, str, bytes]:
        return await self.app.contract(MetadataSource).answer(peer, path)

    # -- transactions ---------------------------------------------------------------------------------------

    def _register(self, tx: Tx, facts: HostFacts) -> None:
        row = tx.get(HostRow, facts.name)
        said = msgspec.to_builtins(facts)
        if row is None:
            row = tx.insert(HostRow(id=facts.name, boot_id=facts.boot_id, facts=said, seen_at=tx.now))
        else:
            row = tx.update(row, state="up", boot_id=facts.boot_id, facts=said, seen_at=tx.now)
        if facts.seen > Generation(row.epoch, row.n):
            _begin_epoch(tx, row, facts.seen.epoch + 1)
        for service in self.app.services.values():
            if service.manifest.host_connected is not None:
                service.manifest.host_connected(tx, facts)

    def _store(self, tx: Tx, name: str, reports: list[Report]) -> list[Report]:
        """Keep what the host observed; the reports of what it was told.

        What it said before, and does again after its agent was restarted, took no time in anybody's story.
        """
        news = []
        for report in reports:
            key = f"{name}/{report.kind}/{report.id}"
            row = tx.get(DocumentRow, key)
            seen = NEVER if row is None else Generation(row.seen_epoch, row.seen_n)
            if row is None or report.generation < seen:
                continue
            again = report.generation == seen and report.error == row.error and not row.retrying
            news.append(msgspec.structs.replace(report, took=None) if again else report)
            gone = (
                row.body is None
                and report.generation == Generation(row.epoch, row.n)
                and report.error is None
            )
            if gone:
                _forget(tx, row)
            else:
                tx.update(
                    row,
                    seen_epoch=report.generation.epoch,
                    seen_n=report.generation.n,
                    state=report.state,
                    error=report.error,
                    retrying=report.retrying,
                )
            self._hand_over(tx, name, report)
        return news

    def _hand_over(self, tx: Tx, host: str, report: Report) -> None:
        handler = self.app.report_handlers.get(report.kind)
        if handler is not None:
            handler(tx, host, report)


def _forget(tx: Tx, row: DocumentRow) -> None:
    """Remove a tombstone that was reported gone, unless the thing is wanted again by now."""
    seen = (DocumentRow.c.id == row.id, DocumentRow.c.revision == row.revision)
    if not tx.delete_where(DocumentRow, *seen):
        raise Retry(f"document {row.id} has changed")


def _begin_epoch(tx: Tx, host: HostRow, epoch: int) -> None:
    """Publish everything again under a new epoch, to a host that has seen more than this database knows of.

    That is so after the database was restored from a backup, or made anew.
    """
    rows = tx.all(DocumentRow, DocumentRow.c.host == host.id, order_by=(DocumentRow.c.n,))
    for n, row in enumerate(rows, 1):
        tx.update(row, epoch=epoch, n=n)
    tx.update(host, epoch=epoch, n=len(rows))


def _changed(tx: Tx, host: str, since: Generation) -> list[DocumentRow]:
    where: list[Any] = [DocumentRow.c.host == host]
    if since != NEVER:
        newer = sa.and_(DocumentRow.c.epoch == since.epoch, DocumentRow.c.n > since.n)
        where.append(sa.or_(DocumentRow.c.epoch > since.epoch, newer))
    return tx.all(DocumentRow, *where, order_by=(DocumentRow.c.epoch, DocumentRow.c.n))


def _newest(tx: Tx, hosts: list[str]) -> dict[str, Generation]:
    return {row.id: Generation(row.epoch, row.n) for row in tx.get_many(HostRow, hosts).values()}


def _seen(tx: Tx, name: str) -> None:
    tx.update_where(HostRow, {"seen_at": tx.now, "state": "up"}, HostRow.c.id == name)
