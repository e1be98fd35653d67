# SPDX-License-Identifier: Apache-2.0
"""What a volume is."""

from cumulet.kernel.auth.context import Context
from cumulet.kernel.resource import Resource, computed, field, ident, owner
from cumulet.lib.timestamps import Timestamp

NAME = {"type": ["string", "null"], "maxLength": 255}
METADATA = {
    "type": "object",
    "patternProperties": {"^.{1,255}$": {"type": "string", "maxLength": 255}},
    "additionalProperties": False,
}


def bootable_word(ctx: Context, volume: "Volume") -> str:
    """Cinder writes this boolean as a word."""
    return "true" if volume.is_bootable else "false"


class Volume(Resource, service="cinder", path="/volumes", member="volume"):
    """A block device of a fixed size that can grow but never shrink."""

    id: str = ident()
    name: str | None = field(
        default=None, create=True, update=True, filter=True, sort=True, brief=True, schema=NAME
    )
    description: str | None = field(default=None, create=True, update=True, schema=NAME)
    size: int = field(create=True, sort=True, min=1)
    status: str = field(default="creating", filter=True, sort=True)
    metadata: dict[str, str] = field(default_factory=dict, create=True, update=True, schema=METADATA)
    availability_zone: str = field(default="nova", create=True, filter=True, sort=True)
    is_bootable: bool = field(default=False, hidden=True)
    bootable: str = computed(bootable_word)
    encrypted: bool = field(default=False)
    multiattach: bool = field(default=False, create=True)
    host: str | None = field(default=None, wire="os-vol-host-attr:host", rule="volume_extension:volume_host_attribute")
    error_text: str | None = field(default=None, hidden=True)
    project_id: str = owner(
        wire="os-vol-tenant-attr:tenant_id", rule="volume_extension:volume_tenant_attribute"
    )
    user_id: str = field()
    created_at: Timestamp = field(default=Timestamp(""), sort=True)
    updated_at: Timestamp = field(default=Timestamp(""), sort=True)
