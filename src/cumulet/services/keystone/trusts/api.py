# SPDX-License-Identifier: Apache-2.0
"""The operations on trusts. Only their trustor makes them, and no application credential reaches them."""

from typing import Any

from cumulet.kernel import events
from cumulet.kernel.auth.context import Context
from cumulet.kernel.db import Tx
from cumulet.kernel.http.endpoint import route
from cumulet.kernel.http.messages import Reply, Request
from cumulet.kernel.resource import schema
from cumulet.kernel.resource.shapes import array, one, page
from cumulet.kernel.resource.views import render
from cumulet.services.keystone.entity import named, need, parsed
from cumulet.services.keystone.errors import not_allowed, not_found
from cumulet.services.keystone.roles.model import Role
from cumulet.services.keystone.tokens.revocation import TRUST, tell_ended
from cumulet.services.keystone.trusts.making import create_trust
from cumulet.services.keystone.trusts.model import Trust, end, need_usable
from cumulet.services.keystone.wire import AROUND, WIRE, list_links

_LIST = "/OS-TRUST/trusts"
_ONE = _LIST + "/{trust_id}"
_ROLES = _ONE + "/roles"

WHOLE = one(Trust, roles=array(Role), roles_links=AROUND)


@route(
    "POST",
    _LIST,
    policy="identity:create_trust",
    schema=lambda version: schema.body_schema(Trust, "create", version, WIRE),
    status=201,
    answer=WHOLE,
)
def create(tx: Tx, ctx: Context, request: Request) -> Reply:
    """The trustee may from now on ask for tokens by the trust."""
    given = parsed(Trust, "create", request.body, WIRE)
    ctx.require("identity:create_trust", named("trust", given))
    _require_no_application_credential(ctx)
    trust = create_trust(tx, ctx, given)
    events.emit(tx, ctx, "trust.create", trust)
    return Reply(201, {"trust": _whole(tx, ctx, trust)})


@route(
    "GET",
    _LIST,
    policy="identity:list_trusts",
    query=("trustee_user_id", "trustor_user_id"),
    answer=page(Trust),
)
def list_all(tx: Tx, ctx: Context, request: Request) -> Any:
    """Trusts, without their roles: all, or those of a trustor or a trustee."""
    where = []
    rule = "identity:list_trusts"
    target = {}
    for actor in ("trustee", "trustor"):
        if user_id := request.query.get(f"{actor}_user_id"):
            where.append(Trust.c[f"{actor}_user_id"] == user_id)
            rule, target = f"identity:list_trusts_for_{actor}", {f"target.trust.{actor}_user_id": user_id}
    ctx.require(rule, target)
    _require_no_application_credential(ctx)
    rows = tx.all(Trust, *where, order_by=[Trust.c.id])
    links = list_links(ctx, request.path, request.query.pairs)
    return {"trusts": render(tx, ctx, Trust, rows), "links": links}


@route("GET", _ONE, policy="identity:get_trust", answer=WHOLE)
def show(tx: Tx, ctx: Context, request: Request) -> Any:
    """One trust with its roles."""
    return {"trust": _whole(tx, ctx, _need(tx, ctx, request, "identity:get_trust"))}


@route("DELETE", _ONE, policy="identity:delete_trust", status=204)
def delete(tx: Tx, ctx: Context, request: Request) -> None:
    """The trust is gone with all that rest on it, and the tokens by them have ended."""
    trust = _need(tx, ctx, request, "identity:delete_trust")
    for id in end(tx, [trust]):
        tell_ended(tx, TRUST, id)
    events.emit(tx, ctx, "trust.delete", trust)


@route("GET", _ROLES, policy="identity:list_roles_for_trust", answer=page(Role))
def list_roles(tx: Tx, ctx: Context, request: Request) -> Any:
    """The roles of a trust."""
    whole = _whole(tx, ctx, _need(tx, ctx, request, "identity:list_roles_for_trust"))
    return {"roles": whole["roles"], "links": whole["roles_links"]}


@route("GET", _ROLES + "/{role_id}", policy="identity:get_role_for_trust", answer=one(Role))
def show_role(tx: Tx, ctx: Context, request: Request) -> Any:
    """One role of a trust."""
    trust = _need(tx, ctx, request, "identity:get_role_for_trust")
    role_id = request.params["role_id"]
    if role_id not in trust.role_ids:
        raise not_found("role", role_id)
    return {"role": render(tx, ctx, Role, [need(tx, Role, role_id)])[0]}


def _need(tx: Tx, ctx: Context, request: Request, policy: str) -> Trust:
    """The trust of the path. One that is gone is not found before anybody asks who wants to know."""
    trust = need_usable(tx, request.params["trust_id"])
    ctx.require(policy, Trust.target(tx, trust))
    _require_no_application_credential(ctx)
    return trust


def _require_no_application_credential(ctx: Context) -> None:
    """Raise Forbidden for a program: a trust would outlive its credential and reach where that does not."""
    if ctx.identity.application_credential_id:
        raise not_allowed("Using method 'application_credential' is not allowed for managing trusts.")


def _whole(tx: Tx, ctx: Context, trust: Trust) -> dict[str, Any]:
    known = tx.get_many(Role, trust.role_ids)
    roles = [known[id] for id in trust.role_ids if id in known]
    path = f"{ctx.service.api.prefix}{_ROLES.format(trust_id=trust.id)}"
    return {
        **render(tx, ctx, Trust, [trust])[0],
        "roles": render(tx, ctx, Role, roles),
        "roles_links": list_links(ctx, path),
    }


ROUTES = (create, list_all, show, delete, list_roles, show_role)
