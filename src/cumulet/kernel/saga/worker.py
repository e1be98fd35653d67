# SPDX-License-Identifier: Apache-2.0
"""The worker: runs the sagas of one process, and takes over those whose worker is gone."""

import asyncio
import contextlib
import inspect
import sys
from collections.abc import Iterable
from typing import TYPE_CHECKING

import sqlalchemy as sa

from cumulet.kernel import ids, lease
from cumulet.kernel.db.tx import Tx
from cumulet.kernel.errors import StateConflict
from cumulet.kernel.lease import Lease
from cumulet.kernel.saga.declare import Saga, Step
from cumulet.kernel.saga.run import Cancelled, Hook, LostLease, Run, Stuck
from cumulet.kernel.saga.store import LIVE, SagaKey, SagaRow, SagaStep
from cumulet.lib import timestamps

if TYPE_CHECKING:
    from cumulet.kernel.app import App

LOOK_EVERY = 1.0
KEPT_SECONDS = 86400


class Worker:
    """Runs sagas. `owner` names this worker in this life: its id and the epoch of its lease."""

    def __init__(self, app: "App", sagas: Iterable[Saga]) -> None:
        self.app = app
        self.sagas = {saga.name: saga for saga in sagas}
        self.id = ids.plain()
        self.owner: str | None = None
        self.hook: Hook = _no_hook
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._runs: dict[str, Run] = {}
        self._woken = asyncio.Event()
        self._adopting = asyncio.Lock()
        self._loops: list[asyncio.Task[None]] = []

    async def start(self) -> None:
        """Take a lease, take up what was left, and go on until stopped."""
        await self._take_lease()
        self._loops = [asyncio.create_task(self._renew()), asyncio.create_task(self._look())]

    async def stop(self) -> None:
        """Let go of everything at the next step; another worker, or the next start, goes on with it."""
        for task in (*self._loops, *self._tasks.values()):
            task.cancel()
        await asyncio.gather(*self._loops, *self._tasks.values(), return_exceptions=True)
        self._loops, self._tasks = [], {}
        if self.owner is not None:
            await self.app.db.transact(lease.release, f"worker:{self.id}", self.id)
            self.owner = None

    async def die(self) -> None:
        """Stop where it stands and leave all as it is, the lease too; for tests of what comes after."""
        for task in (*self._loops, *self._tasks.values()):
            task.cancel()
        await asyncio.gather(*self._loops, *self._tasks.values(), return_exceptions=True)

    def wake(self) -> None:
        """Look soon for sagas that may run now."""
        self._woken.set()

    def launch(self, row: SagaRow) -> None:
        """Run a saga that this process has just written, and so owns."""
        if row.owner is None or row.owner != self.owner:
            self.wake()
        else:
            self._run_soon(row, [])

    def interrupt(self, id: str) -> None:
        """Have a cancelled saga notice now if it runs here."""
        run = self._runs.get(id)
        if run is None:
            self.wake()
            return
        run._cancelled = True
        if run.waiting is not None and not run.pivoted:
            run.waiting.cancel()

    async def idle(self) -> None:
        """Return once no saga runs here and none that could is left."""
        while True:
            await self._adopt()
            if not self._tasks:
                return
            ended, _ = await asyncio.wait(list(self._tasks.values()))
            for task in ended:
                task.result()

    # -- leases -----------------------------------------------------------------------------------------

    async def _take_lease(self) -> None:
        epoch = await self.app.db.transact(lease.acquire, f"worker:{self.id}", self.id)
        self.owner = f"{self.id}:{epoch}"

    async def _renew(self) -> None:
        while True:
            await self.app.clock.sleep(lease.RENEW_EVERY)
            try:
                epoch = int(str(self.owner).partition(":")[2])
                if not await self.app.db.transact(lease.renew, f"worker:{self.id}", self.id, epoch):
                    await self._lost()
            except asyncio.CancelledError:
                raise
            except Exception:
                self.app.log.exception("the lease of the saga worker could not be renewed")

    async def _lost(self) -> None:
        """The lease ran out: stop everything that ran under it, and begin again under a new epoch."""
        self.app.log.warning("the saga worker lost its lease and starts again")
        for task in self._tasks.values():
            task.cancel()
        await asyncio.gather(*self._tasks.values(), return_exceptions=True)
        await self._take_lease()
        self.wake()

    # -- finding work -----------------------------------------------------------------------------------

    async def _look(self) -> None:
        self._woken.set()
        while True:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._woken.wait(), None if self.app.db.is_sqlite else LOOK_EVERY)
            self._woken.clear()
            try:
                await self._adopt()
            except asyncio.CancelledError:
                raise
            except Exception:
                self.app.log.exception("sagas could not be looked for")
                await self.app.clock.sleep(LOOK_EVERY)

    async def _adopt(self) -> None:
        async with self._adopting:
            found, cancelled = await self.app.db.transact(_claim, self.owner, set(self._tasks))
            for row, records in found:
                self._run_soon(row, records)
            for id in cancelled & self._runs.keys():
                self.interrupt(id)

    def _run_soon(self, row: SagaRow, records: list[SagaStep]) -> None:
        if row.id in self._tasks:
            return
        saga = self.sagas.get(row.name)
        if saga is None:
            self.app.log.error("a saga is not known to this release", saga=row.name, id=row.id)
            return
        run = Run(self.app, row, self.hook)
        run.load(records, _steps_of(saga))
        self._runs[row.id] = run
        task = asyncio.get_running_loop().create_task(self._drive(saga, run))
        self._tasks[row.id] = task
        task.add_done_callback(lambda task: self._ended(row.id, task))

    def _ended(self, id: str, task: asyncio.Task[None]) -> None:
        self._tasks.pop(id, None)
        self._runs.pop(id, None)
        if not task.cancelled() and (error := task.exception()) is not None:
            self.app.log.error("a saga ended without a word", id=id, error=repr(error))

    # -- running ----------------------------------------------------------------------------------------

    async def _drive(self, saga: Saga, run: Run) -> None:
        try:
            await self._carry_out(saga, run)
        except LostLease:
            return
        except Stuck as stuck:
            self.app.log.error("a saga is stuck", saga=saga.name, id=run.id, why=str(stuck))
            await run.move("stuck", str(stuck))
        except asyncio.CancelledError:
            raise
        except Exception:
            self.app.log.exception(
                "a saga could not be carried on; it is taken up again", saga=saga.name, id=run.id
            )
            await self.app.clock.sleep(LOOK_EVERY)
            self.wake()

    async def _carry_out(self, saga: Saga, run: Run) -> None:
        why = run.row.why
        if run.row.state == "running":
            try:
                await saga.body(run, **run.row.arguments)
            except Exception as error:
                if run.pivoted:
                    raise Stuck(str(error)) from error
                why = "cancelled" if isinstance(error, Cancelled) else str(error) or type(error).__name__
                await run.move("unwinding", why)
            else:
                await run.finish("done", saga)
                return
        await run.unwind()
        await run.finish("failed", saga, why)


def _claim(
    tx: Tx, owner: str | None, mine: set[str]
) -> tuple[list[tuple[SagaRow, list[SagaStep]]], set[str]]:
    """Sagas that may run and that nobody alive runs, now owned by `owner`, with their records.

    And those of mine that were cancelled, maybe by another process.
    """
    gone = _ownerless(tx)
    found: list[tuple[SagaRow, list[SagaStep]]] = []
    rows = tx.all(
        SagaRow,
        SagaRow.c.state.in_(("waiting", "running", "unwinding")),
        order_by=(SagaRow.c.created_at, SagaRow.c.id),
    )
    for row in rows:
        if row.id in mine or not (row.owner is None or row.owner == owner or row.owner in gone):
            continue
        if row.state == "waiting" and not _first_in_line(tx, row):
            continue
        state = "running" if row.state == "waiting" else row.state
        row = tx.update(row, owner=owner, state=state)
        found.append((row, tx.all(SagaStep, SagaStep.c.saga_id == row.id)))
    return found, {row.id for row in rows if row.id in mine and row.cancelled and row.state == "running"}


def _ownerless(tx: Tx) -> set[str]:
    """Owners named in live sagas that hold no lease any more."""
    now = lease.database_now(tx)
    named = tx.execute(sa.select(SagaRow.c.owner).where(SagaRow.c.state.in_(LIVE)).distinct()).scalars().all()
    alive = {
        f"{held.id.removeprefix('worker:')}:{held.epoch}"
        for held in tx.all(Lease, Lease.c.id.like("worker:%"))
        if held.expires_at > now
    }
    if tx.dialect == "sqlite":
        alive = {tx.app.sagas.owner or ""}
    return {owner for owner in named if owner is not None and owner not in alive}


def _first_in_line(tx: Tx, row: SagaRow) -> bool:
    keys = tx.all(SagaKey, SagaKey.c.saga_id == row.id)
    for held in keys:
        first = tx.first(
            SagaKey, SagaKey.c.key == held.key, order_by=(SagaKey.c.created_at, SagaKey.c.saga_id)
        )
        if first is not None and first.saga_id != row.id:
            return False
    return True


def _steps_of(saga: Saga) -> dict[str, Step]:
    """Every step that the saga's module can reach, by name, so that one which was recorded can be undone."""
    module = sys.modules[saga.body.__module__]
    found: dict[str, Step] = {}
    for value in (*vars(module).values(),):
        for item in vars(value).values() if inspect.ismodule(value) else (value,):
            mark = getattr(item, "step", None)
            if isinstance(mark, Step):
                found[mark.name] = mark
    return found


def _no_hook(moment: str, step: str) -> None:
    pass


def trim(tx: Tx) -> int:
    """Forget sagas that ended more than a day ago; how many there were."""
    old = timestamps.add(tx.now, -KEPT_SECONDS)
    return tx.delete_where(SagaRow, SagaRow.c.state.in_(("done", "failed")), SagaRow.c.updated_at < old)


def retry(tx: Tx, id: str) -> None:
    """Have a stuck saga go on from the step it is stuck at."""
    row = tx.need(SagaRow, id, f"There is no saga {id}.")
    moved = "running" if row.pivoted else "unwinding"
    if row.state != "stuck":
        raise StateConflict(f"Saga {id} is {row.state}, not stuck.")
    tx.update(row, state=moved, owner=None)
    tx.after_commit(tx.app.sagas.wake)


def skip(tx: Tx, id: str) -> None:
    """Have a stuck saga take the step it is stuck at for done."""
    row = tx.need(SagaRow, id, f"There is no saga {id}.")
    failed = tx.first(
        SagaStep, SagaStep.c.saga_id == id, SagaStep.c.outcome != "done", order_by=(SagaStep.c.n.desc(),)
    )
    if failed is not None:
        tx.update(failed, outcome="done", undone=True)
    retry(tx, row.id)
