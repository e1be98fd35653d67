# SPDX-License-Identifier: Apache-2.0
"""What a subnet pool is."""

from collections.abc import Callable
from typing import Any

import sqlalchemy as sa

from cumulet.kernel.auth.context import Context
from cumulet.kernel.resource import field
from cumulet.services.neutron import values
from cumulet.services.neutron.standard import Standard, sees_all

LOCK = "subnetpools"
"""Held by whoever takes from pools, or changes what they have."""


def _as_text(name: str) -> Callable[[Context, Any], str]:
    """Lengths of prefixes are numbers that upstream writes as text."""
    return lambda ctx, row: str(row.__dict__[name])


def _length(name: str) -> Any:
    return field(
        default=0,
        create=True,
        update=True,
        filter=True,
        sort=True,
        convert=values.whole,
        view=_as_text(name),
        shape=str,
    )


class SubnetPool(Standard, service="neutron", path="/subnetpools", member="subnetpool"):
    """Prefixes from which subnets are cut, each within bounds of length, none of them twice."""

    missing = "Subnet pool {id} could not be found."

    name: str = field(create=True, update=True, filter=True, sort=True, convert=values.filled_text(255))
    prefixes: list[str] = field(create=True, update=True, convert=values.prefixes)
    ip_version: int = field(default=4, filter=True, sort=True)
    min_prefixlen: int = _length("min_prefixlen")
    max_prefixlen: int = _length("max_prefixlen")
    default_prefixlen: int = _length("default_prefixlen")
    default_quota: int | None = field(
        default=None, create=True, update=True, filter=True, sort=True, convert=values.whole
    )
    address_scope_id: str | None = field(
        default=None,
        create=True,
        update=True,
        filter=True,
        sort=True,
        references="neutron_address_scopes.id",
        index=True,
        convert=values.or_none(values.uuid),
    )
    is_default: bool = field(
        default=False,
        create=True,
        update=True,
        filter=True,
        sort=True,
        set_rule="{verb}_subnetpool:is_default",
        convert=values.flag,
    )
    shared: bool = field(
        default=False,
        create=True,
        filter=True,
        sort=True,
        set_rule="{verb}_subnetpool:shared",
        convert=values.flag,
    )

    @classmethod
    def visible(cls, ctx: Context) -> Any:
        """Own and shared pools."""
        return None if sees_all(ctx) else sa.or_(cls.c.project_id == ctx.project_id, cls.c.shared)
