# SPDX-License-Identifier: Apache-2.0
"""Who may use a type that is not for everybody."""

from typing import Any

from cumulet.kernel.auth.context import Context
from cumulet.kernel.db import Tx
from cumulet.kernel.errors import BadRequest, Conflict, NotFound
from cumulet.kernel.http.endpoint import route
from cumulet.kernel.http.messages import Request
from cumulet.kernel.resource import Action
from cumulet.kernel.resource.finding import fetch_by_key
from cumulet.kernel.resource.shapes import array, keys
from cumulet.services.cinder.schemas import thing
from cumulet.services.cinder.types.model import TypeAccess, VolumeType

RULE = "volume_extension:volume_type_access:"
PROJECT = thing("project", project={"type": "string", "minLength": 1, "maxLength": 255})


@route(
    "GET",
    "/types/{volume_type_id}/os-volume-type-access",
    answer=keys(volume_type_access=array(keys(volume_type_id=str, project_id=str))),
)
def list_access(tx: Tx, ctx: Context, request: Request) -> dict[str, Any]:
    """The projects that may use the type."""
    id = request.params["volume_type_id"]
    volume_type: VolumeType = fetch_by_key(tx, ctx, VolumeType, id, f"{RULE}get_all_for_type")
    if volume_type.is_public:
        raise NotFound("Access list not available for public volume types.")
    rows = tx.all(TypeAccess, TypeAccess.c.type_id == id, order_by=(TypeAccess.c.project_id,))
    return {
        "volume_type_access": [{"volume_type_id": row.type_id, "project_id": row.project_id} for row in rows]
    }


def add_project(tx: Tx, ctx: Context, volume_type: VolumeType, asked: dict[str, Any]) -> None:
    """The project may use the type."""
    key = _key(volume_type, asked)
    if tx.get(TypeAccess, key) is not None:
        raise Conflict(
            f"Volume type access for {volume_type.id} / {asked['project']} combination already exists."
        )
    tx.insert(TypeAccess(id=key, type_id=volume_type.id, project_id=asked["project"]))


def remove_project(tx: Tx, ctx: Context, volume_type: VolumeType, asked: dict[str, Any]) -> None:
    """The project may not use the type any more; its volumes stay of it."""
    row = tx.get(TypeAccess, _key(volume_type, asked))
    if row is None:
        raise NotFound(f"Volume type access not found for {volume_type.id} / {asked['project']} combination.")
    tx.delete(row)


def _key(volume_type: VolumeType, asked: dict[str, Any]) -> str:
    if volume_type.is_public:
        raise BadRequest(
            "Invalid volume type: Type access modification is not applicable to public volume type."
        )
    return f"{volume_type.id}/{asked['project']}"


ACTIONS = (
    Action(name="addProjectAccess", policy=f"{RULE}addProjectAccess", run=add_project, body=PROJECT),
    Action(name="removeProjectAccess", policy=f"{RULE}removeProjectAccess", run=remove_project, body=PROJECT),
)
ROUTES = (list_access,)
