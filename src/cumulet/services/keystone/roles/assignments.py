# SPDX-License-Identifier: Apache-2.0
"""The list of who has which role where, as it was given or, `effective`, as it works out."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal

from cumulet.kernel.auth.context import Context
from cumulet.kernel.db import Tx
from cumulet.kernel.errors import BadRequest
from cumulet.kernel.http.endpoint import route
from cumulet.kernel.http.messages import Query, Request
from cumulet.kernel.resource.shapes import array, keys, maybe
from cumulet.services.keystone.entity import named, need
from cumulet.services.keystone.errors import malformed
from cumulet.services.keystone.people import Group, User, groups_of, members_of
from cumulet.services.keystone.projects.model import Project
from cumulet.services.keystone.projects.tree import ancestors, subtree
from cumulet.services.keystone.roles.effective import expanded, implications
from cumulet.services.keystone.roles.model import SYSTEM, Assignment, Role
from cumulet.services.keystone.wire import AROUND, list_links


@dataclass(frozen=True)
class Asked:
    """The filters of a request."""

    actor: tuple[str, str] | None
    target: tuple[str, str] | None
    role_id: str | None
    inherited: bool | None
    effective: bool
    subtree: bool
    names: bool


@dataclass(frozen=True)
class Held:
    """One role that somebody has somewhere, and by which grant, membership and prior role."""

    actor: tuple[str, str]
    target: tuple[str, str]
    role_id: str
    inherited: bool
    given: Assignment
    prior_role_id: str = ""


NAMED = keys(id=str, name=maybe(str), domain=maybe(keys(id=str, name=str)))
"""Something by its id, and where names are asked for by its name and its domain's."""
SCOPE = keys(
    {"OS-INHERIT:inherited_to": maybe(Literal["projects"])},
    project=maybe(NAMED),
    domain=maybe(NAMED),
    system=maybe(keys(all=bool)),
)
ASSIGNMENT = keys(
    user=maybe(NAMED),
    group=maybe(NAMED),
    role=NAMED,
    scope=SCOPE,
    links=keys(assignment=str, membership=maybe(str), prior_role=maybe(str)),
)
_QUERY = (
    *("user.id", "group.id", "role.id", "scope.project.id", "scope.domain.id", "scope.system"),
    *("scope.OS-INHERIT:inherited_to", "effective", "include_names", "include_subtree"),
)


@route(
    "GET",
    "/role_assignments",
    policy="identity:list_role_assignments",
    query=_QUERY,
    answer=keys(role_assignments=array(ASSIGNMENT), links=AROUND),
)
def list_assignments(tx: Tx, ctx: Context, request: Request) -> Any:
    """Who has which role where."""
    asked = _asked(tx, ctx, request)
    found = _effective(tx, asked) if asked.effective else _as_given(tx, asked)
    places = tx.get_many(Project, [held.target[1] for held in found if held.target[0] != SYSTEM])
    if domain_id := ctx.identity.domain_id:
        found = [held for held in found if _within(domain_id, held, places)]
    naming = _names(tx, found, places) if asked.names else None
    bodies = [_body(ctx, held, naming) for held in found]
    return {"role_assignments": bodies, "links": list_links(ctx, request.path, request.query.pairs)}


# -- what is asked --------------------------------------------------------------------------------------


def _asked(tx: Tx, ctx: Context, request: Request) -> Asked:
    query = request.query
    project_id = query.get("scope.project.id")
    if _flag(query, "include_subtree"):
        target = {}
        if project_id:
            project = need(tx, Project, project_id)
            target = {**named("project", project.__dict__), "target.domain_id": project.domain_id or None}
        ctx.require("identity:list_role_assignments_for_tree", target)
        if not project_id:
            raise BadRequest("scope.project.id must be specified if include_subtree is also specified")
    else:
        domain_id = ctx.identity.domain_id
        ctx.require("identity:list_role_assignments", {"target.domain_id": domain_id} if domain_id else {})
    _check(query)
    inherited = query.get("scope.OS-INHERIT:inherited_to")
    return Asked(
        actor=_first(query, user="user.id", group="group.id"),
        target=(SYSTEM, SYSTEM)
        if query.get("scope.system")
        else _first(query, project="scope.project.id", domain="scope.domain.id"),
        role_id=query.get("role.id"),
        inherited=inherited == "projects" if inherited is not None else None,
        effective=_flag(query, "effective"),
        subtree=_flag(query, "include_subtree"),
        names=_flag(query, "include_names"),
    )


def _flag(query: Query, name: str) -> bool:
    """A bare key counts as true, and so does every word but those for false."""
    value = query.get(name)
    return value is not None and value.strip().lower() not in ("0", "false", "no", "off", "f", "n")


def _first(query: Query, **keys: str) -> tuple[str, str] | None:
    return next(((kind, value) for kind, key in keys.items() if (value := query.get(key))), None)


def _check(query: Query) -> None:
    """Raise BadRequest for filters that exclude one another."""
    for one, other, message in _EXCLUSIVE:
        if query.get(one) and query.get(other):
            raise malformed(message)
    if _flag(query, "effective") and query.get("group.id"):
        raise malformed("Combining effective and group filter will always result in an empty list")
    inherited = query.get("scope.OS-INHERIT:inherited_to") == "projects"
    if _flag(query, "effective") and inherited and query.get("scope.domain.id"):
        raise malformed(
            "Combining effective, domain and inherited filters will always result in an empty list"
        )


_EXCLUSIVE = (
    ("scope.domain.id", "scope.project.id", "Specify a domain or project, not both"),
    ("scope.domain.id", "scope.system", "Specify system or domain, not both"),
    ("scope.project.id", "scope.system", "Specify system or project, not both"),
    ("user.id", "group.id", "Specify a user or group, not both"),
)


# -- as given -------------------------------------------------------------------------------------------


def _as_given(tx: Tx, asked: Asked) -> list[Held]:
    c = Assignment.c
    where: list[Any] = []
    if asked.actor:
        where += [c.actor_kind == asked.actor[0], c.actor_id == asked.actor[1]]
    if asked.target:
        ids = [asked.target[1]]
        ids += [row.id for row in subtree(tx, ids[0])] if asked.subtree else []
        where += [c.target_kind == asked.target[0], c.target_id.in_(ids)]
    if asked.role_id:
        where.append(c.role_id == asked.role_id)
    if asked.inherited is not None:
        where.append(c.inherited.is_(asked.inherited))
    return [_held(row) for row in tx.all(Assignment, *where, order_by=[c.id])]


def _held(row: Assignment) -> Held:
    return Held(
        (row.actor_kind, row.actor_id), (row.target_kind, row.target_id), row.role_id, row.inherited, row
    )


# -- effective ------------------------------------------------------------------------------------------


def _effective(tx: Tx, asked: Asked) -> list[Held]:
    """Groups become their members, inherited roles the projects below, roles all that they imply.

    Roles of a domain only stand for what they imply.
    """
    found = [_held(row) for row in _that_matter(tx, asked)]
    if asked.inherited is not None:
        found = [held for held in found if held.inherited == asked.inherited]
    found = _each_project(tx, found, asked)
    found = _each_member(tx, found, asked)
    found = _each_role(tx, found)
    roles = tx.get_many(Role, [held.role_id for held in found])
    found = [held for held in found if held.role_id in roles and not roles[held.role_id].domain_id]
    if asked.role_id:
        found = [held for held in found if held.role_id == asked.role_id]
    return found


def _that_matter(tx: Tx, asked: Asked) -> list[Assignment]:
    c = Assignment.c
    where: list[Any] = []
    if asked.actor:
        where.append(c.actor_id.in_([asked.actor[1], *groups_of(tx, asked.actor[1])]))
    if asked.target and asked.target[0] == "project" and not asked.subtree:
        project = tx.get(Project, asked.target[1])
        above = [row.id for row in ancestors(tx, project)] if project is not None else []
        where.append(c.target_id.in_([asked.target[1], *above]))
    elif asked.target and not asked.subtree:
        where.append(c.target_id == asked.target[1])
    return tx.all(Assignment, *where, order_by=[c.id])


def _each_project(tx: Tx, found: list[Held], asked: Asked) -> list[Held]:
    below: dict[str, list[str]] = {}
    spread: list[Held] = []
    for held in found:
        if not held.inherited:
            spread.append(held)
            continue
        id = held.target[1]
        if id not in below:
            below[id] = [row.id for row in subtree(tx, id)]
        spread += [replace(held, target=("project", project_id)) for project_id in below[id]]
    if not asked.target:
        return spread
    ids = {asked.target[1]}
    if asked.subtree:
        ids |= {row.id for row in subtree(tx, asked.target[1])}
    return [held for held in spread if held.target[0] == asked.target[0] and held.target[1] in ids]


def _each_member(tx: Tx, found: list[Held], asked: Asked) -> list[Held]:
    groups = [held.actor[1] for held in found if held.actor[0] == "group"]
    members = members_of(tx, groups) if groups else {}
    spread: list[Held] = []
    for held in found:
        if held.actor[0] == "user":
            spread.append(held)
        else:
            spread += [replace(held, actor=("user", id)) for id in members.get(held.actor[1], ())]
    return [held for held in spread if asked.actor is None or held.actor == asked.actor]


def _each_role(tx: Tx, found: list[Held]) -> list[Held]:
    implied = implications(tx)
    spread: dict[tuple[Any, ...], Held] = {}
    for held in found:
        for id in expanded(implied, [held.role_id]):
            one = held if id == held.role_id else replace(held, role_id=id, prior_role_id=held.role_id)
            spread.setdefault((one.actor, one.target, id, held.given.id), one)
    return list(spread.values())


# -- as JSON --------------------------------------------------------------------------------------------


def _within(domain_id: str, held: Held, places: Mapping[str, Project]) -> bool:
    place = places.get(held.target[1])
    return place is not None and domain_id in (place.domain_id, held.target[1])


_Naming = Callable[[str, str], dict[str, Any]]


def _names(tx: Tx, found: Iterable[Held], places: Mapping[str, Project]) -> _Naming:
    """What tells the name, and the domain's, of each thing that the list mentions."""
    found = list(found)
    rows: dict[tuple[str, str], Any] = {("project", id): row for id, row in places.items()}
    rows |= {("domain", id): row for id, row in places.items()}
    for kind, cls in (("user", User), ("group", Group)):
        ids = [held.actor[1] for held in found if held.actor[0] == kind]
        rows |= {(kind, id): row for id, row in tx.get_many(cls, ids).items()}
    rows |= {("role", id): row for id, row in tx.get_many(Role, [h.role_id for h in found]).items()}
    domains = tx.get_many(Project, {row.domain_id for row in rows.values() if row.domain_id})

    def name(kind: str, id: str) -> dict[str, Any]:
        row = rows.get((kind, id))
        if row is None:
            return {"id": id, "name": ""}
        body = {"id": id, "name": row.name}
        if kind != "domain" and row.domain_id in domains:
            body["domain"] = {"id": row.domain_id, "name": domains[row.domain_id].name}
        return body

    return name


def _body(ctx: Context, held: Held, naming: _Naming | None) -> dict[str, Any]:
    name = naming or (lambda kind, id: {"id": id})
    kind, id = held.target
    scope: dict[str, Any] = {SYSTEM: {"all": True}} if kind == SYSTEM else {kind: name(kind, id)}
    if held.inherited:
        scope["OS-INHERIT:inherited_to"] = "projects"
    return {
        held.actor[0]: name(*held.actor),
        "scope": scope,
        "role": name("role", held.role_id),
        "links": _links(ctx, held),
    }


def _links(ctx: Context, held: Held) -> dict[str, str]:
    """Where it was given, through which membership, and from which prior role."""
    base, given = f"{ctx.base_url}/v3", held.given
    place = "system" if given.target_kind == SYSTEM else f"{given.target_kind}s/{given.target_id}"
    path = f"{place}/{given.actor_kind}s/{given.actor_id}/roles/{given.role_id}"
    if given.inherited:
        path = f"OS-INHERIT/{path}/inherited_to_projects"
    links = {"assignment": f"{base}/{path}"}
    if given.actor_kind == "group" and held.actor[0] == "user":
        links["membership"] = f"{base}/groups/{given.actor_id}/users/{held.actor[1]}"
    if held.prior_role_id:
        links["prior_role"] = f"{base}/prior_role/{held.prior_role_id}/implies/{held.role_id}"
    return links


ROUTES = (list_assignments,)
