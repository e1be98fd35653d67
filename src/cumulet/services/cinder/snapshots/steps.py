# SPDX-License-Identifier: Apache-2.0
"""The steps of snapshot flows."""

from typing import Any

from cumulet.contracts.documents import VolumeSnapshotDocument
from cumulet.kernel import events, hosts
from cumulet.kernel.auth.context import Context
from cumulet.kernel.db import Tx
from cumulet.kernel.saga import StepFailed, step
from cumulet.services.cinder import waiting
from cumulet.services.cinder.snapshots.model import Snapshot
from cumulet.services.cinder.volumes.model import Volume
from cumulet.services.cinder.waiting import HOURS


def withdraw_copy(tx: Tx, ctx: Context, snapshot_id: str) -> None:
    snapshot = tx.get(Snapshot, snapshot_id)
    if snapshot is not None and snapshot.host is not None:
        hosts.withdraw(tx, ctx, snapshot.host, "volume_snapshot", snapshot_id)
        tx.update(snapshot, host=None)


@step(undo=withdraw_copy)
def publish(tx: Tx, ctx: Context, snapshot_id: str) -> tuple[str, list[int]]:
    """The host of the volume is to keep a copy of it as it is now: which, and the document's generation."""
    snapshot = tx.need(Snapshot, snapshot_id)
    volume = tx.need(Volume, snapshot.volume_id)
    if volume.host is None or snapshot.status == "deleting":
        raise StepFailed("The volume is on no host, or the snapshot is on its way out.")
    tx.update(snapshot, host=volume.host)
    wanted = VolumeSnapshotDocument(id=snapshot_id, volume_id=volume.id)
    return volume.host, hosts.publish(tx, ctx, volume.host, wanted)


@step(deadline=HOURS)
async def wait_made(ctx: Context, snapshot_id: str, host: str, generation: list[int]) -> None:
    """The host has the copy."""
    await waiting.changed(ctx, host, "volume_snapshot", snapshot_id, generation)


@step()
def set_available(tx: Tx, ctx: Context, snapshot_id: str) -> None:
    """The snapshot can be used."""
    snapshot = tx.need(Snapshot, snapshot_id)
    if snapshot.status != "deleting":
        snapshot = tx.update(snapshot, status="available", error_text=None)
    events.emit(tx, ctx, "snapshot.created", snapshot)


@step(deadline=HOURS)
async def wait_copied(ctx: Context, snapshot_id: str) -> None:
    """No volume is being made from the snapshot."""
    while await ctx.read(is_copied, snapshot_id):
        await ctx.app.clock.sleep(0.2)


def is_copied(tx: Tx, snapshot_id: str) -> bool:
    return tx.exists(Volume, Volume.c.status == "creating", Volume.c.snapshot_id == snapshot_id)


@step()
def withdraw(tx: Tx, ctx: Context, snapshot_id: str) -> list[list[Any]]:
    """No host is to have the copy; [host, generation] of each to wait for."""
    where = hosts.hosts_of(tx, "volume_snapshot", snapshot_id)
    return [[host, hosts.withdraw(tx, ctx, host, "volume_snapshot", snapshot_id)] for host in where]


@step(deadline=HOURS)
async def wait_gone(ctx: Context, snapshot_id: str, host: str, generation: list[int]) -> None:
    await waiting.gone(ctx, host, "volume_snapshot", snapshot_id, generation)


@step()
def forget(tx: Tx, ctx: Context, snapshot_id: str) -> None:
    """Nothing is known of the snapshot any more."""
    snapshot = tx.get(Snapshot, snapshot_id)
    if snapshot is not None:
        tx.delete(snapshot)
        events.emit(tx, ctx, "snapshot.deleted", snapshot)
