# SPDX-License-Identifier: Apache-2.0
"""Into rescue and out of it."""

from cumulet.kernel.auth.context import Context
from cumulet.kernel.db import Tx
from cumulet.kernel.saga import Run, saga
from cumulet.services.nova.servers import history, steps
from cumulet.services.nova.servers.model import Server
from cumulet.services.nova.servers.rescue import steps as rescuing


def leave_as_it_was(tx: Tx, ctx: Context, why: str, server_id: str) -> None:
    """The guest boots from where it did; the failed action says why."""
    server = tx.get(Server, server_id)
    if server is None or server.deleted:
        return
    action = "unrescue" if server.vm_state == "rescued" else "rescue"
    history.end(tx, ctx, server_id, action, history.Ending(host=server.host, why=why))
    if server.task_state in ("rescuing", "unrescuing"):
        tx.update(server, task_state=None)


@saga("server.rescue/1", keys=("server",), queued=True, on_failure=leave_as_it_was)
async def rescue_server(run: Run, server_id: str) -> None:
    """Have the host start the guest from the rescue image, with its own disk beside it."""
    host, generation = await run(rescuing.publish_rescue, server_id)
    await run(steps.wait_guest, server_id, host, generation)
    await run(rescuing.settle_rescue, server_id)


@saga("server.unrescue/1", keys=("server",), queued=True, on_failure=leave_as_it_was)
async def unrescue_server(run: Run, server_id: str) -> None:
    """Have the host start the guest from its own disk, and forget the other."""
    host, generation = await run(rescuing.publish_own, server_id)
    await run(steps.wait_guest, server_id, host, generation)
    await run(rescuing.settle_own, server_id)


SAGAS = (rescue_server, unrescue_server)
