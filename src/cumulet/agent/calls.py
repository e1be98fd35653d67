# SPDX-License-Identifier: Apache-2.0
"""Calls from the control plane, each carried out once for its operation id."""

import asyncio
import logging
from collections.abc import Iterable
from typing import Any

import msgspec

from cumulet.agent.driver import Call, Driver, DriverError
from cumulet.agent.journal import Journal, Outcome
from cumulet.kernel.bus import CallError

log = logging.getLogger(__name__)


class Calls:
    """The calls that the drivers answer, and how those that were made ended.

    A call that is repeated while it runs is joined, one that ended is answered from the journal, whether it
    went well or was refused. What may go better the next time (a DriverError with `retry`, an unexpected
    error) is not kept, so the same operation may be tried again. A call with an empty operation id is a
    question: it is asked each time.
    """

    def __init__(self, drivers: Iterable[Driver[Any]], journal: Journal) -> None:
        self._calls: dict[str, Call] = {}
        for driver in drivers:
            if taken := self._calls.keys() & driver.calls.keys():
                raise ValueError(f"Driver {driver.name} answers {sorted(taken)}, as another driver does.")
            self._calls.update(driver.calls)
        self._journal = journal
        self._running: dict[str, asyncio.Task[Outcome]] = {}

    async def run(self, operation_id: str, name: str, arguments: dict[str, Any]) -> Any:
        """The result of the call; CallError when it was refused, failed, or is not known here."""
        call = self._calls.get(name)
        if call is None:
            raise CallError(f"This host has no driver that answers {name!r}.")
        if not operation_id:
            outcome, _ = await _carry_out(call, "", arguments)
        elif (recorded := self._journal.outcomes.get(operation_id)) is not None:
            outcome = recorded
        else:
            outcome = await asyncio.shield(self._task(call, operation_id, arguments))
        if outcome.error is not None:
            raise CallError(outcome.error)
        return msgspec.json.decode(outcome.result)

    async def stop(self) -> None:
        for task in list(self._running.values()):
            task.cancel()
        await asyncio.gather(*self._running.values(), return_exceptions=True)

    def _task(self, call: Call, operation_id: str, arguments: dict[str, Any]) -> asyncio.Task[Outcome]:
        task = self._running.get(operation_id)
        if task is None:
            task = asyncio.create_task(self._once(call, operation_id, arguments))
            self._running[operation_id] = task
        return task

    async def _once(self, call: Call, operation_id: str, arguments: dict[str, Any]) -> Outcome:
        try:
            outcome, final = await _carry_out(call, operation_id, arguments)
            if final:
                await self._journal.write([outcome])
            return outcome
        finally:
            del self._running[operation_id]


async def _carry_out(call: Call, operation_id: str, arguments: dict[str, Any]) -> tuple[Outcome, bool]:
    """How the call ended, and whether it would end so again."""
    try:
        result = msgspec.Raw(msgspec.json.encode(await call(**arguments)))
    except DriverError as error:
        return Outcome(operation_id=operation_id, error=str(error)), not error.retry
    except Exception as error:
        log.exception("A call met an unexpected error")
        sentence = f"The host met an unexpected error: {error!r}"
        return Outcome(operation_id=operation_id, error=sentence), False
    return Outcome(operation_id=operation_id, result=result), True
