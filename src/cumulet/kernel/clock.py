# SPDX-License-Identifier: Apache-2.0
"""The time, handed in: whoever waits or writes a moment down asks a clock, so that a test can own it."""

import asyncio
import heapq
import itertools
import threading
import time
from typing import Protocol

from cumulet.lib.timestamps import Timestamp, add, from_epoch

_TURNS = 50
"""Turns of the event loop that `ManualClock.pass_time` leaves to those whom it woke."""


class Clock(Protocol):
    def now(self) -> Timestamp:
        """The moment, to be written down."""

    def monotonic(self) -> float:
        """Seconds since some moment of the past; never runs backwards."""

    async def sleep(self, seconds: float) -> None:
        """Return when that many seconds have passed."""


class SystemClock:
    """The machine's clock."""

    def now(self) -> Timestamp:
        return from_epoch(time.time())

    def monotonic(self) -> float:
        return time.monotonic()

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)


class ManualClock:
    """A clock that stands still until a test moves it; it may be asked, and moved, from any thread."""

    def __init__(self, start: Timestamp = Timestamp("2026-11-20T10:00:00.000000")) -> None:
        self._start = start
        self._elapsed = 0.0
        self._sleepers: list[tuple[float, int, asyncio.Future[None]]] = []
        self._arrivals = itertools.count()
        self._lock = threading.Lock()

    def now(self) -> Timestamp:
        return add(self._start, self._elapsed)

    def monotonic(self) -> float:
        return self._elapsed

    async def sleep(self, seconds: float) -> None:
        if seconds <= 0:
            return await asyncio.sleep(0)
        woken: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        with self._lock:
            heapq.heappush(self._sleepers, (self._elapsed + seconds, next(self._arrivals), woken))
        await woken

    def advance(self, seconds: float) -> None:
        """That many seconds have passed; all who slept for so long are woken, in the order of their time."""
        with self._lock:
            self._elapsed += seconds
            while self._sleepers and self._sleepers[0][0] <= self._elapsed:
                _wake(heapq.heappop(self._sleepers)[2])

    async def pass_time(self, seconds: float) -> None:
        """Like `advance`, but each sleeper of this event loop wakes at its own moment and may sleep again."""
        end = self._elapsed + seconds
        await _let_others_run()
        while (due := self._next_due()) is not None and due <= end:
            self.advance(due - self._elapsed)
            await _let_others_run()
        self.advance(end - self._elapsed)
        await _let_others_run()

    def _next_due(self) -> float | None:
        with self._lock:
            while self._sleepers and self._sleepers[0][2].done():
                heapq.heappop(self._sleepers)
            return self._sleepers[0][0] if self._sleepers else None


def _wake(sleeper: asyncio.Future[None]) -> None:
    loop = sleeper.get_loop()
    if not loop.is_closed():
        loop.call_soon_threadsafe(lambda: None if sleeper.done() else sleeper.set_result(None))


async def _let_others_run() -> None:
    for _ in range(_TURNS):
        await asyncio.sleep(0)
