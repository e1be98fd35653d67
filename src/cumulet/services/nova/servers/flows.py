# SPDX-License-Identifier: Apache-2.0
"""What happens to a server, from an accepted request to a running guest, and to its end."""

from typing import Any

from cumulet.contracts.cinder import Volumes
from cumulet.contracts.glance import Images
from cumulet.kernel.auth.context import Context
from cumulet.kernel.db import Tx
from cumulet.kernel.saga import Run, saga
from cumulet.services.nova.servers import attaching, history, imaging, power, steps
from cumulet.services.nova.servers.model import Server

ATTEMPTS = 3


def problem(tx: Tx, why: str, code: int = 500) -> dict[str, Any]:
    """A fault as users see it."""
    return {"code": code, "created": f"{tx.now[:19]}Z", "message": why[:255], "details": why}


def leave_in_error(tx: Tx, ctx: Context, why: str, server_id: str, **_: object) -> None:
    """The server is in ERROR and says why, unless it is being deleted; no host has anything of it."""
    server = tx.get(Server, server_id)
    if server is None or server.deleted:
        return
    history.end(tx, ctx, server_id, "create", history.Ending(why=why))
    if server.task_state != "deleting":
        tx.update(server, vm_state="error", task_state=None, problem=problem(tx, why))


@saga("server.create/1", keys=("server",), on_failure=leave_in_error)
async def create_server(run: Run, server_id: str, with_volumes: bool) -> None:
    """Place a server, build what it needs, and start it on its host.

    A host that fails is left without a trace and the next one is tried; one that is away for a moment is
    waited for when no other would do. In the end the server is ACTIVE, or in ERROR with its fault.
    """
    if with_volumes:
        await run(steps.wait_volumes, server_id)
        await run(steps.reserve_volumes, server_id)
    await put_somewhere(run, server_id, with_volumes)
    await run(steps.set_active, server_id)


async def put_somewhere(run: Run, server_id: str, with_volumes: bool) -> None:
    """The server runs on a host; up to three are tried."""
    async for attempt in run.attempts(ATTEMPTS):
        async with attempt:
            place = await run(steps.place, server_id)
            if place["host"] is None:
                await run(steps.wait_host, server_id)
                place = await run(steps.place_now, server_id)
            host = place["host"]
            if place["ports"]:
                await run(steps.wait_ports, server_id, host, place["ports"])
            if with_volumes:
                exports = await run(steps.export_volumes, server_id, host)
                await run(steps.wait_exports, server_id, exports)
            generation = await run(steps.publish_guest, server_id, host)
            await run(steps.wait_guest, server_id, host, generation)


@saga("server.delete/1", keys=("server",), queued=True)
async def delete_server(run: Run, server_id: str) -> None:
    """Take the guest off its host, then everything that the server had; it cannot be taken back."""
    await run.pivot()
    for host, generation in await run(steps.withdraw_guest, server_id):
        await run(steps.wait_guest_gone, server_id, host, generation)
    await run(steps.forget, server_id)


# -- changes of a server that runs --------------------------------------------------------------------


def leave_as_it_was(tx: Tx, ctx: Context, why: str, server_id: str, change: str, **_: object) -> None:
    """The server is what it was; the failed action says why. A reboot that failed leaves it in ERROR."""
    server = tx.get(Server, server_id)
    if server is None or server.deleted:
        return
    wanted = power.CHANGES[change]
    ending = history.Ending(host=server.host, why=why, event=wanted.event)
    history.end(tx, ctx, server_id, wanted.action, ending)
    if server.task_state != wanted.task:
        return
    broken = {"vm_state": "error", "problem": problem(tx, why)} if change == "reboot_hard" else {}
    tx.update(server, task_state=None, **broken)


@saga("server.power/1", keys=("server",), queued=True, on_failure=leave_as_it_was)
async def change_power(run: Run, server_id: str, change: str) -> None:
    """Have the host start, stop, pause, suspend or reboot the guest."""
    host, generation = await run(power.publish_change, server_id, change)
    await run(steps.wait_guest, server_id, host, generation)
    await run(power.settle, server_id, change)


def leave_rebuilt_in_error(tx: Tx, ctx: Context, why: str, server_id: str, **_: object) -> None:
    """A server that could not be made anew is in ERROR: its old disk may be gone."""
    server = tx.get(Server, server_id)
    if server is None or server.deleted:
        return
    history.end(tx, ctx, server_id, "rebuild", history.Ending(host=server.host, why=why))
    if server.task_state != "deleting":
        tx.update(server, vm_state="error", task_state=None, problem=problem(tx, why))


@saga("server.rebuild/1", keys=("server",), queued=True, on_failure=leave_rebuilt_in_error)
async def rebuild_server(run: Run, server_id: str, stopped: bool) -> None:
    """Have the host make the root disk anew, and start the guest from it unless it was stopped."""
    host, generation = await run(power.publish_rebuild, server_id, stopped)
    await run(steps.wait_guest, server_id, host, generation)
    await run(power.settle_rebuild, server_id, stopped)


def leave_without_image(tx: Tx, ctx: Context, why: str, server_id: str, image_id: str) -> None:
    """There is no image; the server goes on."""
    imaging.end(tx, ctx, server_id, why)


@saga("server.create_image/1", keys=("server",), queued=True, on_failure=leave_without_image)
async def create_image(run: Run, server_id: str, image_id: str) -> None:
    """Have the host write the root disk to the image's file, and take that over."""
    await run(imaging.prepare, server_id, image_id)
    await run(imaging.write_disk, server_id, image_id)
    await run(imaging.upload, server_id, image_id)
    await run(imaging.done, server_id)


def leave_without_backup(tx: Tx, ctx: Context, why: str, server_id: str, **_: object) -> None:
    """There is no new backup, and no older one has gone for it; the server goes on."""
    imaging.end(tx, ctx, server_id, why, "createBackup")


@saga("server.create_backup/1", keys=("server",), queued=True, on_failure=leave_without_backup)
async def create_backup(run: Run, server_id: str, image_id: str, backup_type: str, rotation: int) -> None:
    """Make an image of the root disk, then let the oldest of its type go."""
    await run(imaging.prepare, server_id, image_id)
    await run(imaging.write_disk, server_id, image_id)
    await run(imaging.upload, server_id, image_id)
    await run(imaging.rotate, server_id, backup_type, rotation)
    await run(imaging.backup_done, server_id)


def leave_without_snapshots(
    tx: Tx, ctx: Context, why: str, server_id: str, image_id: str, snapshot_ids: list[str]
) -> None:
    """There is no image, and no snapshot that it would have named; the server goes on."""
    tx.app.contract(Images).abandon(tx, ctx, image_id)
    if tx.app.contract(Images).image(tx, ctx, image_id) is None:
        for snapshot_id in snapshot_ids:
            tx.app.contract(Volumes).delete_snapshot(tx, ctx.elevate(), snapshot_id)
    imaging.end(tx, ctx, server_id, why)


@saga("server.create_volume_image/1", keys=("server",), queued=True, on_failure=leave_without_snapshots)
async def create_volume_image(run: Run, server_id: str, image_id: str, snapshot_ids: list[str]) -> None:
    """Make an image that holds nothing active once the snapshots that it names can be used."""
    await run(imaging.prepare, server_id, image_id)
    await run(imaging.wait_snapshots, server_id, snapshot_ids)
    await run(imaging.write_nothing, server_id, image_id)
    await run(imaging.upload, server_id, image_id)
    await run(imaging.done, server_id)


# -- volumes and NICs of a server that runs -----------------------------------------------------------


def leave_detached(tx: Tx, ctx: Context, why: str, server_id: str, device_id: str) -> None:
    """The server does not have the volume."""
    attaching.give_up_volume(tx, ctx, server_id, device_id, why)


@saga("server.attach_volume/1", keys=("server",), queued=True, on_failure=leave_detached)
async def attach_volume(run: Run, server_id: str, device_id: str) -> None:
    """Have the volume served on the server's host, and given to the guest."""
    exports = await run(attaching.export_volume, server_id, device_id)
    await run(steps.wait_exports, server_id, exports)
    host, generation = await run(attaching.publish_with_volume, server_id, device_id)
    await run(steps.wait_guest, server_id, host, generation)
    await run(attaching.volume_attached, server_id, device_id)


@saga("server.detach_volume/1", keys=("server",), queued=True)
async def detach_volume(run: Run, server_id: str, device_id: str) -> None:
    """Take the volume from the guest, then end its attachment; it cannot be taken back.

    A host that is away is waited for, however long, unless the operator says that nothing runs there.
    """
    await run.pivot()
    host, generation = await run(attaching.publish_without_volume, server_id, device_id)
    if host is not None:
        await run(steps.wait_unplugged, server_id, host, generation)
    await run(attaching.volume_detached, server_id, device_id)


def leave_unplugged(tx: Tx, ctx: Context, why: str, server_id: str, port_id: str) -> None:
    """The server does not have the port."""
    attaching.give_up_port(tx, ctx, server_id, port_id, why)


@saga("server.attach_interface/1", keys=("server",), queued=True, on_failure=leave_unplugged)
async def attach_interface(run: Run, server_id: str, port_id: str) -> None:
    """Have the port plugged on the server's host, and given to the guest."""
    ports = await run(attaching.bind_port, server_id, port_id)
    host, generation = await run(attaching.publish_with_port, server_id, port_id)
    await run(steps.wait_ports, server_id, host, ports)
    await run(steps.wait_guest, server_id, host, generation)
    await run(attaching.port_attached, server_id, port_id)


@saga("server.detach_interface/1", keys=("server",), queued=True)
async def detach_interface(run: Run, server_id: str, port_id: str) -> None:
    """Take the NIC from the guest, then release its port; it cannot be taken back.

    A host that is away is waited for like with a volume.
    """
    await run.pivot()
    host, generation = await run(attaching.publish_without_port, server_id, port_id)
    if host is not None:
        await run(steps.wait_unplugged, server_id, host, generation)
    await run(attaching.port_detached, server_id, port_id)


SAGAS = (
    create_server,
    delete_server,
    change_power,
    rebuild_server,
    create_image,
    create_backup,
    create_volume_image,
    attach_volume,
    detach_volume,
    attach_interface,
    detach_interface,
)
