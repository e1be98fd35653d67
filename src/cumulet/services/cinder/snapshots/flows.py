# SPDX-License-Identifier: Apache-2.0
"""What happens to a snapshot, from an accepted request to a copy on a host and back to nothing."""

from cumulet.kernel.auth.context import Context
from cumulet.kernel.db import Tx
from cumulet.kernel.saga import Run, saga
from cumulet.services.cinder import messages
from cumulet.services.cinder.snapshots import steps
from cumulet.services.cinder.snapshots.model import Snapshot


def leave_in_error(tx: Tx, ctx: Context, why: str, snapshot_id: str) -> None:
    """The snapshot is in error and says why; its host has nothing of it."""
    snapshot = tx.get(Snapshot, snapshot_id)
    if snapshot is not None and snapshot.status != "deleting":
        tx.update(snapshot, status="error", error_text=why)
        messages.tell(tx, ctx, messages.NO_SNAPSHOT, messages.SNAPSHOT, snapshot)


@saga("snapshot.create/1", keys=("snapshot",), on_failure=leave_in_error)
async def create_snapshot(run: Run, snapshot_id: str) -> None:
    """Have the volume's host copy the volume as it is now."""
    host, generation = await run(steps.publish, snapshot_id)
    await run(steps.wait_made, snapshot_id, host, generation)
    await run(steps.set_available, snapshot_id)


@saga("snapshot.delete/1", keys=("snapshot",), queued=True)
async def delete_snapshot(run: Run, snapshot_id: str) -> None:
    """Have the host forget the copy, then forget it ourselves; it cannot be taken back."""
    await run.pivot()
    await run(steps.wait_copied, snapshot_id)
    for host, generation in await run(steps.withdraw, snapshot_id):
        await run(steps.wait_gone, snapshot_id, host, generation)
    await run(steps.forget, snapshot_id)
