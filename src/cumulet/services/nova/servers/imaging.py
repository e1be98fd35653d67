# SPDX-License-Identifier: Apache-2.0
"""Making an image of a server's root disk, or of its volumes: the request, and its steps."""

import asyncio
from collections.abc import Mapping
from typing import Any

from cumulet.contracts.cinder import Volumes
from cumulet.contracts.glance import Images
from cumulet.kernel import quota
from cumulet.kernel.auth.context import Context
from cumulet.kernel.bus import CallError
from cumulet.kernel.db import Tx
from cumulet.kernel.errors import BadRequest, Forbidden, Invalid, NotPermitted, OverQuota
from cumulet.kernel.saga import StepFailed, step
from cumulet.services.nova.servers import devices, history, image_devices
from cumulet.services.nova.servers.model import Server

FORMAT = "qcow2"
_NOT_INHERITED = (
    "cinder_",
    "os_glance",
    "img_signature",
    "img_config_drive",
    "owner_specified",
    "image_",
    "base_image_ref",
    "block_device",
    "bdm_v2",
    "root_device_name",
)
DEADLINE = 3600.0
_UPLOADING = {
    "image_snapshot": "image_uploading",
    "image_backup": "image_uploading",
    "shelving_image_pending_upload": "shelving_image_uploading",
}


def properties_of(server: Server, metadata: dict[str, str]) -> dict[str, Any]:
    """What the image says of itself: what the server's own said, its origin, and what the user adds."""
    return {
        **_inherited(server),
        "disk_format": FORMAT,
        "container_format": "bare",
        "min_disk": server.flavor_copy["disk"],
        "image_type": "snapshot",
        "instance_uuid": server.id,
        "user_id": server.user_id,
        "base_image_ref": server.image_id or "",
        **metadata,
    }


def _inherited(server: Server) -> dict[str, str]:
    said = server.image_properties.items()
    return {key: value for key, value in said if not key.startswith(_NOT_INHERITED)}


def check_quota(tx: Tx, ctx: Context, metadata: Mapping[str, Any]) -> None:
    """Raise Forbidden when an image would be given more metadata than the project may give it."""
    limit = quota.limits(tx, "nova", ctx.service.api.quotas, ctx.project_id or "")["metadata_items"]
    if 0 <= limit < len(metadata):
        raise Forbidden("Image metadata limit exceeded")


def accept(tx: Tx, ctx: Context, name: str, properties: dict[str, Any]) -> str:
    """The id of a new image without content. Raises BadRequest for what no image may say of itself."""
    try:
        return tx.app.contract(Images).create(tx, ctx, name, properties)
    except OverQuota as error:
        raise Forbidden(error.message) from error
    except NotPermitted:
        raise
    except (Invalid, Forbidden) as error:
        raise BadRequest(f"Invalid metadata: {error.message}") from error


def accept_of_volumes(
    tx: Tx, ctx: Context, server: Server, name: str, metadata: dict[str, str]
) -> tuple[str, list[str]]:
    """The ids of an image that names a snapshot of each of the server's volumes, and of these snapshots."""
    volumes, found = tx.app.contract(Volumes), []
    for device in devices.of_server(tx, server.id):
        known = volumes.volume(tx, ctx, device.volume_id)
        if known is None:
            raise BadRequest(f"Volume {device.volume_id} could not be found.")
        snapshot_id = volumes.snapshot(tx, ctx, device.volume_id, f"snapshot for {name}")
        found.append((device, snapshot_id, known.size_gb))
    named = image_devices.written(found, server.root_device_name)
    formats = {"disk_format": "raw", "container_format": "bare"}
    image_id = accept(tx, ctx, name, {**_inherited(server), **formats, **metadata, **named})
    return image_id, [snapshot_id for _, snapshot_id, _ in found]


def _drop_image(tx: Tx, ctx: Context, server_id: str, image_id: str) -> None:
    tx.app.contract(Images).abandon(tx, ctx, image_id)


@step(undo=_drop_image)
def prepare(tx: Tx, ctx: Context, server_id: str, image_id: str) -> None:
    """The server is about to be copied."""
    server = tx.need(Server, server_id)
    if server.task_state == "image_snapshot_pending":
        tx.update(server, task_state="image_snapshot")


@step(deadline=DEADLINE)
async def write_disk(ctx: Context, server_id: str, image_id: str) -> None:
    """The host has written the root disk to the image's file."""
    host = await ctx.read(_host_of, server_id)
    path = ctx.app.contract(Images).upload_path(image_id)
    try:
        await ctx.app.hosts.call(
            host, "guest_snapshot", image_id, DEADLINE, id=server_id, path=str(path), format=FORMAT
        )
    except CallError as error:
        raise StepFailed(str(error)) from error


@step(deadline=DEADLINE)
async def wait_snapshots(ctx: Context, server_id: str, snapshot_ids: list[str]) -> None:
    """Every snapshot can be used."""
    for snapshot_id in snapshot_ids:
        try:
            await ctx.app.contract(Volumes).wait_snapshot(ctx, snapshot_id)
        except ValueError as error:
            raise StepFailed(str(error)) from error


@step()
async def write_nothing(ctx: Context, server_id: str, image_id: str) -> None:
    """The image's file is there and empty."""
    path = ctx.app.contract(Images).upload_path(image_id)
    await asyncio.to_thread(path.write_bytes, b"")


def _host_of(tx: Tx, server_id: str) -> str:
    host = tx.need(Server, server_id).host
    if host is None:
        raise StepFailed(f"Instance {server_id} is on no host.")
    return host


@step(deadline=DEADLINE)
async def upload(ctx: Context, server_id: str, image_id: str) -> None:
    """The image is active."""
    await ctx.transact(_uploading, server_id)
    try:
        await ctx.app.contract(Images).uploaded(ctx, image_id)
    except ValueError as error:
        raise StepFailed(str(error)) from error


def _uploading(tx: Tx, server_id: str) -> None:
    server = tx.need(Server, server_id)
    if server.task_state in _UPLOADING:
        tx.update(server, task_state=_UPLOADING[server.task_state])


@step()
def done(tx: Tx, ctx: Context, server_id: str) -> None:
    end(tx, ctx, server_id, None)


# -- backups, which take turns ------------------------------------------------------------------------


@step()
def rotate(tx: Tx, ctx: Context, server_id: str, backup_type: str, rotation: int) -> None:
    """The server has no more backups of this type than it should, the newest; protected ones stay."""
    images, said = tx.app.contract(Images), {"image_type": "backup", "backup_type": backup_type}
    for image_id in images.with_properties(tx, ctx, {**said, "instance_uuid": server_id})[rotation:]:
        images.delete(tx, ctx, image_id)


@step()
def backup_done(tx: Tx, ctx: Context, server_id: str) -> None:
    end(tx, ctx, server_id, None, "createBackup")


def end(tx: Tx, ctx: Context, server_id: str, why: str | None, action: str = "createImage") -> None:
    """Nothing is being done to the server any more."""
    server = tx.get(Server, server_id)
    if server is None or server.deleted:
        return
    history.end(tx, ctx, server_id, action, history.Ending(host=server.host, why=why))
    if (server.task_state or "").startswith("image_"):
        tx.update(server, task_state=None)
