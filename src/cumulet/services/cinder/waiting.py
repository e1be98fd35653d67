# SPDX-License-Identifier: Apache-2.0
"""How flows wait for hosts, and what they make of one that goes down meanwhile."""

import asyncio

from cumulet.kernel.auth.context import Context
from cumulet.kernel.db import Tx
from cumulet.kernel.hosts import HostRow
from cumulet.kernel.saga import StepFailed

LOOK_EVERY = 5.0
HOURS = 6 * 3600.0
"""The deadline of steps that copy data, or wait for what a host holds on to."""


async def made(ctx: Context, host: str, kind: str, id: str, generation: list[int]) -> None:
    """Return once the host has made it true. Raises HostFailed when it gave up, StepFailed when down."""
    if not await _told_truth(ctx, host, kind, id, generation):
        raise StepFailed(f"Host {host} went down.")


async def gone(ctx: Context, host: str, kind: str, id: str, generation: list[int]) -> None:
    """Return once the host has nothing of it. One that is down sees to it when it comes back."""
    await _told_truth(ctx, host, kind, id, generation)


async def _told_truth(ctx: Context, host: str, kind: str, id: str, generation: list[int]) -> bool:
    """Whether the host made it true; false when it went down first."""
    told = asyncio.ensure_future(ctx.app.hosts.made_true(host, kind, id, generation))
    try:
        while not told.done():
            pause = asyncio.ensure_future(ctx.app.clock.sleep(LOOK_EVERY))
            try:
                await asyncio.wait((told, pause), return_when=asyncio.FIRST_COMPLETED)
            finally:
                pause.cancel()
            if not told.done() and await ctx.read(_is_down, host):
                return False
        told.result()
        return True
    finally:
        told.cancel()


def _is_down(tx: Tx, host: str) -> bool:
    row = tx.get(HostRow, host)
    return row is None or row.state != "up"
