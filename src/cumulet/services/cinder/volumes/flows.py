# SPDX-License-Identifier: Apache-2.0
"""What happens to a volume, from an accepted request to a device on a host and back to nothing."""

from cumulet.kernel.auth.context import Context
from cumulet.kernel.db import Tx
from cumulet.kernel.saga import Run, saga
from cumulet.services.cinder import messages
from cumulet.services.cinder.volumes import exports, steps
from cumulet.services.cinder.volumes.model import Volume

TRIES = 3
"""How many hosts are tried for a new volume."""


def leave_in_error(tx: Tx, ctx: Context, why: str, volume_id: str) -> None:
    """The volume is in error and says why; no host has anything of it."""
    if volume := _fail(tx, volume_id, "error", why):
        trouble = messages.NO_BACKEND if steps.NO_BACKEND in why else messages.NOT_CREATED
        messages.tell(tx, ctx, trouble, messages.VOLUME, volume)


def leave_ungrown(tx: Tx, ctx: Context, why: str, volume_id: str) -> None:
    """The volume could not grow; what the host made of it is looked at before it is used again."""
    if volume := _fail(tx, volume_id, "error_extending", why):
        messages.tell(tx, ctx, messages.NOT_EXTENDED, messages.VOLUME, volume)


def leave_as_it_was(tx: Tx, ctx: Context, why: str, volume_id: str, image_id: str) -> None:
    """There is no image, and the volume can be used as before."""
    volume = tx.get(Volume, volume_id)
    if volume is not None:
        exports.settle(tx, volume, error_text=why)
        messages.tell(tx, ctx, messages.NOT_UPLOADED, messages.VOLUME, volume)


def _fail(tx: Tx, volume_id: str, status: str, why: str) -> Volume | None:
    """The volume, which is in this status now, unless it is going anyway."""
    volume = tx.get(Volume, volume_id)
    if volume is None or volume.status == "deleting":
        return None
    return tx.update(volume, status=status, error_text=why)


@saga("volume.create/1", keys=("volume",), on_failure=leave_in_error)
async def create_volume(run: Run, volume_id: str) -> None:
    """Find a host with room, have it make the volume, and hand it over as available.

    A host that fails is left without a trace, and the next one is tried; one that is away for a moment is
    waited for when no other would do.
    """
    async for attempt in run.attempts(TRIES):
        async with attempt:
            host, generation = await run(steps.place, volume_id)
            if host is None:
                await run(steps.wait_host, volume_id)
                host, generation = await run(steps.place_now, volume_id)
            await run(steps.wait_made, volume_id, host, generation)
    await run(steps.set_available, volume_id)


@saga("volume.extend/1", keys=("volume",), on_failure=leave_ungrown)
async def extend_volume(run: Run, volume_id: str) -> None:
    """Have the host grow the volume, whether it is attached or not."""
    host, generation = await run(steps.publish_size, volume_id)
    await run(steps.wait_grown, volume_id, host, generation)
    await run(steps.take_size, volume_id)


@saga("volume.upload/1", keys=("volume",), on_failure=leave_as_it_was)
async def upload_volume(run: Run, volume_id: str, image_id: str) -> None:
    """Have the host write the volume to a file, and Glance make an image of it."""
    await run(steps.write_image, volume_id, image_id)
    await run(steps.activate_image, volume_id, image_id)
    await run(steps.end_upload, volume_id)


@saga("volume.delete/1", keys=("volume",), queued=True)
async def delete_volume(run: Run, volume_id: str) -> None:
    """Have the host forget the volume and its snapshots, then forget them too; it cannot be taken back."""
    await run.pivot()
    await run(steps.wait_copied, volume_id)
    for host, kind, id, generation in await run(steps.withdraw, volume_id):
        await run(steps.wait_gone, host, kind, id, generation)
    await run(steps.forget, volume_id)
