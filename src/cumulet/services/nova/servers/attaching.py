# SPDX-License-Identifier: Apache-2.0
"""The steps of giving a running server a volume or a NIC, and of taking one away."""

from typing import Any

from cumulet.contracts.cinder import Volumes
from cumulet.contracts.neutron import Ports
from cumulet.kernel.auth.context import Context
from cumulet.kernel.db import Tx
from cumulet.kernel.saga import StepFailed, step
from cumulet.services.nova.servers import devices, guest, history
from cumulet.services.nova.servers.model import BlockDevice, Server
from cumulet.services.nova.servers.steps import free_volume

Published = list[Any]
"""[host, generation]; a host of None where there is nothing to wait for."""


def _on_host(tx: Tx, server_id: str) -> Server:
    server = tx.need(Server, server_id)
    if server.host is None:
        raise StepFailed(f"Instance {server_id} is on no host.")
    return server


def _published(tx: Tx, ctx: Context, server: Server) -> Published:
    return [server.host, guest.publish(tx, ctx, server)] if server.host is not None else [None, None]


# -- volumes ------------------------------------------------------------------------------------------


@step()
def export_volume(tx: Tx, ctx: Context, server_id: str, device_id: str) -> list[list[Any]]:
    """The volume is to be served on the server's host; its export ends with its attachment."""
    server, device = _on_host(tx, server_id), tx.need(BlockDevice, device_id)
    assert server.host is not None
    return [devices.export(tx, ctx, device, server.host)]


def _unplug_volume(tx: Tx, ctx: Context, server_id: str, device_id: str) -> None:
    device, server = tx.get(BlockDevice, device_id), tx.get(Server, server_id)
    if device is not None and device.plugged:
        tx.update(device, plugged=False)
        if server is not None and server.host:
            guest.publish(tx, ctx, server)


@step(undo=_unplug_volume)
def publish_with_volume(tx: Tx, ctx: Context, server_id: str, device_id: str) -> Published:
    """The guest is to have the volume."""
    server = _on_host(tx, server_id)
    tx.update(tx.need(BlockDevice, device_id), plugged=True)
    return _published(tx, ctx, server)


@step()
def volume_attached(tx: Tx, ctx: Context, server_id: str, device_id: str) -> None:
    device = tx.need(BlockDevice, device_id)
    tx.app.contract(Volumes).attached(tx, ctx, str(device.attachment_id))
    host = tx.need(Server, server_id).host
    history.end(tx, ctx, server_id, "attach_volume", history.Ending(host=host))


def give_up_volume(tx: Tx, ctx: Context, server_id: str, device_id: str, why: str) -> None:
    """The volume is free again."""
    device = tx.get(BlockDevice, device_id)
    if device is not None:
        free_volume(tx, ctx, device)
    history.end(tx, ctx, server_id, "attach_volume", history.Ending(why=why))


@step()
def publish_without_volume(tx: Tx, ctx: Context, server_id: str, device_id: str) -> Published:
    """The guest is to have the volume no more."""
    device, server = tx.get(BlockDevice, device_id), tx.need(Server, server_id)
    if device is None or not device.plugged or server.host is None:
        return [None, None]
    tx.update(device, plugged=False)
    return _published(tx, ctx, server)


@step()
def volume_detached(tx: Tx, ctx: Context, server_id: str, device_id: str) -> None:
    """The attachment is over, and the volume is free."""
    device = tx.get(BlockDevice, device_id)
    if device is not None:
        free_volume(tx, ctx.elevate(), device)
    host = tx.need(Server, server_id).host
    history.end(tx, ctx, server_id, "detach_volume", history.Ending(host=host))


# -- ports --------------------------------------------------------------------------------------------


@step()
def bind_port(tx: Tx, ctx: Context, server_id: str, port_id: str) -> list[list[Any]]:
    """Every port of the server is bound to its host; the new one's [id, generation]."""
    server = _on_host(tx, server_id)
    assert server.host is not None
    bound = tx.app.contract(Ports).bind(tx, ctx, server_id, server.host, server.hostname)
    return [item for item in bound if item[0] == port_id]


def _unplug_port(tx: Tx, ctx: Context, server_id: str, port_id: str) -> None:
    server = tx.get(Server, server_id)
    tx.app.contract(Ports).unplug(tx, ctx, server_id, port_id)
    if server is not None and server.host and not server.deleted:
        guest.publish(tx, ctx, server)


@step(undo=_unplug_port)
def publish_with_port(tx: Tx, ctx: Context, server_id: str, port_id: str) -> Published:
    """The guest is to have the NIC."""
    return _published(tx, ctx, _on_host(tx, server_id))


@step()
def port_attached(tx: Tx, ctx: Context, server_id: str, port_id: str) -> None:
    host = tx.need(Server, server_id).host
    history.end(tx, ctx, server_id, "attach_interface", history.Ending(host=host))


def give_up_port(tx: Tx, ctx: Context, server_id: str, port_id: str, why: str) -> None:
    """The port is gone, or free again."""
    tx.app.contract(Ports).unplug(tx, ctx, server_id, port_id)
    history.end(tx, ctx, server_id, "attach_interface", history.Ending(why=why))


@step()
def publish_without_port(tx: Tx, ctx: Context, server_id: str, port_id: str) -> Published:
    """The guest is to have the NIC no more."""
    server = tx.need(Server, server_id)
    if server.host is None:
        return [None, None]
    nics = tx.app.contract(Ports).nics(tx, [server_id]).get(server_id, [])
    kept = [nic for nic in nics if nic.port_id != port_id]
    return [server.host, guest.publish_with(tx, ctx, server, kept, devices.of_server(tx, server_id))]


@step()
def port_detached(tx: Tx, ctx: Context, server_id: str, port_id: str) -> None:
    """The port is gone, or free again."""
    tx.app.contract(Ports).unplug(tx, ctx.elevate(), server_id, port_id)
    host = tx.need(Server, server_id).host
    history.end(tx, ctx, server_id, "detach_interface", history.Ending(host=host))
