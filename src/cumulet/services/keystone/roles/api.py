# SPDX-License-Identifier: Apache-2.0
"""The operations on roles, and which role implies which."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from cumulet.kernel.auth.context import Context
from cumulet.kernel.db import Tx
from cumulet.kernel.errors import BadRequest, Forbidden, NotFound
from cumulet.kernel.http.endpoint import route
from cumulet.kernel.http.messages import Reply, Request
from cumulet.kernel.resource import Resource, Show, expose
from cumulet.kernel.resource.finding import fetch
from cumulet.kernel.resource.shapes import array, keys
from cumulet.services.keystone.entity import Create, DeleteKnown, List, Update, merged, need
from cumulet.services.keystone.roles.effective import expanded, implications
from cumulet.services.keystone.roles.model import Implication, Role
from cumulet.services.keystone.storing import check_delete, check_update, duplicate, unique
from cumulet.services.keystone.tokens.revocation import rights_changed
from cumulet.services.keystone.wire import AROUND, SELF, list_links, self_link

_FOR_MANAGERS = ("manager", "member", "reader")
"""What the manager of a domain may give, and so may see."""


@dataclass(frozen=True, kw_only=True)
class ListRoles(List):
    """The global roles, or those of one domain; each has a rule of its own."""

    def answer(self, cls: type[Resource], tx: Tx, ctx: Context, request: Request) -> Reply:
        ctx.require("identity:list_domain_roles" if request.query.get("domain_id") else self.policy, {})
        return super().answer(cls, tx, ctx, request)


def _of_domain(tx: Tx, ctx: Context, request: Request) -> Sequence[Any]:
    where = [Role.c.domain_id == (request.query.get("domain_id") or "")]
    if ctx.identity.domain_id and not ctx.can("admin_required", {}):
        where.append(Role.c.name.in_(_FOR_MANAGERS))
    return where


class ShowRole(Show):
    """One role; those of domains have a rule of their own. What does not exist is a 404 for everybody."""

    def answer(self, cls: type[Resource], tx: Tx, ctx: Context, request: Request) -> Reply:
        role: Role = need(tx, Role, request.params["role_id"])
        if role.domain_id:
            ctx.require("identity:get_domain_role", Role.target(tx, role))
        return super().answer(cls, tx, ctx, request)


def create_role(tx: Tx, ctx: Context, given: dict[str, Any]) -> Role:
    values = {**given, "domain_id": given.get("domain_id") or ""}
    if values["domain_id"]:
        ctx.require("identity:create_domain_role", {})
    values["options"] = merged({}, values.get("options") or {})
    with unique("role", duplicate(values["name"], values["domain_id"])):
        return tx.insert(Role(**values))


def update_role(tx: Tx, ctx: Context, role: Role, given: dict[str, Any]) -> Role:
    if role.domain_id:
        ctx.require("identity:update_domain_role", {})
    check_update(role, given)
    if "domain_id" in given and (given.pop("domain_id") or "") != role.domain_id:
        raise BadRequest("Update of `domain_id` is not allowed.")
    if "options" in given:
        given["options"] = merged(role.options, given["options"])
    if "name" in given:
        rights_changed(tx)
    with unique("role", duplicate(given.get("name", role.name), role.domain_id)):
        return tx.update(role, **given)


def delete_role(tx: Tx, ctx: Context, role: Role) -> None:
    """The role is gone, and so is everybody's right that rested on it."""
    if role.domain_id:
        ctx.require("identity:delete_domain_role", {})
    check_delete(role)
    tx.delete(role)
    rights_changed(tx)


ROLES = expose(
    Role,
    ListRoles(policy="identity:list_roles", where=_of_domain),
    ShowRole(policy="identity:get_role"),
    Create(policy="identity:create_role", run=create_role),
    Update(policy="identity:update_role", run=update_role, tells_missing=True),
    DeleteKnown(policy="identity:delete_role", run=delete_role),
)


# -- implications ---------------------------------------------------------------------------------------

_IMPLIED = "/roles/{role_id}/implies"
_ONE = _IMPLIED + "/{implied_role_id}"


def _brief(ctx: Context, role: Role) -> dict[str, Any]:
    return {"id": role.id, "name": role.name, "links": self_link(ctx, f"/roles/{role.id}")}


def _inference(ctx: Context, prior: Role, implied: Any) -> dict[str, Any]:
    return {"prior_role": _brief(ctx, prior), "implies": implied}


BRIEF = keys(id=str, name=str, links=SELF)
ONE = keys(role_inference=keys(prior_role=BRIEF, implies=BRIEF), links=SELF)
_ALL = keys(prior_role=BRIEF, implies=array(BRIEF))


@route(
    "GET",
    _IMPLIED,
    policy="identity:list_implied_roles",
    answer=keys(role_inference=_ALL, links=SELF),
)
def list_implied(tx: Tx, ctx: Context, request: Request) -> Any:
    """What a role implies directly."""
    prior: Role = fetch(tx, ctx, Role, request, "identity:list_implied_roles")
    known = tx.get_many(Role, implications(tx).get(prior.id, ()))
    implied = [_brief(ctx, role) for role in sorted(known.values(), key=lambda role: role.id)]
    links = self_link(ctx, f"/roles/{prior.id}/implies")
    return {"role_inference": _inference(ctx, prior, implied), "links": links}


@route("GET", _ONE, policy="identity:get_implied_role", answer=ONE)
def show_implied(tx: Tx, ctx: Context, request: Request) -> Any:
    """One implication."""
    return _shown(ctx, *_implication(tx, ctx, request, "identity:get_implied_role")[:2])


@route("HEAD", _ONE, policy="identity:check_implied_role", status=204)
def check_implied(tx: Tx, ctx: Context, request: Request) -> None:
    """Whether the one role implies the other."""
    _implication(tx, ctx, request, "identity:check_implied_role")


@route("PUT", _ONE, policy="identity:create_implied_role", status=201, answer=ONE)
def create_implied(tx: Tx, ctx: Context, request: Request) -> Any:
    """The one role implies the other; no role ever implies itself, by whatever way."""
    ctx.require("identity:create_implied_role", {})
    tx.lock("keystone.implied_roles")
    prior, implied = _roles(tx, request)
    if implied.name == "admin" and not implied.domain_id:
        raise Forbidden(f"{implied.id} cannot be an implied roles.")
    if implied.domain_id and not prior.domain_id:
        raise Forbidden("Global role cannot imply a domain-specific role")
    if prior.id in expanded(implications(tx), [implied.id]):
        raise Forbidden(f"{implied.id} cannot be an implied roles.")
    id = f"{prior.id}/{implied.id}"
    if tx.get(Implication, id) is None:
        tx.insert(Implication(id=id, prior_role_id=prior.id, implied_role_id=implied.id))
        rights_changed(tx)
    return Reply(201, _shown(ctx, prior, implied))


@route("DELETE", _ONE, policy="identity:delete_implied_role", status=204)
def delete_implied(tx: Tx, ctx: Context, request: Request) -> None:
    """The one role implies the other no longer."""
    tx.delete(_implication(tx, ctx, request, "identity:delete_implied_role")[2])
    rights_changed(tx)


def _shown(ctx: Context, prior: Role, implied: Role) -> dict[str, Any]:
    links = self_link(ctx, f"/roles/{prior.id}/implies/{implied.id}")
    return {"role_inference": _inference(ctx, prior, _brief(ctx, implied)), "links": links}


def _roles(tx: Tx, request: Request) -> tuple[Role, Role]:
    return need(tx, Role, request.params["role_id"]), need(tx, Role, request.params["implied_role_id"])


def _implication(tx: Tx, ctx: Context, request: Request, policy: str) -> tuple[Role, Role, Implication]:
    ctx.require(policy, {})
    prior, implied = _roles(tx, request)
    found = tx.get(Implication, f"{prior.id}/{implied.id}")
    if found is None:
        raise NotFound(f"{prior.id} does not imply {implied.id}.")
    return prior, implied, found


@route(
    "GET",
    "/role_inferences",
    policy="identity:list_role_inference_rules",
    answer=keys(role_inferences=array(_ALL), links=AROUND),
)
def list_inferences(tx: Tx, ctx: Context, request: Request) -> Any:
    """Every role that implies something, with all that it implies directly."""
    ctx.require("identity:list_role_inference_rules", {})
    rules: Mapping[str, list[str]] = implications(tx)
    known = tx.get_many(Role, {*rules, *(id for implied in rules.values() for id in implied)})
    found = [
        _inference(ctx, known[prior], [_brief(ctx, known[id]) for id in sorted(rules[prior])])
        for prior in sorted(rules)
    ]
    return {"role_inferences": found, "links": list_links(ctx, request.path)}


ROUTES = (
    list_implied,
    show_implied,
    check_implied,
    create_implied,
    delete_implied,
    list_inferences,
)
