# SPDX-License-Identifier: Apache-2.0
"""How flows wait for hosts."""

import asyncio

from cumulet.kernel.auth.context import Context
from cumulet.kernel.db import Tx
from cumulet.kernel.hosts import HostRow

LOOK_EVERY = 5.0
HOURS = 6 * 3600.0
"""The deadline of steps that copy data, or wait for what a host holds on to."""


async def gone_or_away(ctx: Context, host: str, kind: str, id: str, generation: list[int]) -> None:
    """Return once the host has nothing of it. One that is down sees to it when it comes back."""
    gone = asyncio.ensure_future(ctx.app.hosts.made_true(host, kind, id, generation))
    try:
        while not gone.done():
            pause = asyncio.ensure_future(ctx.app.clock.sleep(LOOK_EVERY))
            try:
                await asyncio.wait((gone, pause), return_when=asyncio.FIRST_COMPLETED)
            finally:
                pause.cancel()
            if not gone.done() and await ctx.read(is_down, host):
                return
        gone.result()
    finally:
        gone.cancel()


def is_down(tx: Tx, host: str) -> bool:
    row = tx.get(HostRow, host)
    return row is None or row.state != "up"
