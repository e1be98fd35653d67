# SPDX-License-Identifier: Apache-2.0
"""The operations on routers."""

from typing import Any

from cumulet.kernel.auth.context import Context
from cumulet.kernel.db import Tx
from cumulet.kernel.errors import Conflict
from cumulet.kernel.resource import Create, Delete, List, Show, Update, expose
from cumulet.kernel.resource.writing import row_from
from cumulet.services.neutron import standard
from cumulet.services.neutron.hosting import publish
from cumulet.services.neutron.routers.gateways import clear_gateway, require_parts, set_gateway
from cumulet.services.neutron.routers.legs import interfaces_of, settle
from cumulet.services.neutron.routers.model import Router
from cumulet.services.neutron.routers.routes import check_routes


def create_router(tx: Tx, ctx: Context, given: dict[str, Any]) -> Router:
    info = given.get("external_gateway_info") or {}
    require_parts(ctx, "create", info, Router.target_of_new(tx, ctx, given))
    router: Router = tx.insert(row_from(Router, ctx, given))
    if not info:
        return router
    return settle(tx, ctx, set_gateway(tx, ctx, router, info))


def update_router(tx: Tx, ctx: Context, router: Router, given: dict[str, Any]) -> Router:
    """Change a router; the host that runs it follows."""
    info = given.pop("external_gateway_info", None)
    if info is not None:
        require_parts(ctx, "update", info, Router.target(tx, router))
        router = set_gateway(tx, ctx, router, info)
    if "routes" in given:
        check_routes(tx, router, given["routes"])
    if given:
        router = tx.update(router, **given)
    return settle(tx, ctx, router)


def delete_router(tx: Tx, ctx: Context, router: Router) -> None:
    """The router is gone with its gateway; interfaces keep it."""
    if interfaces_of(tx, router.id):
        raise Conflict(f"Router {router.id} still has ports", kind="RouterInUse")
    router = clear_gateway(tx, ctx, router)
    tx.delete(router)
    standard.forget(tx, router.id)
    publish.router(tx, ctx, router.id)


ROUTERS = expose(
    Router,
    List(policy="get_router", filters=standard.filters_of(Router)),
    Show(policy="get_router"),
    Create(policy="create_router", run=create_router, quota={"router": 1}),
    Update(policy="update_router", run=update_router),
    Delete(policy="delete_router", run=delete_router),
)
