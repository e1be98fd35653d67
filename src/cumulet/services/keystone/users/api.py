# SPDX-License-Identifier: Apache-2.0
"""The operations on users."""

from typing import Any

from cumulet.kernel import events
from cumulet.kernel.auth.context import Context
from cumulet.kernel.db import Tx
from cumulet.kernel.errors import BadRequest, NotFound
from cumulet.kernel.http.endpoint import route
from cumulet.kernel.http.messages import Reply, Request
from cumulet.kernel.resource import Delete, expose, schema
from cumulet.kernel.resource.finding import fetch, fetch_by_key
from cumulet.kernel.resource.shapes import one, page
from cumulet.kernel.resource.views import render
from cumulet.services.keystone import compliance
from cumulet.services.keystone.application_credentials.model import forget_programs
from cumulet.services.keystone.directories import refresh
from cumulet.services.keystone.directories.operations import List, Show
from cumulet.services.keystone.directories.shadows import check_domain_is_here, check_is_here
from cumulet.services.keystone.entity import Create, merged, parsed
from cumulet.services.keystone.federation.identities import known_as
from cumulet.services.keystone.people import Group, User, memberships_of
from cumulet.services.keystone.projects.changes import forget_actors
from cumulet.services.keystone.projects.model import Project
from cumulet.services.keystone.roles.effective import projects_of
from cumulet.services.keystone.settings import KeystoneSettings
from cumulet.services.keystone.storing import callers_domain, duplicate, unique
from cumulet.services.keystone.tokens.revocation import end_tokens_of, rights_changed, tell_ended_with
from cumulet.services.keystone.users import passwords
from cumulet.services.keystone.users.federated import set_federated
from cumulet.services.keystone.users.filters import password_expiry
from cumulet.services.keystone.users.passwords import with_hash
from cumulet.services.keystone.wire import WIRE, list_links

_SEEN_BY_TOKENS = frozenset({"name", "enabled", "options"})


def create_user(tx: Tx, ctx: Context, given: dict[str, Any]) -> User:
    """A user in the domain that was asked for, or that of the caller's token."""
    values = {**given, "domain_id": given.get("domain_id") or callers_domain(ctx)}
    values["name"] = values["name"].strip()
    values["options"] = merged({}, values.get("options") or {})
    need_domain(tx, values["domain_id"])
    check_domain_is_here(tx, values["domain_id"])
    _check_default_project(tx, values.get("default_project_id"))
    if "password_hash" in values:
        values |= passwords.columns(tx, values["password_hash"], values["options"], self_service=False)
    with unique("user", duplicate(values["name"], values["domain_id"])):
        user = tx.insert(User(**{n: v for n, v in values.items() if n in User.stored}))
    set_federated(tx, user, given.get("federated"))
    return user


def need_domain(tx: Tx, domain_id: str) -> Project:
    domain = tx.get(Project, domain_id)
    if domain is None or not domain.is_domain:
        raise NotFound(f"Could not find domain: {domain_id}.")
    return domain


def _check_default_project(tx: Tx, project_id: str | None) -> None:
    """A default project need not exist, but it is no domain."""
    project = tx.get(Project, project_id) if project_id else None
    if project is not None and project.is_domain:
        raise BadRequest(f"User's default project ID cannot be a domain ID: {project_id}")


async def _prepare_update(ctx: Context, request: Request) -> dict[str, Any]:
    await ctx.read(fetch, ctx, User, request, "identity:update_user")
    return await with_hash(ctx, parsed(User, "update", request.body, WIRE))


@route(
    "PATCH",
    "/users/{user_id}",
    policy="identity:update_user",
    schema=lambda version: schema.body_schema(User, "update", version, WIRE),
    prepare=_prepare_update,
    answer=one(User),
)
def update_user(tx: Tx, ctx: Context, request: Request) -> Reply:
    """The user as they are then.

    All their tokens have ended if they were disabled or got another password.
    """
    given = request.prepared
    user: User = fetch(tx, ctx, User, request, "identity:update_user")
    check_is_here(user)
    if given.get("domain_id", user.domain_id) != user.domain_id:
        raise BadRequest("Cannot change Domain ID")
    _check_default_project(tx, given.get("default_project_id"))
    changes = {name: value for name, value in given.items() if name in User.stored and name != "domain_id"}
    if "options" in changes:
        changes["options"] = merged(user.options, changes["options"])
    if "name" in changes:
        changes["name"] = changes["name"].strip()
    changes["extra"] = {**user.extra, **given["extra"]}
    if "password_hash" in changes:
        passwords.remember(tx, user)
        options = changes.get("options", user.options)
        changes |= passwords.columns(tx, changes["password_hash"], options, self_service=False)
    is_disabled = user.enabled and changes.get("enabled") is False
    if is_disabled:
        forget_programs(tx, [user.id])
    if "password_hash" in changes or is_disabled:
        user = end_tokens_of(tx, user)
    changes |= compliance.forgiven(tx.app.contract(KeystoneSettings), user, changes, tx.now)
    if _SEEN_BY_TOKENS & changes.keys():
        rights_changed(tx)
    with unique("user", duplicate(changes.get("name", user.name), user.domain_id)):
        user = tx.update(user, **changes)
    set_federated(tx, user, given.get("federated"))
    events.emit(tx, ctx, "user.update", user)
    return Reply(200, {"user": render(tx, ctx, User, [user])[0]})


def delete_user(tx: Tx, ctx: Context, user: User) -> None:
    """The user is gone, and whatever was theirs."""
    check_is_here(user)
    forget_actors(tx, [user.id])
    tx.delete(user)
    tell_ended_with(tx, user)


USERS = expose(
    User,
    List(
        policy="identity:list_users",
        only_domain=lambda id: User.c.domain_id == id,
        bounded=True,
        filters={"password_expires_at": password_expiry},
        where=lambda tx, ctx, request: known_as(request.query, User.c.id),
    ),
    Show(policy="identity:get_user"),
    Create(policy="identity:create_user", prepare=with_hash, run=create_user),
    Delete(policy="identity:delete_user", run=delete_user),
)


# -- what is a user's -----------------------------------------------------------------------------------


@route(
    "GET",
    "/users/{user_id}/groups",
    policy="identity:list_groups_for_user",
    query=("name",),
    answer=page(Group),
)
@refresh.after(refresh.groups_of, "identity:list_groups_for_user")
def list_groups(tx: Tx, ctx: Context, request: Request) -> Any:
    """The groups that a user is in."""
    user = _user(tx, ctx, request, "identity:list_groups_for_user")
    memberships = sorted(memberships_of(tx, user.id), key=lambda row: row.id)
    groups = tx.get_many(Group, [row.group_id for row in memberships])
    name = request.query.get("name")
    memberships = [row for row in memberships if name is None or groups[row.group_id].name == name]
    if domain_id := ctx.identity.domain_id:
        memberships = [row for row in memberships if groups[row.group_id].domain_id == domain_id]
    bodies = render(tx, ctx, Group, [groups[row.group_id] for row in memberships])
    for body, row in zip(bodies, memberships, strict=True):
        if row.expires_at is not None:
            body["membership_expires_at"] = WIRE.time(row.expires_at)
    return {"groups": bodies, "links": list_links(ctx, request.path, request.query.pairs)}


@route(
    "GET",
    "/users/{user_id}/projects",
    policy="identity:list_user_projects",
    query=("name", "domain_id", "parent_id", "enabled"),
    answer=page(Project),
)
def list_projects(tx: Tx, ctx: Context, request: Request) -> Any:
    """The projects on which a user has a role."""
    user = _user(tx, ctx, request, "identity:list_user_projects")
    rows = projects_of(tx, user.id)
    for key in ("name", "domain_id", "parent_id"):
        if (value := request.query.get(key)) is not None:
            rows = [row for row in rows if row.__dict__[key] == value]
    if "enabled" in request.query:
        enabled = request.query.flag("enabled")
        rows = [row for row in rows if row.enabled == enabled]
    links = list_links(ctx, request.path, request.query.pairs)
    return {"projects": render(tx, ctx, Project, rows), "links": links}


def _user(tx: Tx, ctx: Context, request: Request, policy: str) -> User:
    """The user in the path, if the rule allows it; `owner` rules look at `user_id`."""
    user_id = request.params["user_id"]
    user = tx.get(User, user_id)
    target = {"user_id": user_id, **(User.target(tx, user) if user is not None else {})}
    ctx.require(policy, target)
    found: User = fetch_by_key(tx, ctx, User, user_id, "")
    return found


@route("DELETE", "/users/{user_id}/tokens", policy="identity:revoke_tokens_for_user", status=204)
def revoke_tokens(tx: Tx, ctx: Context, request: Request) -> None:
    """All tokens of a user have ended."""
    end_tokens_of(tx, _user(tx, ctx, request, "identity:revoke_tokens_for_user"))


ROUTES = (update_user, *passwords.ROUTES, list_groups, list_projects, revoke_tokens)
