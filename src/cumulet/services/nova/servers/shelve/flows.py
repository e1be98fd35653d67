# SPDX-License-Identifier: Apache-2.0
"""What happens to a server that is shelved, and to one that comes back."""

from cumulet.contracts.glance import Images
from cumulet.kernel import saga as sagas
from cumulet.kernel.auth.context import Context
from cumulet.kernel.db import Tx
from cumulet.kernel.saga import Run, saga
from cumulet.services.nova.servers import history, imaging, power, steps
from cumulet.services.nova.servers.flows import put_somewhere
from cumulet.services.nova.servers.model import Server
from cumulet.services.nova.servers.shelve import steps as shelving

_TASKS = frozenset(
    ("shelving", "shelving_image_pending_upload", "shelving_image_uploading", "unshelving", "spawning")
)


def offload(tx: Tx, ctx: Context, server: Server) -> None:
    """Begin that a shelved server leaves its host."""
    tx.update(server, task_state="shelving_offloading")
    sagas.start(tx, ctx, offload_server, server_id=server.id)


def leave_unshelved(
    tx: Tx, ctx: Context, why: str, server_id: str, image_id: str | None, leaves: bool
) -> None:
    """The server is what it was, and there is no image."""
    if image_id is not None:
        tx.app.contract(Images).delete(tx, ctx, image_id)
    _leave(tx, ctx, why, server_id, "shelve")


def leave_shelved(tx: Tx, ctx: Context, why: str, server_id: str, **_: object) -> None:
    """The server is still shelved; the failed action says why."""
    _leave(tx, ctx, why, server_id, "unshelve")


def _leave(tx: Tx, ctx: Context, why: str, server_id: str, action: str) -> None:
    server = tx.get(Server, server_id)
    if server is None or server.deleted:
        return
    history.end(tx, ctx, server_id, action, history.Ending(host=server.host, why=why))
    if server.task_state in _TASKS:
        tx.update(server, task_state=None)


@saga("server.shelve/1", keys=("server",), queued=True, on_failure=leave_unshelved)
async def shelve_server(run: Run, server_id: str, image_id: str | None, leaves: bool) -> None:
    """Stop the guest, keep its root disk as an image unless it is a volume, and take it off its host.

    Nothing is taken back once the image is active.
    """
    host, generation = await run(power.publish_change, server_id, "stop")
    await run(steps.wait_guest, server_id, host, generation)
    if image_id is not None:
        await run(shelving.begin_upload, server_id)
        await run(imaging.write_disk, server_id, image_id)
        await run(imaging.upload, server_id, image_id)
    await run.pivot()
    await run(shelving.set_shelved, server_id, image_id, leaves)
    if leaves:
        await _leave_host(run, server_id)


@saga("server.shelve_offload/1", keys=("server",), queued=True)
async def offload_server(run: Run, server_id: str) -> None:
    """Take a shelved server off its host; it cannot be taken back."""
    await run.pivot()
    await _leave_host(run, server_id)


async def _leave_host(run: Run, server_id: str) -> None:
    """A host that is away is waited for, unless the operator says that nothing runs there."""
    for host, generation in await run(shelving.withdraw_guest, server_id):
        await run(steps.wait_guest_gone, server_id, host, generation)
    await run(shelving.set_offloaded, server_id)


@saga("server.unshelve_here/1", keys=("server",), queued=True, on_failure=leave_shelved)
async def unshelve_here(run: Run, server_id: str) -> None:
    """Start the guest of a server that has not left its host yet."""
    host, generation = await run(power.publish_change, server_id, "start")
    await run(steps.wait_guest, server_id, host, generation)
    await run(shelving.set_unshelved, server_id)


@saga("server.unshelve/1", keys=("server",), queued=True, on_failure=leave_shelved)
async def unshelve_server(run: Run, server_id: str, with_volumes: bool) -> None:
    """Find the server a host again, and start it there from its image or its volumes."""
    await put_somewhere(run, server_id, with_volumes)
    await run(shelving.set_unshelved, server_id)


SAGAS = (shelve_server, offload_server, unshelve_here, unshelve_server)
