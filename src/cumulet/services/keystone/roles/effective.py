# SPDX-License-Identifier: Apache-2.0
"""Which roles somebody has somewhere, when all is counted: groups, inheritance, implications."""

from collections.abc import Iterable
from dataclasses import dataclass

import sqlalchemy as sa

from cumulet.kernel.db import Tx
from cumulet.services.keystone.people import groups_of
from cumulet.services.keystone.projects.model import Project
from cumulet.services.keystone.projects.tree import ancestors, subtree
from cumulet.services.keystone.roles.model import SYSTEM, Assignment, Implication, Role


@dataclass(frozen=True)
class Scope:
    """What a token is for: kind is "", project, domain or system."""

    kind: str = ""
    id: str = ""


UNSCOPED = Scope()


def implications(tx: Tx) -> dict[str, list[str]]:
    """What each role implies directly."""
    found: dict[str, list[str]] = {}
    for row in tx.all(Implication):
        found.setdefault(row.prior_role_id, []).append(row.implied_role_id)
    return found


def expanded(implied: dict[str, list[str]], role_ids: Iterable[str]) -> list[str]:
    """The roles and all that they imply, each once, in the order in which they are met."""
    found = dict.fromkeys(role_ids)
    waiting = list(found)
    while waiting:
        for role_id in implied.get(waiting.pop(), ()):
            if role_id not in found:
                found[role_id] = None
                waiting.append(role_id)
    return list(found)


def assignments_of(tx: Tx, user_id: str, *where: object, groups: Iterable[str] = ()) -> list[Assignment]:
    """What a user was given, alone or in a group: one of theirs, or one in which they are by an assertion."""
    actors = dict.fromkeys([user_id, *groups_of(tx, user_id), *groups])
    return tx.all(Assignment, Assignment.c.actor_id.in_(actors), *where)


def role_ids(
    tx: Tx, user_id: str, scope: Scope, project: Project | None = None, groups: Iterable[str] = ()
) -> list[str]:
    """Ids of the roles that a user was given for a scope, without what they imply."""
    c = Assignment.c
    if scope.kind == "project":
        above = ancestors(tx, project) if project is not None else []
        inherited = sa.and_(c.target_id.in_([row.id for row in above]), c.inherited.is_(True))
        direct = sa.and_(c.target_id == scope.id, c.target_kind == "project", c.inherited.is_(False))
        where = sa.or_(direct, inherited)
    elif scope.kind == "domain":
        where = sa.and_(c.target_kind == "domain", c.target_id == scope.id, c.inherited.is_(False))
    elif scope.kind == "system":
        where = c.target_kind == SYSTEM
    else:
        return []
    return list(dict.fromkeys(row.role_id for row in assignments_of(tx, user_id, where, groups=groups)))


def effective_ids(tx: Tx, user_id: str, scope: Scope, project: Project | None = None) -> list[str]:
    """Ids of the roles that a user has somewhere, with all that these imply and those of domains."""
    return expanded(implications(tx), role_ids(tx, user_id, scope, project))


def roles(
    tx: Tx, user_id: str, scope: Scope, project: Project | None = None, groups: Iterable[str] = ()
) -> list[Role]:
    """The roles that a token of this scope holds: implied ones too, those of domains left out."""
    given = role_ids(tx, user_id, scope, project, groups)
    return global_roles(tx, given)


def global_roles(tx: Tx, given: Iterable[str]) -> list[Role]:
    """These roles and what they imply, without the roles of domains."""
    wanted = expanded(implications(tx), given)
    known = tx.get_many(Role, wanted)
    return [known[id] for id in wanted if id in known and not known[id].domain_id]


def projects_of(tx: Tx, user_id: str, groups: Iterable[str] = ()) -> list[Project]:
    """The projects on which a user has any role, by id."""
    given = assignments_of(tx, user_id, Assignment.c.target_kind != SYSTEM, groups=groups)
    found = tx.get_many(
        Project, [a.target_id for a in given if a.target_kind == "project" and not a.inherited]
    )
    for row in given:
        if row.inherited:
            found |= {project.id: project for project in subtree(tx, row.target_id)}
    return sorted((p for p in found.values() if not p.is_domain), key=lambda p: p.id)


def domains_of(tx: Tx, user_id: str, groups: Iterable[str] = ()) -> list[Project]:
    """The domains on which a user has any role, by id."""
    where = (Assignment.c.target_kind == "domain", Assignment.c.inherited.is_(False))
    here = assignments_of(tx, user_id, *where, groups=groups)
    found = tx.get_many(Project, [row.target_id for row in here])
    return sorted(found.values(), key=lambda domain: domain.id)
