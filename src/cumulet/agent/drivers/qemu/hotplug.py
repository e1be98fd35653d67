# SPDX-License-Identifier: Apache-2.0
"""Disks and NICs come to a running guest and go from it, until it has those of its document.

What is plugged is asked of QEMU, never remembered, so a plugging that was cut short is simply finished. A
device goes only when the guest lets go of it: a paused guest cannot, and one that is booting may not
listen, so it is asked several times and then reported, to be tried again.
"""

import os
from contextlib import suppress
from pathlib import Path
from typing import Any

from cumulet.agent.driver import DriverError
from cumulet.agent.drivers.qemu import devices
from cumulet.agent.drivers.qemu.host import GuestHost, OpenTap
from cumulet.agent.emulator import disk_images
from cumulet.agent.emulator.monitor import Events, Monitor, MonitorError
from cumulet.contracts.documents import GuestDisk, GuestDocument

ASKED = 4
"""Times that the guest is asked to let go of a device."""

PATIENCE = 5.0
"""Seconds between two times; QEMU refuses to ask again sooner."""


async def plugged(monitor: Monitor) -> set[str]:
    """The devices with ids that the guest has."""
    entries = await monitor.run("qom-list", {"path": "/machine/peripheral"})
    return {entry["name"] for entry in entries if entry["type"].startswith("child<")}


async def unplug_unwanted(monitor: Monitor, document: GuestDocument) -> None:
    """The guest has no volume and no NIC that its document does not list.

    Raises DriverError when it does not let go of one.
    """
    leaving = {
        device
        for device in await plugged(monitor) - _wanted(document)
        if devices.volume_of(device) or devices.port_of(device)
    }
    if leaving:
        await _unplug(monitor, leaving)
    for port_id in filter(None, map(devices.port_of, leaving)):
        await monitor.run("netdev_del", {"id": devices.netdev_id(port_id)})
    await _close_unwanted_volumes(monitor, document)


async def plug_missing(
    monitor: Monitor, document: GuestDocument, slots: dict[str, int], host: GuestHost
) -> None:
    """The guest has all volumes and NICs of its document, in the slots assigned to them."""
    present = await plugged(monitor)
    for disk in document.disks:
        if devices.volume_device(disk.volume_id) not in present:
            await _plug_disk(monitor, disk, slots, host.site.state_dir)
    for nic in document.nics:
        if devices.nic_device(nic.port_id) not in present:
            model = document.machine.get("hw_vif_model", "virtio")
            properties = devices.nic_properties(nic, slots[devices.nic_device(nic.port_id)], model)
            await _plug_nic(monitor, properties, nic.port_id, host.open_tap)


async def show_sizes(monitor: Monitor, document: GuestDocument, volumes: Path) -> None:
    """The guest sees its volumes in the size that they have now."""
    nodes = await monitor.run("query-named-block-nodes", {"flat": True})
    seen = {node["node-name"]: node["image"]["virtual-size"] for node in nodes}
    for disk in document.disks:
        file = volumes / f"{disk.volume_id}.qcow2"
        node = devices.node_name(disk.volume_id)
        if node in seen and file.exists() and (size := disk_images.virtual_size(file)) > seen[node]:
            await _reconnect(monitor, node)
            await monitor.run("block_resize", {"node-name": node, "size": size})


async def _reconnect(monitor: Monitor, node: str) -> None:
    """The node has a living connection to its server, which tells the size of the volume.

    QEMU notices a lost connection when it reads, and then connects again before the read goes on.
    """
    await monitor.run("human-monitor-command", {"command-line": f'qemu-io {node} "read 0 512"'})


def _wanted(document: GuestDocument) -> set[str]:
    volumes = {devices.volume_device(disk.volume_id) for disk in document.disks}
    return volumes | {devices.nic_device(nic.port_id) for nic in document.nics}


async def _unplug(monitor: Monitor, leaving: set[str]) -> None:
    if (await monitor.run("query-status"))["status"] == "paused":
        raise DriverError(f"The guest is paused and cannot let go of {_names(leaving)}.", retry=True)
    async with monitor.events("DEVICE_DELETED") as events:
        for _ in range(ASKED):
            for device in leaving & await plugged(monitor):
                with suppress(MonitorError):
                    await monitor.run("device_del", {"id": device})
            await _released(events, leaving & await plugged(monitor))
            if not leaving & await plugged(monitor):
                return
    raise DriverError(f"The guest does not let go of {_names(leaving & await plugged(monitor))}.", retry=True)


async def _released(events: Events, waiting: set[str]) -> None:
    """Each device is gone, or the guest has not let go of one for a while.

    QEMU tells twice; the event that names the device is the one after which it is gone.
    """
    while waiting:
        event = await events.until(PATIENCE, lambda said: said.get("device") in waiting)
        if event is None:
            return
        waiting.discard(event["data"]["device"])


def _names(leaving: set[str]) -> str:
    volumes = [f"volume {volume}" for volume in sorted(filter(None, map(devices.volume_of, leaving)))]
    return ", ".join(
        volumes + [f"port {port}" for port in sorted(filter(None, map(devices.port_of, leaving)))]
    )


async def _close_unwanted_volumes(monitor: Monitor, document: GuestDocument) -> None:
    """QEMU is connected to no volume that is not in the document."""
    wanted = {devices.node_name(disk.volume_id) for disk in document.disks}
    for node in await _volume_nodes(monitor) - wanted:
        await monitor.run("blockdev-del", {"node-name": node})


async def _volume_nodes(monitor: Monitor) -> set[str]:
    nodes = await monitor.run("query-named-block-nodes", {"flat": True})
    return {node["node-name"] for node in nodes if node["node-name"].startswith(devices.VOLUME_NODE)}


async def _plug_disk(monitor: Monitor, disk: GuestDisk, slots: dict[str, int], state_dir: Path) -> None:
    device = devices.volume_disk(disk)
    if device.node not in await _volume_nodes(monitor):
        await monitor.run("blockdev-add", devices.volume_node(state_dir, disk.volume_id))
    await monitor.run("device_add", devices.disk_properties(device, slots[device.id]))


async def _plug_nic(
    monitor: Monitor, properties: dict[str, Any], port_id: str, open_tap: OpenTap | None
) -> None:
    with suppress(MonitorError):  # from a plugging that was cut short
        await monitor.run("netdev_del", {"id": devices.netdev_id(port_id)})
    name = None
    if open_tap is not None:
        name = f"tap-{port_id}"
        tap = await open_tap(port_id)
        try:
            await monitor.give(name, tap)
        finally:
            os.close(tap)
    await monitor.run("netdev_add", devices.netdev_properties(port_id, name))
    await monitor.run("device_add", properties)
