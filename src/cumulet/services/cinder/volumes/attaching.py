# SPDX-License-Identifier: Apache-2.0
"""The older way to attach a volume: by actions on it, step by step. What it leaves is an attachment too."""

from typing import Any

from cumulet.kernel import ids
from cumulet.kernel.auth.context import Context
from cumulet.kernel.db import Tx
from cumulet.kernel.errors import BadRequest, NotFound
from cumulet.kernel.resource import Action
from cumulet.kernel.resource.shapes import keys
from cumulet.services.cinder.attachments import changes
from cumulet.services.cinder.attachments.model import Attachment
from cumulet.services.cinder.errors import InvalidInput, InvalidVolume
from cumulet.services.cinder.schemas import NULL, UUID, UUID_OR_NULL, thing
from cumulet.services.cinder.volumes import exports, states
from cumulet.services.cinder.volumes.model import Volume

Asked = dict[str, Any]


def reserve(tx: Tx, ctx: Context, volume: Volume, asked: Any) -> None:
    """Nobody else may take the volume until it is attached or let go."""
    allowed = ("available", "in-use") if volume.multiattach else ("available",)
    if volume.status not in allowed:
        raise InvalidVolume(
            f"Volume status must be {states.either(allowed)} to reserve, but the status is {volume.status}."
        )
    tx.update(volume, status="attaching")


def unreserve(tx: Tx, ctx: Context, volume: Volume, asked: Any) -> None:
    """The volume is what its attachments say; nothing happens unless it was reserved."""
    if volume.status == "attaching":
        exports.follow(tx, ctx, volume)


def begin_detaching(tx: Tx, ctx: Context, volume: Volume, asked: Any) -> None:
    """The volume is being taken from a server."""
    changes.begin_detaching(tx, volume)


def roll_detaching(tx: Tx, ctx: Context, volume: Volume, asked: Any) -> None:
    """The server keeps the volume after all."""
    if volume.status == "detaching":
        exports.follow(tx, ctx, volume)


def attach(tx: Tx, ctx: Context, volume: Volume, asked: Asked) -> None:
    """A server, or a host, has the volume."""
    if volume.status == "maintenance":
        raise InvalidVolume("The volume cannot be attached in maintenance mode.")
    mode = asked.get("mode") or ("ro" if volume.readonly else "rw")
    if volume.readonly and mode != "ro":
        raise BadRequest(f"Invalid attaching mode '{mode}' for volume {volume.id}.")
    if volume.status not in ("available", "attaching") and not (
        volume.multiattach and volume.status == "in-use"
    ):
        raise BadRequest(
            f"Error attaching volume - InvalidVolume: Invalid volume: volume {volume.id} is {volume.status}"
        )
    attachment = tx.insert(
        Attachment(
            id=ids.dashed(),
            status="attaching",
            volume_id=volume.id,
            server_id=asked.get("instance_uuid"),
            host=asked.get("host_name"),
            device=asked["mountpoint"],
            attach_mode=mode,
            project_id=volume.project_id,
        )
    )
    changes.complete(tx, ctx, volume, attachment)


def detach(tx: Tx, ctx: Context, volume: Volume, asked: Asked | None) -> None:
    """An attachment of the volume ends, the only one unless one is named."""
    if volume.status == "maintenance":
        raise InvalidVolume("The volume cannot be detached in maintenance mode.")
    attachment = _one(tx, volume, (asked or {}).get("attachment_id"))
    if attachment is not None:
        check_not_in_guest(ctx, attachment)
        changes.end(tx, ctx, attachment)
    elif volume.status in ("detaching", "attaching"):
        exports.follow(tx, ctx, volume)


def force_detach(tx: Tx, ctx: Context, volume: Volume, asked: Asked) -> None:
    """An attachment ends that no server's host was connected for; an operator knows that nothing has it.

    The volume has the status that is left to it then, whatever it had. Raises Conflict where a server has it.
    """
    attachment = _one(tx, volume, asked.get("attachment_id"))
    if attachment is None:
        raise BadRequest(
            "Error force detaching volume - VolumeAttachmentNotFound: Volume attachment could not be found "
            f"with filter: volume_id = {volume.id}."
        )
    check_not_in_guest(ctx, attachment)
    changes.end(tx, ctx, attachment)
    exports.settle(tx, tx.need(Volume, volume.id))


def _one(tx: Tx, volume: Volume, attachment_id: str | None) -> Attachment | None:
    held = exports.attachments(tx, volume.id)
    if attachment_id is not None:
        found = [item for item in held if item.id == attachment_id]
        if not found and tx.get(Attachment, attachment_id) is not None:
            raise InvalidInput("Mismatched volume and attachment")
        if not found:
            raise NotFound(
                f"Volume attachment could not be found with filter: attachment_id = {attachment_id}."
            )
        return found[0]
    if len(held) > 1:
        raise InvalidVolume("Detach volume failed: More than one attachment, but no attachment_id provided.")
    return held[0] if held else None


def check_not_in_guest(ctx: Context, attachment: Attachment) -> None:
    """Raise Conflict when a server has the volume and it is not Nova that takes it away."""
    if "service" in ctx.service_roles or ctx.elevated:
        return
    if attachment.server_id and attachment.connection_info:
        raise changes.used_by_nova(attachment.server_id)


def initialize_connection(tx: Tx, ctx: Context, volume: Volume, asked: Asked) -> dict[str, Any]:
    """How the connector's host reaches the volume."""
    if volume.status == "maintenance":
        raise InvalidVolume("The volume connection cannot be initialized in maintenance mode.")
    if volume.host is None:
        raise InvalidInput("The volume is on no host.")
    return {"connection_info": changes.connection(volume, "ro" if volume.readonly else "rw")}


def terminate_connection(tx: Tx, ctx: Context, volume: Volume, asked: Asked) -> None:
    """The connector's host needs the volume no more."""
    held = exports.attachments(tx, volume.id)
    if len(held) == 1:
        check_not_in_guest(ctx, held[0])
    unreserve(tx, ctx, volume, None)


CONNECTOR = thing("connector", connector={"type": ["object", "string"]})
ANY_CONNECTOR = thing("connector", connector={"type": ["object", "string", "null"]})
ATTACH = {
    **thing(
        "mountpoint",
        instance_uuid=UUID,
        mountpoint={"type": "string", "minLength": 1, "maxLength": 255},
        host_name={"type": "string", "maxLength": 255},
        mode={"enum": ["rw", "ro"]},
    ),
    "anyOf": [{"required": ["instance_uuid"]}, {"required": ["host_name"]}],
}
DETACH = {"anyOf": [thing(attachment_id=UUID_OR_NULL), NULL]}
FORCE_DETACH = thing(
    attachment_id={"type": ["string", "null"]}, connector={"type": ["object", "string", "null"]}
)
RULE = "volume_extension:volume_actions:"

ATTACHING = (
    Action(name="os-reserve", policy=f"{RULE}reserve", run=reserve),
    Action(name="os-unreserve", policy=f"{RULE}unreserve", run=unreserve),
    Action(name="os-begin_detaching", policy=f"{RULE}begin_detaching", run=begin_detaching),
    Action(name="os-roll_detaching", policy=f"{RULE}roll_detaching", run=roll_detaching),
    Action(name="os-attach", policy=f"{RULE}attach", run=attach, body=ATTACH),
    Action(name="os-detach", policy=f"{RULE}detach", run=detach, body=DETACH),
    Action(
        name="os-force_detach",
        policy="volume_extension:volume_admin_actions:force_detach",
        run=force_detach,
        body=FORCE_DETACH,
    ),
    Action(
        name="os-initialize_connection",
        policy=f"{RULE}initialize_connection",
        run=initialize_connection,
        body=CONNECTOR,
        status=200,
        answer=keys(connection_info=dict[str, Any]),
    ),
    Action(
        name="os-terminate_connection",
        policy=f"{RULE}terminate_connection",
        run=terminate_connection,
        body=ANY_CONNECTOR,
    ),
)
