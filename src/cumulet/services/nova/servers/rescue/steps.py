# SPDX-License-Identifier: Apache-2.0
"""The steps into rescue and out of it. Whether a guest boots from its rescue disk is a bit of its server."""

from cumulet.kernel import events
from cumulet.kernel.auth.context import Context
from cumulet.kernel.db import Tx
from cumulet.kernel.saga import StepFailed, step
from cumulet.services.nova.servers import guest, history, states
from cumulet.services.nova.servers.model import Server
from cumulet.services.nova.servers.power import power_of, task_left


def _publish(tx: Tx, ctx: Context, server: Server, *, rescued: bool, power: str) -> list[object]:
    if server.host is None:
        raise StepFailed(f"Instance {server.id} is on no host.")
    server = tx.update(server, rescued=rescued, power=power)
    return [server.host, guest.publish(tx, ctx, server)]


def _take_back(tx: Tx, ctx: Context, server_id: str) -> None:
    """The guest boots from what its server's state says."""
    server = tx.get(Server, server_id)
    if server is not None and server.host and not server.deleted:
        _publish(tx, ctx, server, rescued=server.vm_state == "rescued", power=power_of(server))


@step(undo=_take_back)
def publish_rescue(tx: Tx, ctx: Context, server_id: str) -> list[object]:
    """The guest is to boot from its rescue disk; [host, generation]."""
    return _publish(tx, ctx, tx.need(Server, server_id), rescued=True, power="running")


@step(undo=_take_back)
def publish_own(tx: Tx, ctx: Context, server_id: str) -> list[object]:
    """The guest is to boot from its own disk; [host, generation]."""
    return _publish(tx, ctx, tx.need(Server, server_id), rescued=False, power="running")


@step()
def settle_rescue(tx: Tx, ctx: Context, server_id: str) -> None:
    """The server is rescued."""
    _settle(tx, ctx, server_id, "rescue", "rescued")


@step()
def settle_own(tx: Tx, ctx: Context, server_id: str) -> None:
    """The server runs as before, also if it did not when it was rescued."""
    _settle(tx, ctx, server_id, "unrescue", "active")


def _settle(tx: Tx, ctx: Context, server_id: str, action: str, vm_state: str) -> None:
    server = tx.need(Server, server_id)
    history.end(tx, ctx, server_id, action, history.Ending(host=server.host))
    server = tx.update(
        server, vm_state=vm_state, power_state=states.RUNNING, task_state=task_left(server), problem={}
    )
    events.emit(tx, ctx, f"server.{action}", server)
