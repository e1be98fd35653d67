# SPDX-License-Identifier: Apache-2.0
"""The operations on limits of projects and domains. Everybody sees those that concern them."""

from collections.abc import Mapping, Sequence
from typing import Any

import sqlalchemy as sa

from cumulet.kernel import events
from cumulet.kernel.auth.context import Context
from cumulet.kernel.db import Tx
from cumulet.kernel.errors import Forbidden
from cumulet.kernel.http.endpoint import route
from cumulet.kernel.http.messages import Reply, Request
from cumulet.kernel.resource import Delete, Show, expose
from cumulet.kernel.resource.finding import fetch
from cumulet.kernel.resource.shapes import keys, one, several
from cumulet.kernel.resource.views import render
from cumulet.services.keystone.entity import List
from cumulet.services.keystone.errors import expecting
from cumulet.services.keystone.limits import hierarchy
from cumulet.services.keystone.limits.model import Limit, RegisteredLimit
from cumulet.services.keystone.limits.registered import LOCK, resource_values
from cumulet.services.keystone.limits.schemas import LIMIT, NEW_LIMITS
from cumulet.services.keystone.projects.model import Project
from cumulet.services.keystone.storing import unique


@route(
    "POST",
    "/limits",
    policy="identity:create_limits",
    schema=NEW_LIMITS.at,
    status=201,
    answer=several(Limit),
)
def create_limits(tx: Tx, ctx: Context, request: Request) -> Reply:
    """Limits of projects and domains, all or none."""
    asked = NEW_LIMITS(ctx, request.body)["limits"]
    ctx.require("identity:create_limits", {})
    tx.lock(LOCK)
    rows = [Limit(**_owned(tx, resource_values(tx, given, "limit"))) for given in asked]
    hierarchy.check(tx, ctx.app.settings.limit_model, rows)
    for row in rows:
        _check_registered(tx, row)
        with unique("limit", "Duplicate entry"):
            events.emit(tx, ctx, "limit.create", tx.insert(row))
    return Reply(201, {"limits": render(tx, ctx, Limit, rows)})


def _owned(tx: Tx, values: dict[str, Any]) -> dict[str, Any]:
    """The columns with whose limit it is; a project that acts as a domain has one of a domain."""
    kind = "domain_id" if "domain_id" in values else "project_id"
    place = tx.get(Project, values.pop(kind) or "")
    if place is None or (kind == "domain_id" and not place.is_domain):
        raise expecting(kind, "limit")
    return {**values, "domain_id" if place.is_domain else "project_id": place.id}


def _check_registered(tx: Tx, row: Limit) -> None:
    resource = {"service_id": row.service_id, "region_id": row.region_id, "resource_name": row.resource_name}
    if tx.first_by(RegisteredLimit, **resource) is None:
        raise Forbidden("Unable to create a limit that has no corresponding registered limit.")


@route(
    "PATCH",
    "/limits/{limit_id}",
    policy="identity:update_limit",
    schema=LIMIT.at,
    answer=one(Limit),
)
def update_limit(tx: Tx, ctx: Context, request: Request) -> Reply:
    """The limit with its changes."""
    given = LIMIT(ctx, request.body)["limit"]
    tx.lock(LOCK)
    row: Limit = fetch(tx, ctx, Limit, request, "identity:update_limit")
    values = resource_values(tx, given, "limit")
    hierarchy.check(tx, ctx.app.settings.limit_model, [row.but(**values)])
    row = tx.update(row, **values)
    events.emit(tx, ctx, "limit.update", row)
    return Reply(200, {"limit": render(tx, ctx, Limit, [row])[0]})


@route(
    "GET",
    "/limits/model",
    policy="identity:get_limit_model",
    answer=keys(model=keys(name=str, description=str)),
)
def show_model(tx: Tx, ctx: Context, request: Request) -> Mapping[str, Any]:
    """How the limits of a domain and its projects bear on one another."""
    ctx.require("identity:get_limit_model", {})
    name = ctx.app.settings.limit_model
    return {"model": {"name": name, "description": hierarchy.DESCRIPTIONS[name]}}


def _own(tx: Tx, ctx: Context, request: Request) -> Sequence[Any]:
    """Of whom nothing entitles to see all limits: their project's, or their domain's and its projects'."""
    who, c = ctx.identity, Limit.c
    if who.system_scope or {"admin", "service"} & set(who.roles):
        return ()
    if who.domain_id:
        projects = sa.select(Project.c.id).where(Project.c.domain_id == who.domain_id)
        return (sa.or_(c.domain_id == who.domain_id, c.project_id.in_(projects)),)
    return (c.project_id == who.project_id,) if who.project_id else (sa.false(),)


LIMITS = expose(
    Limit,
    List(policy="identity:list_limits", where=_own),
    Show(policy="identity:get_limit"),
    Delete(policy="identity:delete_limit"),
)

ROUTES = (create_limits, update_limit, show_model)
