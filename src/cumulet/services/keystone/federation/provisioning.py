# SPDX-License-Identifier: Apache-2.0
"""Projects that a mapping gives somebody, made if need be, with roles on them.

From schema version 3.0 on the mapping says all that they have: other roles on projects are taken away.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from cumulet.kernel import events
from cumulet.kernel.auth.context import Context
from cumulet.kernel.db import Tx
from cumulet.kernel.errors import NotFound
from cumulet.services.keystone.errors import forbidden
from cumulet.services.keystone.federation.naming import need_domain
from cumulet.services.keystone.people import User
from cumulet.services.keystone.projects.model import Project
from cumulet.services.keystone.roles.model import Assignment, Role, assignment
from cumulet.services.keystone.tokens.revocation import rights_changed


def provision(
    tx: Tx, ctx: Context, user: User, projects: Sequence[Mapping[str, Any]], domain_id: str
) -> set[str]:
    """The user has these roles on these projects, whose domain is this one unless they say another.

    The ids of the assignments. Raises NotFound for a role or domain that does not exist, Forbidden for a role
    of another domain.
    """
    names = {role["name"] for project in projects for role in project["roles"]}
    roles = {name: _role(tx, name, user.domain_id) for name in sorted(names)}
    wanted: dict[str, Assignment] = {}
    for given in projects:
        project = _project(tx, ctx, given, domain_id)
        for role in given["roles"]:
            row = assignment(("user", user.id), ("project", project.id), roles[role["name"]].id)
            wanted[row.id] = row
    had = tx.get_many(Assignment, wanted)
    for id, row in wanted.items():
        if id not in had:
            tx.insert(row, retry=True)
            rights_changed(tx)
    return set(wanted)


def revoke_others(tx: Tx, user: User, kept: set[str]) -> None:
    """On projects the user has no role of their own but by these assignments."""
    c = Assignment.c
    mine = tx.all(Assignment, c.actor_id == user.id, c.target_kind == "project", c.inherited.is_(False))
    for row in mine:
        if row.id not in kept:
            tx.delete(row)
            rights_changed(tx)


def _role(tx: Tx, name: str, domain_id: str) -> Role:
    """The role of this name that may be given to somebody of this domain."""
    found = tx.all(Role, Role.c.name == name)
    if not found:
        raise NotFound(f"Could not find role: {name}.")
    usable = [role for role in found if role.domain_id in ("", domain_id)]
    if not usable:
        raise forbidden()
    return min(usable, key=lambda role: role.domain_id)


def _project(tx: Tx, ctx: Context, given: Mapping[str, Any], domain_id: str) -> Project:
    domain = need_domain(tx, given.get("domain") or {"id": domain_id})
    name = given["name"]
    found = tx.first_by(Project, domain_id=domain.id, name=name)
    if found is not None:
        return found
    project = tx.insert(Project(name=name, domain_id=domain.id, parent_id=domain.id), retry=True)
    events.emit(tx, ctx, "project.create", project)
    return project
