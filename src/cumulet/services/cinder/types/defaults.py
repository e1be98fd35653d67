# SPDX-License-Identifier: Apache-2.0
"""The default type of a project, which an administrator sets, from 3.62 on."""

from typing import Any

from cumulet.contracts.keystone import Directory
from cumulet.kernel.auth.context import Context
from cumulet.kernel.db import Tx
from cumulet.kernel.errors import BadRequest, Forbidden, NotFound
from cumulet.kernel.http.endpoint import route
from cumulet.kernel.http.messages import Reply, Request
from cumulet.kernel.resource.schema import Checked
from cumulet.kernel.resource.shapes import array, keys
from cumulet.services.cinder.schemas import NAME, thing
from cumulet.services.cinder.types.model import EVERYWHERE, DefaultType, find_type

RULE = "volume_extension:default_"
SINCE = "3.62"
NEW = Checked(thing("default_type", default_type=thing("volume_type", volume_type=NAME)))

SHOWN = keys(project_id=str, volume_type_id=str)


@route("PUT", "/default-types/{target_project}", since=SINCE, schema=NEW.at, answer=keys(default_type=SHOWN))
def set_default(tx: Tx, ctx: Context, request: Request) -> dict[str, Any]:
    """Volumes of the project that name no type are of this one."""
    project_id = _project(tx, ctx, request, "set_or_update")
    name = NEW(ctx, request.body)["default_type"]["volume_type"]
    try:
        volume_type = find_type(tx, ctx, name)
    except NotFound as error:
        raise BadRequest(error.message) from None
    row = tx.get(DefaultType, project_id)
    if row is None:
        row = tx.insert(DefaultType(id=project_id, type_id=volume_type.id))
    else:
        row = tx.update(row, type_id=volume_type.id)
    return {"default_type": _view(row)}


@route("GET", "/default-types/{target_project}", since=SINCE, answer=keys(default_type=SHOWN))
def show_default(tx: Tx, ctx: Context, request: Request) -> dict[str, Any]:
    """The project's default type."""
    project_id = _project(tx, ctx, request, "get")
    row = tx.get(DefaultType, project_id)
    if row is None:
        raise NotFound(f"Default type for project {project_id} not found.")
    return {"default_type": _view(row)}


@route("GET", "/default-types", since=SINCE, answer=keys(default_types=array(SHOWN)))
def list_defaults(tx: Tx, ctx: Context, request: Request) -> dict[str, Any]:
    """Every project's default type."""
    if not ctx.can(f"{RULE}get_all"):
        raise Forbidden("You are not authorized to perform this operation.")
    rows = tx.all(DefaultType, DefaultType.c.id != EVERYWHERE, order_by=(DefaultType.c.id,))
    return {"default_types": [_view(row) for row in rows]}


@route("DELETE", "/default-types/{target_project}", since=SINCE, status=204)
def unset_default(tx: Tx, ctx: Context, request: Request) -> Reply:
    """The project has the cloud's default type again."""
    project_id = request.params["target_project"]
    ctx.require(f"{RULE}unset", {"project_id": project_id})
    tx.delete_where(DefaultType, DefaultType.c.id == project_id, DefaultType.c.id != EVERYWHERE)
    return Reply(204)


def _project(tx: Tx, ctx: Context, request: Request, verb: str) -> str:
    """The project in the path, which must exist where there is a Keystone to ask."""
    project_id = request.params["target_project"]
    ctx.require(f"{RULE}{verb}", {"project_id": project_id})
    if tx.app.has("keystone") and tx.app.contract(Directory).project(tx, project_id) is None:
        raise NotFound(f"Project with id {project_id} not found.")
    return project_id


def _view(row: DefaultType) -> dict[str, str]:
    return {"project_id": row.id, "volume_type_id": row.type_id}


ROUTES = (set_default, show_default, list_defaults, unset_default)
