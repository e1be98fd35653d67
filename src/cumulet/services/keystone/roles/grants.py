# SPDX-License-Identifier: Apache-2.0
"""Roles given to users and groups, one by one, on projects, domains and the system.

/projects/{project_id}/users/{user_id}/roles/{role_id}
/OS-INHERIT/domains/{domain_id}/groups/{group_id}/roles/{role_id}/inherited_to_projects
/system/users/{user_id}/roles/{role_id}
"""

from dataclasses import dataclass
from typing import Any

from cumulet.kernel.auth.context import Context
from cumulet.kernel.db import Tx
from cumulet.kernel.errors import Forbidden, NotFound
from cumulet.kernel.http.endpoint import routes
from cumulet.kernel.http.messages import Request
from cumulet.kernel.resource.shapes import page
from cumulet.kernel.resource.views import render
from cumulet.services.keystone.application_credentials.model import ApplicationCredential
from cumulet.services.keystone.entity import named
from cumulet.services.keystone.errors import not_found
from cumulet.services.keystone.people import Group, User
from cumulet.services.keystone.projects.model import Project
from cumulet.services.keystone.roles.model import SYSTEM, Assignment, Role, assignment
from cumulet.services.keystone.tokens.revocation import rights_changed
from cumulet.services.keystone.wire import list_links

_PLACES = ("/projects/{project_id}", "/domains/{domain_id}", "/system")
_ACTORS = ("/users/{user_id}", "/groups/{group_id}")
_LISTS = [f"{place}{actor}/roles" for place in _PLACES for actor in _ACTORS]
_INHERITED_LISTS = [f"/OS-INHERIT{path}/inherited_to_projects" for path in _LISTS[:4]]
_ONES = [f"{path}/{{role_id}}" for path in _LISTS]
_INHERITED = [f"/OS-INHERIT{path}/inherited_to_projects" for path in _ONES[:4]]


@dataclass(frozen=True)
class _Named:
    """What the path of a grant names; None for what does not exist."""

    actor: User | Group | None
    actor_key: tuple[str, str]
    place: Project | None
    place_key: tuple[str, str]
    role: Role | None
    role_id: str
    inherited: bool

    def check(self) -> None:
        """Raise NotFound for what does not exist."""
        if self.role_id and self.role is None:
            raise not_found("role", self.role_id)
        if self.actor is None:
            raise not_found(*self.actor_key)
        if self.place is None and self.place_key[0] != SYSTEM:
            raise not_found(*self.place_key)

    @property
    def id(self) -> str:
        return assignment(self.actor_key, self.place_key, self.role_id, inherited=self.inherited).id


def _read(tx: Tx, request: Request) -> _Named:
    params = request.params
    role_id = params.get("role_id", "")
    actor: User | Group | None
    if "user_id" in params:
        actor, actor_key = tx.get(User, params["user_id"]), ("user", params["user_id"])
    else:
        actor, actor_key = tx.get(Group, params["group_id"]), ("group", params["group_id"])
    place, place_key = None, (SYSTEM, SYSTEM)
    for kind in ("project", "domain"):
        if f"{kind}_id" in params:
            place_key = (kind, params[f"{kind}_id"])
            place = tx.get(Project, place_key[1])
            if place is not None and kind == "domain" and not place.is_domain:
                place = None
    return _Named(
        actor,
        actor_key,
        place,
        place_key,
        tx.get(Role, role_id) if role_id else None,
        role_id,
        request.path.endswith("/inherited_to_projects"),
    )


def _require(ctx: Context, found: _Named, verb: str) -> None:
    """Ask policy; it sees whatever of the three exists."""
    kind = found.actor_key[0]
    if found.place_key[0] == SYSTEM:
        ctx.require(f"identity:{_SYSTEM_VERBS[verb].format(kind)}", {})
        return
    target = dict(named(kind, found.actor.__dict__)) if found.actor is not None else {}
    if found.place is not None:
        target |= named(found.place_key[0], found.place.__dict__)
    if found.role is not None:
        target |= named("role", found.role.__dict__)
    ctx.require(f"identity:{verb}", target)


_SYSTEM_VERBS = {
    "check_grant": "check_system_grant_for_{}",
    "create_grant": "create_system_grant_for_{}",
    "revoke_grant": "revoke_system_grant_for_{}",
    "list_grants": "list_system_grants_for_{}",
}


@routes("GET", *_LISTS, *_INHERITED_LISTS, answer=page(Role))
def list_grants(tx: Tx, ctx: Context, request: Request) -> Any:
    """The roles that were given there."""
    found = _read(tx, request)
    _require(ctx, found, "list_grants")
    found.check()
    c = Assignment.c
    rows = tx.all(
        Assignment,
        c.actor_id == found.actor_key[1],
        c.target_kind == found.place_key[0],
        c.target_id == found.place_key[1],
        c.inherited.is_(found.inherited),
    )
    roles = sorted(tx.get_many(Role, [row.role_id for row in rows]).values(), key=lambda role: role.id)
    return {"roles": render(tx, ctx, Role, roles), "links": list_links(ctx, request.path)}


@routes("GET", *_ONES, *_INHERITED, status=204)
def check_grant(tx: Tx, ctx: Context, request: Request) -> None:
    """Whether this role was given there."""
    found = _read(tx, request)
    _require(ctx, found, "check_grant")
    found.check()
    _need(tx, found)


@routes("PUT", *_ONES, *_INHERITED, status=204)
def create_grant(tx: Tx, ctx: Context, request: Request) -> None:
    """The role is given there."""
    found = _read(tx, request)
    _require(ctx, found, "create_grant")
    found.check()
    _check_domain_role(found)
    row = assignment(found.actor_key, found.place_key, found.role_id, inherited=found.inherited)
    if tx.get(Assignment, row.id) is None:
        tx.insert(row, retry=True)
        rights_changed(tx)


@routes("DELETE", *_ONES, *_INHERITED, status=204)
def revoke_grant(tx: Tx, ctx: Context, request: Request) -> None:
    """The role is given there no longer; it may outlive the user or project that it was given to."""
    found = _read(tx, request)
    _require(ctx, found, "revoke_grant")
    if found.role is None:
        raise not_found("role", found.role_id)
    tx.delete(_need(tx, found))
    if found.actor_key[0] == "user" and found.place_key[0] == "project":
        _forget_credentials(tx, found)
    rights_changed(tx)


def _check_domain_role(found: _Named) -> None:
    """A role of a domain is given only on projects of it; upstream gives it on any domain."""
    role, place = found.role, found.place
    if role is None or place is None or not role.domain_id or found.place_key[0] == "domain":
        return
    if role.domain_id != place.domain_id:
        raise Forbidden(
            f"Project {place.id} must be in the same domain as the role {role.id} being assigned."
        )


def _need(tx: Tx, found: _Named) -> Assignment:
    row = tx.get(Assignment, found.id)
    if row is None:
        raise NotFound(
            f"Could not find role assignment with role: {found.role_id}, "
            f"user or group: {found.actor_key[1]}, project, domain, or system: {found.place_key[1]}."
        )
    return row


def _forget_credentials(tx: Tx, found: _Named) -> None:
    """Application credentials that hold a role which their user has lost are gone."""
    c = ApplicationCredential.c
    where = (c.user_id == found.actor_key[1], c.project_id == found.place_key[1])
    for credential in tx.all(ApplicationCredential, *where):
        if found.role_id in credential.role_ids:
            tx.delete(credential)


ROUTES = (list_grants, check_grant, create_grant, revoke_grant)
