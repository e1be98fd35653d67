# SPDX-License-Identifier: Apache-2.0
"""What a flavor is, and who may use it."""

from collections.abc import Iterable
from typing import Any, Literal

import sqlalchemy as sa

from cumulet.kernel import ids
from cumulet.kernel.auth.context import Context
from cumulet.kernel.db import Tx
from cumulet.kernel.db.rows import Row, column
from cumulet.kernel.resource import Resource, computed, field, ident
from cumulet.kernel.resource.shapes import by_version
from cumulet.kernel.resource.views import OMIT
from cumulet.lib.timestamps import Timestamp

LARGEST = 2**31 - 1
ID = {
    "type": ["string", "number", "null"],
    "minLength": 1,
    "maxLength": 255,
    "pattern": "^(?! )[a-zA-Z0-9. _-]+(?<! )$",
}
DESCRIPTION = {"type": ["string", "null"], "maxLength": 65535}


def _extra_specs(ctx: Context, row: "Flavor") -> Any:
    """What the caller may read of them, in their own project's name: flavors are nobody's."""
    return row.extra_specs if ctx.can("os_compute_api:os-flavor-extra-specs:index") else OMIT


SWAP = by_version({"2.1": int | Literal[""], "2.75": int})


class FlavorAccess(Row, table="nova_flavor_access", unique=(("flavor_id", "project_id"),)):
    """A project that may use a flavor that is not public."""

    id: str = column(primary=True, default_factory=ids.dashed)
    flavor_id: str = column(references="nova_flavors.id", on_delete="CASCADE", index=True)
    project_id: str = column(index=True)


class Flavor(Resource, service="nova", path="/flavors", member="flavor"):
    """How much memory, disk and processor a server has."""

    missing = "Flavor {id} could not be found."
    denies_missing = True

    id: str = ident(default_factory=ids.dashed, create=True, schema=ID)
    name: str = field(create=True, brief=True, unique=True, min=1, max=255)
    description: str | None = field(
        default=None, create=True, update=True, brief=True, since="2.55", schema=DESCRIPTION
    )
    ram: int = field(create=True, min=1, max=LARGEST)
    vcpus: int = field(create=True, min=1, max=LARGEST)
    disk: int = field(create=True, min=0, max=LARGEST)
    ephemeral: int = field(default=0, create=True, min=0, max=LARGEST, wire="OS-FLV-EXT-DATA:ephemeral")
    swap_mb: int = field(default=0, create=True, min=0, max=LARGEST, wire="swap", hidden=True)
    swap: Any = computed(lambda ctx, row: row.swap_mb or (0 if ctx.at("2.75") else ""), shape=SWAP)
    rxtx_factor: float = field(default=1.0, create=True, until="2.101")
    disabled: bool = field(default=False, wire="OS-FLV-DISABLED:disabled", until="2.101")
    is_public: bool = field(default=True, create=True, wire="os-flavor-access:is_public")
    extra_specs: dict[str, str] = field(default_factory=dict, since="2.61", view=_extra_specs)
    created_at: Timestamp = field(default=Timestamp(""), hidden=True)
    updated_at: Timestamp = field(default=Timestamp(""), hidden=True)

    @classmethod
    def visible(cls, ctx: Context) -> Any:
        """Public flavors, and those that the project was given access to."""
        if ctx.is_admin:
            return None
        given = sa.select(FlavorAccess.c.flavor_id).where(FlavorAccess.c.project_id == ctx.project_id)
        return sa.or_(cls.c.is_public.is_(True), cls.c.id.in_(given))


def embedded(flavor: Flavor) -> dict[str, Any]:
    """The flavor as a server keeps it, so that it outlives the flavor itself."""
    names = ("id", "name", "ram", "vcpus", "disk", "ephemeral", "rxtx_factor", "extra_specs")
    return {name: flavor.__dict__[name] for name in names} | {"swap": flavor.swap_mb}


def projects_of(tx: Tx, flavor_ids: Iterable[str]) -> list[FlavorAccess]:
    """Who may use these flavors, in order."""
    return tx.all(
        FlavorAccess, FlavorAccess.c.flavor_id.in_(list(flavor_ids)), order_by=(FlavorAccess.c.project_id,)
    )
