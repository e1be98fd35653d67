# SPDX-License-Identifier: Apache-2.0
"""The command line of a guest: a pure function of its document and of where its things are.

The machine is `pc`: every PCI slot can be hot-plugged without ports set aside for it, and the firmware is
done sooner than with q35. Guests see themselves as OpenStack's, by which cloud-init knows its datasource.
"""

import json
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from cumulet.agent.drivers.qemu.accel import Accelerator, accelerator_arguments
from cumulet.agent.drivers.qemu.devices import (
    BALLOON_SLOT,
    CONFIG_SLOT,
    RESCUE,
    RNG_SLOT,
    VIDEO_SLOT,
    Disk,
    disk_properties,
    disks,
    local_disks,
    netdev_properties,
    nic_device,
    nic_properties,
    volume_node,
)
from cumulet.agent.drivers.qemu.folder import Folder
from cumulet.agent.drivers.qemu.rescue import rescue_properties
from cumulet.agent.emulator.live_copy import qcow2_node
from cumulet.contracts.documents import GuestDocument

VIDEO_MODELS = {"vga": "VGA", "virtio": "virtio-vga", "cirrus": "cirrus-vga", "bochs": "bochs-display"}

TOPOLOGY = ("sockets", "cores", "threads")


@dataclass(frozen=True, kw_only=True)
class Launch:
    """Everything that the start of a process depends on."""

    document: GuestDocument
    slots: Mapping[str, int]
    folder: Folder
    state_dir: Path
    accelerator: Accelerator
    taps: Mapping[str, int] = field(default_factory=dict)
    """Port to the number of its tap's open file; a port without one gets a network of its own."""
    incoming: bool = False
    """Whether the guest's memory is then loaded, rather than its system booted."""


def command_line(launch: Launch) -> list[str]:
    """Arguments of a process that waits, paused, with all of the guest's devices."""
    document = launch.document
    return [
        *("qemu-system-x86_64", "-nodefaults", "-no-user-config", "-S"),
        *("-name", f"guest={document.id}", *_identity(document.id)),
        *accelerator_arguments(launch.accelerator),
        *("-machine", "pc,usb=off,vmport=off,dump-guest-core=off", "-boot", "menu=off,strict=on"),
        *("-smp", _processors(document), "-m", f"{document.memory_mb}M"),
        *("-rtc", "base=utc,driftfix=slew", "-sandbox", "on,obsolete=deny,resourcecontrol=deny"),
        *_channels(launch.folder),
        *_fixed_devices(document),
        *_disks(launch),
        *_config_drive(launch),
        *_nics(launch),
        *(("-incoming", "defer") if launch.incoming else ()),
    ]


def _identity(guest_id: str) -> list[str]:
    system = {
        "manufacturer": "OpenStack Foundation",
        "product": "OpenStack Nova",
        "serial": guest_id,
        "family": "Virtual Machine",
    }
    smbios = "type=1," + ",".join(f"{name}={_escape(value)}" for name, value in system.items())
    try:
        return ["-uuid", str(uuid.UUID(guest_id)), "-smbios", smbios]
    except ValueError:
        return ["-smbios", smbios]


def _processors(document: GuestDocument) -> str:
    """The count, with the topology that flavor or image ask for when it makes that count."""
    machine = document.machine
    wanted = [machine.get(f"hw:cpu_{unit}", machine.get(f"hw_cpu_{unit}", "1")) for unit in TOPOLOGY]
    if all(count.isdigit() for count in wanted):
        sockets, cores, threads = map(int, wanted)
        if sockets * cores * threads == document.vcpus:
            return f"{document.vcpus},sockets={sockets},cores={cores},threads={threads}"
    return str(document.vcpus)


def _channels(folder: Folder) -> list[str]:
    """The ways in and out of the process: monitor, serial console, screen, pid file."""
    serial = f"path={_escape(folder.serial)},server=on,wait=off"
    log = f"logfile={_escape(folder.console)},logappend=on"
    return [
        *("-pidfile", str(folder.pid)),
        *("-qmp", f"unix:{_escape(folder.monitor)},server=on,wait=off"),
        *("-chardev", f"socket,id=serial0,{serial},{log}"),
        *("-device", "isa-serial,chardev=serial0"),
        *("-display", "none", "-vnc", f"unix:{_escape(folder.vnc)}"),
    ]


def _fixed_devices(document: GuestDocument) -> list[str]:
    video = VIDEO_MODELS.get(document.machine.get("hw_video_model", "vga"))
    return [
        *(("-device", f"{video},addr={VIDEO_SLOT:#x}") if video else ()),
        *("-object", "rng-builtin,id=rng0"),
        *("-device", f"virtio-rng-pci,rng=rng0,addr={RNG_SLOT:#x}"),
        *("-device", f"virtio-balloon-pci,id=balloon0,free-page-reporting=on,addr={BALLOON_SLOT:#x}"),
    ]


def _disks(launch: Launch) -> list[str]:
    nodes = [_local_node(launch.folder, name) for name in local_disks(launch.document)]
    nodes += [volume_node(launch.state_dir, disk.volume_id) for disk in launch.document.disks]
    nodes += _rescue_nodes(launch)
    devices = [device for disk in disks(launch.document) for device in _devices(launch, disk)]
    return [*_each("-blockdev", nodes), *_each("-device", devices)]


def _devices(launch: Launch, disk: Disk) -> list[dict[str, Any]]:
    slot, rescue = launch.slots[disk.id], launch.document.rescue
    if disk.id == RESCUE and rescue is not None:
        return rescue_properties(rescue, disk, slot)
    return [disk_properties(disk, slot)]


def _rescue_nodes(launch: Launch) -> list[dict[str, Any]]:
    rescue = launch.document.rescue
    if rescue is None:
        return []
    node = qcow2_node(RESCUE, launch.folder.rescue(rescue.count))
    return [node | {"read-only": rescue.device == "cdrom"}]


def _config_drive(launch: Launch) -> list[str]:
    """A read-only virtio disk: kernels made for clouds have no driver for an emulated CD-ROM."""
    if launch.document.config_drive is None:
        return []
    node = _local_node(launch.folder, "config") | {"read-only": True}
    device = disk_properties(Disk("config", "config", "config"), CONFIG_SLOT)
    return [*_each("-blockdev", [node]), *_each("-device", [device])]


def _nics(launch: Launch) -> list[str]:
    model = launch.document.machine.get("hw_vif_model", "virtio")
    arguments: list[str] = []
    for nic in launch.document.nics:
        tap = launch.taps.get(nic.port_id)
        netdev = netdev_properties(nic.port_id, None if tap is None else str(tap))
        slot = launch.slots[nic_device(nic.port_id)]
        arguments += ["-netdev", _as_options(netdev)]
        arguments += _each("-device", [nic_properties(nic, slot, model)])
    return arguments


def _local_node(folder: Folder, name: str) -> dict[str, Any]:
    if name == "root":
        return qcow2_node(name, folder.disk(name))
    file = {"driver": "file", "filename": str(folder.disk(name))}
    return {"node-name": name, "driver": "raw", "discard": "unmap", "file": file}


def _each(option: str, values: list[dict[str, Any]]) -> list[str]:
    return [word for value in values for word in (option, json.dumps(value))]


def _as_options(values: dict[str, Any]) -> str:
    """For `-netdev`, whose first word is the type."""
    words = {True: "on", False: "off"}
    rest = (f"{name}={words.get(value, value)}" for name, value in values.items() if name != "type")
    return ",".join((values["type"], *rest))


def _escape(text: object) -> str:
    """A comma in an option's value is written twice."""
    return str(text).replace(",", ",,")
