# SPDX-License-Identifier: Apache-2.0
"""os-quota-sets and os-quota-class-sets: reading and setting what projects may have."""

from collections.abc import Mapping
from typing import Any

from cumulet.contracts.keystone import Directory
from cumulet.kernel import quota
from cumulet.kernel.auth.context import Context
from cumulet.kernel.db import Tx
from cumulet.kernel.errors import BadRequest
from cumulet.kernel.http.endpoint import route
from cumulet.kernel.http.messages import Reply, Request, as_flag
from cumulet.kernel.resource.schema import Checked
from cumulet.kernel.resource.shapes import Answer, At, Part, Shape, keys, shape
from cumulet.services.nova.quotas import PROXIED
from cumulet.services.nova.servers.schemas import FLAG, Schema, obj

_SETS, _CLASSES = "os_compute_api:os-quota-sets", "os_compute_api:os-quota-class-sets"
_LIMIT: Schema = {
    "type": ["integer", "string"],
    "minimum": -1,
    "maximum": 2**31 - 1,
    "pattern": "^-?[0-9]+$",
}
_OLD = ("injected_files", "injected_file_content_bytes", "injected_file_path_bytes")
_GROUPS = ("server_groups", "server_group_members")


def names(ctx_version: int, *, classes: bool = False) -> list[str]:
    """The resources that a microversion knows."""
    found = ["instances", "cores", "ram", "metadata_items", "key_pairs"]
    if not classes or ctx_version >= 2050:
        found += _GROUPS
    if ctx_version < (2050 if classes else 2036):
        found += PROXIED
    return found + (list(_OLD) if ctx_version < 2057 else [])


def _set_body(version: int) -> Schema:
    limits = dict.fromkeys(names(version), _LIMIT)
    return obj({"quota_set": obj(limits | {"force": FLAG})}, "quota_set")


def _class_body(version: int) -> Schema:
    limits = dict.fromkeys({*names(version, classes=True), *_GROUPS}, _LIMIT)
    return obj({"quota_class_set": obj(limits)}, "quota_class_set")


_SET, _CLASS = Checked(_set_body), Checked(_class_body)


def _limits(tx: Tx, ctx: Context, scope: str, *, classes: bool = False) -> dict[str, int]:
    allowed = quota.limits(tx, "nova", ctx.service.api.quotas, scope)
    return {name: allowed.get(name, quota.UNLIMITED) for name in names(ctx.version, classes=classes)}


def shown(each: Part = int, *, classes: bool = False, **beside: Part) -> Answer:
    """The schema of a set: such a one for each resource that the microversion knows."""

    def made(at: At) -> Shape:
        return shape(keys(dict.fromkeys(names(at.version, classes=classes), each), **beside), at)

    return keys({"quota_class_set" if classes else "quota_set": made})


USAGE = keys(in_use=int, limit=int, reserved=int)


def _target(request: Request) -> Mapping[str, Any]:
    return {"project_id": request.params["project_id"]}


@route("GET", "/os-quota-sets/{project_id}", policy=f"{_SETS}:show", answer=shown(id=str))
def show_quota_set(tx: Tx, ctx: Context, request: Request) -> dict[str, Any]:
    """The limits of a project."""
    ctx.require(f"{_SETS}:show", _target(request))
    project = request.params["project_id"]
    _check_project(tx, project)
    return {"quota_set": {"id": project, **_limits(tx, ctx, project)}}


@route(
    "GET",
    "/os-quota-sets/{project_id}/detail",
    policy=f"{_SETS}:detail",
    answer=shown(USAGE, id=str),
)
def show_quota_detail(tx: Tx, ctx: Context, request: Request) -> dict[str, Any]:
    """The limits of a project and what it uses."""
    ctx.require(f"{_SETS}:detail", _target(request))
    project, quotas = request.params["project_id"], ctx.service.api.quotas
    _check_project(tx, project)
    body: dict[str, Any] = {"id": project}
    for name, limit in _limits(tx, ctx, project).items():
        used = quotas[name].usage(tx, project)
        body[name] = {"in_use": used, "limit": limit, "reserved": 0}
    return {"quota_set": body}


@route(
    "GET",
    "/os-quota-sets/{project_id}/defaults",
    policy=f"{_SETS}:defaults",
    answer=shown(id=str),
)
def show_quota_defaults(tx: Tx, ctx: Context, request: Request) -> dict[str, Any]:
    """The limits of a project for which none were set."""
    ctx.require(f"{_SETS}:defaults", _target(request))
    return {"quota_set": {"id": request.params["project_id"], **_limits(tx, ctx, quota.CLASS)}}


@route("PUT", "/os-quota-sets/{project_id}", policy=f"{_SETS}:update", schema=_SET.at, answer=shown())
def update_quota_set(tx: Tx, ctx: Context, request: Request) -> dict[str, Any]:
    """Set limits of a project; below what is used only with `force`. Unified limits are not set here."""
    ctx.require(f"{_SETS}:update", _target(request))
    project, quotas = request.params["project_id"], ctx.service.api.quotas
    _check_project(tx, project)
    given = dict(_SET(ctx, request.body)["quota_set"])
    if ctx.app.settings.unified_limits:
        return {"quota_set": _limits(tx, ctx, project)}
    force = as_flag(given.pop("force", False))
    for name, value in given.items():
        limit = int(value)
        used = quotas[name].usage(tx, project)
        if 0 <= limit < used and not force:
            raise BadRequest(
                f"Quota limit {limit} for {name} must be greater than or equal to already used and "
                f"reserved {used}."
            )
        quota.set_limit(tx, "nova", project, name, limit)
    return {"quota_set": _limits(tx, ctx, project)}


@route("DELETE", "/os-quota-sets/{project_id}", policy=f"{_SETS}:delete", status=202)
def delete_quota_set(tx: Tx, ctx: Context, request: Request) -> Reply:
    """Give a project the default limits again."""
    ctx.require(f"{_SETS}:delete", _target(request))
    quota.reset(tx, "nova", request.params["project_id"])
    return Reply(202)


def _check_project(tx: Tx, project_id: str) -> None:
    """Raise BadRequest for a project that Keystone does not know."""
    if not tx.app.has("keystone"):
        return
    if tx.app.contract(Directory).project(tx, project_id) is None:
        raise BadRequest(f"Project ID {project_id} is not a valid project.")


@route(
    "GET",
    "/os-quota-class-sets/{name}",
    policy=f"{_CLASSES}:show",
    answer=shown(classes=True, id=str),
)
def show_quota_class(tx: Tx, ctx: Context, request: Request) -> dict[str, Any]:
    """The limits of a class; there is one, `default`, that holds for every project."""
    ctx.require(f"{_CLASSES}:show")
    return {"quota_class_set": {"id": request.params["name"], **_limits(tx, ctx, quota.CLASS, classes=True)}}


@route(
    "PUT",
    "/os-quota-class-sets/{name}",
    policy=f"{_CLASSES}:update",
    schema=_CLASS.at,
    answer=shown(classes=True),
)
def update_quota_class(tx: Tx, ctx: Context, request: Request) -> dict[str, Any]:
    """Set limits for every project that has none of its own."""
    ctx.require(f"{_CLASSES}:update")
    for name, value in _CLASS(ctx, request.body)["quota_class_set"].items():
        if request.params["name"] == "default" and not ctx.app.settings.unified_limits:
            quota.set_limit(tx, "nova", quota.CLASS, name, int(value))
    return {"quota_class_set": _limits(tx, ctx, quota.CLASS, classes=True)}


ROUTES = (
    show_quota_set,
    show_quota_detail,
    show_quota_defaults,
    update_quota_set,
    delete_quota_set,
    show_quota_class,
    update_quota_class,
)
