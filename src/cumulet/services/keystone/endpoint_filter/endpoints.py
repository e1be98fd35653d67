# SPDX-License-Identifier: Apache-2.0
"""The endpoints that projects were given by themselves."""

from typing import Any

from cumulet.kernel.auth.context import Context
from cumulet.kernel.db import Tx
from cumulet.kernel.errors import NotFound
from cumulet.kernel.http.endpoint import route
from cumulet.kernel.http.messages import Request
from cumulet.kernel.resource.shapes import page
from cumulet.kernel.resource.views import render
from cumulet.services.keystone.catalog.model import Endpoint
from cumulet.services.keystone.endpoint_filter.model import ProjectEndpoint, endpoints_of
from cumulet.services.keystone.entity import need
from cumulet.services.keystone.projects.model import Project
from cumulet.services.keystone.storing import unique
from cumulet.services.keystone.tokens.revocation import rights_changed
from cumulet.services.keystone.wire import list_links

_ENDPOINTS = "/OS-EP-FILTER/projects/{project_id}/endpoints"
_ENDPOINT = _ENDPOINTS + "/{endpoint_id}"


@route("GET", _ENDPOINTS, policy="identity:list_endpoints_for_project", answer=page(Endpoint))
def list_endpoints_of_project(tx: Tx, ctx: Context, request: Request) -> Any:
    """The endpoints that a project was given, by themselves or in groups."""
    ctx.require("identity:list_endpoints_for_project", {})
    rows = endpoints_of(tx, need(tx, Project, request.params["project_id"]).id)
    return {"endpoints": render(tx, ctx, Endpoint, rows), "links": list_links(ctx, request.path)}


@route(
    "GET",
    "/OS-EP-FILTER/endpoints/{endpoint_id}/projects",
    policy="identity:list_projects_for_endpoint",
    answer=page(Project),
)
def list_projects_of_endpoint(tx: Tx, ctx: Context, request: Request) -> Any:
    """The projects that were given an endpoint by itself."""
    ctx.require("identity:list_projects_for_endpoint", {})
    endpoint = need(tx, Endpoint, request.params["endpoint_id"])
    given = tx.all_in(ProjectEndpoint, "endpoint_id", [endpoint.id])
    rows = tx.all_in(Project, "id", [row.project_id for row in given], order=("id",))
    return {"projects": render(tx, ctx, Project, rows), "links": list_links(ctx, request.path)}


@route("GET", _ENDPOINT, policy="identity:check_endpoint_in_project", status=204)
def check_endpoint_of_project(tx: Tx, ctx: Context, request: Request) -> None:
    """Whether a project was given an endpoint by itself."""
    ctx.require("identity:check_endpoint_in_project", {})
    need(tx, Endpoint, request.params["endpoint_id"])
    need(tx, Project, request.params["project_id"])
    _association(tx, request)


@route("PUT", _ENDPOINT, policy="identity:add_endpoint_to_project", status=204)
def add_endpoint_to_project(tx: Tx, ctx: Context, request: Request) -> None:
    """The project's catalog shows the endpoint, and none that it was not given."""
    ctx.require("identity:add_endpoint_to_project", {})
    endpoint = need(tx, Endpoint, request.params["endpoint_id"])
    project = need(tx, Project, request.params["project_id"])
    row = ProjectEndpoint(id=f"{project.id}/{endpoint.id}", project_id=project.id, endpoint_id=endpoint.id)
    with unique("project_endpoint", "Duplicate entry"):
        tx.insert(row)
    rights_changed(tx)


@route("DELETE", _ENDPOINT, policy="identity:remove_endpoint_from_project", status=204)
def remove_endpoint_from_project(tx: Tx, ctx: Context, request: Request) -> None:
    """The project has the endpoint no longer."""
    ctx.require("identity:remove_endpoint_from_project", {})
    tx.delete(_association(tx, request))
    rights_changed(tx)


def _association(tx: Tx, request: Request) -> ProjectEndpoint:
    project_id, endpoint_id = request.params["project_id"], request.params["endpoint_id"]
    found = tx.get(ProjectEndpoint, f"{project_id}/{endpoint_id}")
    if found is None:
        raise NotFound(f"Endpoint {endpoint_id} not found in project {project_id}")
    return found


ROUTES = (
    list_endpoints_of_project,
    list_projects_of_endpoint,
    check_endpoint_of_project,
    add_endpoint_to_project,
    remove_endpoint_from_project,
)
