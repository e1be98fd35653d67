# SPDX-License-Identifier: Apache-2.0
"""Standing truths: a saga works on whatever is transient, and hosts keep nothing that has no row.

Sagas hold both by themselves. What breaks them is an operator who resets a status, or a database that was
restored, so a thing is given a minute before it is touched.
"""

from typing import Any

import sqlalchemy as sa

from cumulet.kernel import hosts, saga
from cumulet.kernel.bus import Report
from cumulet.kernel.db import Tx
from cumulet.kernel.hosts import DocumentRow
from cumulet.kernel.saga import SagaRow
from cumulet.kernel.saga.store import SagaKey
from cumulet.kernel.service import own_context
from cumulet.lib import timestamps
from cumulet.services.cinder.snapshots import flows as snapshot_flows
from cumulet.services.cinder.snapshots.model import Snapshot
from cumulet.services.cinder.volumes import exports
from cumulet.services.cinder.volumes import flows as volume_flows
from cumulet.services.cinder.volumes.model import Volume

PATIENCE = 60.0
VOLUME_WORK = ("creating", "deleting", "extending", "uploading")
SNAPSHOT_WORK = ("creating", "deleting")
KINDS: dict[str, type[Volume] | type[Snapshot]] = {"volume": Volume, "volume_snapshot": Snapshot}
LOST = "Whatever worked on it was lost."


def strays(tx: Tx, cls: type[Volume] | type[Snapshot], key: str, statuses: tuple[str, ...]) -> list[Any]:
    """Rows in a status that means work, on which nothing works."""
    held = sa.select(SagaKey.c.key).join(SagaRow.table, SagaRow.c.id == SagaKey.c.saga_id)
    busy = held.where(SagaKey.c.key == sa.literal(f"{key}:") + cls.c.id)
    return tx.all(cls, cls.c.status.in_(statuses), ~busy.exists())


def end_transience(tx: Tx) -> None:
    """Volumes and snapshots that nothing works on are at rest, in error, or worked on again."""
    quiet = timestamps.add(tx.now, -PATIENCE)
    for volume in strays(tx, Volume, "volume", VOLUME_WORK):
        if volume.updated_at < quiet:
            _resume_volume(tx, volume)
    for snapshot in strays(tx, Snapshot, "snapshot", SNAPSHOT_WORK):
        if snapshot.updated_at < quiet:
            _resume_snapshot(tx, snapshot)


def _resume_volume(tx: Tx, volume: Volume) -> None:
    ctx = own_context(tx.app, "cinder")
    if volume.status == "deleting":
        saga.start(tx, ctx, volume_flows.delete_volume, volume_id=volume.id)
    elif volume.status == "extending" and volume.host is not None:
        saga.start(tx, ctx, volume_flows.extend_volume, volume_id=volume.id)
    elif volume.status == "uploading":
        exports.settle(tx, volume)
    else:
        tx.update(volume, status="error", error_text=LOST)


def _resume_snapshot(tx: Tx, snapshot: Snapshot) -> None:
    ctx = own_context(tx.app, "cinder")
    if snapshot.status == "deleting":
        saga.start(tx, ctx, snapshot_flows.delete_snapshot, snapshot_id=snapshot.id)
    else:
        tx.update(snapshot, status="error", error_text=LOST)


def orphans(tx: Tx) -> list[DocumentRow]:
    """Documents that hosts are told to make true, of things that there are not."""
    found: list[DocumentRow] = []
    for kind, cls in KINDS.items():
        row = sa.select(cls.c.id).where(cls.c.id == DocumentRow.c.thing_id)
        found += tx.all(
            DocumentRow, DocumentRow.c.kind == kind, DocumentRow.c.body.is_not(None), ~row.exists()
        )
    return found


def withdraw_orphans(tx: Tx) -> None:
    """Hosts are told to have nothing of what there is no row of."""
    ctx = own_context(tx.app, "cinder")
    for document in orphans(tx):
        hosts.withdraw(tx, ctx, document.host, document.kind, document.thing_id)


def volume_reported(tx: Tx, host: str, report: Report) -> None:
    """Take note of what a host says of a volume: its last word on a trouble, or that it has grown."""
    volume = tx.get(Volume, report.id) if report.state is not None else None
    if volume is None or volume.host != host:
        return
    if report.error is not None and not report.retrying:
        if volume.error_text != report.error:
            tx.update(volume, error_text=report.error)
    elif volume.status == "error_extending" and int(report.state["size_gb"]) >= volume.target_size:  # type: ignore[index]
        exports.settle(tx, volume, size=volume.target_size, error_text=None)
