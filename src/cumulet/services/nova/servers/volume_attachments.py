# SPDX-License-Identifier: Apache-2.0
"""The volumes of a server, as resources of their own: attach, look, change, detach."""

import re
from typing import Any

from cumulet.contracts.cinder import VolumeInfo, Volumes
from cumulet.kernel import hosts, saga
from cumulet.kernel.auth.context import Context
from cumulet.kernel.db import Tx
from cumulet.kernel.errors import BadRequest, Conflict, Error, Forbidden, NotFound
from cumulet.kernel.http.endpoint import route
from cumulet.kernel.http.messages import Reply, Request, as_flag
from cumulet.kernel.resource.schema import Checked
from cumulet.kernel.resource.shapes import array, keys, since, until
from cumulet.services.nova.servers import devices, flows, guards, history
from cumulet.services.nova.servers.block_devices import check_multiattach
from cumulet.services.nova.servers.finding import server_of
from cumulet.services.nova.servers.model import BlockDevice, Server
from cumulet.services.nova.servers.schemas import FLAG, UUID, Schema, obj
from cumulet.services.nova.servers.tags import TAG

_RULE = "os_compute_api:os-volumes-attachments"
_PATH = "/servers/{server_id}/os-volume_attachments"
MOST_DISKS = 64
_DEVICE: Schema = {
    "type": ["string", "null"],
    "pattern": r"(^/dev/x{0,1}[a-z]{0,1}d{0,1})([a-z]+)[0-9]*$",
}


def _create(version: int) -> Schema:
    found: Schema = {"volumeId": UUID, "device": _DEVICE}
    if version >= 2049:
        found["tag"] = TAG
    if version >= 2079:
        found["delete_on_termination"] = FLAG
    return obj({"volumeAttachment": obj(found, "volumeId")}, "volumeAttachment")


def _update(version: int) -> Schema:
    found: Schema = {"volumeId": UUID}
    if version >= 2085:
        found |= {"device": _DEVICE, "tag": TAG, "delete_on_termination": FLAG, "serverId": UUID, "id": UUID}
    return obj({"volumeAttachment": obj(found, "volumeId")}, "volumeAttachment")


_CREATE, _UPDATE = Checked(_create), Checked(_update)


_SHOWN = {
    "volumeId": str,
    "serverId": str,
    "device": str,
    "tag": since("2.70", str | None),
    "delete_on_termination": since("2.79", bool),
}
SHOWN = keys(
    _SHOWN,
    id=until("2.88", str),
    attachment_id=since("2.89", str | None),
    bdm_uuid=since("2.89", str),
)


def _view(ctx: Context, device: BlockDevice) -> dict[str, Any]:
    body: dict[str, Any] = {
        "volumeId": device.volume_id,
        "serverId": device.server_id,
        "device": device.device,
    }
    if ctx.at("2.89"):
        body |= {"attachment_id": device.attachment_id, "bdm_uuid": device.id}
    else:
        body["id"] = device.volume_id
    if ctx.at("2.70"):
        body["tag"] = device.tag
    if ctx.at("2.79"):
        body["delete_on_termination"] = device.delete_on_termination
    return body


@route(
    "GET",
    _PATH,
    policy=f"{_RULE}:index",
    query=("limit", "offset"),
    answer=keys(volumeAttachments=array(SHOWN)),
)
def list_attachments(tx: Tx, ctx: Context, request: Request) -> dict[str, Any]:
    """The volumes of a server; `limit` and `offset` cut a part out."""
    server = server_of(tx, ctx, request, f"{_RULE}:index")
    offset, limit = request.query.integer("offset") or 0, request.query.integer("limit")
    rows = devices.of_server(tx, server.id)[offset:]
    return {"volumeAttachments": [_view(ctx, row) for row in rows[:limit]]}


@route("GET", _PATH + "/{volume_id}", policy=f"{_RULE}:show", answer=keys(volumeAttachment=SHOWN))
def show_attachment(tx: Tx, ctx: Context, request: Request) -> dict[str, Any]:
    """One volume of a server."""
    server = server_of(tx, ctx, request, f"{_RULE}:show")
    return {"volumeAttachment": _view(ctx, _find(tx, server, request.params["volume_id"]))}


def _find(tx: Tx, server: Server, volume_id: str) -> BlockDevice:
    c = BlockDevice.c
    row = tx.first(BlockDevice, c.server_id == server.id, c.volume_id == volume_id)
    if row is None:
        raise NotFound(f"Instance {server.id} is not attached to volume {volume_id}")
    return row


@route(
    "POST",
    _PATH,
    policy=f"{_RULE}:create",
    schema=_CREATE.at,
    status={"2.1": 200, "2.101": 202},
    answer=until("2.100", keys(volumeAttachment=keys(_SHOWN, id=str))),
)
def create_attachment(tx: Tx, ctx: Context, request: Request) -> Reply:
    """Accept a volume for a server: it is reserved now, and given to the guest by a saga.

    A server that has left its host has it at once, and finds it when it comes back.
    """
    server = server_of(tx, ctx, request, f"{_RULE}:create")
    given = _CREATE(ctx, request.body)["volumeAttachment"]
    guards.allow(ctx, server, "attach_volume")
    volume_id = given["volumeId"]
    volume = tx.app.contract(Volumes).volume(tx, ctx, volume_id)
    if volume is None:
        raise NotFound(f"Volume {volume_id} could not be found.")
    check_multiattach(ctx, volume)
    _check_reach(tx, server, volume)
    known = devices.of_server(tx, server.id)
    if any(device.volume_id == volume_id for device in known):
        raise BadRequest(
            f"Invalid volume: volume {volume_id} already attached to instance {server.id}."
            if not volume.multiattach
            else f"Invalid volume: volume {volume_id} already attached"
        )
    row = tx.insert(
        BlockDevice(
            server_id=server.id,
            volume_id=volume_id,
            attachment_id=_reserve(tx, ctx, volume_id, server.id),
            device=_device(server, known, given.get("device")),
            tag=given.get("tag"),
            delete_on_termination=as_flag(given.get("delete_on_termination", False)),
        )
    )
    history.begin(tx, ctx, server.id, "attach_volume")
    if server.vm_state == "shelved_offloaded":
        tx.app.contract(Volumes).attached(tx, ctx, str(row.attachment_id))
        history.end(tx, ctx, server.id, "attach_volume", history.Ending())
    else:
        saga.start(tx, ctx, flows.attach_volume, server_id=server.id, device_id=row.id)
    if ctx.at("2.101"):
        return Reply(202)
    body = _view(ctx, row)
    for name in ("attachment_id", "bdm_uuid"):
        body.pop(name, None)
    return Reply(200, {"volumeAttachment": body | {"id": volume_id}})


def _check_reach(tx: Tx, server: Server, volume: VolumeInfo) -> None:
    """Raise BadRequest for a volume that only guests of another host can use."""
    if server.host is None or volume.host is None:
        return
    if server.host not in hosts.reaching(tx, volume.host):
        raise BadRequest(
            f"Invalid volume: volume {volume.id} is on another host than instance {server.id} and cannot be "
            "reached from there. A server that is made with the volume is put where the volume is."
        )


def _reserve(tx: Tx, ctx: Context, volume_id: str, server_id: str) -> str:
    try:
        return tx.app.contract(Volumes).reserve(tx, ctx, volume_id, server_id)
    except NotFound:
        raise
    except Conflict as error:
        raise BadRequest(f"Invalid volume: {error.message}") from error
    except Error as error:
        if error.status != 400 or error.message.startswith("Invalid volume"):
            raise
        raise BadRequest(f"Invalid volume: {error.message}") from error


def _device(server: Server, known: list[BlockDevice], asked: str | None) -> str:
    """The device's name: the one that was asked for if nothing has it, else the next one."""
    taken = {device.device for device in known}
    if not server.has_volume_root:
        taken.add(server.root_device_name or "/dev/vda")
    if len(taken) >= MOST_DISKS:
        raise Forbidden(
            f"The maximum allowed number of disk devices ({MOST_DISKS}) to attach to a single instance has "
            "been exceeded."
        )
    if asked:
        if not re.match(str(_DEVICE["pattern"]), asked):
            raise BadRequest(f"The supplied device path ({asked}) is invalid.")
        if asked in taken:
            raise Conflict(f"The supplied device path ({asked}) is in use.")
        return asked
    return devices.free_name(taken)


@route("PUT", _PATH + "/{volume_id}", policy=f"{_RULE}:update", schema=_UPDATE.at, status=202)
def update_attachment(tx: Tx, ctx: Context, request: Request) -> Reply:
    """Say whether the volume ends with the server. Another volume in its place is for services alone."""
    volume_id = request.params["volume_id"]
    given = _UPDATE(ctx, request.body)["volumeAttachment"]
    swap = given["volumeId"] != volume_id or not ctx.at("2.85")
    server = server_of(tx, ctx, request, f"{_RULE}:{'swap' if swap else 'update'}")
    device = _find(tx, server, volume_id)
    if swap:
        raise Conflict(f"Volume {volume_id} cannot be swapped: no driver of this cloud moves a volume live.")
    for name, value in (("id", volume_id), ("serverId", server.id), ("device", device.device)):
        if name in given and given[name] != value:
            raise BadRequest(f"The {name} property is not mutable.")
    if "tag" in given and given["tag"] != device.tag:
        raise BadRequest("The tag property is not mutable.")
    if "delete_on_termination" in given:
        tx.update(device, delete_on_termination=as_flag(given["delete_on_termination"]))
    return Reply(202)


@route("DELETE", _PATH + "/{volume_id}", policy=f"{_RULE}:delete", status=202)
def delete_attachment(tx: Tx, ctx: Context, request: Request) -> Reply:
    """Accept that a volume leaves its server."""
    server = server_of(tx, ctx, request, f"{_RULE}:delete")
    volume_id = request.params["volume_id"]
    if tx.app.contract(Volumes).volume(tx, ctx, volume_id) is None:
        raise NotFound(f"Volume {volume_id} could not be found.")
    device = _find(tx, server, volume_id)
    guards.allow(ctx, server, "detach_volume")
    if device.boot_index == 0:
        raise Forbidden("Cannot detach a root device volume")
    if server.vm_state != "shelved_offloaded":
        _begin_detaching(tx, ctx, server, volume_id)
    history.begin(tx, ctx, server.id, "detach_volume")
    saga.start(tx, ctx, flows.detach_volume, server_id=server.id, device_id=device.id)
    return Reply(202)


def _begin_detaching(tx: Tx, ctx: Context, server: Server, volume_id: str) -> None:
    try:
        tx.app.contract(Volumes).detaching(tx, ctx, volume_id, server.id)
    except BadRequest as error:
        raise BadRequest(f"Invalid volume: {error.message}") from error


ROUTES = (list_attachments, show_attachment, create_attachment, update_attachment, delete_attachment)
