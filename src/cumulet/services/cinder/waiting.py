# SPDX-License-Identifier: Apache-2.0
"""How flows wait for hosts, and what they make of one that goes down meanwhile."""

import asyncio
from collections.abc import Callable

from cumulet.kernel.auth.context import Context
from cumulet.kernel.db import Tx
from cumulet.kernel.hosts import HostRow, health
from cumulet.kernel.saga import StepFailed

LOOK_EVERY = 5.0
HOURS = 6 * 3600.0
"""The deadline of steps that copy data, or wait for what a host holds on to."""


async def made(ctx: Context, host: str, kind: str, id: str, generation: list[int]) -> None:
    """Return once the host has made it true. Raises HostFailed when it gave up, StepFailed when down."""
    if not await _told_truth(ctx, host, kind, id, generation, _is_down):
        raise StepFailed(f"Host {host} went down.")


async def changed(ctx: Context, host: str, kind: str, id: str, generation: list[int]) -> None:
    """The same for what only this host can do: one that is away for a moment is waited for."""
    if not await _told_truth(ctx, host, kind, id, generation, _is_given_up):
        raise StepFailed(f"Host {host} went down.")


async def gone(ctx: Context, host: str, kind: str, id: str, generation: list[int]) -> None:
    """Return once the host has nothing of it. One that is down sees to it when it comes back."""
    await _told_truth(ctx, host, kind, id, generation, _is_down)


async def _told_truth(
    ctx: Context, host: str, kind: str, id: str, generation: list[int], is_lost: Callable[[Tx, str], bool]
) -> bool:
    """Whether the host made it true; false when it was lost first."""
    told = asyncio.ensure_future(ctx.app.hosts.made_true(host, kind, id, generation))
    try:
        while not told.done():
            pause = asyncio.ensure_future(ctx.app.clock.sleep(LOOK_EVERY))
            try:
                await asyncio.wait((told, pause), return_when=asyncio.FIRST_COMPLETED)
            finally:
                pause.cancel()
            if not told.done() and await ctx.read(is_lost, host):
                return False
        told.result()
        return True
    finally:
        told.cancel()


def _is_down(tx: Tx, host: str) -> bool:
    row = tx.get(HostRow, host)
    return row is None or row.state != "up"


def _is_given_up(tx: Tx, host: str) -> bool:
    row = tx.get(HostRow, host)
    return row is None or (row.state != "up" and not health.is_expected(tx, row))
