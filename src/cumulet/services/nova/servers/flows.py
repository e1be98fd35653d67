# SPDX-License-Identifier: Apache-2.0
"""What happens to a server, from an accepted request to a running guest, and to its end."""

from typing import Any

from cumulet.kernel.auth.context import Context
from cumulet.kernel.db import Tx
from cumulet.kernel.saga import Run, saga
from cumulet.services.nova.servers import history, steps
from cumulet.services.nova.servers.model import Server

ATTEMPTS = 3


def problem(tx: Tx, why: str, code: int = 500) -> dict[str, Any]:
    """A fault as users see it."""
    return {"code": code, "created": f"{tx.now[:19]}Z", "message": why[:255], "details": why}


def leave_in_error(tx: Tx, ctx: Context, why: str, server_id: str, **_: object) -> None:
    """The server is in ERROR and says why, unless it is being deleted; no host has anything of it."""
    server = tx.get(Server, server_id)
    if server is None or server.deleted:
        return
    history.end(tx, ctx, server_id, "create", history.Ending(why=why))
    if server.task_state != "deleting":
        tx.update(server, vm_state="error", task_state=None, problem=problem(tx, why))


@saga("server.create/1", keys=("server",), on_failure=leave_in_error)
async def create_server(run: Run, server_id: str, with_volumes: bool) -> None:
    """Place a server, build what it needs, and start it on its host.

    A host that fails is left without a trace and the next one is tried. In the end the server is ACTIVE, or
    in ERROR with its fault.
    """
    if with_volumes:
        await run(steps.wait_volumes, server_id)
        await run(steps.reserve_volumes, server_id)
    async for attempt in run.attempts(ATTEMPTS):
        async with attempt:
            place = await run(steps.place, server_id)
            host = place["host"]
            if place["ports"]:
                await run(steps.wait_ports, server_id, host, place["ports"])
            if with_volumes:
                exports = await run(steps.export_volumes, server_id, host)
                await run(steps.wait_exports, server_id, exports)
            generation = await run(steps.publish_guest, server_id, host)
            await run(steps.wait_guest, server_id, host, generation)
    await run(steps.set_active, server_id)


@saga("server.delete/1", keys=("server",), queued=True)
async def delete_server(run: Run, server_id: str) -> None:
    """Take the guest off its host, then everything that the server had; it cannot be taken back."""
    await run.pivot()
    for host, generation in await run(steps.withdraw_guest, server_id):
        await run(steps.wait_guest_gone, server_id, host, generation)
    await run(steps.forget, server_id)
