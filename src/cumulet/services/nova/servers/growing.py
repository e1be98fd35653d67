# SPDX-License-Identifier: Apache-2.0
"""Volumes that grow while servers have them: the guests are to see it."""

from cumulet.kernel import saga as sagas
from cumulet.kernel.auth.context import Context
from cumulet.kernel.bus import CallError
from cumulet.kernel.db import Tx
from cumulet.kernel.saga import Run, StepFailed, saga, step
from cumulet.services.nova.servers import history
from cumulet.services.nova.servers.model import Server

_CALL_SECONDS = 30.0


def begin(tx: Tx, ctx: Context, server: Server) -> None:
    """Start that the server's guest sees the sizes that its volumes have now."""
    history.begin(tx, ctx, server.id, "extend_volume")
    sagas.start(tx, ctx, extend_volume, server_id=server.id)


def leave_unseen(tx: Tx, ctx: Context, why: str, server_id: str) -> None:
    """The guest sees them when it starts the next time; the failed action says why."""
    history.end(tx, ctx, server_id, "extend_volume", history.Ending(why=why))


@step(deadline=2 * _CALL_SECONDS)
async def show_sizes(ctx: Context, server_id: str) -> None:
    """The guest sees its volumes as large as they are; one that is on no host has nothing to see."""
    server = await ctx.read(Tx.need, Server, server_id)
    if server.host is None or server.deleted:
        return
    try:
        await ctx.app.hosts.call(server.host, "guest_extend_disk", "", _CALL_SECONDS, id=server_id)
    except CallError as error:
        raise StepFailed(str(error)) from error


@step()
def seen(tx: Tx, ctx: Context, server_id: str) -> None:
    """The server's history says that it was done."""
    host = tx.need(Server, server_id).host
    history.end(tx, ctx, server_id, "extend_volume", history.Ending(host=host))


@saga("server.extend_volume/1", keys=("server",), queued=True, on_failure=leave_unseen)
async def extend_volume(run: Run, server_id: str) -> None:
    """Have the guest see the sizes that its volumes have now."""
    await run(show_sizes, server_id)
    await run(seen, server_id)


SAGAS = (extend_volume,)
