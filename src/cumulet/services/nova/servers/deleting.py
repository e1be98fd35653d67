# SPDX-License-Identifier: Apache-2.0
"""Accepting the end of a server, in whatever state it is; where the operator gives time to think, only its
guest ends at first.
"""

from cumulet.kernel import events, quota, saga
from cumulet.kernel.auth.context import Context
from cumulet.kernel.db import Tx
from cumulet.services.nova.servers import flows, guards, history, power
from cumulet.services.nova.servers.model import Server
from cumulet.services.nova.servers.states import SOFT_DELETED
from cumulet.services.nova.settings import NovaSettings


def delete_server(tx: Tx, ctx: Context, server: Server, given: object = None) -> None:
    """The server ends, or can be restored for a time if it ever ran; asking again changes nothing."""
    guards.allow(ctx, server, "delete")
    put_off = tx.app.contract(NovaSettings).reclaim_instance_interval > 0
    if put_off and server.launched_at is not None and server.host is not None:
        _put_off(tx, ctx, server)
    else:
        end_server(tx, ctx, server)


def force_delete(tx: Tx, ctx: Context, server: Server, given: object = None) -> None:
    """The server ends now, whether or not it could be restored."""
    guards.allow(ctx, server, "delete")
    end_server(tx, ctx, server)


def end_server(tx: Tx, ctx: Context, server: Server) -> None:
    """What runs on the server is cancelled, and its end begins."""
    if server.task_state == "deleting":
        return
    tx.update(server, task_state="deleting")
    history.begin(tx, ctx, server.id, "delete")
    saga.cancel(tx, f"server:{server.id}")
    saga.start(tx, ctx, flows.delete_server, server_id=server.id)
    events.emit(tx, ctx, "server.delete", server)


def _put_off(tx: Tx, ctx: Context, server: Server) -> None:
    """What runs on the server is cancelled, and its guest is switched off; all that it has stays."""
    change = power.CHANGES["soft_delete"]
    if server.task_state in ("deleting", change.task) or server.vm_state == SOFT_DELETED:
        return
    tx.update(server, task_state=change.task, deleted_at=tx.now)
    history.begin(tx, ctx, server.id, change.action)
    saga.cancel(tx, f"server:{server.id}")
    saga.start(tx, ctx, flows.change_power, server_id=server.id, change="soft_delete")
    events.emit(tx, ctx, "server.soft_delete", server)


def restore_server(tx: Tx, ctx: Context, server: Server, given: object = None) -> None:
    """A server that was deleted and not yet reclaimed is to run again, from its own disk.

    Raises Forbidden over quota.
    """
    guards.allow(ctx, server, "restore")
    costs = {"instances": 1, "cores": server.vcpus, "ram": server.memory_mb, "disk": server.disk_gb}
    quota.charge(tx, ctx, server.project_id, {name: amount for name, amount in costs.items() if amount})
    tx.update(server, task_state=power.CHANGES["restore"].task, deleted_at=None, rescued=False)
    history.begin(tx, ctx, server.id, "restore")
    saga.start(tx, ctx, flows.change_power, server_id=server.id, change="restore")
    events.emit(tx, ctx, "server.restore", server)
