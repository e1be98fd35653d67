# SPDX-License-Identifier: Apache-2.0
"""What a volume type is, who may use it, and which one is taken when nobody asks for one."""

from collections.abc import Iterable
from typing import Any, ClassVar

import sqlalchemy as sa

from cumulet.kernel.auth.context import Context
from cumulet.kernel.db import Tx
from cumulet.kernel.db.rows import Row, column
from cumulet.kernel.errors import NotFound
from cumulet.kernel.ids import is_uuid
from cumulet.kernel.resource import Resource, computed, field, ident
from cumulet.lib.timestamps import Timestamp
from cumulet.services.cinder.schemas import BOOLEAN, NAME, TEXT, WRITES

DEFAULT = "__DEFAULT__"
"""The type that always exists."""
EVERYWHERE = "*"
"""Stands for the whole cloud where a project's default type is kept."""
OPEN_SPECS = ("RESKEY:availability_zones", "multiattach", "replication_enabled")
"""The extra specs that everybody may know."""
EXTRA_SPECS = {
    "type": "object",
    "patternProperties": {"^[a-zA-Z0-9-_:. /]{1,255}$": TEXT},
    "additionalProperties": False,
}


class TypeAccess(Row, table="cinder_type_access"):
    """A project that may use a type which is not public."""

    id: str = column(primary=True)
    type_id: str = column(index=True, references="cinder_volume_types.id", on_delete="CASCADE")
    project_id: str = column(index=True)


class DefaultType(Row, table="cinder_default_types"):
    """The type that a project, or the whole cloud, uses when a volume names none."""

    id: str = column(primary=True)
    """The project's id, or EVERYWHERE."""
    type_id: str = column(references="cinder_volume_types.id", on_delete="CASCADE")


def visible_specs(ctx: Context, volume_type: "VolumeType") -> dict[str, str | None]:
    """All extra specs for those who may read sensitive ones, the open ones for others."""
    if ctx.can("volume_extension:types_extra_specs:read_sensitive"):
        return volume_type.extra_specs
    return {key: value for key, value in volume_type.extra_specs.items() if key in OPEN_SPECS}


class VolumeType(Resource, service="cinder", path="/types", member="volume_type"):
    """A kind of volume that an operator offers. Extra specs say what it can do."""

    missing = "Volume type {id} could not be found."
    page_links_name: ClassVar[str] = "volume_type_links"

    id: str = ident()
    name: str = field(create=True, update=True, unique=True, sort=True, schema=NAME)
    description: str | None = field(default=None, create=True, update=True, sort=True, schema=TEXT)
    is_public: bool = field(default=True, update=True, sort=True, schema=BOOLEAN)
    access_is_public: bool = computed(
        lambda ctx, row: row.is_public,
        create=True,
        wire="os-volume-type-access:is_public",
        schema=BOOLEAN,
        unanswered=("update",),
    )
    extra_specs: dict[str, str | None] = field(
        default_factory=dict, create=True, hidden=True, schema=EXTRA_SPECS
    )
    shown_specs: dict[str, str | None] = computed(
        visible_specs, wire="extra_specs", rule="volume_extension:access_types_extra_specs"
    )
    qos_specs_id: str | None = computed(
        lambda ctx, row: None, rule="volume_extension:access_types_qos_specs_id", unanswered=WRITES
    )
    created_at: Timestamp = field(default=Timestamp(""), hidden=True, sort=True)
    updated_at: Timestamp = field(default=Timestamp(""), hidden=True, sort=True)

    @classmethod
    def visible(cls, ctx: Context) -> Any:
        return None if ctx.is_admin else usable(ctx.project_id)

    @classmethod
    def target_for(cls, tx: Tx, ctx: Context, row: Any) -> dict[str, Any]:
        """Types belong to nobody: who asks is judged by their own project."""
        return ctx.own

    @property
    def multiattach(self) -> bool:
        return str(self.extra_specs.get("multiattach", "")).strip().lower() == "<is> true"


def usable(project_id: str | None) -> Any:
    """The condition for types that a project may use: the public ones, and those it was given access to."""
    given = sa.select(TypeAccess.c.type_id).where(TypeAccess.c.project_id == project_id)
    return sa.or_(VolumeType.c.is_public.is_(True), VolumeType.c.id.in_(given))


def find_type(tx: Tx, ctx: Context, name_or_id: str) -> VolumeType:
    """The type of this id or name, among those that the caller may use. Raises NotFound."""
    visible = VolumeType.visible(ctx)
    where = [] if visible is None else [visible]
    if is_uuid(name_or_id):
        found = tx.first(VolumeType, VolumeType.c.id == name_or_id, *where)
        if found is not None:
            return found
    found = tx.first(VolumeType, VolumeType.c.name == name_or_id, *where)
    if found is None:
        raise NotFound(f"Volume type with name {name_or_id} could not be found.")
    return found


def default_type(tx: Tx, project_id: str | None) -> VolumeType:
    """The project's default type, else the cloud's, else the one that always exists."""
    chosen = tx.get_many(DefaultType, [project_id or EVERYWHERE, EVERYWHERE])
    row = chosen.get(project_id) or chosen.get(EVERYWHERE)
    if row is not None:
        return tx.need(VolumeType, row.type_id)
    found = tx.first(VolumeType, VolumeType.c.name == DEFAULT)
    if found is None:
        raise NotFound("Default volume type can not be found.")
    return found


def types_by_id(tx: Tx, ids: Iterable[str]) -> dict[str, VolumeType]:
    return tx.get_many(VolumeType, ids)
