# SPDX-License-Identifier: Apache-2.0
"""What a volume is."""

from typing import Any, ClassVar

from cumulet.kernel.resource import Resource, computed, field, given, ident, loaded, owner
from cumulet.lib.timestamps import Timestamp
from cumulet.services.cinder import metadata
from cumulet.services.cinder.schemas import (
    BOOLEAN,
    METADATA,
    NAME,
    NULL,
    SIZE_OR_NULL,
    TEXT,
    UUID_OR_NULL,
    WRITES,
)
from cumulet.services.cinder.volumes import views

HOST_RULE = "volume_extension:volume_host_attribute"
MIGRATION_RULE = "volume_extension:volume_mig_status_attribute"
OLD_NAMES = {"display_name": "name", "display_description": "description", "image_id": "imageRef"}


def always(value: Any, **rules: Any) -> Any:
    """A field that every volume shows alike: what it tells of is not in this cloud."""
    return computed(lambda ctx, volume: value, **rules)


class Volume(Resource, service="cinder", path="/volumes", member="volume"):
    """A block device of a fixed size that can grow but never shrink. It lives on one host."""

    linked: ClassVar[bool] = True
    missing = "Volume {id} could not be found."

    id: str = ident()
    name: str | None = field(
        default=None, create=True, update=True, filter=True, sort=True, brief=True, schema=TEXT
    )
    description: str | None = field(default=None, create=True, update=True, schema=TEXT)
    size: int = field(default=0, create=True, filter=True, sort=True, schema=SIZE_OR_NULL)
    status: str = field(default="creating", filter=True, sort=True, index=True)
    availability_zone: str = field(
        default="nova", create=True, filter=True, sort=True, schema={"anyOf": [NAME, NULL]}
    )
    metadata: dict[str, str] = loaded(
        metadata.of_volumes, default={}, create=True, update=True, schema=METADATA
    )
    volume_type: str | None = loaded(views.type_names, create=True, schema=TEXT)
    volume_type_id: str = field(
        default="", since="3.63", filter=True, index=True, references="cinder_volume_types.id"
    )
    snapshot_id: str | None = field(default=None, create=True, index=True, schema=UUID_OR_NULL)
    source_volid: str | None = field(default=None, create=True, index=True, schema=UUID_OR_NULL)
    image_id: str | None = field(default=None, create=True, wire="imageRef", hidden=True, schema=TEXT)
    backup_id: str | None = given(default=None, since="3.47", schema=UUID_OR_NULL)
    scheduler_hints: dict[str, Any] | None = given(default=None, schema={"type": ["object", "null"]})
    is_bootable: bool = field(default=False, hidden=True)
    bootable: str = computed(views.bootable_word)
    encrypted: bool = field(default=False)
    multiattach: bool = field(default=False, create=True, schema={"anyOf": [BOOLEAN, NULL]})
    readonly: bool | None = field(default=None, hidden=True)
    """None until somebody says; from then on it is shown among the metadata."""
    image_metadata: dict[str, str] = field(default_factory=dict, hidden=True)
    volume_image_metadata: dict[str, str] = computed(
        views.image_metadata, rule="volume_extension:volume_image_metadata:show", unanswered=WRITES
    )
    attachments: list[dict[str, Any]] = loaded(views.attachment_list, default=[])
    host: str | None = field(default=None, hidden=True, index=True)
    pool: str | None = computed(
        views.pool_of, wire="os-vol-host-attr:host", rule=HOST_RULE, unanswered=WRITES
    )
    target_size: int = field(default=0, hidden=True)
    """What its host is told and quota counts; larger than its size while it grows."""
    shunned: list[str] = field(default_factory=list, hidden=True)
    """Hosts that could not make it."""
    error_text: str | None = field(default=None, hidden=True)
    replication_status: None = always(None)
    consistencygroup_id: str | None = always(None, create=True, schema=UUID_OR_NULL)
    group_id: str | None = always(None, since="3.13", create=True, schema=TEXT)
    migration_status: None = always(None, rule=MIGRATION_RULE)
    migstat: None = always(
        None, wire="os-vol-mig-status-attr:migstat", rule=MIGRATION_RULE, unanswered=WRITES
    )
    name_id: None = always(
        None, wire="os-vol-mig-status-attr:name_id", rule=MIGRATION_RULE, unanswered=WRITES
    )
    provider_id: None = always(None, since="3.21", rule=HOST_RULE)
    shared_targets: bool = always(False, since="3.48")
    service_uuid: str | None = computed(views.service_of, since="3.48")
    cluster_name: None = always(None, since="3.61", rule=HOST_RULE)
    consumes_quota: bool = always(True, since="3.65")
    project_id: str = owner(
        wire="os-vol-tenant-attr:tenant_id",
        rule="volume_extension:volume_tenant_attribute",
        unanswered=WRITES,
    )
    user_id: str = field(sort=True)
    created_at: Timestamp = field(default=Timestamp(""), sort=True)
    updated_at: Timestamp = field(default=Timestamp(""), sort=True)

    @classmethod
    def prepare(cls, verb: str, body: Any, version: int) -> Any:
        """Older names are newer ones, hints lie inside the volume; below 3.53 unknown keys do not count."""
        if not isinstance(body, dict) or not isinstance(body.get("volume"), dict):
            return body
        rest = {
            key: value for key, value in body.items() if key not in ("volume", "OS-SCH-HNT:scheduler_hints")
        }
        inside = {OLD_NAMES.get(key, key): value for key, value in body["volume"].items()}
        if verb == "create":
            inside.pop("scheduler_hints", None)
            if "OS-SCH-HNT:scheduler_hints" in body:
                inside["scheduler_hints"] = body["OS-SCH-HNT:scheduler_hints"]
            if version < 3053:
                known = {spec.on_wire for spec in cls.fields.values() if spec.settable(verb, version)}
                inside = {key: value for key, value in inside.items() if key in known}
        return {**rest, "volume": {key: stripped(key, value) for key, value in inside.items()}}


def stripped(key: str, value: Any) -> Any:
    """A name without the spaces around it."""
    return value.strip() if key in ("name", "description") and isinstance(value, str) else value
