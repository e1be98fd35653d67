# SPDX-License-Identifier: Apache-2.0
"""Reconcilers: standing truths, made true again and again by one path.

A reconciler takes no input: what it needs it reads. It runs when the process starts, by its timer, and
whenever somebody signals it, always through the same function; running it once too often changes nothing.
"""

import asyncio
import inspect
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from cumulet.kernel import ids, lease

if TYPE_CHECKING:
    from cumulet.kernel.app import App


@dataclass(frozen=True)
class Reconciler:
    """A standing truth: a plain function of `(tx)` or a coroutine of `(app)`, run every so many seconds."""

    run: Callable[..., Any]
    every: float

    @property
    def name(self) -> str:
        return f"{self.run.__module__.rpartition('services.')[2]}.{self.run.__name__}"


class Reconcilers:
    """Runs the reconcilers of a process; of several processes only the one that leads does."""

    def __init__(self, app: "App", reconcilers: Iterable[Reconciler]) -> None:
        self.app = app
        self.all = {item.run: item for item in reconcilers}
        self._signals = {run: asyncio.Event() for run in self.all}
        self._tasks: list[asyncio.Task[None]] = []
        self._id = ids.plain()

    def start(self) -> None:
        self._tasks = [asyncio.create_task(self._keep(item)) for item in self.all.values()]

    async def stop(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._tasks = []

    def signal(self, function: Callable[..., Any]) -> None:
        """Have a reconciler run soon."""
        self._signals[function].set()

    async def once(self, function: Callable[..., Any] | None = None) -> None:
        """Run one reconciler, or all of them, now and here."""
        for item in self.all.values():
            if function is None or item.run is function:
                await self._run(item)

    async def _keep(self, item: Reconciler) -> None:
        signal = self._signals[item.run]
        while True:
            try:
                if await self._leads():
                    await self._run(item)
            except asyncio.CancelledError:
                raise
            except Exception:
                self.app.log.exception("a reconciler failed", reconciler=item.name)
            sleeping = asyncio.create_task(self.app.clock.sleep(item.every))
            signalled = asyncio.create_task(signal.wait())
            try:
                await asyncio.wait((sleeping, signalled), return_when=asyncio.FIRST_COMPLETED)
            finally:
                sleeping.cancel()
                signalled.cancel()
            signal.clear()

    async def _leads(self) -> bool:
        if self.app.db.is_sqlite:
            return True
        return await self.app.db.transact(lease.acquire, "reconcilers", self._id) is not None

    async def _run(self, item: Reconciler) -> None:
        if inspect.iscoroutinefunction(item.run):
            await item.run(self.app)
        else:
            await self.app.db.transact(item.run)
