# SPDX-License-Identifier: Apache-2.0
"""One saga in progress: how its steps are taken, replayed and undone.

Every write of a run first touches the saga's own row under the name of its owner. A worker that lost its
lease finds that the row is no longer its own, and its transaction is rolled back: so two workers never both
move one saga.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from types import TracebackType
from typing import TYPE_CHECKING, Any

import msgspec
import sqlalchemy as sa
from sqlalchemy.exc import SQLAlchemyError

from cumulet.kernel import trace
from cumulet.kernel.auth.context import Context
from cumulet.kernel.db.tx import Tx
from cumulet.kernel.saga.declare import Saga, Step
from cumulet.kernel.saga.store import SagaKey, SagaRow, SagaStep, context_of, plain

if TYPE_CHECKING:
    from cumulet.kernel.app import App

TRIES_BEFORE_STUCK = 8


class StepFailed(Exception):
    """A step did not work out; the text says why. What a body catches is recorded and replayed the same."""


class Cancelled(Exception):
    """Somebody wants this saga undone: the thing it makes is to be deleted."""


class LostLease(BaseException):
    """The saga belongs to another worker now; nothing more may be written."""


class Stuck(BaseException):
    """A step that must not be undone keeps failing; an operator is needed."""


Hook = Callable[[str, str], None]
"""Called at each moment of a run with (moment, step); tests raise from it."""


@dataclass(frozen=True)
class _Called:
    """A step as a body took it; `call` names it within its saga."""

    step: Step
    call: str
    args: tuple[Any, ...]


_UNFORESEEN = (TypeError, AttributeError, LookupError, AssertionError, NameError, SQLAlchemyError)
"""Errors that speak of our code rather than of the thing that failed."""


class Run:
    """What a saga's body is given."""

    def __init__(self, app: "App", row: SagaRow, hook: Hook) -> None:
        self.app = app
        self.id = row.id
        self.row = row
        self.ctx: Context = context_of(app, row)
        self._hook = hook
        self._owner = row.owner
        self._records: dict[str, SagaStep] = {}
        self._order: list[SagaStep] = []
        self._uncommitted: list[tuple[SagaStep, bool]] = []
        """Records that the running transaction writes, and whether each is new."""
        self._scope = ""
        self._cancelled = row.cancelled
        self.pivoted = row.pivoted
        self._steps: dict[str, Step] = {}
        self.waiting: asyncio.Task[Any] | None = None

    # -- what a body calls ------------------------------------------------------------------------------

    async def __call__(self, function: Callable[..., Any], *args: Any, label: str = "") -> Any:
        """Take a step, or give what it gave before. Raises StepFailed when it failed."""
        step: Step = function.step  # type: ignore[attr-defined]
        self._steps[step.name] = step
        told = msgspec.json.encode([*args, label] if label else args).decode()[1:-1]
        call = f"{self._scope}{step.name}({told})"
        known = self._records.get(call)
        if known is not None and known.outcome == "done":
            return known.result
        if known is not None and known.outcome == "failed" and not self.pivoted:
            raise StepFailed(known.error)
        if self._cancelled and not self.pivoted:
            raise Cancelled("cancelled")
        for attempt in range(TRIES_BEFORE_STUCK):
            try:
                return await self._take(_Called(step, call, args))
            except StepFailed as failure:
                if not self.pivoted:
                    raise
                await self._note_try(str(failure), attempt)
                await self.app.clock.sleep(min(0.1 * 2**attempt, 15))
        raise Stuck(f"{step.name} failed {TRIES_BEFORE_STUCK} times: {self.row.why}")

    async def attempts(self, count: int) -> AsyncIterator["Attempt"]:
        """Try a part of the body up to `count` times: `async for attempt in run.attempts(3): async with
        attempt: ...`.

        A failure inside undoes the steps of that attempt and goes on with the next; the last one's is raised.
        """
        error = "no attempt was made"
        for number in range(count):
            known = self._records.get(f"attempt {number}")
            if known is not None:
                error = known.error or error
                continue
            attempt = Attempt(self, number)
            yield attempt
            if attempt.error is None:
                return
            error = attempt.error
        raise StepFailed(error)

    async def pivot(self) -> None:
        """From here on nothing is undone, and the saga cannot be cancelled.

        Raises Cancelled when it already was.
        """
        if not self.pivoted:
            self.pivoted = await self._write(self._pivot)
            if not self.pivoted:
                self._cancelled = True
                raise Cancelled("cancelled")

    # -- steps ------------------------------------------------------------------------------------------

    async def _take(self, called: "_Called") -> Any:
        step = called.step
        resources = [str(value) for value in self.row.arguments.values()]
        with trace.part(
            self.app.traces, self.ctx.request_id, "step", f"{self.row.name} {step.name}", resources
        ) as span:
            try:
                self._hook("before", step.name)
                if step.is_async:
                    result = await self._in_world(called)
                else:
                    result = await self._write(self._in_transaction, called)
            except Cancelled:
                raise
            except asyncio.CancelledError:
                if not self._cancelled:
                    raise
                span.fail("cancelled", "the saga was cancelled")
                await self._write(self._record, called, "failed", None, "cancelled")
                raise Cancelled("cancelled") from None
            except Exception as error:
                why = self._reason(step, error)
                span.fail("failed", str(error) or type(error).__name__)
                await self._write(self._record, called, "failed", None, why)
                raise StepFailed(why) from error
        self._hook("recorded", step.name)
        return result

    def _reason(self, step: Step, error: Exception) -> str:
        """Why a step failed, for the owner of the thing; what nobody foresaw goes to the log instead."""
        if not isinstance(error, _UNFORESEEN):
            return str(error) or type(error).__name__
        self.app.log.error("a step failed unexpectedly", saga=self.row.name, step=step.name, exc_info=error)
        return (
            f"An unexpected error stopped {step.name}. Its story is kept: cumulet trace {self.ctx.request_id}"
        )

    async def _in_world(self, called: "_Called") -> Any:
        step = called.step
        if step.undo is not None and called.call not in self._records:
            await self._write(self._record, called, "begun")
        self.waiting = asyncio.ensure_future(self._bounded(step, called.args))
        try:
            result = plain(await self.waiting)
        finally:
            self.waiting = None
        self._hook("after", step.name)
        await self._write(self._record, called, "done", result)
        return result

    async def _bounded(self, step: Step, args: tuple[Any, ...]) -> Any:
        try:
            async with asyncio.timeout(step.deadline):
                return await step.function(self.ctx, *args)
        except TimeoutError:
            raise StepFailed(f"{step.name} was not done after {step.deadline:g} seconds") from None

    def _in_transaction(self, tx: Tx, called: "_Called") -> Any:
        if self._cancelled and not self.pivoted:
            raise Cancelled("cancelled")
        result = plain(called.step.function(tx, self.ctx, *called.args))
        self._hook("after", called.step.name)
        self._record(tx, called, "done", result)
        return result

    def _record(
        self, tx: Tx, called: "_Called", outcome: str, result: Any = None, error: str | None = None
    ) -> None:
        known = self._records.get(called.call)
        if known is not None:
            self._uncommitted.append((tx.update(known, outcome=outcome, result=result, error=error), False))
            return
        record = SagaStep(
            id=f"{self.id}/{len(self._order)}",
            saga_id=self.id,
            n=len(self._order),
            call=called.call,
            step=called.step.name,
            arguments=list(called.args),
            outcome=outcome,
            result=result,
            error=error,
        )
        self._uncommitted.append((tx.insert(record), True))

    # -- undoing ----------------------------------------------------------------------------------------

    async def unwind(self, scope: str = "") -> None:
        """Undo every step of a scope that was begun, the newest first.

        Raises Stuck when an undo keeps failing.
        """
        for record in reversed(list(self._order)):
            if not record.call.startswith(scope) or record.undone or record.call.startswith("attempt "):
                continue
            step = self._steps.get(record.step)
            if step is None or step.undo is None:
                continue
            await self._undo(step, record)

    async def _undo(self, step: Step, record: SagaStep) -> None:
        story = self.ctx.request_id
        for attempt in range(TRIES_BEFORE_STUCK):
            try:
                with trace.part(self.app.traces, story, "undo", f"{self.row.name} {step.name}"):
                    self._hook("undo", step.name)
                    await self._write(self._undo_in_transaction, step, record)
                    self._hook("undone", step.name)
                return
            except Exception as error:
                await self._note_try(f"undo of {step.name}: {error}", attempt)
                await self.app.clock.sleep(min(0.1 * 2**attempt, 15))
        raise Stuck(f"the undo of {step.name} failed {TRIES_BEFORE_STUCK} times: {self.row.why}")

    def _undo_in_transaction(self, tx: Tx, step: Step, record: SagaStep) -> None:
        assert step.undo is not None
        step.undo(tx, self.ctx, *record.arguments)
        self._uncommitted.append((tx.update(self._records[record.call], undone=True), False))

    # -- the saga's own row -----------------------------------------------------------------------------

    async def _write(self, function: Callable[..., Any], *args: Any) -> Any:
        """Run a transaction of this saga, fenced by its owner; its records follow once it is committed."""

        def fenced(tx: Tx) -> Any:
            self._uncommitted = []
            self._cancelled = _touch(tx, self.id, self._owner) or self._cancelled
            return function(tx, *args)

        result = await self.app.db.transact(fenced)
        for record, new in self._uncommitted:
            self._records[record.call] = record
            if new:
                self._order.append(record)
            else:
                self._order = [record if item.call == record.call else item for item in self._order]
        self._uncommitted = []
        return result

    def _pivot(self, tx: Tx) -> bool:
        if self._cancelled:
            return False
        tx.change(_PIVOT, {"saga": self.id})
        return True

    async def _note_try(self, why: str, attempt: int) -> None:
        self.row = self.row.but(why=why)
        await self._write(lambda tx: tx.change(_NOTE, {"saga": self.id, "reason": why, "count": attempt + 1}))

    async def move(self, state: str, why: str | None = None) -> None:
        """Change the saga's state under its fence."""
        await self._write(lambda tx: tx.change(_MOVE, {"saga": self.id, "to": state, "reason": why}))
        self.row = self.row.but(state=state, why=why)

    async def finish(self, state: str, saga: Saga, why: str | None = None) -> None:
        """End the saga: its last words, its keys and its steps go in one transaction."""

        def end(tx: Tx) -> None:
            if state == "failed" and saga.on_failure is not None:
                self._hook("before", "on_failure")
                saga.on_failure(tx, self.ctx, why or "", **self.row.arguments)
            tx.change(_FORGET_KEYS, {"saga": self.id})
            tx.change(_FORGET_STEPS, {"saga": self.id})
            tx.change(_MOVE, {"saga": self.id, "to": state, "reason": why})
            tx.after_commit(self.app.sagas.wake)

        await self._write(end)

    def load(self, records: list[SagaStep], steps: dict[str, Step]) -> None:
        """Take up what an earlier run recorded."""
        self._order = sorted(records, key=lambda record: record.n)
        self._records = {record.call: record for record in self._order}
        self._steps = dict(steps)


class Attempt:
    """One try of a part of a body; see `Run.attempts`."""

    def __init__(self, run: Run, number: int) -> None:
        self._run, self._number = run, number
        self.error: str | None = None

    async def __aenter__(self) -> "Attempt":
        self._run._scope = f"{self._number}/"
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None
    ) -> bool:
        run, run._scope = self._run, ""
        if not isinstance(error, Exception) or isinstance(error, Cancelled):
            return False
        self.error = str(error)
        await run.unwind(f"{self._number}/")
        attempt = _Called(_ATTEMPT, f"attempt {self._number}", ())
        await run._write(run._record, attempt, "failed", None, self.error)
        return True


def _attempt() -> None:
    """Stands for an attempt in the records."""


_ATTEMPT = Step(_attempt)


def _touch(tx: Tx, id: str, owner: str | None) -> bool:
    """Assert that the saga is still this owner's, and lock its row; whether it was cancelled."""
    found = tx.rows(_FENCE, {"saga": id, "by": owner, "at": tx.now})
    if not found:
        raise LostLease(f"saga {id} is another worker's now")
    return bool(found[0][0])


_S = SagaRow.table
_MINE = sa.update(_S).where(_S.c.id == sa.bindparam("saga"))
_FENCE = (
    sa.update(_S)
    .where(
        _S.c.id == sa.bindparam("saga"),
        _S.c.owner == sa.bindparam("by"),
        _S.c.state.in_(("running", "unwinding")),
    )
    .values(updated_at=sa.bindparam("at"))
    .returning(_S.c.cancelled)
)
_FORGET_KEYS = sa.delete(SagaKey.table).where(SagaKey.c.saga_id == sa.bindparam("saga"))
_FORGET_STEPS = sa.delete(SagaStep.table).where(SagaStep.c.saga_id == sa.bindparam("saga"))
_PIVOT = _MINE.values(pivoted=True)
_NOTE = _MINE.values(why=sa.bindparam("reason"), tries=sa.bindparam("count"))
_MOVE = _MINE.values(state=sa.bindparam("to"), why=sa.bindparam("reason"))
