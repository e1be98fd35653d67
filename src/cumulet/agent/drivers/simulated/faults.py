# SPDX-License-Identifier: Apache-2.0
"""What goes wrong on a simulated host, at a test's command."""

import asyncio
from collections import Counter
from dataclasses import dataclass, field

from cumulet.agent.driver import DriverError
from cumulet.kernel.clock import Clock


@dataclass(slots=True)
class Fault:
    """Strikes an operation (apply, remove, or a call's name) of a kind, from the nth stroke on.

    A `late` fault strikes after the operation had its effect, as when an answer is lost.
    """

    kind: str
    operation: str = "apply"
    id: str | None = None
    nth: int = 1
    times: int | None = 1
    """How often it strikes; None until it is healed."""
    late: bool = False
    error: Exception | None = None
    seconds: float = 0.0
    hangs: asyncio.Event | None = field(default=None, repr=False)

    def strikes(self) -> bool:
        """Whether this stroke is one that is struck; each one asked about is counted."""
        self.nth -= 1
        if self.nth > 0 or self.times == 0:
            return False
        if self.times is not None:
            self.times -= 1
        return True


class Faults:
    """The faults of one simulated host; without any, all goes well."""

    def __init__(self) -> None:
        self._faults: list[Fault] = []
        self.strokes: Counter[tuple[str, str]] = Counter()
        """How often each operation of each kind was begun."""

    def add(self, fault: Fault) -> Fault:
        self._faults.append(fault)
        return fault

    def fail(self, kind: str, operation: str = "apply", *, nth: int = 1, retry: bool = False) -> Fault:
        """The nth operation from now fails, once."""
        return self.add(Fault(kind, operation, nth=nth, error=_failure(kind, operation, retry)))

    def refuse(self, kind: str, operation: str = "apply", *, retry: bool = False) -> Fault:
        """Every operation fails until it is healed."""
        return self.add(Fault(kind, operation, times=None, error=_failure(kind, operation, retry)))

    def delay(self, kind: str, seconds: float, operation: str = "apply") -> Fault:
        """Every operation takes so long."""
        return self.add(Fault(kind, operation, times=None, seconds=seconds))

    def hang(self, kind: str, operation: str = "apply", *, id: str | None = None) -> Fault:
        """Every operation does not end until it is healed."""
        return self.add(Fault(kind, operation, id, times=None, hangs=asyncio.Event()))

    def heal(self) -> None:
        """All goes well again, and what hung goes on."""
        for fault in self._faults:
            if fault.hangs is not None:
                fault.hangs.set()
        self._faults.clear()

    async def strike(self, kind: str, operation: str, id: str, clock: Clock, *, late: bool = False) -> None:
        """Suffer what is to be suffered before the operation, or after it when `late`."""
        if not late:
            self.strokes[kind, operation] += 1
        for fault in list(self._faults):
            meant = (fault.kind, fault.operation, fault.late) == (kind, operation, late)
            if meant and fault.id in (None, id) and fault.strikes():
                await _suffer(fault, clock)


async def _suffer(fault: Fault, clock: Clock) -> None:
    if fault.seconds:
        await clock.sleep(fault.seconds)
    if fault.hangs is not None:
        await fault.hangs.wait()
    if fault.error is not None:
        raise fault.error


def _failure(kind: str, operation: str, retry: bool) -> DriverError:
    return DriverError(f"The simulated host was told to fail at {operation} of a {kind}.", retry=retry)
