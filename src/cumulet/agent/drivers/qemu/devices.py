# SPDX-License-Identifier: Apache-2.0
"""The devices of a guest as QEMU is told of them: by its command line and by hot-plug alike.

Every device that can come and go has a PCI slot chosen by us and kept in the record: a suspended guest
finds its devices where it left them, and at a cold start disks and NICs appear in the order of their names.
"""

import hashlib
from collections.abc import Collection
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from cumulet.agent.driver import DriverError
from cumulet.agent.emulator.site import volume_socket
from cumulet.contracts.documents import GuestDisk, GuestDocument, GuestNic

VIDEO_SLOT, BALLOON_SLOT, RNG_SLOT = 2, 29, 30
CONFIG_SLOT = 31
"""The last one, so that the config drive takes no name from a disk that is there at the start."""

NIC_SLOTS = tuple(range(3, 29))
"""Of the 32 slots of the `pc` machine. The first NIC is ens3 to Linux, as it is under libvirt."""

DISK_SLOTS = (*range(10, 29), *range(3, 10))

RECONNECT = 120
"""Seconds that requests wait for a volume whose server went away, before the guest sees an error."""

NIC_MODELS = {
    "virtio": "virtio-net-pci",
    "e1000": "e1000",
    "e1000e": "e1000e",
    "rtl8139": "rtl8139",
}

LOCAL_DISKS = ("root", "ephemeral", "swap")
RESCUE = "rescue"


@dataclass(frozen=True)
class Disk:
    """A disk device: its id, the block node behind it, and how firmware and guest see it."""

    id: str
    node: str
    serial: str
    boot_index: int | None = None


def volume_device(volume_id: str) -> str:
    return f"disk-{volume_id}"


def nic_device(port_id: str) -> str:
    return f"nic-{port_id}"


def volume_of(device: str) -> str | None:
    """The volume behind a device, None when it is not a volume's."""
    return device.removeprefix("disk-") if device.startswith("disk-") else None


def port_of(device: str) -> str | None:
    """The port of a device, None when it is not a NIC."""
    return device.removeprefix("nic-") if device.startswith("nic-") else None


VOLUME_NODE = "volume-"


def node_name(volume_id: str) -> str:
    """Name of a volume's block node; QEMU allows 31 characters, which an id would exceed."""
    return VOLUME_NODE + hashlib.sha256(volume_id.encode()).hexdigest()[:20]


def local_disks(document: GuestDocument) -> list[str]:
    """The disks that are files in the guest's folder, in the order in which the guest sees them."""
    sizes = (document.image_id is not None, document.ephemeral_gb, document.swap_mb)
    return [name for name, size in zip(LOCAL_DISKS, sizes, strict=True) if size]


def disks(document: GuestDocument) -> list[Disk]:
    """All disks but the config drive, in the order of their names in the guest."""
    local = [Disk(name, name, name, 0 if name == "root" else None) for name in local_disks(document)]
    own = local + [volume_disk(disk) for disk in sorted(document.disks, key=_name_order)]
    if document.rescue is None:
        return own
    rescue, passive = Disk(RESCUE, RESCUE, RESCUE, 0), [replace(disk, boot_index=None) for disk in own]
    return [*passive, rescue] if document.rescue.stable else [rescue, *passive]


def volume_disk(disk: GuestDisk) -> Disk:
    bootable = disk.boot_index is not None and disk.boot_index >= 0
    return Disk(
        id=volume_device(disk.volume_id),
        node=node_name(disk.volume_id),
        serial=disk.serial or disk.volume_id,
        boot_index=disk.boot_index if bootable else None,
    )


def _name_order(disk: GuestDisk) -> tuple[bool, int, str]:
    return disk.boot_index != 0, len(disk.device), disk.device


def assign_slots(document: GuestDocument) -> dict[str, int]:
    """A slot for every device that a guest is started with."""
    slots: dict[str, int] = {}
    for disk in disks(document):
        slots[disk.id] = free_slot(disk.id, slots.values())
    for nic in document.nics:
        slots[nic_device(nic.port_id)] = free_slot(nic_device(nic.port_id), slots.values())
    return slots


def free_slot(device: str, taken: Collection[int]) -> int:
    """A slot for one more device. Raises DriverError when the guest is full."""
    candidates = DISK_SLOTS if port_of(device) is None else NIC_SLOTS
    for slot in candidates:
        if slot not in taken:
            return slot
    raise DriverError(
        f"A guest has room for {len(NIC_SLOTS)} disks and network interfaces, and all is taken."
    )


def volume_node(state_dir: Path, volume_id: str) -> dict[str, Any]:
    """A volume, as it is served on this host, is a block node."""
    return {
        "node-name": node_name(volume_id),
        "driver": "nbd",
        "server": {"type": "unix", "path": str(volume_socket(state_dir, volume_id))},
        "export": volume_id,
        "reconnect-delay": RECONNECT,
        "discard": "unmap",
    }


def disk_properties(disk: Disk, slot: int) -> dict[str, Any]:
    device = {
        "driver": "virtio-blk-pci",
        "id": disk.id,
        "drive": disk.node,
        "serial": disk.serial,
        **at(slot),
    }
    return device if disk.boot_index is None else device | {"bootindex": disk.boot_index}


def nic_properties(nic: GuestNic, slot: int, model: str = "virtio") -> dict[str, Any]:
    """The NIC, without a boot ROM: guests boot from disks, and the ROM would cost a second."""
    device = {
        "driver": NIC_MODELS.get(model, NIC_MODELS["virtio"]),
        "id": nic_device(nic.port_id),
        "netdev": netdev_id(nic.port_id),
        "mac": nic.mac_address,
        "romfile": "",
        **at(slot),
    }
    return device | {"host_mtu": nic.mtu} if device["driver"] == "virtio-net-pci" else device


def netdev_id(port_id: str) -> str:
    return f"net-{port_id}"


def netdev_properties(port_id: str, tap: str | None) -> dict[str, Any]:
    """What is behind a NIC: a tap, by the number or name of its open file, or a network of its own."""
    if tap is None:
        return {"type": "user", "id": netdev_id(port_id), "restrict": True}
    return {"type": "tap", "id": netdev_id(port_id), "fd": tap}


def at(slot: int) -> dict[str, str]:
    """Where in the guest's PCI bus a device is."""
    return {"bus": "pci.0", "addr": f"{slot:#x}"}
