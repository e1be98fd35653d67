# SPDX-License-Identifier: Apache-2.0
"""The operations on users. Passwords are hashed before the transaction begins."""

from typing import Any

from cumulet.kernel import events
from cumulet.kernel.auth.context import Context
from cumulet.kernel.db import Tx
from cumulet.kernel.errors import BadRequest, Forbidden, NotFound
from cumulet.kernel.http.endpoint import route, told
from cumulet.kernel.http.messages import Reply, Request
from cumulet.kernel.resource import Delete, Show, expose, schema
from cumulet.kernel.resource.finding import fetch, fetch_by_key
from cumulet.kernel.resource.views import render
from cumulet.services.keystone.entity import Create, List, merged, parsed
from cumulet.services.keystone.errors import unauthorized
from cumulet.services.keystone.people import Group, Membership, User
from cumulet.services.keystone.projects.changes import forget_actors
from cumulet.services.keystone.projects.model import Project
from cumulet.services.keystone.roles.effective import projects_of
from cumulet.services.keystone.storing import callers_domain, duplicate, unique
from cumulet.services.keystone.tokens.authority import Authority
from cumulet.services.keystone.tokens.revocation import end_tokens_of, rights_changed
from cumulet.services.keystone.wire import WIRE, list_links

_SHOWN_IN_TOKENS = frozenset({"name", "enabled"})


async def _with_hash(ctx: Context, given: dict[str, Any]) -> dict[str, Any]:
    """What was given, with the hash of the password in its place."""
    if "password" not in given:
        return given
    password = given.pop("password")
    return {**given, "password_hash": await _hash(ctx, password) if password is not None else None}


async def _hash(ctx: Context, password: str) -> str:
    authority = ctx.app.contract(Authority)
    size = authority.settings.max_password_length
    if len(password) > size:
        raise Forbidden(
            f"The password length must be less than or equal to {size}. The server could not comply with the "
            "request because the password is invalid."
        )
    return await authority.passwords.hash(password)


def create_user(tx: Tx, ctx: Context, given: dict[str, Any]) -> User:
    """A user in the domain that was asked for, or that of the caller's token."""
    values = {**given, "domain_id": given.get("domain_id") or callers_domain(ctx)}
    values["name"] = values["name"].strip()
    values["options"] = merged({}, values.get("options") or {})
    need_domain(tx, values["domain_id"])
    _check_default_project(tx, values.get("default_project_id"))
    with unique("user", duplicate(values["name"], values["domain_id"])):
        return tx.insert(User(**{n: v for n, v in values.items() if n in User.stored}))


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
    return await _with_hash(ctx, parsed(User, "update", request.body, WIRE))


@route(
    "PATCH",
    "/users/{user_id}",
    policy="identity:update_user",
    schema=lambda version: schema.body_schema(User, "update", version, WIRE),
    prepare=_prepare_update,
)
def update_user(tx: Tx, ctx: Context, request: Request) -> Reply:
    """The user as they are then.

    All their tokens have ended if they were disabled or got another password.
    """
    given = request.prepared
    user: User = fetch(tx, ctx, User, request, "identity:update_user")
    if given.get("domain_id", user.domain_id) != user.domain_id:
        raise BadRequest("Cannot change Domain ID")
    _check_default_project(tx, given.get("default_project_id"))
    changes = {name: value for name, value in given.items() if name in User.stored and name != "domain_id"}
    if "options" in changes:
        changes["options"] = merged(user.options, changes["options"])
    if "name" in changes:
        changes["name"] = changes["name"].strip()
    changes["extra"] = {**user.extra, **given["extra"]}
    if "password_hash" in changes or (user.enabled and changes.get("enabled") is False):
        user = end_tokens_of(tx, user)
    if _SHOWN_IN_TOKENS & changes.keys():
        rights_changed(tx)
    with unique("user", duplicate(changes.get("name", user.name), user.domain_id)):
        user = tx.update(user, **changes)
    events.emit(tx, ctx, "user.update", user)
    return Reply(200, {"user": render(tx, ctx, User, [user])[0]})


def delete_user(tx: Tx, ctx: Context, user: User) -> None:
    """The user is gone, and whatever was theirs."""
    forget_actors(tx, [user.id])
    tx.delete(user)
    rights_changed(tx)


USERS = expose(
    User,
    List(policy="identity:list_users", only_domain=lambda id: User.c.domain_id == id),
    Show(policy="identity:get_user"),
    Create(policy="identity:create_user", prepare=_with_hash, run=create_user),
    Delete(policy="identity:delete_user", run=delete_user),
)


# -- the password ---------------------------------------------------------------------------------------

_PASSWORDS = {
    "type": "object",
    "properties": {
        "user": {
            "type": "object",
            "properties": {"original_password": {"type": "string"}, "password": {"type": "string"}},
            "required": ["original_password", "password"],
        }
    },
    "required": ["user"],
}
_password_body = schema.compile_schema(_PASSWORDS)


@route("POST", "/users/{user_id}/password", schema=told(_PASSWORDS), public=True, status=204)
async def change_password(ctx: Context, request: Request) -> None:
    """A user's own new password; it takes the old one and no token, and ends all of their tokens."""
    schema.check(_password_body, request.body, WIRE)
    words = request.body["user"]
    user = await ctx.read(Tx.get, User, request.params["user_id"])
    passwords = ctx.app.contract(Authority).passwords
    stored = user.password_hash if user is not None and user.enabled else None
    if not await passwords.matches(words["original_password"], stored) or user is None:
        raise unauthorized()
    if user.options.get("lock_password"):
        raise BadRequest(
            "You cannot change your password at this time due to password policy disallowing password "
            "changes. Please contact your administrator to reset your password."
        )
    await ctx.transact(_store_password, user.id, stored, await _hash(ctx, words["password"]))


def _store_password(tx: Tx, user_id: str, before: str | None, hash: str) -> None:
    """The new hash in the place of the one that was compared.

    Raises Unauthorized if that has changed meanwhile.
    """
    user = tx.get(User, user_id)
    if user is None or user.password_hash != before:
        raise unauthorized()
    tx.update(end_tokens_of(tx, user), password_hash=hash)


# -- what is a user's -----------------------------------------------------------------------------------


@route("GET", "/users/{user_id}/groups", policy="identity:list_groups_for_user")
def list_groups(tx: Tx, ctx: Context, request: Request) -> Any:
    """The groups that a user is in."""
    user = _user(tx, ctx, request, "identity:list_groups_for_user")
    ids = [row.group_id for row in tx.all(Membership, Membership.c.user_id == user.id)]
    rows = sorted(tx.get_many(Group, ids).values(), key=lambda row: row.id)
    name = request.query.get("name")
    rows = [row for row in rows if name is None or row.name == name]
    links = list_links(ctx, request.path, request.query.pairs)
    return {"groups": render(tx, ctx, Group, rows), "links": links}


@route("GET", "/users/{user_id}/projects", policy="identity:list_user_projects")
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


ROUTES = (update_user, change_password, list_groups, list_projects, revoke_tokens)
