# SPDX-License-Identifier: Apache-2.0
"""Attachments in the API, from 3.27 on."""

from typing import Any

from cumulet.kernel.auth.context import Context
from cumulet.kernel.db import Tx
from cumulet.kernel.errors import Conflict
from cumulet.kernel.http.endpoint import route
from cumulet.kernel.http.messages import Reply, Request
from cumulet.kernel.resource import Action, List, Show, expose
from cumulet.kernel.resource.finding import fetch, fetch_by_key
from cumulet.kernel.resource.schema import Checked
from cumulet.kernel.resource.shapes import array, bare, keys, one
from cumulet.kernel.resource.views import render
from cumulet.services.cinder import listing
from cumulet.services.cinder.attachments import changes
from cumulet.services.cinder.attachments.model import Attachment
from cumulet.services.cinder.errors import InvalidVolume
from cumulet.services.cinder.schemas import UUID, thing
from cumulet.services.cinder.volumes import exports
from cumulet.services.cinder.volumes.attaching import check_not_in_guest
from cumulet.services.cinder.volumes.model import Volume

SINCE = "3.27"


def _new(version: int) -> dict[str, Any]:
    fields: dict[str, dict[str, Any]] = {
        "volume_uuid": UUID,
        "instance_uuid": UUID,
        "connector": {"type": ["object", "null"]},
    }
    if version >= 3054:
        fields["mode"] = {"enum": ["rw", "ro"]}
    return thing("attachment", attachment=thing("volume_uuid", **fields))


NEW = Checked(_new)
CONNECTED = Checked(
    thing("attachment", attachment=thing("connector", connector={"type": "object", "minProperties": 1}))
)


@route("POST", "/attachments", since=SINCE, schema=NEW.at, answer=one(Attachment))
def create_attachment(tx: Tx, ctx: Context, request: Request) -> dict[str, Any]:
    """A volume is reserved; with a connector it is served to the connector's host at once."""
    asked = NEW(ctx, request.body)["attachment"]
    volume: Volume = fetch_by_key(tx, ctx, Volume, asked["volume_uuid"], "volume:attachment_create")
    _refuse_error(volume, "created", InvalidVolume)
    made = changes.reserve(tx, ctx, volume, asked.get("instance_uuid"), mode=asked.get("mode"))
    if connector := asked.get("connector"):
        made, _ = changes.connect(tx, ctx, tx.need(Volume, volume.id), made, connector)
    return _view(tx, ctx, made)


@route("PUT", "/attachments/{attachment_id}", since=SINCE, schema=CONNECTED.at, answer=one(Attachment))
def update_attachment(tx: Tx, ctx: Context, request: Request) -> dict[str, Any]:
    """The volume is served to the connector's host."""
    connector = CONNECTED(ctx, request.body)["attachment"]["connector"]
    attachment: Attachment = fetch(tx, ctx, Attachment, request, "volume:attachment_update")
    volume = tx.need(Volume, attachment.volume_id)
    _refuse_error(volume, "updated", Conflict)
    held = exports.attachments(tx, volume.id)
    if not volume.multiattach and any(item.id != attachment.id and item.host for item in held):
        raise Conflict(f"duplicate connectors detected on volume {volume.id}")
    attachment, _ = changes.connect(tx, ctx, volume, attachment, connector)
    return _view(tx, ctx, attachment)


@route(
    "DELETE",
    "/attachments/{attachment_id}",
    since=SINCE,
    answer=keys(attachments=array(bare(Attachment, brief=True))),
)
def delete_attachment(tx: Tx, ctx: Context, request: Request) -> Reply:
    """The attachment is gone; the answer lists those that the volume still has."""
    attachment: Attachment = fetch(tx, ctx, Attachment, request, "volume:attachment_delete")
    check_not_in_guest(ctx, attachment)
    changes.end(tx, ctx, attachment)
    left = exports.attachments(tx, attachment.volume_id)
    return Reply(200, {"attachments": render(tx, ctx, Attachment, left, brief=True)})


def complete(tx: Tx, ctx: Context, attachment: Attachment, asked: Any) -> None:
    """The server has the volume."""
    changes.complete(tx, ctx, tx.need(Volume, attachment.volume_id), attachment)


def _view(tx: Tx, ctx: Context, attachment: Attachment) -> dict[str, Any]:
    return {"attachment": render(tx, ctx, Attachment, [attachment])[0]}


def _refuse_error(volume: Volume, verb: str, error: type[InvalidVolume] | type[Conflict]) -> None:
    if "error" in volume.status:
        raise error(
            f"Volume attachments can not be {verb} if the volume is in an error state. "
            f"The Volume {volume.id} currently has a status of: {volume.status} "
        )


def _of_server(ctx: Context, values: list[str]) -> Any:
    return Attachment.c.server_id == values[-1]


def _in_status(ctx: Context, values: list[str]) -> Any:
    return Attachment.c.status == values[-1]


LISTING: dict[str, Any] = {
    "since": SINCE,
    "filters": {"instance_id": _of_server, "attach_status": _in_status},
    "where": listing.of_project(Attachment),
}

ATTACHMENTS = expose(
    Attachment,
    List(**LISTING, brief=True),
    List(**LISTING, detail=True),
    Show(since=SINCE),
    Action(name="os-complete", policy="volume:attachment_complete", run=complete, since="3.44", status=204),
)
ROUTES = (create_attachment, update_attachment, delete_attachment)
