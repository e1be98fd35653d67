# SPDX-License-Identifier: Apache-2.0
"""The operations on registered limits, the defaults of all projects.

One that limits of projects rest on can be neither changed nor deleted.
"""

from collections.abc import Mapping
from typing import Any

from cumulet.kernel import events
from cumulet.kernel.auth.context import Context
from cumulet.kernel.db import Tx
from cumulet.kernel.errors import Forbidden
from cumulet.kernel.http.endpoint import route
from cumulet.kernel.http.messages import Reply, Request
from cumulet.kernel.resource import Delete, Show, expose
from cumulet.kernel.resource.finding import fetch
from cumulet.kernel.resource.shapes import one, several
from cumulet.kernel.resource.views import render
from cumulet.services.keystone.catalog.model import CatalogService, Region
from cumulet.services.keystone.entity import List
from cumulet.services.keystone.errors import expecting
from cumulet.services.keystone.limits.model import Limit, RegisteredLimit
from cumulet.services.keystone.limits.schemas import NEW_REGISTERED_LIMITS, REGISTERED_LIMIT
from cumulet.services.keystone.storing import unique

LOCK = "keystone.limits"
"""Held by whoever writes limits, so that none is made whose registered limit goes away meanwhile."""


def resource_values(tx: Tx, given: Mapping[str, Any], member: str) -> dict[str, Any]:
    """What a body sets, as columns. Raises BadRequest unless the service and the region exist."""
    values = dict(given)
    if "service_id" in values and tx.get(CatalogService, values["service_id"]) is None:
        raise expecting("service_id", member)
    if values.get("region_id") is not None and tx.get(Region, values["region_id"]) is None:
        raise expecting("region_id", member)
    if "region_id" in values:
        values["region_id"] = values["region_id"] or ""
    for name in ("default_limit", "resource_limit"):
        if name in values:
            values[name] = int(values[name])
    return values


@route(
    "POST",
    "/registered_limits",
    policy="identity:create_registered_limits",
    schema=NEW_REGISTERED_LIMITS.at,
    status=201,
    answer=several(RegisteredLimit),
)
def create_registered_limits(tx: Tx, ctx: Context, request: Request) -> Reply:
    """Registered limits, all or none."""
    asked = NEW_REGISTERED_LIMITS(ctx, request.body)["registered_limits"]
    ctx.require("identity:create_registered_limits", {})
    tx.lock(LOCK)
    rows = [RegisteredLimit(**resource_values(tx, given, "registered_limit")) for given in asked]
    for row in rows:
        with unique("registered_limit", "Duplicate entry"):
            events.emit(tx, ctx, "registered_limit.create", tx.insert(row))
    return Reply(201, {"registered_limits": render(tx, ctx, RegisteredLimit, rows)})


@route(
    "PATCH",
    "/registered_limits/{registered_limit_id}",
    policy="identity:update_registered_limit",
    schema=REGISTERED_LIMIT.at,
    answer=one(RegisteredLimit),
)
def update_registered_limit(tx: Tx, ctx: Context, request: Request) -> Reply:
    """The registered limit with its changes; Forbidden while limits rest on it."""
    given = REGISTERED_LIMIT(ctx, request.body)["registered_limit"]
    tx.lock(LOCK)
    row: RegisteredLimit = fetch(tx, ctx, RegisteredLimit, request, "identity:update_registered_limit")
    values = resource_values(tx, given, "registered_limit")
    _check_unused(tx, row)
    with unique("registered_limit", "Duplicate entry"):
        row = tx.update(row, **values)
    events.emit(tx, ctx, "registered_limit.update", row)
    return Reply(200, {"registered_limit": render(tx, ctx, RegisteredLimit, [row])[0]})


def delete_registered_limit(tx: Tx, ctx: Context, row: RegisteredLimit) -> None:
    tx.lock(LOCK)
    _check_unused(tx, row)
    tx.delete(row)


def _check_unused(tx: Tx, row: RegisteredLimit) -> None:
    c = Limit.c
    same = (
        c.service_id == row.service_id,
        c.region_id == row.region_id,
        c.resource_name == row.resource_name,
    )
    if tx.exists(Limit, *same):
        raise Forbidden(
            f"Unable to update or delete registered limit {row.id} because there are project limits "
            "associated with it."
        )


REGISTERED_LIMITS = expose(
    RegisteredLimit,
    List(policy="identity:list_registered_limits"),
    Show(policy="identity:get_registered_limit"),
    Delete(policy="identity:delete_registered_limit", run=delete_registered_limit),
)

ROUTES = (create_registered_limits, update_registered_limit)
