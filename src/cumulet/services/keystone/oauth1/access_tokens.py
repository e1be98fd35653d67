# SPDX-License-Identifier: Apache-2.0
"""What a user has granted to consumers: to be looked at, and to be taken back."""

from typing import Any

from cumulet.kernel import events
from cumulet.kernel.auth.context import Context
from cumulet.kernel.db import Tx
from cumulet.kernel.errors import NotFound
from cumulet.kernel.http.endpoint import route
from cumulet.kernel.http.messages import Request
from cumulet.kernel.resource.shapes import array, keys, one, page
from cumulet.kernel.resource.views import render
from cumulet.services.keystone.credentials.delegation import acting_by
from cumulet.services.keystone.errors import forbidden, not_found, unauthorized
from cumulet.services.keystone.oauth1.model import AccessToken, need_access_token
from cumulet.services.keystone.roles.model import Role
from cumulet.services.keystone.tokens.revocation import ACCESS_TOKEN, tell_ended
from cumulet.services.keystone.wire import AROUND, SELF, list_links, self_link

_LIST = "/users/{user_id}/OS-OAUTH1/access_tokens"
_ONE = _LIST + "/{access_token_id}"
_ROLES = _ONE + "/roles"

_ROLE = keys({...: Any}, id=str, name=str, links=SELF)


@route("GET", _LIST, policy="identity:list_access_tokens", answer=page(AccessToken))
def list_tokens(tx: Tx, ctx: Context, request: Request) -> Any:
    """All that a user has granted."""
    ctx.require("identity:list_access_tokens", {})
    _require_themselves(ctx)
    c = AccessToken.c
    rows = tx.all(AccessToken, c.authorizing_user_id == request.params["user_id"], order_by=[c.id])
    return {"access_tokens": _bodies(tx, ctx, rows), "links": list_links(ctx, request.path)}


@route("GET", _ONE, policy="identity:get_access_token", answer=one(AccessToken))
def show_token(tx: Tx, ctx: Context, request: Request) -> Any:
    """One grant, without its secret."""
    ctx.require("identity:get_access_token", {})
    _require_themselves(ctx)
    return {"access_token": _bodies(tx, ctx, [_of_user(tx, request)])[0]}


@route("DELETE", _ONE, policy="identity:delete_access_token", status=204)
def delete_token(tx: Tx, ctx: Context, request: Request) -> None:
    """The consumer has the right no longer, and the tokens by it have ended."""
    ctx.require("identity:delete_access_token", {})
    _require_themselves(ctx)
    row = need_access_token(tx, request.params["access_token_id"])
    if row.authorizing_user_id != request.params["user_id"]:
        raise unauthorized()
    tx.delete(row)
    tell_ended(tx, ACCESS_TOKEN, row.id)
    events.emit(tx, ctx, "access_token.delete", row)


@route(
    "GET", _ROLES, policy="identity:list_access_token_roles", answer=keys(roles=array(_ROLE), links=AROUND)
)
def list_roles(tx: Tx, ctx: Context, request: Request) -> Any:
    """The roles of a grant."""
    ctx.require("identity:list_access_token_roles", {})
    row = _of_user(tx, request)
    known = tx.get_many(Role, row.role_ids)
    roles = [known[id] for id in row.role_ids if id in known]
    return {"roles": [_role(tx, ctx, role) for role in roles], "links": list_links(ctx, request.path)}


@route("GET", _ROLES + "/{role_id}", policy="identity:get_access_token_role", answer=keys(role=_ROLE))
def show_role(tx: Tx, ctx: Context, request: Request) -> Any:
    """One role of a grant."""
    ctx.require("identity:get_access_token_role", {})
    row = need_access_token(tx, request.params["access_token_id"])
    if row.authorizing_user_id != request.params["user_id"]:
        raise unauthorized()
    role = tx.get(Role, request.params["role_id"])
    if role is None or role.id not in row.role_ids:
        raise not_found("role", request.params["role_id"])
    return {"role": _role(tx, ctx, role)}


def _require_themselves(ctx: Context) -> None:
    """Raise Forbidden for who acts by a delegation: it is no business of theirs what else was granted."""
    if acting_by(ctx.identity):
        raise forbidden()


def _of_user(tx: Tx, request: Request) -> AccessToken:
    row = need_access_token(tx, request.params["access_token_id"])
    if row.authorizing_user_id != request.params["user_id"]:
        raise NotFound(AccessToken.missing)
    return row


def _bodies(tx: Tx, ctx: Context, rows: list[AccessToken]) -> list[dict[str, Any]]:
    bodies = render(tx, ctx, AccessToken, rows)
    for row, body in zip(rows, bodies, strict=True):
        path = _ROLES.format(user_id=row.authorizing_user_id, access_token_id=row.id)
        body["links"]["roles"] = self_link(ctx, path)["self"]
    return bodies


def _role(tx: Tx, ctx: Context, role: Role) -> dict[str, Any]:
    body = render(tx, ctx, Role, [role])[0]
    return {name: value for name, value in body.items() if name != "description"}


ROUTES = (list_tokens, show_token, delete_token, list_roles, show_role)
