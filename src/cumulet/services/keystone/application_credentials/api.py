# SPDX-License-Identifier: Apache-2.0
"""The operations on application credentials and access rules. Only their own user makes them."""

import secrets
from typing import Any

from cumulet.kernel import events
from cumulet.kernel.auth.context import Context
from cumulet.kernel.db import Tx
from cumulet.kernel.errors import BadRequest, Forbidden
from cumulet.kernel.http.endpoint import route
from cumulet.kernel.http.messages import Reply, Request
from cumulet.kernel.resource import schema
from cumulet.kernel.resource.shapes import one, page
from cumulet.kernel.resource.views import render
from cumulet.services.keystone.application_credentials.delegation import require_unrestricted
from cumulet.services.keystone.application_credentials.model import (
    AccessRule,
    ApplicationCredential,
)
from cumulet.services.keystone.entity import need
from cumulet.services.keystone.errors import forbidden, malformed, not_allowed
from cumulet.services.keystone.expiry import expiry
from cumulet.services.keystone.hashing import hash_generated
from cumulet.services.keystone.people import User
from cumulet.services.keystone.projects.model import Project
from cumulet.services.keystone.roles.effective import Scope, expanded, implications, roles
from cumulet.services.keystone.roles.naming import role_ids_of
from cumulet.services.keystone.storing import duplicate, unique
from cumulet.services.keystone.tokens.authority import Authority
from cumulet.services.keystone.tokens.revocation import rights_changed
from cumulet.services.keystone.wire import WIRE, list_links

_LIST = "/users/{user_id}/application_credentials"
_ONE = _LIST + "/{application_credential_id}"


# -- making ---------------------------------------------------------------------------------------------


async def _prepare(ctx: Context, request: Request) -> dict[str, Any]:
    """What was asked for, with a secret and its hash."""
    given = schema.parse(ApplicationCredential, "create", request.body, 0, WIRE)
    user_id = request.params["user_id"]
    ctx.require("identity:create_application_credential", {"user_id": user_id})
    _require_no_trust(ctx)
    if user_id != ctx.user_id:
        raise not_allowed("Cannot create an application credential for another user.")
    if not ctx.project_id:
        raise forbidden()
    await ctx.read(require_unrestricted, ctx, "application credentials")
    asked = given.get("secret")
    secret = asked or secrets.token_urlsafe(64)
    passwords = ctx.app.contract(Authority).passwords
    secret_hash = await passwords.hash(secret) if asked else hash_generated(secret)
    return {**given, "secret": secret, "secret_hash": secret_hash}


def _require_no_trust(ctx: Context) -> None:
    """Raise Forbidden for who was trusted by another: a credential would outlive that trust."""
    if ctx.identity.trust_id or ctx.identity.access_token_id:
        raise forbidden()


@route(
    "POST",
    _LIST,
    policy="identity:create_application_credential",
    schema=lambda version: schema.body_schema(ApplicationCredential, "create", version, WIRE),
    status=201,
    prepare=_prepare,
    answer=one(ApplicationCredential, secret=str),
)
def create(tx: Tx, ctx: Context, request: Request) -> Reply:
    """A credential for the caller on the project of their token; its secret is told once."""
    given = request.prepared
    rules = given.get("access_rules")
    values = {
        "name": given["name"],
        "description": given.get("description"),
        "user_id": ctx.user_id,
        "project_id": ctx.project_id or "",
        "expires_at": expiry(tx, given.get("expires_at")),
        "unrestricted": bool(given.get("unrestricted")),
        "role_ids": _chosen_roles(tx, ctx, given.get("roles") or []),
        "access_rule_ids": [_rule(tx, ctx, words) for words in rules] if rules is not None else None,
        "secret_hash": given["secret_hash"],
    }
    with unique("application_credential", duplicate(given["name"])):
        row = tx.insert(ApplicationCredential(**values))
    events.emit(tx, ctx, "application_credential.create", row)
    body = {**_render(tx, ctx, [row])[0], "secret": given["secret"]}
    return Reply(201, {"application_credential": body})


def _chosen_roles(tx: Tx, ctx: Context, asked: list[dict[str, str]]) -> list[str]:
    """Ids of the roles that were asked for and of what they imply; of all of the token's when none were.

    The caller must have them in their token, and still on the project.
    """
    if not asked:
        return list(ctx.identity.role_ids)
    chosen = expanded(implications(tx), role_ids_of(tx, asked))
    project = tx.get(Project, ctx.project_id)
    held = {role.id for role in roles(tx, ctx.user_id, Scope("project", ctx.project_id or ""), project)}
    if not held.intersection(ctx.identity.role_ids).issuperset(chosen):
        raise BadRequest(
            "Invalid application credential: Cannot create an application credential with unassigned role"
        )
    return chosen


def _rule(tx: Tx, ctx: Context, words: dict[str, str]) -> str:
    """The id of the caller's access rule that says this, made if need be."""
    if "id" in words:
        row = tx.get(AccessRule, words["id"])
        if row is None or row.user_id != ctx.user_id:
            raise AccessRule.not_found(ctx, words["id"])
        return row.id
    values = {name: words.get(name) for name in ("service", "path", "method")}
    missing = next((name for name, value in values.items() if value is None), None)
    if missing is not None:
        raise malformed(f"Expecting to find {missing} in access_rules")
    c = AccessRule.c
    same = (c.service_type == words["service"], c.url_path == words["path"], c.method == words["method"])
    known = tx.first(AccessRule, c.user_id == ctx.user_id, *same)
    if known is not None:
        return known.id
    row = AccessRule(
        service_type=words["service"], url_path=words["path"], method=words["method"], user_id=ctx.user_id
    )
    return tx.insert(row).id


# -- showing and ending ---------------------------------------------------------------------------------


def _render(tx: Tx, ctx: Context, rows: list[ApplicationCredential]) -> list[dict[str, Any]]:
    """Credentials without access rules do not show the key."""
    bodies = render(tx, ctx, ApplicationCredential, rows)
    for row, body in zip(rows, bodies, strict=True):
        if row.access_rule_ids is None:
            del body["access_rules"]
    return bodies


def _allow(tx: Tx, ctx: Context, user_id: str, policy: str) -> str:
    """The user, who exists and about whom the caller may ask."""
    ctx.require(policy, {"user_id": user_id, "target.user.id": user_id})
    _require_no_trust(ctx)
    return str(need(tx, User, user_id).id)


def _need(tx: Tx, ctx: Context, request: Request, policy: str) -> ApplicationCredential:
    """The credential of the path. Policy sees whose it is, whatever user the path names."""
    id = request.params["application_credential_id"]
    row = tx.get(ApplicationCredential, id)
    _allow(tx, ctx, request.params["user_id"] if row is None else row.user_id, policy)
    if row is None:
        raise ApplicationCredential.not_found(ctx, id)
    return row


@route(
    "GET",
    _LIST,
    policy="identity:list_application_credentials",
    query=("name",),
    answer=page(ApplicationCredential),
)
def list_all(tx: Tx, ctx: Context, request: Request) -> Any:
    """A user's application credentials."""
    user_id = _allow(tx, ctx, request.params["user_id"], "identity:list_application_credentials")
    c = ApplicationCredential.c
    where = [c.user_id == user_id]
    if (name := request.query.get("name")) is not None:
        where.append(c.name == name)
    rows = tx.all(ApplicationCredential, *where, order_by=[c.id])
    links = list_links(ctx, request.path, request.query.pairs)
    return {"application_credentials": _render(tx, ctx, rows), "links": links}


@route("GET", _ONE, policy="identity:get_application_credential", answer=one(ApplicationCredential))
def show(tx: Tx, ctx: Context, request: Request) -> Any:
    """One application credential, without its secret."""
    row = _need(tx, ctx, request, "identity:get_application_credential")
    return {"application_credential": _render(tx, ctx, [row])[0]}


@route("DELETE", _ONE, policy="identity:delete_application_credential", status=204)
def delete(tx: Tx, ctx: Context, request: Request) -> None:
    """The credential is gone, and the tokens that were got with it have ended."""
    row = _need(tx, ctx, request, "identity:delete_application_credential")
    require_unrestricted(tx, ctx, "application credentials")
    tx.delete(row)
    rights_changed(tx)
    events.emit(tx, ctx, "application_credential.delete", row)


# -- access rules ---------------------------------------------------------------------------------------

_RULES = "/users/{user_id}/access_rules"


@route(
    "GET",
    _RULES,
    policy="identity:list_access_rules",
    query=("service", "path", "method"),
    answer=page(AccessRule),
)
def list_rules(tx: Tx, ctx: Context, request: Request) -> Any:
    """The access rules that a user's credentials have or had."""
    user_id = _allow(tx, ctx, request.params["user_id"], "identity:list_access_rules")
    c = AccessRule.c
    where = [c.user_id == user_id]
    for key, column in (("service", c.service_type), ("path", c.url_path), ("method", c.method)):
        if (value := request.query.get(key)) is not None:
            where.append(column == value)
    rows = tx.all(AccessRule, *where, order_by=[c.id])
    links = list_links(ctx, request.path, request.query.pairs)
    return {"access_rules": render(tx, ctx, AccessRule, rows), "links": links}


@route("GET", _RULES + "/{access_rule_id}", policy="identity:get_access_rule", answer=one(AccessRule))
def show_rule(tx: Tx, ctx: Context, request: Request) -> Any:
    """One access rule."""
    row = _need_rule(tx, ctx, request, "identity:get_access_rule")
    return {"access_rule": render(tx, ctx, AccessRule, [row])[0]}


@route("DELETE", _RULES + "/{access_rule_id}", policy="identity:delete_access_rule", status=204)
def delete_rule(tx: Tx, ctx: Context, request: Request) -> None:
    """The access rule is gone; Forbidden while a credential has it."""
    row = _need_rule(tx, ctx, request, "identity:delete_access_rule")
    credentials = tx.all(ApplicationCredential, ApplicationCredential.c.user_id == row.user_id)
    if any(row.id in (credential.access_rule_ids or ()) for credential in credentials):
        raise Forbidden(f"Access rule {row.id} is in use by an application credential.")
    tx.delete(row)


def _need_rule(tx: Tx, ctx: Context, request: Request, policy: str) -> AccessRule:
    user_id = _allow(tx, ctx, request.params["user_id"], policy)
    id = request.params["access_rule_id"]
    row = tx.get(AccessRule, id)
    if row is None or row.user_id != user_id:
        raise AccessRule.not_found(ctx, id)
    return row


ROUTES = (create, list_all, show, delete, list_rules, show_rule, delete_rule)
