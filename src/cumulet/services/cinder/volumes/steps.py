# SPDX-License-Identifier: Apache-2.0
"""The steps of volume flows."""

from typing import Any

import sqlalchemy as sa

from cumulet.contracts.glance import Images
from cumulet.contracts.nova import Servers
from cumulet.kernel import events, hosts
from cumulet.kernel.auth.context import Context
from cumulet.kernel.db import Tx
from cumulet.kernel.hosts import health
from cumulet.kernel.saga import StepFailed, step
from cumulet.services.cinder import waiting
from cumulet.services.cinder.snapshots.model import Snapshot
from cumulet.services.cinder.volumes import exports, placement
from cumulet.services.cinder.volumes.model import Volume
from cumulet.services.cinder.waiting import HOURS

NO_BACKEND = "No weighed backends available"

# -- making ---------------------------------------------------------------------------------------------


def leave_host(tx: Tx, ctx: Context, volume_id: str) -> None:
    """The host is told to have nothing of the volume; another is preferred from now on."""
    volume = tx.get(Volume, volume_id)
    if volume is not None and volume.host is not None:
        hosts.withdraw(tx, ctx, volume.host, "volume", volume_id)
        tx.update(volume, host=None, shunned=[*volume.shunned, volume.host])


@step(undo=leave_host)
def place(tx: Tx, ctx: Context, volume_id: str) -> tuple[str | None, list[int]]:
    """A host is to make the volume: which, and the generation of its document.

    No host when one is worth waiting for.
    """
    volume = tx.need(Volume, volume_id)
    host = placement.place(tx, volume)
    if host is None and placement.returning(tx, volume):
        return None, []
    return _place(tx, ctx, volume, host)


@step()
async def wait_host(ctx: Context, volume_id: str) -> None:
    """A host that was away and could have the volume is back, or nobody expects one any more."""
    await health.one_returns(ctx.app, await ctx.read(_returning, volume_id))


def _returning(tx: Tx, volume_id: str) -> list[str]:
    return placement.returning(tx, tx.need(Volume, volume_id))


@step(undo=leave_host)
def place_now(tx: Tx, ctx: Context, volume_id: str) -> tuple[str, list[int]]:
    """The same as `place`, without waiting for hosts any longer."""
    volume = tx.need(Volume, volume_id)
    return _place(tx, ctx, volume, placement.place(tx, volume))


def _place(tx: Tx, ctx: Context, volume: Volume, host: str | None) -> tuple[str, list[int]]:
    if host is None:
        raise StepFailed(f"{NO_BACKEND}: no storage host that is up has room and is what the type wants.")
    volume = tx.update(volume, host=host)
    return host, hosts.publish(tx, ctx, host, exports.document(volume))


@step(deadline=HOURS)
async def wait_made(ctx: Context, volume_id: str, host: str, generation: list[int]) -> None:
    """The host has made the volume."""
    await waiting.made(ctx, host, "volume", volume_id, generation)


@step()
def set_available(tx: Tx, ctx: Context, volume_id: str) -> None:
    """The volume can be used."""
    volume = exports.settle(tx, tx.need(Volume, volume_id), shunned=[], error_text=None)
    events.emit(tx, ctx, "volume.created", volume)


# -- growing --------------------------------------------------------------------------------------------


@step()
def publish_size(tx: Tx, ctx: Context, volume_id: str) -> tuple[str, list[int]]:
    """The host is to grow the volume. A volume never shrinks, so this is never undone."""
    volume = tx.need(Volume, volume_id)
    generation = exports.publish(tx, ctx, volume)
    if volume.host is None or generation is None:
        raise StepFailed("The volume is on no host.")
    return volume.host, generation


@step(deadline=HOURS)
async def wait_grown(ctx: Context, volume_id: str, host: str, generation: list[int]) -> None:
    """The host has made the volume as large as its document says."""
    await waiting.changed(ctx, host, "volume", volume_id, generation)


@step()
def take_size(tx: Tx, ctx: Context, volume_id: str) -> None:
    """The volume is as large as was asked, and guests that have it are to see that."""
    volume = tx.need(Volume, volume_id)
    volume = exports.settle(tx, volume, size=volume.target_size, error_text=None)
    if volume.status == "in-use" and tx.app.provides(Servers):
        tx.app.contract(Servers).volume_grew(tx, ctx, volume_id)


# -- writing to an image ----------------------------------------------------------------------------------


def abandon_image(tx: Tx, ctx: Context, volume_id: str, image_id: str) -> None:
    tx.app.contract(Images).abandon(tx, ctx.within("glance"), image_id)


@step(undo=abandon_image, deadline=HOURS)
async def write_image(ctx: Context, volume_id: str, image_id: str) -> None:
    """The volume's content lies where Glance takes it over."""
    volume = await ctx.read(Tx.need, Volume, volume_id)
    image = await ctx.read(_image_format, ctx, image_id)
    path = ctx.app.contract(Images).upload_path(image_id)
    await ctx.app.hosts.call(
        str(volume.host),
        "volume_to_image",
        f"upload-{image_id}",
        HOURS,
        id=volume_id,
        path=str(path),
        format=image,
    )


def _image_format(tx: Tx, ctx: Context, image_id: str) -> str:
    image = tx.app.contract(Images).image(tx, ctx.within("glance").elevate(), image_id)
    if image is None:
        raise StepFailed(f"Image {image_id} is gone.")
    return image.disk_format or "raw"


@step(deadline=HOURS)
async def activate_image(ctx: Context, volume_id: str, image_id: str) -> None:
    """Glance has taken the content over."""
    try:
        await ctx.app.contract(Images).uploaded(ctx.within("glance"), image_id)
    except ValueError as error:
        raise StepFailed(str(error)) from error


@step()
def end_upload(tx: Tx, ctx: Context, volume_id: str) -> None:
    """The volume is as it was before."""
    exports.settle(tx, tx.need(Volume, volume_id), error_text=None)


# -- ending ---------------------------------------------------------------------------------------------


@step(deadline=HOURS)
async def wait_copied(ctx: Context, volume_id: str) -> None:
    """No volume is being made from this one, or from a snapshot that goes with it."""
    while await ctx.read(is_copied, volume_id):
        await ctx.app.clock.sleep(0.2)


def is_copied(tx: Tx, volume_id: str) -> bool:
    snapshots = sa.select(Snapshot.c.id).where(Snapshot.c.volume_id == volume_id)
    from_it = sa.or_(Volume.c.source_volid == volume_id, Volume.c.snapshot_id.in_(snapshots))
    return tx.exists(Volume, Volume.c.status == "creating", from_it)


@step()
def withdraw(tx: Tx, ctx: Context, volume_id: str) -> list[list[Any]]:
    """No host is to have the volume or its snapshots; [host, kind, id, generation] of each to wait for."""
    snapshots = tx.all(Snapshot, Snapshot.c.volume_id == volume_id)
    things = [*(("volume_snapshot", snapshot.id) for snapshot in snapshots), ("volume", volume_id)]
    return [
        [host, kind, id, hosts.withdraw(tx, ctx, host, kind, id)]
        for kind, id in things
        for host in hosts.hosts_of(tx, kind, id)
    ]


@step(deadline=HOURS)
async def wait_gone(ctx: Context, host: str, kind: str, id: str, generation: list[int]) -> None:
    await waiting.gone(ctx, host, kind, id, generation)


@step()
def forget(tx: Tx, ctx: Context, volume_id: str) -> None:
    """Nothing is known of the volume and its snapshots any more."""
    volume = tx.get(Volume, volume_id)
    if volume is None:
        return
    tx.delete_where(Snapshot, Snapshot.c.volume_id == volume_id)
    tx.delete(volume)
    events.emit(tx, ctx, "volume.deleted", volume)
