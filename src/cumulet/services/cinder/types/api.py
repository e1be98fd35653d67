# SPDX-License-Identifier: Apache-2.0
"""Volume types in the API, and the type that a project uses by default."""

from typing import Any

import sqlalchemy as sa

from cumulet.kernel.auth.context import Context
from cumulet.kernel.db import Tx
from cumulet.kernel.errors import BadRequest, Conflict, Duplicate
from cumulet.kernel.http.endpoint import route
from cumulet.kernel.http.messages import Request, as_flag, strict_flag
from cumulet.kernel.resource import Create, Delete, List, Show, Update, expose
from cumulet.kernel.resource.shapes import one
from cumulet.kernel.resource.views import render
from cumulet.kernel.resource.writing import row_from
from cumulet.services.cinder import listing
from cumulet.services.cinder.snapshots.model import Snapshot
from cumulet.services.cinder.types.access import ACTIONS as ACCESS
from cumulet.services.cinder.types.model import DEFAULT, DefaultType, VolumeType, default_type, usable
from cumulet.services.cinder.volumes.model import Volume

T = VolumeType.c


def create_type(tx: Tx, ctx: Context, given: dict[str, Any]) -> VolumeType:
    """A type of a name that no other has."""
    public = as_flag(given.pop("access_is_public", True))
    row: VolumeType = row_from(VolumeType, ctx, {**given, "is_public": public, "name": given["name"].strip()})
    if tx.exists(VolumeType, T.name == row.name):
        raise Conflict(f"Volume Type {row.name} already exists.")
    return tx.insert(row)


def update_type(tx: Tx, ctx: Context, volume_type: VolumeType, given: dict[str, Any]) -> VolumeType:
    """The type has this name and description, and is for everybody or not."""
    if given.get("name") is not None and not given["name"].strip():
        raise BadRequest("Volume type name can not be empty.")
    changes = {name: value for name, value in given.items() if value is not None}
    if not changes:
        raise BadRequest("Specify volume type name, description, is_public or a combination thereof.")
    if "is_public" in changes:
        changes["is_public"] = as_flag(changes["is_public"])
    try:
        return tx.update(volume_type, **changes)
    except Duplicate:
        raise Conflict(f"Volume Type {changes['name']} already exists.") from None


def delete_type(tx: Tx, ctx: Context, volume_type: VolumeType) -> None:
    """A type that no volume is of and nobody's default is gone."""
    used = (Volume, Volume.c.volume_type_id), (Snapshot, Snapshot.c.volume_type_id)
    if any(tx.exists(cls, column == volume_type.id) for cls, column in used):
        raise BadRequest("Target volume type is still in use.")
    if tx.count(VolumeType) == 1:
        raise BadRequest(
            f"The volume type {volume_type.id} is the only currently defined volume type and cannot be "
            "deleted."
        )
    if volume_type.name == DEFAULT or tx.exists(DefaultType, DefaultType.c.type_id == volume_type.id):
        raise BadRequest(f"The volume type {volume_type.id} is a default volume type and cannot be deleted.")
    tx.delete(volume_type)


@route("GET", "/types/default", policy="volume_extension:type_get", answer=one(VolumeType))
def show_default(tx: Tx, ctx: Context, request: Request) -> dict[str, Any]:
    """The type of volumes that name none."""
    ctx.require("volume_extension:type_get")
    return {"volume_type": render(tx, ctx, VolumeType, [default_type(tx, ctx.project_id)])[0]}


def shown(tx: Tx, ctx: Context, request: Request) -> list[Any]:
    """Public types and those given to the project; an administrator may ask for others with `is_public`."""
    query = request.query
    listing.check_paging(query)
    listing.check_filters(ctx, query, "volume_type")
    asked = query.get("is_public")
    if not ctx.is_admin or asked is None:
        return [usable(ctx.project_id)]
    if asked.lower() == "none":
        return []
    try:
        return [T.is_public.is_(strict_flag(asked, "is_public"))]
    except BadRequest:
        raise BadRequest(f"Invalid is_public filter [{asked}]") from None


def with_specs(ctx: Context, values: list[str]) -> Any:
    """extra_specs={'key': 'value'}, from 3.52 on: types whose specs have these pairs."""
    if not ctx.at("3.52"):
        return None
    wanted = listing.read_pairs(values[-1])
    if wanted is None:
        return sa.false()
    texts = sa.cast(T.extra_specs, sa.Text)
    encoded = (listing.json_pair(key, value) for key, value in wanted.items())
    return sa.and_(sa.true(), *(texts.contains(pair, autoescape=True) for pair in encoded))


def accept(ctx: Context, values: list[str]) -> None:
    """A filter that `where` has seen to."""


TYPES = expose(
    VolumeType,
    List(
        policy="volume_extension:type_get_all",
        where=shown,
        filters={"is_public": accept, "extra_specs": with_specs},
    ),
    Show(policy="volume_extension:type_get"),
    Create(policy="volume_extension:type_create", run=create_type, status=200),
    Update(policy="volume_extension:type_update", run=update_type),
    Delete(policy="volume_extension:type_delete", run=delete_type, status=202),
    *ACCESS,
)
ROUTES = (show_default,)
