# SPDX-License-Identifier: Apache-2.0
"""The operations on projects and domains, and the tags of projects."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from cumulet.kernel.auth.context import Context
from cumulet.kernel.db import Tx
from cumulet.kernel.errors import BadRequest
from cumulet.kernel.http.endpoint import body_of, route
from cumulet.kernel.http.messages import Reply, Request
from cumulet.kernel.resource import Delete, Show, expose, schema
from cumulet.kernel.resource.declaration import Resource
from cumulet.kernel.resource.finding import fetch
from cumulet.kernel.resource.listing import Filter
from cumulet.kernel.resource.operation import envelope
from cumulet.kernel.resource.shapes import keys
from cumulet.kernel.resource.views import render
from cumulet.services.keystone.entity import TAG, TAGS, Create, DeleteKnown, List, Update, is_immutable
from cumulet.services.keystone.errors import not_found
from cumulet.services.keystone.limits.model import limits_of
from cumulet.services.keystone.projects import changes
from cumulet.services.keystone.projects.model import Domain, Project, ProjectTag, set_tags
from cumulet.services.keystone.projects.tree import ancestors, subtree
from cumulet.services.keystone.roles.effective import projects_of
from cumulet.services.keystone.wire import SELF, WIRE, self_link

# -- lists ----------------------------------------------------------------------------------------------


def _tagged(*, all_of: bool, negated: bool) -> Filter:
    """Projects with all, or any, of the tags in a comma-separated value; negated: the others."""

    def condition(ctx: Context, values: list[str]) -> Any:
        wanted = [word for word in values[-1].split(",") if word]
        having = [
            Project.c.id.in_(sa.select(ProjectTag.c.project_id).where(ProjectTag.c.name == word))
            for word in wanted
        ]
        found = sa.and_(sa.true(), *having) if all_of else sa.or_(sa.false(), *having)
        return sa.not_(found) if negated else found

    return condition


_TAG_FILTERS: Mapping[str, Filter] = {
    "tags": _tagged(all_of=True, negated=False),
    "tags-any": _tagged(all_of=False, negated=False),
    "not-tags": _tagged(all_of=True, negated=True),
    "not-tags-any": _tagged(all_of=False, negated=True),
}


def _no_domains(tx: Tx, ctx: Context, request: Request) -> Sequence[Any]:
    """Projects that act as domains are listed only when they are asked for."""
    return () if "is_domain" in request.query else (Project.c.is_domain.is_(False),)


# -- a project and its tree -----------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class ShowInTree(Show):
    """GET of one project, with what stands above or below it when the query asks."""

    def answer(self, cls: type[Resource], tx: Tx, ctx: Context, request: Request) -> Reply:
        row = fetch(tx, ctx, cls, request, self.policy)
        body = render(tx, ctx, cls, [row])[0]
        for name in ("parents", "subtree"):
            if f"{name}_as_list" in request.query and f"{name}_as_ids" in request.query:
                raise BadRequest(
                    f"Cannot use {name}_as_list and {name}_as_ids query params at the same time."
                )
        body |= _relatives(tx, ctx, row, request)
        return Reply(200, envelope(cls, body))


def _relatives(tx: Tx, ctx: Context, row: Project, request: Request) -> dict[str, Any]:
    found: dict[str, Any] = {}
    query = request.query
    if "parents_as_list" in query or "parents_as_ids" in query:
        above = ancestors(tx, row)
        nested: Any = None
        for parent in reversed(above):
            nested = {parent.id: nested}
        found["parents"] = nested if "parents_as_ids" in query else _own(tx, ctx, above, request)
    if "subtree_as_list" in query or "subtree_as_ids" in query:
        below = subtree(tx, row.id)
        found["subtree"] = (
            _nested(row.id, below) if "subtree_as_ids" in query else _own(tx, ctx, below, request)
        )
    return found


def _own(tx: Tx, ctx: Context, rows: list[Project], request: Request) -> list[dict[str, Any]]:
    """Those on which the caller has a role, each in its envelope, with their limits if the query asks."""
    mine = {row.id for row in projects_of(tx, ctx.user_id)}
    bodies = render(tx, ctx, Project, [row for row in rows if row.id in mine])
    if "include_limits" in request.query:
        limits = limits_of(tx, ctx, [body["id"] for body in bodies])
        bodies = [{**body, "limits": limits.get(body["id"], [])} for body in bodies]
    return [{"project": body} for body in bodies]


def _nested(id: str, rows: list[Project]) -> Any:
    """Ids of what stands below, each with what stands below it; None for nothing."""
    below = [row.id for row in rows if row.parent_id == id]
    return {child: _nested(child, rows) for child in below} or None


PROJECTS = expose(
    Project,
    List(
        policy="identity:list_projects",
        filters=_TAG_FILTERS,
        where=_no_domains,
        only_domain=lambda id: Project.c.domain_id == id,
        bounded=True,
    ),
    ShowInTree(policy="identity:get_project"),
    Create(policy="identity:create_project", run=changes.create_project),
    Update(policy="identity:update_project", run=changes.update_project),
    Delete(policy="identity:delete_project", run=changes.delete_project),
)

DOMAINS = expose(
    Domain,
    List(
        policy="identity:list_domains",
        filters=_TAG_FILTERS,
        domain_target=("target.domain.id",),
        only_domain=lambda id: Domain.c.id == id,
        bounded=True,
    ),
    Show(policy="identity:get_domain"),
    Create(policy="identity:create_domain", run=changes.create_domain),
    Update(policy="identity:update_domain", run=changes.update_project, tells_missing=True),
    DeleteKnown(policy="identity:delete_domain", run=changes.delete_domain),
)


# -- tags -----------------------------------------------------------------------------------------------

_TAGS_BODY = schema.compile_schema(
    {"type": "object", "properties": {"tags": TAGS}, "required": ["tags"], "additionalProperties": False}
)
_TAG = schema.compile_schema(TAG)


def _names(tx: Tx, project: Project) -> list[str]:
    wanted = ProjectTag.c.project_id == project.id
    return [tag.name for tag in tx.all(ProjectTag, wanted, order_by=[ProjectTag.c.name])]


def _shown(tx: Tx, ctx: Context, project: Project, status: int = 200) -> Reply:
    links = self_link(ctx, f"/projects/{project.id}/tags")
    return Reply(status, {"tags": _names(tx, project), "links": links})


def _changeable(tx: Tx, ctx: Context, request: Request, policy: str, verb: str) -> Project:
    project: Project = fetch(tx, ctx, Project, request, policy)
    if is_immutable(project):
        doing = {"create": "creating", "update": "updating", "delete": "deleting"}[verb]
        raise BadRequest(
            f"Cannot {verb} project tags for {project.id}, project is immutable. "
            f'Set "immutable" option to false before {doing} project tags.'
        )
    return project


_SHOWN = keys(tags=list[str], links=SELF)


@route("GET", "/projects/{project_id}/tags", policy="identity:list_project_tags", answer=_SHOWN)
def list_tags(tx: Tx, ctx: Context, request: Request) -> Reply:
    """The tags of a project."""
    return _shown(tx, ctx, fetch(tx, ctx, Project, request, "identity:list_project_tags"))


@route(
    "PUT",
    "/projects/{project_id}/tags",
    policy="identity:update_project_tags",
    schema=body_of(tags=TAGS),
    answer=_SHOWN,
)
def replace_tags(tx: Tx, ctx: Context, request: Request) -> Reply:
    """The project has exactly these tags."""
    project = _changeable(tx, ctx, request, "identity:update_project_tags", "update")
    schema.check(_TAGS_BODY, request.body, WIRE)
    set_tags(tx, project.id, request.body["tags"])
    return _shown(tx, ctx, project)


@route("DELETE", "/projects/{project_id}/tags", policy="identity:delete_project_tags", status=204)
def delete_tags(tx: Tx, ctx: Context, request: Request) -> None:
    """The project has no tags."""
    project = _changeable(tx, ctx, request, "identity:delete_project_tags", "update")
    set_tags(tx, project.id, ())


@route("GET", "/projects/{project_id}/tags/{value}", policy="identity:get_project_tag", status=204)
def check_tag(tx: Tx, ctx: Context, request: Request) -> None:
    """Whether the project has this tag."""
    project = fetch(tx, ctx, Project, request, "identity:get_project_tag")
    _need_tag(tx, project, request)


@route("PUT", "/projects/{project_id}/tags/{value}", policy="identity:create_project_tag", status=201)
def add_tag(tx: Tx, ctx: Context, request: Request) -> Reply:
    """The project has this tag too."""
    project = _changeable(tx, ctx, request, "identity:create_project_tag", "create")
    name = request.params["value"]
    schema.check(_TAG, name, WIRE)
    names = _names(tx, project)
    schema.check(_TAGS_BODY, {"tags": list(dict.fromkeys([*names, name]))}, WIRE)
    if name not in names:
        tx.insert(ProjectTag(id=f"{project.id}/{name}", project_id=project.id, name=name))
    links = self_link(ctx, f"/projects/{project.id}/tags/{name}")
    return Reply(201, None, {"Location": links["self"]})


@route("DELETE", "/projects/{project_id}/tags/{value}", policy="identity:delete_project_tag", status=204)
def delete_tag(tx: Tx, ctx: Context, request: Request) -> None:
    """The project has this tag no longer."""
    project = _changeable(tx, ctx, request, "identity:delete_project_tag", "delete")
    tx.delete(_need_tag(tx, project, request))


def _need_tag(tx: Tx, project: Project, request: Request) -> ProjectTag:
    name = request.params["value"]
    found = tx.get(ProjectTag, f"{project.id}/{name}")
    if found is None:
        raise not_found("project tag", name)
    return found


ROUTES = (list_tags, replace_tags, delete_tags, check_tag, add_tag, delete_tag)
