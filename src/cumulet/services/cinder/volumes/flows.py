# SPDX-License-Identifier: Apache-2.0
"""What happens to a volume, from an accepted request to a device on a host."""

from cumulet.kernel.auth.context import Context
from cumulet.kernel.db import Tx
from cumulet.kernel.saga import Run, saga
from cumulet.services.cinder.volumes import steps
from cumulet.services.cinder.volumes.model import Volume


def leave_in_error(tx: Tx, ctx: Context, why: str, volume_id: str, **_: object) -> None:
    """The volume is in error and says why; its host has nothing of it."""
    volume = tx.get(Volume, volume_id)
    if volume is not None:
        tx.update(volume, status="error", error_text=why)


@saga("volume.create/1", keys=("volume",), on_failure=leave_in_error)
async def create_volume(run: Run, volume_id: str) -> None:
    """Find a host with room, have it make the volume, and hand it over as available."""
    host = await run(steps.choose_host, volume_id)
    generation = await run(steps.publish, volume_id, host)
    await run(steps.wait_made, volume_id, host, generation)
    await run(steps.set_status, volume_id, "available")


def leave_as_it_was(tx: Tx, ctx: Context, why: str, volume_id: str, size: int, was: str) -> None:
    """The volume could not grow: it has its old size and cannot be used until somebody looks at it."""
    volume = tx.get(Volume, volume_id)
    if volume is not None:
        tx.update(volume, status="error_extending", error_text=why)


@saga("volume.extend/1", keys=("volume",), on_failure=leave_as_it_was)
async def extend_volume(run: Run, volume_id: str, size: int, was: str) -> None:
    """Have the host grow the volume, whether it is attached or not."""
    host, generation = await run(steps.publish_size, volume_id, size)
    await run(steps.wait_made, volume_id, host, generation)
    await run(steps.set_status, volume_id, was)


@saga("volume.delete/1", keys=("volume",), queued=True)
async def delete_volume(run: Run, volume_id: str) -> None:
    """Have the host forget the volume, then forget it ourselves; it cannot be taken back."""
    await run.pivot()
    host, generation = await run(steps.withdraw, volume_id)
    await run(steps.wait_gone, volume_id, host, generation)
    await run(steps.forget, volume_id)
