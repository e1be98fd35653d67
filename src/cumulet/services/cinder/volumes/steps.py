# SPDX-License-Identifier: Apache-2.0
"""The steps of volume flows."""

from cumulet.contracts.documents import VolumeDocument
from cumulet.kernel import hosts
from cumulet.kernel.auth.context import Context
from cumulet.kernel.db import Tx
from cumulet.kernel.hosts import HostRow
from cumulet.kernel.saga import StepFailed, step
from cumulet.services.cinder.volumes.model import Volume


def document(volume: Volume, size: int | None = None) -> VolumeDocument:
    """The volume as its host should have it."""
    return VolumeDocument(id=volume.id, size_gb=size or volume.size)


def forget_host(tx: Tx, ctx: Context, volume_id: str) -> None:
    volume = tx.get(Volume, volume_id)
    if volume is not None:
        tx.update(volume, host=None)


@step(undo=forget_host)
def choose_host(tx: Tx, ctx: Context, volume_id: str) -> str:
    """The host with the fewest gigabytes given away."""
    candidates = tx.all(HostRow, HostRow.c.state == "up")
    if not candidates:
        raise StepFailed("No storage host is up.")
    given = {host.id: tx.sum(Volume, Volume.c.size, Volume.c.host == host.id) for host in candidates}
    chosen = min(given, key=lambda name: (given[name], name))
    tx.update(tx.need(Volume, volume_id), host=chosen)
    return chosen


def withdraw_document(tx: Tx, ctx: Context, volume_id: str, host: str) -> None:
    hosts.withdraw(tx, ctx, host, "volume", volume_id)


@step(undo=withdraw_document)
def publish(tx: Tx, ctx: Context, volume_id: str, host: str) -> list[int]:
    return hosts.publish(tx, ctx, host, document(tx.need(Volume, volume_id)))


@step()
async def wait_made(ctx: Context, volume_id: str, host: str, generation: list[int]) -> None:
    await ctx.app.hosts.made_true(host, "volume", volume_id, generation)


@step()
def set_status(tx: Tx, ctx: Context, volume_id: str, status: str) -> None:
    tx.update(tx.need(Volume, volume_id), status=status)


def publish_old_size(tx: Tx, ctx: Context, volume_id: str, size: int) -> None:
    """A volume never shrinks: what the host has grown it keeps, and the row says so."""


@step(undo=publish_old_size)
def publish_size(tx: Tx, ctx: Context, volume_id: str, size: int) -> tuple[str, list[int]]:
    volume = tx.update(tx.need(Volume, volume_id), size=size)
    assert volume.host is not None
    return volume.host, hosts.publish(tx, ctx, volume.host, document(volume))


@step()
def withdraw(tx: Tx, ctx: Context, volume_id: str) -> tuple[str | None, list[int] | None]:
    volume = tx.need(Volume, volume_id)
    if volume.host is None:
        return None, None
    return volume.host, hosts.withdraw(tx, ctx, volume.host, "volume", volume_id)


@step()
async def wait_gone(ctx: Context, volume_id: str, host: str | None, generation: list[int] | None) -> None:
    if host is not None and generation is not None:
        await ctx.app.hosts.made_true(host, "volume", volume_id, generation)


@step()
def forget(tx: Tx, ctx: Context, volume_id: str) -> None:
    volume = tx.get(Volume, volume_id)
    if volume is not None:
        tx.delete(volume)
