# SPDX-License-Identifier: Apache-2.0
"""Makes the wanted documents true, each in its turn.

A thing, one kind and id, has at most one driver call under way. It becomes due when a newer generation of its
document arrives, when a retry's time has come, or when something that it waited for moved; nothing is ever
polled. A thing that is due is parked until

- what its document needs is true: the document is there, and its latest generation was applied; what is
  only copied from must exist;
- when it withdraws something, whoever still holds that and is about to let go of it has done so. A holder
  that keeps wanting it, or that failed for good, is not waited for.

A generation that arrives while an older one is being applied is applied afterwards, the latest only. Removals
are retried for ever, since absence must be reached in the end; applies as long as the driver says that trying
again makes sense.
"""

import asyncio
import logging
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import msgspec

from cumulet.agent.driver import Driver, DriverError, State
from cumulet.agent.needs import Key, is_copied, may_hold, needs, withdraws
from cumulet.agent.thing import Thing, Trouble, report_of
from cumulet.contracts.documents import Document
from cumulet.kernel.bus import NEVER, Generation, Published, Report, Took
from cumulet.kernel.clock import Clock

SIDE_BY_SIDE = 64
"""Driver calls of one kind at once, where no tighter limit is given."""

_LONGEST_BACKOFF = 60.0

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Wish:
    """A published document that was read; `problem` says why it could not be, or why no driver takes it."""

    published: Published
    document: Document | None = None
    problem: str | None = None


class Work:
    """Everything that exists on a host or should, and the driver calls that close the gap."""

    def __init__(
        self,
        drivers: Mapping[str, Driver[Any]],
        clock: Clock,
        tell: Callable[[Report], None],
        limits: Mapping[str, int],
    ) -> None:
        self._drivers = drivers
        self._clock = clock
        self._tell_control = tell
        self._free = {kind: limits.get(kind, SIDE_BY_SIDE) for kind in drivers}
        self._queues: dict[str, deque[Thing]] = {kind: deque() for kind in drivers}
        self._things: dict[Key, Thing] = {}
        self._parked: dict[Key, set[Key]] = {}
        self._holders: dict[Key, set[Key]] = {}
        self._unsure: set[Key] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._allowed = False

    @property
    def idle(self) -> bool:
        """Whether no driver call is under way; things may still wait for one another, or for a retry."""
        return not self._tasks and not any(self._queues.values())

    def found(self, kind: str, states: Mapping[str, State]) -> None:
        """These exist on the machine, made by a former run of the agent."""
        for id, state in states.items():
            self._things[kind, id] = Thing(kind, id, state=state, exists=True, holds=None)
            self._unsure.add((kind, id))

    def want(self, wishes: Iterable[Wish]) -> None:
        """These documents replace the older ones of the same things."""
        things = [self._record(wish) for wish in wishes]
        for thing in things:
            self._consider(thing)
            self._wake(thing.key)

    def begin(self, listed: set[Key]) -> None:
        """From now on the machine is touched. What the control plane does not list is removed."""
        self._allowed = True
        for thing in list(self._things.values()):
            if thing.key not in listed:
                self._disown(thing)
            self._consider(thing)

    def tell_all(self) -> None:
        """Report anew what is known of each thing."""
        for thing in self._things.values():
            if thing.told is not None:
                self._tell_control(thing.told)

    def changed(self, kind: str, id: str, state: State | None) -> None:
        """A thing changed by itself."""
        thing = self._things.get((kind, id))
        if thing is not None and thing.exists:
            thing.state = state
            self._tell(thing)

    def forget(self, report: Report) -> bool:
        """Whether the report was a removal that still stands; then nothing of the thing is kept."""
        thing = self._things.get((report.kind, report.id))
        if (
            thing is None
            or thing.document is not None
            or not thing.settled
            or thing.wanted != report.generation
        ):
            return False
        self._drop(thing)
        return True

    async def stop(self) -> None:
        """Leave everything as it is now."""
        self._allowed = False
        timers = [thing.timer for thing in self._things.values() if thing.timer is not None]
        tasks = [*self._tasks, *timers]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    # -- what is wanted ---------------------------------------------------------------------------------

    def _record(self, wish: Wish) -> Thing:
        published = wish.published
        key = published.kind, published.id
        thing = self._things.setdefault(key, Thing(*key))
        thing.listed = True
        self._replace(thing, published.generation, wish.document)
        thing.request_id = published.request_id
        if wish.problem is not None:
            thing.trouble = Trouble(wish.problem, retrying=False)
            self._tell(thing)
        elif wish.document is None and published.kind not in self._drivers:
            thing.made = published.generation
            self._tell(thing)
        return thing

    def _disown(self, thing: Thing) -> None:
        thing.listed = False
        if thing.kind not in self._drivers or (thing.document is None and thing.settled):
            self._drop(thing)
        elif thing.document is not None or thing.wanted is None:
            self._replace(thing, NEVER, None)

    def _drop(self, thing: Thing) -> None:
        del self._things[thing.key]
        for key in thing.waits_for:
            self._parked.get(key, set()).discard(thing.key)

    def _replace(self, thing: Thing, wanted: Generation, document: Document | None) -> None:
        thing.wanted, thing.document = wanted, document
        thing.trouble, thing.attempts = None, 0
        if thing.timer is not None:
            thing.timer.cancel()
            thing.timer = None

    # -- whose turn it is -------------------------------------------------------------------------------

    def _consider(self, thing: Thing) -> None:
        at_rest = thing.wanted is None or thing.settled or thing.failed
        if at_rest or thing.busy or thing.queued or thing.timer is not None or not self._allowed:
            return
        thing.queued = True
        self._queues[thing.kind].append(thing)
        self._start_next(thing.kind)

    def _start_next(self, kind: str) -> None:
        queue = self._queues[kind]
        while queue and self._free[kind] and self._allowed:
            thing = queue.popleft()
            thing.queued = False
            if thing.settled or thing.failed:
                continue
            if blockers := dict(self._blockers(thing)):
                self._park(thing, blockers)
            else:
                self._start(thing)

    def _park(self, thing: Thing, blockers: Mapping[Key, Trouble | None]) -> None:
        thing.waits_for = tuple(blockers)
        for key in blockers:
            self._parked.setdefault(key, set()).add(thing.key)
        troubles = [trouble for trouble in blockers.values() if trouble is not None]
        trouble = min(troubles, key=lambda trouble: trouble.retrying, default=None)
        if trouble != thing.trouble:
            thing.trouble = trouble
            self._tell(thing)
            self._wake(thing.key)

    def _wake(self, key: Key) -> None:
        for parked in self._parked.pop(key, ()):
            if (thing := self._things.get(parked)) is not None:
                self._consider(thing)

    def _blockers(self, thing: Thing) -> Iterator[tuple[Key, Trouble | None]]:
        """The things that must move before this one, with the trouble that they are in."""
        if thing.document is not None:
            for key in needs(thing.document, thing.exists):
                need = self._things.get(key)
                if need is None or not _is_met(need, thing.document):
                    yield key, _trouble_of_need(key, need)
        if withdraws(thing.document):
            for holder in self._who_may_hold(thing.key):
                if thing.key in holder.using or _is_letting_go(holder, thing.key):
                    yield holder.key, None

    def _who_may_hold(self, key: Key) -> list[Thing]:
        known = [self._things[holder] for holder in self._holders.get(key, ()) if holder in self._things]
        unsure = [self._things[holder] for holder in self._unsure if may_hold(holder[0], key[0])]
        return known + unsure

    # -- the work itself --------------------------------------------------------------------------------

    def _start(self, thing: Thing) -> None:
        thing.busy = True
        thing.waits_for = ()
        if thing.trouble is not None and not thing.trouble.own:
            thing.trouble = None
        self._free[thing.kind] -= 1
        if thing.document is not None:
            thing.using = frozenset(needs(thing.document, thing.exists))
            self._hold(thing, None if thing.holds is None else thing.holds | thing.using)
        task = asyncio.create_task(self._make(thing), name=f"{thing.kind} {thing.id}")
        self._tasks.add(task)

    async def _make(self, thing: Thing) -> None:
        wanted, document, request_id = thing.wanted, thing.document, thing.request_id
        state, trouble = None, None
        began, clock = time.time(), time.perf_counter()
        driver = self._drivers[thing.kind]
        try:
            if document is None:
                await driver.remove(thing.id)
            else:
                state = await driver.apply(document)
        except DriverError as error:
            trouble = Trouble(str(error), retrying=error.retry or document is None)
        except Exception as error:
            log.exception("%s %s met an unexpected error", thing.kind, thing.id)
            trouble = Trouble(f"The host met an unexpected error: {error!r}", retrying=True)
        took = Took(request_id, began, (time.perf_counter() - clock) * 1000)
        thing.busy = False
        thing.using = frozenset()
        self._free[thing.kind] += 1
        self._tasks.discard(_current_task())
        if trouble is None:
            thing.made, thing.state = wanted, state
            self._succeed(thing, document, took)
        elif thing.wanted == wanted:
            self._fail(thing, trouble, took)
        self._wake(thing.key)
        self._consider(thing)
        self._start_next(thing.kind)

    def _succeed(self, thing: Thing, document: Document | None, took: Took) -> None:
        thing.exists = document is not None
        self._hold(thing, frozenset() if document is None else frozenset(needs(document, exists=True)))
        if thing.settled:
            thing.trouble, thing.attempts = None, 0
        self._tell(thing, took)
        if thing.settled and not thing.listed:
            self._drop(thing)

    def _fail(self, thing: Thing, trouble: Trouble, took: Took) -> None:
        thing.trouble = trouble
        self._tell(thing, took)
        if trouble.retrying:
            delay = min(2.0**thing.attempts, _LONGEST_BACKOFF)
            thing.attempts += 1
            thing.timer = asyncio.create_task(self._retry(thing, delay))

    async def _retry(self, thing: Thing, delay: float) -> None:
        await self._clock.sleep(delay)
        thing.timer = None
        self._consider(thing)

    def _hold(self, thing: Thing, holds: frozenset[Key] | None) -> None:
        """From now on the thing stands on these."""
        before, now = thing.holds or frozenset(), holds or frozenset()
        for key in before - now:
            holders = self._holders[key]
            holders.discard(thing.key)
            if not holders:
                del self._holders[key]
        for key in now - before:
            self._holders.setdefault(key, set()).add(thing.key)
        thing.holds = holds
        if holds is not None:
            self._unsure.discard(thing.key)

    def _tell(self, thing: Thing, took: Took | None = None) -> None:
        """Report what is now known of a thing, unless it was reported like that before.

        `took` is the driver call that has just ended.
        """
        report = report_of(thing)
        if report is not None and report != thing.told and thing.listed:
            thing.told = report
            self._tell_control(report if took is None else msgspec.structs.replace(report, took=took))


def _is_met(need: Thing, document: Document) -> bool:
    if need.document is None:
        return False
    return need.settled or (is_copied(document) and need.exists and not need.busy)


def _trouble_of_need(key: Key, need: Thing | None) -> Trouble | None:
    kind, id = key
    name = f"{kind.replace('_', ' ')} {id}"
    if need is None or need.document is None:
        return Trouble(f"It waits for {name}, of which this host was not told.", retrying=True, own=False)
    if need.trouble is None:
        return None
    return Trouble(f"It needs {name}: {need.trouble.message}", need.trouble.retrying, own=False)


def _is_letting_go(holder: Thing, key: Key) -> bool:
    if holder.settled or holder.failed:
        return False
    return holder.document is None or key not in needs(holder.document, holder.exists)


def _current_task() -> asyncio.Task[Any]:
    task = asyncio.current_task()
    assert task is not None
    return task
