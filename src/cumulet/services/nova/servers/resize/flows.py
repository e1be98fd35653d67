# SPDX-License-Identifier: Apache-2.0
"""What happens to a server that is resized or migrated, until that is confirmed or reverted."""

from cumulet.kernel import saga as sagas
from cumulet.kernel.auth.context import Context
from cumulet.kernel.db import Tx
from cumulet.kernel.saga import Run, saga
from cumulet.services.nova.servers import history, power, steps
from cumulet.services.nova.servers.model import Server
from cumulet.services.nova.servers.resize import steps as moving
from cumulet.services.nova.servers.resize.model import ACTIONS, NOTHING_EXTRA, Migration


def leave_in_place(tx: Tx, ctx: Context, why: str, server_id: str, migration_id: str) -> None:
    """The server is what and where it was; the migration, and the action that asked for it, say why."""
    migration = tx.need(Migration, migration_id)
    tx.update(migration, status="error", **NOTHING_EXTRA)
    server = tx.get(Server, server_id)
    if server is None or server.deleted:
        return
    ending = history.Ending(host=server.host, why=why)
    history.end(tx, ctx, server_id, ACTIONS[migration.type], ending)
    if (server.task_state or "").startswith("resize_"):
        tx.update(server, task_state=None)


@saga("server.move/1", keys=("server",), queued=True, on_failure=leave_in_place)
async def move_server(run: Run, server_id: str, migration_id: str) -> None:
    """Find a host for the server's next flavor, stop the guest, and start it there with that.

    The host that it leaves keeps the disk, and the room for it, until somebody has confirmed.
    """
    await run(moving.choose_host, server_id, migration_id)
    host, generation = await run(power.publish_change, server_id, "stop")
    await run(steps.wait_guest, server_id, host, generation)
    host, generation = await run(moving.switch, server_id, migration_id)
    await run(steps.wait_guest, server_id, host, generation)
    await run(moving.finish, server_id, migration_id)


def begin_confirming(tx: Tx, ctx: Context, migration: Migration) -> None:
    """Begin that a finished migration is for good."""
    tx.update(migration, status="confirming")
    names = {"server_id": migration.server_id, "migration_id": migration.id}
    sagas.start(tx, ctx, confirm_move, **names)


@saga("server.confirm_move/1", keys=("server",), queued=True)
async def confirm_move(run: Run, server_id: str, migration_id: str) -> None:
    """Have the host that the server left forget it, and give back its room there."""
    await run.pivot()
    for host, generation in await run(moving.withdraw_source, server_id, migration_id):
        await run(steps.wait_guest_gone, server_id, host, generation)
    await run(moving.settle_confirmed, server_id, migration_id)


@saga("server.revert_move/1", keys=("server",), queued=True)
async def revert_move(run: Run, server_id: str, migration_id: str) -> None:
    """Have the host that the server came to forget it, and start it as it was on the one that it left."""
    await run.pivot()
    for host, generation in await run(moving.withdraw_destination, server_id, migration_id):
        await run(steps.wait_guest_gone, server_id, host, generation)
    host, generation = await run(moving.go_back, server_id, migration_id)
    await run(steps.wait_guest, server_id, host, generation)
    await run(moving.settle_reverted, server_id, migration_id)


SAGAS = (move_server, confirm_move, revert_move)
