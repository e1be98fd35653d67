# SPDX-License-Identifier: Apache-2.0
"""What an attachment is."""

from collections import defaultdict
from collections.abc import Iterable
from typing import Any

from cumulet.kernel.auth.context import Context
from cumulet.kernel.db import Tx
from cumulet.kernel.resource import Resource, computed, field, ident, owner
from cumulet.lib import timestamps
from cumulet.lib.timestamps import Timestamp


def moment(name: str) -> Any:
    """A time that is an empty text until it has come."""

    def view(ctx: Context, row: Any) -> str:
        value = row.__dict__[name]
        return timestamps.without_zone(value) if value else ""

    return view


class Attachment(Resource, service="cinder", path="/attachments", member="attachment"):
    """A volume that is given to a server, or to anything else that names itself by a UUID.

    `status` is reserved until a host is named, attaching until its server has the device, and attached then.
    """

    missing = "Volume attachment could not be found with filter: attachment_id = {id}."
    missing_kind = "VolumeAttachmentNotFound"

    id: str = ident()
    status: str = field(default="reserved", brief=True, filter=True, sort=True)
    server_id: str | None = field(default=None, wire="instance", brief=True, sort=True, index=True)
    volume_id: str = field(
        brief=True, filter=True, sort=True, index=True, references="cinder_volumes.id", on_delete="CASCADE"
    )
    attached_at: Timestamp | None = field(default=None, hidden=True)
    shown_attached_at: str = computed(moment("attached_at"), wire="attached_at")
    detached_at: str = computed(lambda ctx, row: "")
    attach_mode: str | None = field(default=None)
    host: str | None = field(default=None, hidden=True)
    """The host whose guests reach the volume by it."""
    device: str | None = field(default=None, hidden=True)
    connector: dict[str, Any] = field(default_factory=dict, hidden=True)
    connection_info: dict[str, Any] = field(default_factory=dict)
    project_id: str = owner(hidden=True)
    created_at: Timestamp = field(default=Timestamp(""), hidden=True, sort=True)
    updated_at: Timestamp = field(default=Timestamp(""), hidden=True)


def attachments_of(tx: Tx, volume_ids: Iterable[str]) -> dict[str, list[Attachment]]:
    """The attachments of each volume that has any, the oldest first."""
    found: dict[str, list[Attachment]] = defaultdict(list)
    for row in tx.all_in(Attachment, "volume_id", volume_ids, order=("created_at", "id")):
        found[row.volume_id].append(row)
    return found
