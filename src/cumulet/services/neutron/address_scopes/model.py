# SPDX-License-Identifier: Apache-2.0
"""What an address scope is."""

from typing import Any

import sqlalchemy as sa

from cumulet.kernel.auth.context import Context
from cumulet.kernel.resource import field
from cumulet.services.neutron import values
from cumulet.services.neutron.standard import OfProject, sees_all


class AddressScope(
    OfProject, service="neutron", path="/address-scopes", member="address_scope", plural="address_scopes"
):
    """Subnet pools whose addresses are unique among them all."""

    missing = "Address scope {id} could not be found."

    name: str = field(default="", create=True, update=True, filter=True, sort=True, convert=values.text(255))
    ip_version: int = field(create=True, filter=True, sort=True, convert=values.ip_version)
    shared: bool = field(
        default=False,
        create=True,
        update=True,
        filter=True,
        sort=True,
        set_rule="{verb}_address_scope:shared",
        convert=values.flag,
    )

    @classmethod
    def visible(cls, ctx: Context) -> Any:
        """Own and shared scopes."""
        return None if sees_all(ctx) else sa.or_(cls.c.project_id == ctx.project_id, cls.c.shared)
