# SPDX-License-Identifier: Apache-2.0
"""Messages to users: what went wrong with their things, in words that give nothing of the cloud away."""

from dataclasses import dataclass
from typing import ClassVar

from cumulet.kernel import ids
from cumulet.kernel.auth.context import Context
from cumulet.kernel.db import Tx
from cumulet.kernel.resource import Delete, List, Resource, Show, expose, field, ident, owner
from cumulet.lib import timestamps
from cumulet.lib.timestamps import Timestamp
from cumulet.services.cinder import listing

SINCE = "3.3"
KEPT = 30 * 86400.0
"""For how many seconds a message is there at least."""
VOLUME, SNAPSHOT = "VOLUME", "VOLUME_SNAPSHOT"


@dataclass(frozen=True)
class Trouble:
    """What was under way and what went wrong, by upstream's numbers and words."""

    action: tuple[str, str]
    detail: tuple[str, str]


NO_BACKEND = Trouble(
    ("001", "schedule allocate volume"), ("003", "Could not find any available weighted backend.")
)
NOT_CREATED = Trouble(
    ("008", "create volume from backend storage"), ("012", "Driver failed to create the volume.")
)
NOT_EXTENDED = Trouble(("007", "extend volume"), ("010", "Volume Driver failed to extend volume."))
NOT_UPLOADED = Trouble(
    ("003", "copy volume to image"), ("004", "Failed to upload volume to image at backend.")
)
NO_SNAPSHOT = Trouble(("009", "create snapshot"), ("013", "Snapshot failed to create."))


class Message(Resource, service="cinder", path="/messages", member="message"):
    """Something that a user should know of one of their things."""

    linked: ClassVar[bool] = True
    missing = "Message {id} could not be found."

    id: str = ident()
    event_id: str = field(filter=True, sort=True)
    user_message: str = field()
    message_level: str = field(default="ERROR", filter=True, sort=True)
    request_id: str = field(filter=True, sort=True)
    resource_type: str = field(filter=True, sort=True)
    resource_uuid: str = field(filter=True, sort=True)
    project_id: str = owner(hidden=True)
    created_at: Timestamp = field(default=Timestamp(""), sort=True)
    expires_at: Timestamp = field(default=Timestamp(""), wire="guaranteed_until", index=True)


def tell(tx: Tx, ctx: Context, trouble: Trouble, kind: str, thing: Resource) -> None:
    """Whoever owns the thing finds a message about it."""
    action, detail = trouble.action, trouble.detail
    tx.insert(
        Message(
            id=ids.dashed(),
            event_id=f"VOLUME_{kind}_{action[0]}_{detail[0]}",
            user_message=f"{action[1]}:{detail[1]}",
            request_id=ctx.request_id,
            resource_type=kind,
            resource_uuid=thing.__dict__["id"],
            project_id=thing.__dict__["project_id"],
            expires_at=Timestamp(timestamps.add(tx.now, KEPT)),
        )
    )


def forget_old(tx: Tx) -> None:
    """Messages go when they have been there long enough."""
    tx.delete_where(Message, Message.c.expires_at < tx.now)


MESSAGES = expose(
    Message,
    List(policy="message:get_all", where=listing.of_project(Message), since=SINCE),
    Show(policy="message:get", since=SINCE),
    Delete(policy="message:delete", since=SINCE),
)
