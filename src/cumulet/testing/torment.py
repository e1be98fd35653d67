# SPDX-License-Identifier: Apache-2.0
"""Torment: a saga is failed and crashed at every one of its moments, and must come out whole each time.

    test_create_volume = torment(
        create_volume, [people(), CINDER], begin=ask_for_a_volume, check=volume_is_whole
    )

The moments are: before a step, after its work and before its record, after its record, and the same for
undos. At each the saga is failed once, and crashed once as by kill -9 with another worker taking over; then
a failing saga is crashed at each moment of its unwinding. `begin(cloud)` starts the saga by an ordinary
request and returns whatever `check(cloud, subject)` needs to look at it; both run once for each moment, in
one cloud. `check` asserts that the subject is what it should be, or that nothing is left of it, and no saga
may be stuck or running then.
"""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Any

from cumulet.kernel.db import Tx
from cumulet.kernel.saga import Saga, SagaRow
from cumulet.kernel.service import Service
from cumulet.testing.cloud import Cloud

Begin = Callable[[Cloud], Awaitable[Any]]
Look = Callable[[Cloud, Any], Awaitable[None]]

_DOING = ("before", "after", "recorded")
_UNDOING = ("undo", "undone")
LOOK_EVERY = 0.05


class Crash(BaseException):
    """The process dies here."""


class Boom(Exception):
    """The step fails here."""


class _Bomb:
    """Goes off once, at the nth moment of the kinds that it listens for."""

    def __init__(self, kinds: Sequence[str], at: int, error: type[BaseException]) -> None:
        self.kinds, self.at, self.error = kinds, at, error
        self.seen: list[tuple[str, str]] = []
        self._told = False

    def __call__(self, moment: str, step: str) -> None:
        if moment in self.kinds:
            self.seen.append((moment, step))
            if len(self.seen) == self.at:
                raise self.error(f"{self.error.__name__} {moment} {step}")

    @property
    def went_off(self) -> bool:
        return len(self.seen) >= self.at > 0

    def strikes(self) -> bool:
        """Whether it went off since this was asked last."""
        struck, self._told = self.went_off and not self._told, self._told or self.went_off
        return struck


def torment(
    saga: Saga, services: Sequence[Service], *, begin: Begin, check: Look, hosts: int = 1
) -> Callable[[Path], None]:
    """A test function that pytest collects; its `torments` is the name of the saga."""

    def test(tmp_path: Path) -> None:
        async def whole() -> None:
            async with Cloud.running(tmp_path, services, hosts=hosts) as cloud:
                await _every_moment(cloud, saga, begin, check)

        asyncio.run(whole())

    test.torments = saga.name  # type: ignore[attr-defined]
    return test


async def _every_moment(cloud: Cloud, saga: Saga, begin: Begin, check: Look) -> None:
    calm = _Bomb(_DOING, 0, Boom)
    await _once(cloud, begin, check, [calm])
    assert calm.seen, "the saga takes no step"
    assert await cloud.app.db.read(Tx.exists, SagaRow, SagaRow.c.name == saga.name), f"no {saga.name} ran"
    moments = len(calm.seen)
    for at in range(1, moments + 1):
        if calm.seen[at - 1][0] != "recorded":
            await _once(cloud, begin, check, [_Bomb(_DOING, at, Boom)])
        await _once(cloud, begin, check, [_Bomb(_DOING, at, Crash)])
    last = max(number for number, (moment, _) in enumerate(calm.seen, 1) if moment == "before")
    for at in range(1, 100):
        crash = _Bomb(_UNDOING, at, Crash)
        await _once(cloud, begin, check, [_Bomb(_DOING, last, Boom), crash])
        if not crash.went_off:
            return


async def _once(cloud: Cloud, begin: Begin, check: Look, bombs: list[_Bomb]) -> None:
    def hook(moment: str, step: str) -> None:
        for bomb in bombs:
            bomb(moment, step)

    cloud.app.sagas.hook = hook
    try:
        subject = await begin(cloud)
        for _ in range(10):
            await _settled_or_dead(cloud, bombs)
            if not await cloud.app.db.read(_live):
                break
            await cloud.crash()
            cloud.app.sagas.hook = hook
    finally:
        cloud.app.sagas.hook = lambda moment, step: None
    told = ", ".join(f"{bomb.error.__name__} at {bomb.seen[bomb.at - 1]}" for bomb in bombs if bomb.went_off)
    unfinished = await cloud.app.db.read(_live)
    assert not unfinished, f"{unfinished} after {told}"
    try:
        await check(cloud, subject)
    except AssertionError as error:
        raise AssertionError(f"after {told or 'a calm run'}: {error}") from error


async def _settled_or_dead(cloud: Cloud, bombs: list[_Bomb]) -> None:
    """Return when nothing runs any more, or when a crash has struck while others wait for what it struck."""
    settled = asyncio.ensure_future(cloud.settled())
    while not settled.done():
        await asyncio.wait((settled,), timeout=LOOK_EVERY)
        if any(bomb.error is Crash and bomb.strikes() for bomb in bombs):
            settled.cancel()
            break
    with contextlib.suppress(Crash, asyncio.CancelledError):
        await settled


def _live(tx: Tx) -> list[str]:
    rows = tx.all(SagaRow, SagaRow.c.state.in_(("waiting", "running", "unwinding", "stuck")))
    return [f"{row.name} is {row.state}: {row.why}" for row in rows]
