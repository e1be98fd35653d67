# SPDX-License-Identifier: Apache-2.0
"""Which projects may use a flavor that is not public."""

from typing import Any

from cumulet.kernel.auth.context import Context
from cumulet.kernel.db import Tx
from cumulet.kernel.errors import Conflict, NotFound
from cumulet.kernel.http.endpoint import route
from cumulet.kernel.http.messages import Request
from cumulet.kernel.resource import Action, expose
from cumulet.kernel.resource.finding import fetch_by_key
from cumulet.kernel.resource.shapes import array, keys
from cumulet.services.nova.flavors.model import Flavor, FlavorAccess, projects_of

TENANT = {
    "type": "object",
    "properties": {"tenant": {"type": "string", "minLength": 1, "maxLength": 255}},
    "required": ["tenant"],
    "additionalProperties": False,
}

SHOWN = keys(flavor_access=array(keys(flavor_id=str, tenant_id=str)))


def _shown(tx: Tx, flavor: Flavor) -> dict[str, Any]:
    rows = projects_of(tx, [flavor.id])
    return {"flavor_access": [{"flavor_id": row.flavor_id, "tenant_id": row.project_id} for row in rows]}


@route(
    "GET",
    "/flavors/{flavor_id}/os-flavor-access",
    policy="os_compute_api:os-flavor-access",
    answer=SHOWN,
)
def list_access(tx: Tx, ctx: Context, request: Request) -> dict[str, Any]:
    """The projects that may use a private flavor."""
    ctx.require("os_compute_api:os-flavor-access")
    flavor: Flavor = fetch_by_key(tx, ctx, Flavor, request.params["flavor_id"], "")
    if flavor.is_public:
        raise NotFound("Access list not available for public flavors.")
    return _shown(tx, flavor)


def add_access(tx: Tx, ctx: Context, flavor: Flavor, given: dict[str, Any]) -> dict[str, Any]:
    """Let a project use the flavor."""
    if flavor.is_public:
        raise Conflict("Can not add access to a public flavor.")
    project_id = given["tenant"]
    if _find(tx, flavor, project_id) is not None:
        raise Conflict(
            f"Flavor access already exists for flavor {flavor.id} and project {project_id} combination."
        )
    tx.insert(FlavorAccess(flavor_id=flavor.id, project_id=project_id))
    return _shown(tx, flavor)


def remove_access(tx: Tx, ctx: Context, flavor: Flavor, given: dict[str, Any]) -> dict[str, Any]:
    """Let a project use the flavor no more; what it runs goes on."""
    row = _find(tx, flavor, given["tenant"])
    if row is None:
        raise NotFound(f"Flavor access not found for {flavor.id} / {given['tenant']} combination.")
    tx.delete(row)
    return _shown(tx, flavor)


def _find(tx: Tx, flavor: Flavor, project_id: str) -> FlavorAccess | None:
    c = FlavorAccess.c
    return tx.first(FlavorAccess, c.flavor_id == flavor.id, c.project_id == project_id)


ACCESS = expose(
    Flavor,
    Action(
        name="addTenantAccess",
        policy="os_compute_api:os-flavor-access:add_tenant_access",
        run=add_access,
        status=200,
        body=TENANT,
        answer=SHOWN,
    ),
    Action(
        name="removeTenantAccess",
        policy="os_compute_api:os-flavor-access:remove_tenant_access",
        run=remove_access,
        status=200,
        body=TENANT,
        answer=SHOWN,
    ),
)
