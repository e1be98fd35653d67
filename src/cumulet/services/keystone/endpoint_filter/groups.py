# SPDX-License-Identifier: Apache-2.0
"""The operations on endpoint groups, and on the projects that have them."""

from collections.abc import Mapping
from typing import Any

from cumulet.kernel.auth.context import Context
from cumulet.kernel.db import Tx
from cumulet.kernel.errors import BadRequest, NotFound
from cumulet.kernel.http.endpoint import route
from cumulet.kernel.http.messages import Request
from cumulet.kernel.resource import Delete, Show, expose
from cumulet.kernel.resource.shapes import keys, page
from cumulet.kernel.resource.views import render
from cumulet.services.keystone.catalog.model import Endpoint
from cumulet.services.keystone.endpoint_filter.model import (
    FILTERED_BY,
    EndpointGroup,
    ProjectEndpointGroup,
    endpoints_in,
    groups_of,
)
from cumulet.services.keystone.entity import Create, List, Update, need
from cumulet.services.keystone.errors import expecting, not_found
from cumulet.services.keystone.projects.model import Project
from cumulet.services.keystone.storing import unique
from cumulet.services.keystone.tokens.revocation import rights_changed
from cumulet.services.keystone.wire import SELF, STRICT, list_links, self_link


def create_endpoint_group(tx: Tx, ctx: Context, given: dict[str, Any]) -> EndpointGroup:
    if not given["filters"]:
        raise BadRequest("filters field is required and cannot be empty")
    _check_filters(given)
    return tx.insert(EndpointGroup(**given))


def update_endpoint_group(tx: Tx, ctx: Context, group: EndpointGroup, given: dict[str, Any]) -> EndpointGroup:
    """The group with its changes, which show in the next tokens of its projects.

    Clients send null for filters that stay as they are.
    """
    if given.get("filters") is None:
        given.pop("filters", None)
    _check_filters(given)
    rights_changed(tx)
    return tx.update(group, **given)


def delete_endpoint_group(tx: Tx, ctx: Context, group: EndpointGroup) -> None:
    """No project has the group any more, and it is gone."""
    rights_changed(tx)
    tx.delete(group)


def _check_filters(given: Mapping[str, Any]) -> None:
    if set(given.get("filters", {})) - set(FILTERED_BY):
        raise expecting(" or ".join(FILTERED_BY), "endpoint_group")


ENDPOINT_GROUPS = expose(
    EndpointGroup,
    List(policy="identity:list_endpoint_groups"),
    Show(policy="identity:get_endpoint_group"),
    Create(policy="identity:create_endpoint_group", run=create_endpoint_group, wire=STRICT),
    Update(policy="identity:update_endpoint_group", run=update_endpoint_group, wire=STRICT),
    Delete(policy="identity:delete_endpoint_group", run=delete_endpoint_group),
)

_GROUP = "/OS-EP-FILTER/endpoint_groups/{endpoint_group_id}"
_PROJECT = _GROUP + "/projects/{project_id}"


@route(
    "GET",
    _GROUP + "/endpoints",
    policy="identity:list_endpoints_associated_with_endpoint_group",
    answer=page(Endpoint),
)
def list_endpoints_in_group(tx: Tx, ctx: Context, request: Request) -> Any:
    """The endpoints that are as the group's filters say."""
    ctx.require("identity:list_endpoints_associated_with_endpoint_group", {})
    rows = endpoints_in(tx, _group(tx, request))
    return {"endpoints": render(tx, ctx, Endpoint, rows), "links": list_links(ctx, request.path)}


@route(
    "GET",
    _GROUP + "/projects",
    policy="identity:list_projects_associated_with_endpoint_group",
    answer=page(Project),
)
def list_projects_of_group(tx: Tx, ctx: Context, request: Request) -> Any:
    """The projects that have the group; of one that there is not, none."""
    ctx.require("identity:list_projects_associated_with_endpoint_group", {})
    given = tx.all_in(ProjectEndpointGroup, "endpoint_group_id", [request.params["endpoint_group_id"]])
    rows = tx.all_in(Project, "id", [row.project_id for row in given], order=("id",))
    return {"projects": render(tx, ctx, Project, rows), "links": list_links(ctx, request.path)}


@route(
    "GET",
    "/OS-EP-FILTER/projects/{project_id}/endpoint_groups",
    policy="identity:list_endpoint_groups_for_project",
    answer=page(EndpointGroup),
)
def list_groups_of_project(tx: Tx, ctx: Context, request: Request) -> Any:
    """The endpoint groups that a project has."""
    ctx.require("identity:list_endpoint_groups_for_project", {})
    rows = groups_of(tx, need(tx, Project, request.params["project_id"]).id)
    return {"endpoint_groups": render(tx, ctx, EndpointGroup, rows), "links": list_links(ctx, request.path)}


@route(
    "GET",
    _PROJECT,
    policy="identity:get_endpoint_group_in_project",
    answer=keys(project_endpoint_group=keys(endpoint_group_id=str, project_id=str, links=SELF)),
)
def show_group_of_project(tx: Tx, ctx: Context, request: Request) -> Any:
    """That a project has an endpoint group."""
    row = _association(tx, ctx, request, "identity:get_endpoint_group_in_project")
    ids = {"endpoint_group_id": row.endpoint_group_id, "project_id": row.project_id}
    return {"project_endpoint_group": {**ids, "links": self_link(ctx, _PROJECT.format(**ids))}}


@route("PUT", _PROJECT, policy="identity:add_endpoint_group_to_project", status=204)
def add_group_to_project(tx: Tx, ctx: Context, request: Request) -> None:
    """The project has the endpoint group, whose endpoints its catalog shows."""
    ctx.require("identity:add_endpoint_group_to_project", {})
    project, group = need(tx, Project, request.params["project_id"]), _group(tx, request)
    row = ProjectEndpointGroup(
        id=f"{group.id}/{project.id}", project_id=project.id, endpoint_group_id=group.id
    )
    with unique("project_endpoint_group", "Duplicate entry"):
        tx.insert(row)
    rights_changed(tx)


@route("DELETE", _PROJECT, policy="identity:remove_endpoint_group_from_project", status=204)
def remove_group_from_project(tx: Tx, ctx: Context, request: Request) -> None:
    """The project has the endpoint group no longer."""
    tx.delete(_association(tx, ctx, request, "identity:remove_endpoint_group_from_project"))
    rights_changed(tx)


def _group(tx: Tx, request: Request) -> EndpointGroup:
    id = request.params["endpoint_group_id"]
    group = tx.get(EndpointGroup, id)
    if group is None:
        raise not_found("Endpoint Group", id)
    return group


def _association(tx: Tx, ctx: Context, request: Request, policy: str) -> ProjectEndpointGroup:
    ctx.require(policy, {})
    project, group = need(tx, Project, request.params["project_id"]), _group(tx, request)
    found = tx.get(ProjectEndpointGroup, f"{group.id}/{project.id}")
    if found is None:
        raise NotFound("Endpoint Group Project Association not found")
    return found


ROUTES = (
    list_endpoints_in_group,
    list_projects_of_group,
    list_groups_of_project,
    show_group_of_project,
    add_group_to_project,
    remove_group_from_project,
)
