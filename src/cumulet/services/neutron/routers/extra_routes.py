# SPDX-License-Identifier: Apache-2.0
"""Static routes are added to a router and removed from it by callers who need not know its other routes."""

from typing import Any

from cumulet.kernel import events
from cumulet.kernel.auth.context import Context
from cumulet.kernel.db import Tx
from cumulet.kernel.errors import BadRequest
from cumulet.kernel.http.endpoint import route, told
from cumulet.kernel.http.messages import Request
from cumulet.kernel.resource import schema
from cumulet.kernel.resource.finding import fetch_by_key
from cumulet.kernel.resource.shapes import one
from cumulet.kernel.resource.views import render
from cumulet.services.neutron.routers.api import update_router
from cumulet.services.neutron.routers.model import Router
from cumulet.services.neutron.wire import WIRE

Routes = list[dict[str, str]]

_BODY = {
    "type": "object",
    "properties": {
        "router": {
            "type": "object",
            "properties": {"routes": {"type": "array", "items": {"type": "object"}}},
            "required": ["routes"],
        }
    },
    "required": ["router"],
}


@route(
    "PUT",
    "/routers/{router_id}/add_extraroutes",
    policy="add_extraroutes",
    schema=told(_BODY),
    answer=one(Router),
)
def add_extraroutes(tx: Tx, ctx: Context, request: Request) -> dict[str, Any]:
    """The router has these routes too; those that it has already are no fault."""
    router = _router(tx, ctx, request, "add_extraroutes")
    more = [route for route in _asked(request.body) if route not in router.routes]
    return _with_routes(tx, ctx, router, [*router.routes, *more])


@route(
    "PUT",
    "/routers/{router_id}/remove_extraroutes",
    policy="remove_extraroutes",
    schema=told(_BODY),
    answer=one(Router),
)
def remove_extraroutes(tx: Tx, ctx: Context, request: Request) -> dict[str, Any]:
    """The router has these routes no longer; those that it never had are no fault."""
    router = _router(tx, ctx, request, "remove_extraroutes")
    gone = _asked(request.body)
    return _with_routes(tx, ctx, router, [route for route in router.routes if route not in gone])


def _router(tx: Tx, ctx: Context, request: Request, policy: str) -> Router:
    router: Router = fetch_by_key(tx, ctx, Router, request.params["router_id"], policy)
    return router


def _asked(body: Any) -> Routes:
    routes: Routes | None = schema.parse(Router, "update", body, 0, WIRE).get("routes")
    if routes is None:
        raise BadRequest("Failed to parse request. Required attribute 'routes' not specified")
    return routes


def _with_routes(tx: Tx, ctx: Context, router: Router, routes: Routes) -> dict[str, Any]:
    changed = update_router(tx, ctx, router, {"routes": routes})
    events.emit(tx, ctx, "router.update", changed)
    return {"router": render(tx, ctx, Router, [changed])[0]}


ROUTES = (add_extraroutes, remove_extraroutes)
