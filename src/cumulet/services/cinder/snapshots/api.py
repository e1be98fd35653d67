# SPDX-License-Identifier: Apache-2.0
"""Snapshots in the API."""

from typing import Any

import sqlalchemy as sa

from cumulet.kernel import saga
from cumulet.kernel.auth.context import Context
from cumulet.kernel.db import Tx
from cumulet.kernel.errors import BadRequest
from cumulet.kernel.http.messages import as_flag
from cumulet.kernel.resource import Action, Create, Delete, List, Show, Update, expose
from cumulet.kernel.resource.finding import fetch_by_key
from cumulet.services.cinder import listing
from cumulet.services.cinder.metadata import SnapshotMetadata
from cumulet.services.cinder.schemas import thing
from cumulet.services.cinder.snapshots import changes
from cumulet.services.cinder.snapshots.changes import NewSnapshot
from cumulet.services.cinder.snapshots.model import Snapshot
from cumulet.services.cinder.volumes.model import Volume

S = Snapshot.c
PROGRESS = {"type": ["string", "null"], "pattern": "^(100|[0-9]{1,2})%$"}
STATUSES = ("creating", "available", "deleting", "error", "error_deleting", "backing-up", "restoring")
NO_FORCE = (
    "Since microversion 3.66 the 'force' flag is invalid for this request.  For backward compatability, "
    "however, when the 'force' flag is passed with a value evaluating to True, it is silently ignored."
)


def create_snapshot(tx: Tx, ctx: Context, given: dict[str, Any]) -> Snapshot:
    """Accept a snapshot; of a volume that a server has below 3.66 only with `force`."""
    volume: Volume = fetch_by_key(tx, ctx, Volume, given["volume_id"], "volume:create_snapshot")
    force = as_flag(given.get("force", False))
    if "force" in given and not force and ctx.at("3.66"):
        raise BadRequest(NO_FORCE)
    new = NewSnapshot(
        name=given.get("name"),
        description=given.get("description"),
        metadata=given.get("metadata") or {},
        in_use_too=force or ctx.at("3.66"),
    )
    return changes.create_snapshot(tx, ctx, volume, new)


def update_snapshot(tx: Tx, ctx: Context, snapshot: Snapshot, given: dict[str, Any]) -> Snapshot:
    """The snapshot has this name and description."""
    if not given:
        raise BadRequest(
            "Invalid input for field/attribute snapshot. Value: {}. {} is not valid under any of the given "
            "schemas"
        )
    return tx.update(snapshot, **given)


def reset_status(tx: Tx, ctx: Context, snapshot: Snapshot, asked: dict[str, Any]) -> None:
    """The snapshot is in this status, whatever is true of it."""
    saga.cancel(tx, f"snapshot:{snapshot.id}")
    tx.update(snapshot, status=asked["status"])


def force_delete(tx: Tx, ctx: Context, snapshot: Snapshot, asked: Any) -> None:
    """Accept the end of a snapshot in any status."""
    changes.delete_snapshot(tx, ctx, snapshot, force=True)


def update_status(tx: Tx, ctx: Context, snapshot: Snapshot, asked: dict[str, Any]) -> None:
    """What Nova tells of a snapshot that it takes: it became available, or an error, or goes."""
    status = asked["status"]
    if snapshot.status not in _NEXT:
        raise BadRequest(f"Snapshot status {snapshot.status} not allowed for update_snapshot_status")
    if status not in _NEXT[snapshot.status]:
        raise BadRequest(
            f"Provided snapshot status {status} not allowed for snapshot with status {snapshot.status}."
        )
    tx.update(snapshot, status=status, told_progress=asked.get("progress") or snapshot.told_progress)


_NEXT = {"creating": ("creating", "available", "error"), "deleting": ("deleting", "error_deleting")}


def _in_zone(ctx: Context, values: list[str]) -> Any:
    return S.volume_id.in_(sa.select(Volume.c.id).where(Volume.c.availability_zone == values[-1]))


LISTING: dict[str, Any] = {
    "policy": "volume:get_all_snapshots",
    "filters": {
        "name~": listing.like(S.name),
        "metadata": listing.having(SnapshotMetadata, S.id),
        "availability_zone": _in_zone,
        "consumes_quota": listing.consuming,
    },
    "where": listing.of_project(Snapshot),
    "count_since": "3.45",
}
ADMIN = "volume_extension:snapshot_admin_actions:"

SNAPSHOTS = expose(
    Snapshot,
    List(**LISTING, brief=True),
    List(**LISTING, detail=True),
    Show(policy="volume:get_snapshot"),
    Create(policy="volume:create_snapshot", run=create_snapshot, status=202),
    Update(policy="volume:update_snapshot", run=update_snapshot),
    Delete(policy="volume:delete_snapshot", run=changes.delete_snapshot, status=202),
    Action(
        name="os-reset_status",
        policy=f"{ADMIN}reset_status",
        run=reset_status,
        body=thing("status", status={"enum": list(STATUSES)}),
    ),
    Action(name="os-force_delete", policy=f"{ADMIN}force_delete", run=force_delete),
    Action(
        name="os-update_snapshot_status",
        policy="snapshot_extension:snapshot_actions:update_snapshot_status",
        run=update_status,
        body=thing("status", status={"type": "string"}, progress=PROGRESS),
    ),
)
