# SPDX-License-Identifier: Apache-2.0
"""The one daemon of a host: takes documents, makes them true, reports.

It connects, fetches every document, and from then on what changed after the highest generation that it has
seen: at each hint, and every few seconds in case a hint was lost. Nothing on the machine is touched before
the first full fetch of a run, for only then is known what is wanted and what was left over. When the control
plane is away, whatever runs keeps running, and the agent tries again for ever.

What was accepted is in the journal before it is acted upon. A document is refused when a newer generation of
it was seen; when nothing is known of it, it was seen and removed if the host has seen a newer generation of
anything. So a removed thing costs no memory, and an old control process, or a restored database that did not
start a new epoch, cannot bring it back: that is reported as an error.
"""

import asyncio
import contextlib
import logging
from collections.abc import Coroutine, Iterable, Mapping, Sequence
from typing import Any

import msgspec

from cumulet.agent.calls import Calls
from cumulet.agent.driver import Driver, DriverError, State
from cumulet.agent.journal import Forgotten, Journal, Kept
from cumulet.agent.outbox import Outbox
from cumulet.agent.work import Wish, Work
from cumulet.contracts.documents import DOCUMENTS, Document
from cumulet.kernel.bus import NEVER, CallError, Control, Generation, HostFacts, Published, Report, Written
from cumulet.kernel.clock import Clock, SystemClock

BEAT = 1.0
"""Seconds between two signs of life."""

BEATS_BETWEEN_FETCHES = 5
SHORTEST_BACKOFF = 0.2
LONGEST_BACKOFF = 5.0

log = logging.getLogger(__name__)


class Agent:
    """The host of the protocol in `kernel.bus`, made of its drivers."""

    def __init__(
        self,
        facts: HostFacts,
        drivers: Sequence[Driver[Any]],
        control: Control,
        journal: Journal,
        *,
        clock: Clock | None = None,
        limits: Mapping[str, int] | None = None,
    ) -> None:
        names = {driver.kind: driver.name for driver in drivers}
        self.facts = msgspec.structs.replace(facts, drivers=names)
        self._drivers = drivers
        self._control = control
        self._journal = journal
        self._clock = clock or SystemClock()
        self._outbox = Outbox()
        by_kind = {driver.kind: driver for driver in drivers}
        self._work = Work(by_kind, self._clock, self._outbox.put, limits or {})
        self._calls = Calls(drivers, journal)
        self._readers = {kind: msgspec.json.Decoder(DOCUMENTS[kind]) for kind in by_kind}
        self._hinted = asyncio.Event()
        self._connected = asyncio.Event()
        self._listening = False
        self._away = False
        self._ready = False
        self._tasks: list[asyncio.Task[None]] = []
        self._loop: asyncio.AbstractEventLoop | None = None

    @property
    def connected(self) -> bool:
        return self._connected.is_set()

    async def wait_connected(self) -> None:
        """Return once the control plane has answered and what it wants is known."""
        await self._connected.wait()

    @property
    def idle(self) -> bool:
        """Whether all that was heard of is made and told; things in trouble may still be tried again."""
        at_rest = self._listening and not self._hinted.is_set()
        return at_rest and self._work.idle and self._outbox.empty

    async def start(self) -> None:
        """The drivers are ready, and the agent is on its way to its control plane.

        Raises DriverError when the machine lacks something that a driver must have.
        """
        self._loop = asyncio.get_running_loop()
        around = Around(self._control, self._work)
        for driver in self._drivers:
            await driver.start(around)
            self._work.found(driver.kind, await driver.observe())
        self._work.want([self._read(published) for published in self._journal.documents.values()])
        self._ready = True
        self._tasks = [_spawn(self._stay_connected()), _spawn(self._send_reports()), _spawn(self._beat())]

    async def stop(self) -> None:
        """The agent is silent; guests, networks and volumes go on, and its next start takes them over."""
        self._ready = False
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._tasks = []
        self._control.disconnect(self.facts.name, self)
        await self._work.stop()
        await self._calls.stop()
        for driver in reversed(self._drivers):
            await driver.stop()

    # -- the host protocol -----------------------------------------------------------------------------

    def hint(self) -> None:
        """Some document changed; may be called from any thread."""
        loop = self._loop
        if loop is None or loop.is_closed():
            return
        if _runs_here(loop):
            self._hinted.set()
        else:
            loop.call_soon_threadsafe(self._hinted.set)

    async def call(self, operation_id: str, name: str, arguments: dict[str, Any]) -> Any:
        if not self._ready:
            raise CallError("The agent of this host is starting or stopping; try again.")
        return await self._calls.run(operation_id, name, arguments)

    # -- the talk with the control plane ---------------------------------------------------------------

    async def _stay_connected(self) -> None:
        backoff = SHORTEST_BACKOFF
        while True:
            try:
                await self._connect()
                backoff = SHORTEST_BACKOFF
                await self._follow()
            except Exception as error:
                self._connected.clear()
                self._note_absence(error)
            await self._clock.sleep(backoff)
            backoff = min(2 * backoff, LONGEST_BACKOFF)

    async def _connect(self) -> None:
        self._hinted.clear()
        facts = msgspec.structs.replace(self.facts, seen=self._journal.watermark)
        await self._control.connect(facts, self)
        documents = await self._control.fetch(self.facts.name, NEVER)
        await self._accept(documents)
        listed = {(document.kind, document.id) for document in documents}
        await self._forget(known for key, known in self._journal.documents.items() if key not in listed)
        self._work.begin(listed)
        self._work.tell_all()
        self._connected.set()
        if self._away:
            log.info("The control plane answers again.")
            self._away = False

    async def _follow(self) -> None:
        while True:
            self._listening = True
            await self._hinted.wait()
            self._hinted.clear()
            self._listening = False
            if not self._connected.is_set():
                raise ConnectionError("The control plane stopped answering.")
            await self._accept(await self._control.fetch(self.facts.name, self._journal.watermark))

    def _lose(self, error: Exception) -> None:
        """What was just asked of the control plane failed: begin anew with it."""
        if self._connected.is_set():
            self._connected.clear()
            self._note_absence(error)
            self._hinted.set()

    def _note_absence(self, error: Exception) -> None:
        if not self._away:
            unexpected = None if isinstance(error, OSError) else error
            log.warning("The talk with the control plane broke off: %s", error, exc_info=unexpected)
            self._away = True

    async def _send_reports(self) -> None:
        while True:
            await self._connected.wait()
            reports = await self._outbox.take()
            try:
                await self._control.report(self.facts.name, reports)
            except Exception as error:
                self._outbox.put_back(reports)
                self._lose(error)
            else:
                self._outbox.accepted()
                gone = [report for report in reports if report.state is None and self._work.forget(report)]
                await self._forget(gone)

    async def _beat(self) -> None:
        beats = 0
        while True:
            await self._clock.sleep(BEAT)
            if not self._connected.is_set():
                continue
            try:
                await self._control.beat(self.facts.name)
            except Exception as error:
                self._lose(error)
            beats += 1
            if beats % BEATS_BETWEEN_FETCHES == 0:
                self._hinted.set()

    # -- documents -------------------------------------------------------------------------------------

    async def _accept(self, documents: list[Published]) -> None:
        """Those that are new are kept in the journal and wanted from now on."""
        watermark = self._journal.watermark
        fresh = []
        for published in sorted(documents, key=lambda document: document.generation):
            match self._compare(published, watermark):
                case "new":
                    fresh.append(_on_its_own(published))
                case "old":
                    self._refuse(published)
        if fresh:
            await self._journal.write([Kept(Written.of(published)) for published in fresh])
            self._work.want([self._read(published) for published in fresh])

    async def _forget(self, gone: Iterable[Published | Report]) -> None:
        lines = [Forgotten(one.kind, one.id, one.generation) for one in gone]
        if lines:
            with contextlib.suppress(OSError):  # then they are forgotten at the next full fetch
                await self._journal.write(lines)

    def _compare(self, published: Published, watermark: Generation) -> str:
        """Whether the document is new, known, or old."""
        known = self._journal.documents.get((published.kind, published.id))
        if known is not None and published.generation == known.generation:
            return "known"
        if known is not None:
            return "new" if published.generation > known.generation else "old"
        return "new" if published.generation > watermark or published.body is None else "old"

    def _refuse(self, published: Published) -> None:
        log.warning("Refused %s %s: %s is old.", published.kind, published.id, published.generation)
        sentence = (
            "The host refused a document older than what it has seen; a restored database needs a new epoch."
        )
        self._outbox.put(
            Report(kind=published.kind, id=published.id, generation=published.generation, error=sentence)
        )

    def _read(self, published: Published) -> Wish:
        if published.body is None:
            return Wish(published)
        reader: msgspec.json.Decoder[Document] | None = self._readers.get(published.kind)
        if reader is None:
            return Wish(published, problem=f"This host has no driver for a {published.kind}.")
        try:
            return Wish(published, reader.decode(published.body))
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            return Wish(
                published, problem=f"This host cannot read the document of the {published.kind}: {error}."
            )


class Around:
    """What the agent offers its drivers."""

    def __init__(self, control: Control, work: Work) -> None:
        self._control = control
        self._work = work

    async def image_path(self, image_id: str) -> str | None:
        try:
            return await self._control.image_path(image_id)
        except OSError as error:
            raise DriverError(f"Image {image_id} cannot be asked for now: {error}", retry=True) from error

    async def metadata(
        self, peer: dict[str, str], path: str, posted: bytes | None = None
    ) -> tuple[int, str, bytes]:
        try:
            return await self._control.metadata(peer, path, posted)
        except OSError:
            return 503, "text/plain; charset=utf-8", b"The control plane is away; try again."

    def changed(self, kind: str, id: str, state: State | None) -> None:
        self._work.changed(kind, id, state)


def _on_its_own(published: Published) -> Published:
    """The same, keeping no larger message alive."""
    if published.body is None:
        return published
    return msgspec.structs.replace(published, body=published.body.copy())


def _runs_here(loop: asyncio.AbstractEventLoop) -> bool:
    try:
        return asyncio.get_running_loop() is loop
    except RuntimeError:
        return False


def _spawn(work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
    return asyncio.create_task(work)
