# SPDX-License-Identifier: Apache-2.0
"""What was asked of servers and how it ended: the rows behind os-instance-actions."""

import dataclasses

from cumulet.kernel.auth.context import Context
from cumulet.kernel.db import Tx
from cumulet.services.nova.servers.model import InstanceAction

EVENTS = {
    "create": "compute__do_build_and_run_instance",
    "delete": "compute_terminate_instance",
    "start": "compute_start_instance",
    "stop": "compute_stop_instance",
    "reboot": "compute_reboot_instance",
    "pause": "compute_pause_instance",
    "unpause": "compute_unpause_instance",
    "suspend": "compute_suspend_instance",
    "resume": "compute_resume_instance",
    "rebuild": "compute_rebuild_instance",
    "rescue": "compute_rescue_instance",
    "unrescue": "compute_unrescue_instance",
    "shelve": "compute_shelve_instance",
    "shelveOffload": "compute_shelve_offload_instance",
    "unshelve": "compute_unshelve_instance",
    "restore": "compute_restore_instance",
    "resize": "compute_finish_resize",
    "migrate": "compute_finish_resize",
    "confirmResize": "compute_confirm_resize",
    "revertResize": "compute_finish_revert_resize",
    "createImage": "compute_snapshot_instance",
    "createBackup": "compute_backup_instance",
    "attach_volume": "compute_attach_volume",
    "extend_volume": "compute_extend_volume",
    "detach_volume": "compute_detach_volume",
    "attach_interface": "compute_attach_interface",
    "detach_interface": "compute_detach_interface",
}
"""The event that clients expect within each action."""


@dataclasses.dataclass(frozen=True)
class Ending:
    """How an action ended: where, and why it failed if it did."""

    host: str | None = None
    why: str | None = None
    event: str = ""
    """What was done, where the action does not tell."""


def begin(tx: Tx, ctx: Context, server_id: str, action: str) -> None:
    """Note that the caller asked for this."""
    tx.insert(
        InstanceAction(
            server_id=server_id,
            action=action,
            request_id=ctx.request_id,
            user_id=ctx.user_id or None,
            project_id=ctx.project_id,
        )
    )


def end(tx: Tx, ctx: Context, server_id: str, action: str, ending: Ending) -> None:
    """Note how what the saga's request asked for has ended; nothing when it was noted already."""
    c = InstanceAction.c
    where = (c.server_id == server_id, c.action == action, c.request_id == ctx.request_id)
    row = tx.first(InstanceAction, *where, order_by=(c.created_at.desc(),))
    if row is None or row.events:
        return
    event = {
        "event": ending.event or EVENTS[action],
        "start_time": row.created_at,
        "finish_time": tx.now,
        "result": "Error" if ending.why else "Success",
        "traceback": None,
        "host": ending.host,
        "details": ending.why,
    }
    tx.update(row, events=[event], message="Error" if ending.why else None)
