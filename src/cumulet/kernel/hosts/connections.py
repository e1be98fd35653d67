# SPDX-License-Identifier: Apache-2.0
"""The hosts that are connected to this process, and who waits for them."""

import asyncio
import contextlib
from collections import defaultdict
from typing import TYPE_CHECKING, Any

import msgspec

from cumulet.kernel import trace
from cumulet.kernel.bus import CallError, Generation, Host, HostFacts, Published, Report
from cumulet.kernel.db.tx import Tx
from cumulet.kernel.hosts import health, reports
from cumulet.kernel.hosts.documents import DocumentRow, HostFailed, ImageSource, MetadataSource

if TYPE_CHECKING:
    from cumulet.kernel.app import App

BEAT_WRITTEN_EVERY = 10.0
LOOK_EVERY = 1.0


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

    async def call(self, host: str, name: str, operation_id: str, deadline: float, **arguments: Any) -> Any:
        """Have a host carry out a named call. Raises CallError when it cannot, is away, or takes too long.

        An operation waits for a host that is away for a moment, and is asked again of one that went away
        meanwhile. A question, which has no operation id, is refused then: somebody waits for its answer.
        """
        with trace.part(self.app.traces, trace.current_story(), "call", f"{host} {name}"):
            try:
                async with asyncio.timeout(deadline):
                    while True:
                        connection = await self._connection(host, patient=bool(operation_id))
                        try:
                            return await connection.call(operation_id, name, arguments)
                        except ConnectionError:
                            if not operation_id:
                                raise
                        if self.connected.get(host) is connection:
                            await self.next_arrival(LOOK_EVERY)
            except TimeoutError:
                raise CallError(f"host {host} did not answer {name} within {deadline:g} seconds") from None
            except ConnectionError:
                raise CallError(f"host {host} went away while it was asked to {name}; ask again") from None

    async def _connection(self, host: str, *, patient: bool) -> Host:
        end = self.app.clock.monotonic() + health.DOWN_AFTER + self.app.settings.host_grace
        while (connection := self.connected.get(host)) is None:
            if not patient or self.app.clock.monotonic() >= end:
                raise CallError(f"host {host} is not connected")
            await self.next_arrival(LOOK_EVERY)
        return connection

    def hint(self, host: str) -> None:
        """Tell a connected host that something changed."""
        connection = self.connected.get(host)
        if connection is not None:
            connection.hint()

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
                found = await self.app.db.read(reports.newest, list(self.connected))
            except Exception:
                self.app.log.exception("documents could not be looked for")
                continue
            for host in found.keys() & self.connected.keys():
                if newest.get(host) != found[host]:
                    self.hint(host)
            newest = found

    # -- what agents ask (bus.Control) ----------------------------------------------------------------------

    async def connect(self, facts: HostFacts, host: Host) -> None:
        await self.app.db.transact(reports.register, facts)
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
        rows = await self.app.db.read(reports.changed, name, since)
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

    async def report(self, name: str, told: list[Report]) -> None:
        news = await self.app.db.transact(reports.store, name, told)
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
            await self.app.db.transact(reports.beat, name)

    async def image_path(self, image_id: str) -> str | None:
        return await self.app.contract(ImageSource).path(image_id)

    async def metadata(
        self, peer: dict[str, str], path: str, posted: bytes | None = None
    ) -> tuple[int, str, bytes]:
        return await self.app.contract(MetadataSource).answer(peer, path, posted)
