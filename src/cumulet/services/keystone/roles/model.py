# SPDX-License-Identifier: Apache-2.0
"""Roles, implications and assignments as rows.

A role without a domain is global. A role of a domain never stands in a token; what it implies does.
"""

from typing import Any

from cumulet.kernel import ids
from cumulet.kernel.db import Row, column, json_column
from cumulet.kernel.resource import field, ident
from cumulet.services.keystone.entity import ID_OR_NULL, NAME_255, OPTIONS, Entity, none_if_empty

SYSTEM = "system"


class Role(Entity, service="keystone", path="/roles", member="role", unique=(("domain_id", "name"),)):
    """A word that policy rules know."""

    id: str = ident(default_factory=ids.plain)
    name: str = field(create=True, update=True, filter=True, schema=NAME_255)
    domain_id: str = field(
        default="", create=True, update=True, schema=ID_OR_NULL, view=none_if_empty("domain_id")
    )
    description: str | None = field(default=None, create=True, update=True, filter=True)
    options: dict[str, Any] = field(default_factory=dict, create=True, update=True, schema=OPTIONS)
    extra: dict[str, Any] = json_column(default_factory=dict)


class Implication(Row, table="keystone_implied_roles"):
    """Who has the prior role has the implied one too."""

    id: str = column(primary=True)
    prior_role_id: str = column(index=True, references="keystone_roles.id", on_delete="CASCADE")
    implied_role_id: str = column(index=True, references="keystone_roles.id", on_delete="CASCADE")


class Assignment(Row, table="keystone_assignments", indexes=(("actor_id", "target_kind"), ("target_id",))):
    """A user or group has a role on a project, a domain or the system; inherited, on all projects below."""

    id: str = column(primary=True)
    actor_kind: str
    actor_id: str
    target_kind: str
    target_id: str
    role_id: str = column(index=True, references="keystone_roles.id", on_delete="CASCADE")
    inherited: bool = column(default=False)


def assignment(
    actor: tuple[str, str], target: tuple[str, str], role_id: str, *, inherited: bool = False
) -> Assignment:
    """The row of one assignment; `actor` and `target` are a kind and an id."""
    return Assignment(
        id="/".join((*actor, *target, role_id, "inherited" if inherited else "direct")),
        actor_kind=actor[0],
        actor_id=actor[1],
        target_kind=target[0],
        target_id=target[1],
        role_id=role_id,
        inherited=inherited,
    )
