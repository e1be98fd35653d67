# SPDX-License-Identifier: Apache-2.0
"""The operations on services, endpoints and regions. Every change of them shows in the next token."""

from typing import Any

from cumulet.kernel.auth.context import Context
from cumulet.kernel.db import Tx
from cumulet.kernel.errors import BadRequest, Forbidden
from cumulet.kernel.http.endpoint import route
from cumulet.kernel.http.messages import Reply, Request
from cumulet.kernel.resource import Delete, Show, expose
from cumulet.kernel.resource.schema import body_schema
from cumulet.kernel.resource.shapes import one
from cumulet.kernel.resource.views import render
from cumulet.services.keystone.catalog.model import CatalogService, Endpoint, Region
from cumulet.services.keystone.catalog.urls import is_well_formed
from cumulet.services.keystone.entity import Create, List, Update, parsed
from cumulet.services.keystone.storing import unique
from cumulet.services.keystone.tokens.revocation import rights_changed
from cumulet.services.keystone.wire import WIRE

# -- services -------------------------------------------------------------------------------------------


def create_service(tx: Tx, ctx: Context, given: dict[str, Any]) -> CatalogService:
    rights_changed(tx)
    return tx.insert(CatalogService(**given))


def update_service(tx: Tx, ctx: Context, service: CatalogService, given: dict[str, Any]) -> CatalogService:
    rights_changed(tx)
    return tx.update(service, **given)


def delete_service(tx: Tx, ctx: Context, service: CatalogService) -> None:
    """The service is gone, with its endpoints."""
    rights_changed(tx)
    tx.delete_where(Endpoint, Endpoint.c.service_id == service.id)
    tx.delete(service)


SERVICES = expose(
    CatalogService,
    List(policy="identity:list_services"),
    Show(policy="identity:get_service"),
    Create(policy="identity:create_service", run=create_service),
    Update(policy="identity:update_service", run=update_service),
    Delete(policy="identity:delete_service", run=delete_service),
)


# -- endpoints ------------------------------------------------------------------------------------------


def create_endpoint(tx: Tx, ctx: Context, given: dict[str, Any]) -> Endpoint:
    values = _endpoint_values(tx, given)
    rights_changed(tx)
    return tx.insert(Endpoint(**values))


def update_endpoint(tx: Tx, ctx: Context, endpoint: Endpoint, given: dict[str, Any]) -> Endpoint:
    """The endpoint with its changes; bootstrap leaves alone what an operator has changed."""
    rights_changed(tx)
    return tx.update(endpoint, **_endpoint_values(tx, given), bootstrapped=False)


def delete_endpoint(tx: Tx, ctx: Context, endpoint: Endpoint) -> None:
    rights_changed(tx)
    tx.delete(endpoint)


def _endpoint_values(tx: Tx, given: dict[str, Any]) -> dict[str, Any]:
    """The columns; the older key `region` makes a region that does not exist. Raises BadRequest."""
    values = {name: value for name, value in given.items() if name in Endpoint.stored}
    if "region_id" not in given and given.get("region"):
        values["region_id"] = given["region"]
        if tx.get(Region, given["region"]) is None:
            tx.insert(Region(id=given["region"]))
    region_id = values.get("region_id")
    if region_id and tx.get(Region, region_id) is None:
        raise BadRequest(f"Could not find region: {region_id}.")
    service_id = values.get("service_id")
    if service_id is not None and tx.get(CatalogService, service_id) is None:
        raise BadRequest(f"Could not find service: {service_id}.")
    if "url" in values and not is_well_formed(values["url"]):
        raise BadRequest(f"Cannot create an endpoint with an invalid URL: {values['url']}.")
    return values


ENDPOINTS = expose(
    Endpoint,
    List(policy="identity:list_endpoints"),
    Show(policy="identity:get_endpoint"),
    Create(policy="identity:create_endpoint", run=create_endpoint),
    Update(policy="identity:update_endpoint", run=update_endpoint),
    Delete(policy="identity:delete_endpoint", run=delete_endpoint),
)


# -- regions --------------------------------------------------------------------------------------------


def create_region(tx: Tx, ctx: Context, given: dict[str, Any]) -> Region:
    """A region, with the id that the request asks for if it does."""
    values = {name: value for name, value in given.items() if name != "id" or value}
    values["description"] = values.get("description") or ""
    _check_parent(tx, values.get("id"), values.get("parent_region_id"))
    with unique("region", f"Duplicate ID, {values.get('id')}."):
        return tx.insert(Region(**values))


@route(
    "PUT",
    "/regions/{region_id}",
    policy="identity:create_region",
    schema=lambda version: body_schema(Region, "create", version, WIRE),
    status=201,
    answer=one(Region),
)
def put_region(tx: Tx, ctx: Context, request: Request) -> Reply:
    """A region with the id of the path."""
    ctx.require("identity:create_region", {})
    given = parsed(Region, "create", request.body, WIRE)
    id = request.params["region_id"]
    if given.get("id") not in (None, id):
        raise BadRequest(f'Conflicting region IDs specified: "{id}" != "{given["id"]}"')
    region = create_region(tx, ctx, {**given, "id": id})
    return Reply(201, {"region": render(tx, ctx, Region, [region])[0]})


def update_region(tx: Tx, ctx: Context, region: Region, given: dict[str, Any]) -> Region:
    if "parent_region_id" in given:
        _check_parent(tx, region.id, given["parent_region_id"])
    return tx.update(region, **given)


def delete_region(tx: Tx, ctx: Context, region: Region) -> None:
    """A region without endpoints is gone, with the regions inside it."""
    inside = [region.id]
    for id in inside:
        inside += [row.id for row in tx.all(Region, Region.c.parent_region_id == id)]
    if tx.exists(Endpoint, Endpoint.c.region_id.in_(inside)):
        raise Forbidden(
            f"Unable to delete region {region.id} because it or its child regions have associated endpoints."
        )
    tx.delete_where(Region, Region.c.id.in_(inside))


def _check_parent(tx: Tx, id: str | None, parent_id: str | None) -> None:
    """Raise unless the parent exists and is not inside the region itself."""
    above = parent_id
    while above:
        if above == id:
            raise BadRequest(
                f"The specified parent region {parent_id} would create a circular region hierarchy."
            )
        parent = tx.get(Region, above)
        if parent is None:
            raise BadRequest(f"Could not find region: {above}.")
        above = parent.parent_region_id


REGIONS = expose(
    Region,
    List(policy="identity:list_regions"),
    Show(policy="identity:get_region"),
    Create(policy="identity:create_region", run=create_region),
    Update(policy="identity:update_region", run=update_region),
    Delete(policy="identity:delete_region", run=delete_region),
)

ROUTES = (put_region,)
