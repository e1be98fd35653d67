# SPDX-License-Identifier: Apache-2.0
"""Volumes in the API: lists, one, made, changed and deleted."""

from typing import Any

import sqlalchemy as sa

from cumulet.kernel import events
from cumulet.kernel.auth.context import Context
from cumulet.kernel.db import Tx
from cumulet.kernel.errors import BadRequest
from cumulet.kernel.http.endpoint import route
from cumulet.kernel.http.messages import Reply, Request
from cumulet.kernel.resource import Create, List, Show, Update, expose
from cumulet.kernel.resource.finding import fetch
from cumulet.kernel.resource.shapes import keys, since
from cumulet.services.cinder import listing, metadata
from cumulet.services.cinder.metadata import VolumeMetadata
from cumulet.services.cinder.volumes.actions import ACTIONS
from cumulet.services.cinder.volumes.creating import create_volume
from cumulet.services.cinder.volumes.deleting import delete_volume
from cumulet.services.cinder.volumes.metadata_rules import check_unlocked
from cumulet.services.cinder.volumes.model import Volume

V = Volume.c


def update_volume(tx: Tx, ctx: Context, volume: Volume, given: dict[str, Any]) -> Volume:
    """The volume has this name, description and metadata; metadata that is not named goes."""
    if not given and ctx.at("3.53"):
        raise BadRequest(
            "Invalid input for field/attribute volume. Value: {}. {} does not have enough properties"
        )
    if volume.status == "maintenance":
        raise BadRequest("Invalid volume: The volume cannot be updated during maintenance.")
    changes = dict(given)
    if "metadata" in changes:
        check_unlocked(volume)
        metadata.replace(tx, VolumeMetadata, volume.id, changes.pop("metadata") or {})
    return tx.update(volume, **changes)


@route(
    "DELETE",
    "/volumes/{volume_id}",
    name="delete_volume",
    status=202,
    policy="volume:delete",
    query=("cascade", "force"),
)
def remove_volume(tx: Tx, ctx: Context, request: Request) -> Reply:
    """Accept the end of a volume: `cascade` takes its snapshots along, `force` (3.23) asks no questions."""
    volume: Volume = fetch(tx, ctx, Volume, request, "volume:delete")
    force = ctx.at("3.23") and listing.strict_flag_of(request.query, "force")
    if force:
        ctx.require("volume:force_delete", Volume.target(tx, volume))
    delete_volume(tx, ctx, volume, cascade=listing.strict_flag_of(request.query, "cascade"), force=force)
    events.emit(tx, ctx, "volume.delete", volume)
    return Reply(202)


@route(
    "GET",
    "/volumes/{volume_id}/encryption",
    policy="volume_extension:volume_encryption_metadata",
    answer=keys(encryption_key_id=None),
)
def show_encryption(tx: Tx, ctx: Context, request: Request) -> dict[str, Any]:
    """How the volume is encrypted: no volume is yet."""
    fetch(tx, ctx, Volume, request, "volume_extension:volume_encryption_metadata")
    return {"encryption_key_id": None}


SUMMARY = keys(total_count=int, total_size=int, metadata=since("3.36", dict[str, list[str]]))


@route(
    "GET",
    "/volumes/summary",
    name="volume_summary",
    since="3.12",
    policy="volume:get_all",
    query=("all_tenants", *listing.FILTERS["volume"]),
    answer=keys({"volume-summary": SUMMARY}),
)
def summary(tx: Tx, ctx: Context, request: Request) -> dict[str, Any]:
    """How many volumes there are and how many gigabytes they have; from 3.36 on, what metadata they carry."""
    ctx.require("volume:get_all", ctx.own)
    where = listing.of_project(Volume)(tx, ctx, request)
    found: dict[str, Any] = {
        "total_count": tx.count(Volume, *where),
        "total_size": tx.sum(Volume, V.size, *where),
    }
    if ctx.at("3.36"):
        pairs = sa.select(VolumeMetadata.c.key, VolumeMetadata.c.value).distinct()
        mine = VolumeMetadata.c.owner_id.in_(sa.select(V.id).where(*where))
        words: dict[str, list[str]] = {}
        for key, value in tx.execute(
            pairs.where(mine).order_by(VolumeMetadata.c.key, VolumeMetadata.c.value)
        ):
            words.setdefault(key, []).append(value)
        found["metadata"] = words
    return {"volume-summary": found}


def _unset(ctx: Context, values: list[str]) -> Any:
    """A filter by what no volume has."""
    return sa.false()


FILTERS = {
    "name~": listing.like(V.name),
    "bootable": listing.flag(V.is_bootable),
    "metadata": listing.having(VolumeMetadata, V.id),
    "created_at": listing.moment(V.created_at),
    "updated_at": listing.moment(V.updated_at),
    "consumes_quota": listing.consuming,
    "migration_status": _unset,
    "group_id": _unset,
}
LISTING: dict[str, Any] = {
    "policy": "volume:get_all",
    "filters": FILTERS,
    "where": listing.of_project(Volume),
    "count_since": "3.45",
}

VOLUMES = expose(
    Volume,
    List(**LISTING, brief=True),
    List(**LISTING, detail=True),
    Show(policy="volume:get"),
    Create(policy="volume:create", run=create_volume, status=202),
    Update(policy="volume:update", run=update_volume),
    *ACTIONS,
)
ROUTES = (remove_volume, summary, show_encryption)
