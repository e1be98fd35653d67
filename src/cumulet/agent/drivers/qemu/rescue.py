# SPDX-License-Identifier: Apache-2.0
"""The disk from which a guest is rescued, on the bus and as the kind of device that its image asks for.

Its controller, or itself when it needs none, has a slot like any disk.
"""

from typing import Any

from cumulet.agent.driver import DriverError
from cumulet.agent.drivers.qemu.devices import RESCUE, Disk, at, disk_properties
from cumulet.contracts.documents import GuestRescue

_CONTROLLER = "rescue-bus"
_CONTROLLERS = {"scsi": "virtio-scsi-pci", "sata": "ich9-ahci", "usb": "qemu-xhci"}
_DEVICES = {
    ("scsi", "disk"): "scsi-hd",
    ("scsi", "cdrom"): "scsi-cd",
    ("sata", "disk"): "ide-hd",
    ("sata", "cdrom"): "ide-cd",
    ("ide", "disk"): "ide-hd",
    ("ide", "cdrom"): "ide-cd",
    ("usb", "disk"): "usb-storage",
}


def check_rescue(rescue: GuestRescue) -> None:
    """Raise DriverError for a bus or a device that guests of this host cannot have."""
    if rescue.bus != "virtio" and not any(bus == rescue.bus for bus, _ in _DEVICES):
        raise DriverError(f"Requested rescue bus '{rescue.bus}' is not supported by this host.")
    if (rescue.bus, rescue.device) not in (*_DEVICES, ("virtio", "disk")):
        raise DriverError(
            f"Requested rescue device '{rescue.device}' is not supported on bus '{rescue.bus}' by this host."
        )


def rescue_properties(rescue: GuestRescue, disk: Disk, slot: int) -> list[dict[str, Any]]:
    """The rescue disk's device, after that of its controller if it needs one."""
    if rescue.bus == "virtio":
        return [disk_properties(disk, slot)]
    device = {
        "driver": _DEVICES[rescue.bus, rescue.device],
        "id": RESCUE,
        "drive": disk.node,
        "serial": disk.serial,
        "bootindex": disk.boot_index,
    }
    if rescue.bus == "ide":
        return [device]
    controller = {"driver": _CONTROLLERS[rescue.bus], "id": _CONTROLLER, **at(slot)}
    return [controller, device | {"bus": f"{_CONTROLLER}.0"}]
