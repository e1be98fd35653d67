# SPDX-License-Identifier: Apache-2.0
"""An import: from staged content to an active image."""

from cumulet.kernel.auth.context import Context
from cumulet.kernel.db import Tx
from cumulet.kernel.saga import Run, StepFailed, saga
from cumulet.services.glance.data import steps


def leave_queued(tx: Tx, ctx: Context, why: str, image_id: str) -> None:
    """The image is queued again; the reconciler removes what the store still has of it."""
    steps.queue_again(tx, ctx, image_id, why)


@saga("glance.import/1", keys=("image",), on_failure=leave_queued)
async def import_image(run: Run, image_id: str) -> None:
    """Look at what was staged, make it the image's content, and tidy up.

    Content that is not what it should be is dropped, and the image is queued again.
    """
    try:
        content = await run(steps.take_staged, image_id)
        await run(steps.activate, image_id, content)
    except StepFailed as failure:
        await run(steps.drop_content, image_id)
        await run(steps.queue_again, image_id, str(failure))
        return
    await run.pivot()
    await run(steps.forget_staged, image_id)
