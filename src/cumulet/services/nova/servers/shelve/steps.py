# SPDX-License-Identifier: Apache-2.0
"""The steps of shelving a server, and of having it back."""

from typing import Any

from cumulet.contracts.cinder import Volumes
from cumulet.contracts.glance import Images
from cumulet.contracts.neutron import Ports
from cumulet.contracts.placement import Allocator
from cumulet.kernel import events, hosts
from cumulet.kernel.auth.context import Context
from cumulet.kernel.db import Tx
from cumulet.kernel.saga import step
from cumulet.services.nova.servers import devices, history, states
from cumulet.services.nova.servers.model import Server
from cumulet.services.nova.servers.power import task_left


@step()
def begin_upload(tx: Tx, ctx: Context, server_id: str) -> None:
    """The server is about to be copied."""
    tx.update(tx.need(Server, server_id), task_state="shelving_image_pending_upload")


@step()
def set_shelved(tx: Tx, ctx: Context, server_id: str, image_id: str | None, leaves: bool) -> None:
    """The server is shelved, and can come back from its image or its volumes."""
    server = tx.update(
        tx.need(Server, server_id),
        vm_state="shelved",
        power_state=states.SHUTDOWN,
        task_state="shelving_offloading" if leaves else None,
        shelved_image_id=image_id,
        shelved_at=tx.now,
        problem={},
    )
    if not leaves:
        history.end(tx, ctx, server_id, "shelve", history.Ending(host=server.host))
    events.emit(tx, ctx, "server.shelve", server)


@step()
def withdraw_guest(tx: Tx, ctx: Context, server_id: str) -> list[list[Any]]:
    """No host is to have the guest any more; [host, generation] of the one that must say so."""
    server = tx.need(Server, server_id)
    if server.host is None:
        return []
    generation = hosts.withdraw(tx, ctx, server.host, "guest", server_id)
    return [[server.host, generation]] if generation is not None else []


@step()
def set_offloaded(tx: Tx, ctx: Context, server_id: str) -> None:
    """The server is on no host and takes no room; its ports and volumes are still its own."""
    server = tx.need(Server, server_id)
    for action in ("shelve", "shelveOffload"):
        history.end(tx, ctx, server_id, action, history.Ending(host=server.host))
    leave_host(tx, ctx, server)
    server = tx.update(
        tx.need(Server, server_id),
        vm_state="shelved_offloaded",
        task_state=task_left(server),
        host=None,
        power="running",
    )
    events.emit(tx, ctx, "server.shelve_offload", server)


def leave_host(tx: Tx, ctx: Context, server: Server) -> None:
    """Nothing that the server has is bound to a host, and it holds no room."""
    everyone = ctx.elevate()
    tx.app.contract(Ports).unbind(tx, everyone, server.id)
    tx.app.contract(Allocator).release(tx, server.id)
    for device in devices.of_server(tx, server.id):
        if device.attachment_id is not None:
            tx.app.contract(Volumes).unexport(tx, everyone, device.attachment_id)
        tx.update(device, plugged=False)


@step()
def set_unshelved(tx: Tx, ctx: Context, server_id: str) -> None:
    """The server runs, its volumes are in use, and the image that it was kept as is gone."""
    server = tx.need(Server, server_id)
    for device in devices.of_server(tx, server_id):
        tx.app.contract(Volumes).attached(tx, ctx, str(device.attachment_id))
    forget_image(tx, ctx, server)
    server = tx.update(
        server,
        vm_state="active",
        power_state=states.RUNNING,
        task_state=task_left(server),
        launched_at=tx.now,
        shelved_image_id=None,
        shelved_at=None,
        problem={},
    )
    history.end(tx, ctx, server_id, "unshelve", history.Ending(host=server.host))
    events.emit(tx, ctx, "server.unshelve", server)


def forget_image(tx: Tx, ctx: Context, server: Server) -> None:
    """The image that a shelved server was kept as is gone."""
    if server.shelved_image_id is not None:
        tx.app.contract(Images).delete(tx, ctx.elevate(), server.shelved_image_id)
