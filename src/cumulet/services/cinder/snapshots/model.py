# SPDX-License-Identifier: Apache-2.0
"""What a snapshot is."""

from typing import Any

from cumulet.kernel.auth.context import Context
from cumulet.kernel.resource import Resource, computed, field, given, ident, loaded, owner
from cumulet.lib.timestamps import Timestamp
from cumulet.services.cinder import metadata
from cumulet.services.cinder.schemas import BOOLEAN, METADATA, TEXT, UUID_OR_NULL, WRITES

EXTENDED = "volume_extension:extended_snapshot_attributes"
OLD_NAMES = {"display_name": "name", "display_description": "description"}


def progress(ctx: Context, snapshot: "Snapshot") -> str:
    """What Nova told, else all or nothing: a host tells of a snapshot once it is whole."""
    return snapshot.told_progress or ("100%" if snapshot.status == "available" else "0%")


class Snapshot(Resource, service="cinder", path="/snapshots", member="snapshot"):
    """A frozen copy of a volume, on its host. It depends on no other file, yet its volume outlives it."""

    missing = "Snapshot {id} could not be found."

    id: str = ident()
    name: str | None = field(
        default=None, create=True, update=True, filter=True, sort=True, brief=True, schema=TEXT
    )
    description: str | None = field(default=None, create=True, update=True, brief=True, schema=TEXT)
    volume_id: str = field(
        create=True, filter=True, brief=True, index=True, references="cinder_volumes.id", schema=UUID_OR_NULL
    )
    status: str = field(default="creating", filter=True, sort=True, brief=True, index=True)
    volume_size: int = field(default=0, wire="size", sort=True, brief=True)
    metadata: dict[str, str] = loaded(
        metadata.of_snapshots, default={}, create=True, brief=True, schema=METADATA
    )
    force: bool = given(default=False, schema=BOOLEAN)
    group_snapshot_id: str | None = computed(lambda ctx, row: None, since="3.14", brief=True)
    user_id: str = field(since="3.41", brief=True)
    consumes_quota: bool = computed(lambda ctx, row: True, since="3.65", brief=True)
    progress: str = computed(
        progress, wire="os-extended-snapshot-attributes:progress", rule=EXTENDED, unanswered=WRITES
    )
    project_id: str = owner(
        wire="os-extended-snapshot-attributes:project_id", rule=EXTENDED, unanswered=WRITES
    )
    host: str | None = field(default=None, hidden=True)
    volume_type_id: str = field(default="", hidden=True, index=True)
    is_bootable: bool = field(default=False, hidden=True)
    image_metadata: dict[str, str] = field(default_factory=dict, hidden=True)
    told_progress: str | None = field(default=None, hidden=True)
    error_text: str | None = field(default=None, hidden=True)
    created_at: Timestamp = field(default=Timestamp(""), sort=True, brief=True)
    updated_at: Timestamp = field(default=Timestamp(""), sort=True, brief=True)

    @classmethod
    def prepare(cls, verb: str, body: Any, version: int) -> Any:
        """Older names for newer ones."""
        if not isinstance(body, dict) or not isinstance(body.get("snapshot"), dict):
            return body
        inside = {OLD_NAMES.get(key, key): value for key, value in body["snapshot"].items()}
        return {**body, "snapshot": inside}
