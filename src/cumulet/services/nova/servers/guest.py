# SPDX-License-Identifier: Apache-2.0
"""The guest of a server, as its host should have it."""

from collections.abc import Sequence

from cumulet.contracts.documents import GuestDisk, GuestDocument, GuestRescue
from cumulet.contracts.neutron import Nic, Ports
from cumulet.kernel import hosts
from cumulet.kernel.auth.context import Context
from cumulet.kernel.db import Tx
from cumulet.services.nova.servers import devices
from cumulet.services.nova.servers.guest_files import config_drive
from cumulet.services.nova.servers.model import BlockDevice, Server, guest_name

_HARDWARE = ("hw_", "hw:", "os_")


def publish(tx: Tx, ctx: Context, server: Server) -> list[int]:
    """Have the server's host make its guest what the rows say; the generation."""
    assert server.host is not None
    return hosts.publish(tx, ctx, server.host, document_of(tx, server))


def publish_with(
    tx: Tx, ctx: Context, server: Server, nics: Sequence[Nic], disks: Sequence[BlockDevice]
) -> list[int]:
    """The same with these NICs and disks, where the rows do not say it yet."""
    assert server.host is not None
    return hosts.publish(tx, ctx, server.host, document(server, nics, disks))


def document_of(tx: Tx, server: Server) -> GuestDocument:
    """The document that the rows say."""
    nics = tx.app.contract(Ports).nics(tx, [server.id]).get(server.id, [])
    return document(server, nics, devices.of_server(tx, server.id))


def document(server: Server, nics: Sequence[Nic], disks: Sequence[BlockDevice]) -> GuestDocument:
    """A server as a guest: those of its NICs that are on its host, those of its volumes that are plugged.

    A guest that is rescued, unless stably, has nothing but the rescue disk and its root disk meanwhile.
    """
    copy, rescue = server.flavor_copy, _rescue(server)
    whole = rescue is None or rescue.stable
    return GuestDocument(
        id=server.id,
        name=guest_name(server.id),
        hostname=server.hostname,
        vcpus=server.vcpus,
        memory_mb=server.memory_mb,
        root_gb=copy["disk"] if server.image_id is not None else 0,
        ephemeral_gb=copy["ephemeral"] if whole else 0,
        swap_mb=copy["swap"] if whole else 0,
        image_id=server.root_image_id or server.image_id,
        disks=tuple(_disk(server, device) for device in disks if device.plugged and whole),
        nics=tuple(nic.guest_nic() for nic in nics if nic.host == server.host),
        power=server.power,  # type: ignore[arg-type]
        reboots=server.reboots,
        hard_reboots=server.hard_reboots,
        rebuilds=server.rebuilds,
        rescue=rescue,
        disk_from=server.disk_host,
        config_drive=config_drive(server, nics, disks) if server.config_drive else None,
        machine=_machine(server),
    )


def _rescue(server: Server) -> GuestRescue | None:
    return GuestRescue(**server.rescue) if server.rescued else None


def _disk(server: Server, device: BlockDevice) -> GuestDisk:
    return GuestDisk(
        volume_id=device.volume_id,
        device=device.device,
        boot_index=device.boot_index,
        attachment_id=device.attachment_id or "",
        serial=device.volume_id,
        volume_host=device.volume_host if device.volume_host != server.host else None,
    )


def _machine(server: Server) -> dict[str, str]:
    """What image and flavor say of the hardware; the flavor's word is the last."""
    said = {**server.image_properties, **server.flavor_copy.get("extra_specs", {})}
    return {key: str(value) for key, value in sorted(said.items()) if key.startswith(_HARDWARE)}
