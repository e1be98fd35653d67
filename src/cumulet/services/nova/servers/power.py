# SPDX-License-Identifier: Apache-2.0
"""What changes of a guest's power are: a table, and the steps that make one true.

Each is a change of the guest's document: another power, or a counter of reboots that grew.
"""

from dataclasses import dataclass

from cumulet.kernel.auth.context import Context
from cumulet.kernel.db import Tx
from cumulet.kernel.saga import StepFailed, step
from cumulet.services.nova.servers import guest, history, states
from cumulet.services.nova.servers.model import Server


@dataclass(frozen=True, kw_only=True)
class Change:
    """A power action: what is being done meanwhile, the guest's power, and what the server is afterwards."""

    action: str
    task: str
    power: str
    vm_state: str
    power_state: int
    counter: str = ""
    event: str = ""
    """What its event is called, where that does not follow from the action."""


CHANGES = {
    "stop": Change(
        action="stop",
        task="powering-off",
        power="stopped",
        vm_state="stopped",
        power_state=states.SHUTDOWN,
    ),
    "start": Change(
        action="start", task="powering-on", power="running", vm_state="active", power_state=states.RUNNING
    ),
    "pause": Change(
        action="pause", task="pausing", power="paused", vm_state="paused", power_state=states.PAUSED
    ),
    "unpause": Change(
        action="unpause", task="unpausing", power="running", vm_state="active", power_state=states.RUNNING
    ),
    "suspend": Change(
        action="suspend",
        task="suspending",
        power="suspended",
        vm_state="suspended",
        power_state=states.SHUTDOWN,
    ),
    "resume": Change(
        action="resume", task="resuming", power="running", vm_state="active", power_state=states.RUNNING
    ),
    "reboot_soft": Change(
        action="reboot",
        task="rebooting",
        power="running",
        vm_state="active",
        power_state=states.RUNNING,
        counter="reboots",
    ),
    "reboot_hard": Change(
        action="reboot",
        task="rebooting_hard",
        power="running",
        vm_state="active",
        power_state=states.RUNNING,
        counter="hard_reboots",
    ),
    "soft_delete": Change(
        action="delete",
        task="soft-deleting",
        power="stopped",
        vm_state=states.SOFT_DELETED,
        power_state=states.SHUTDOWN,
        event="compute_soft_delete_instance",
    ),
    "restore": Change(
        action="restore",
        task="restoring",
        power="running",
        vm_state="active",
        power_state=states.RUNNING,
    ),
}
POWERS = {
    "active": "running",
    "paused": "paused",
    "suspended": "suspended",
    "stopped": "stopped",
    states.SOFT_DELETED: "stopped",
}
"""The guest's power while nothing is being done to the server."""


def power_of(server: Server) -> str:
    return POWERS.get(server.vm_state, "stopped" if server.power_state == states.SHUTDOWN else "running")


def unpublish_change(tx: Tx, ctx: Context, server_id: str, change: str) -> None:
    """The guest is to be again what the server is."""
    server = tx.get(Server, server_id)
    if server is not None and server.host and not server.deleted:
        guest.publish(tx, ctx, tx.update(server, power=power_of(server)))


@step(undo=unpublish_change)
def publish_change(tx: Tx, ctx: Context, server_id: str, change: str) -> list[object]:
    """The guest's document says what is wanted; [host, generation]."""
    server, wanted = tx.need(Server, server_id), CHANGES[change]
    if server.host is None:
        raise StepFailed(f"Instance {server_id} is on no host.")
    counted = {wanted.counter: server.__dict__[wanted.counter] + 1} if wanted.counter else {}
    server = tx.update(server, power=wanted.power, **counted)
    return [server.host, guest.publish(tx, ctx, server)]


@step()
def settle(tx: Tx, ctx: Context, server_id: str, change: str) -> None:
    """The server is what was wanted, and nothing is being done to it."""
    server, wanted = tx.need(Server, server_id), CHANGES[change]
    history.end(tx, ctx, server_id, wanted.action, history.Ending(host=server.host, event=wanted.event))
    tx.update(
        server,
        vm_state=wanted.vm_state,
        power_state=wanted.power_state,
        task_state=task_left(server),
        problem={},
    )


def task_left(server: Server) -> str | None:
    """None, unless the server is being deleted meanwhile."""
    return server.task_state if server.task_state == "deleting" else None


# -- rebuild ------------------------------------------------------------------------------------------


@step()
def publish_rebuild(tx: Tx, ctx: Context, server_id: str, stopped: bool) -> list[object]:
    """The guest's document asks for a new root disk; [host, generation]."""
    server = tx.need(Server, server_id)
    if server.host is None:
        raise StepFailed(f"Instance {server_id} is on no host.")
    power = "stopped" if stopped else "running"
    server = tx.update(server, power=power, rebuilds=server.rebuilds + 1, task_state="rebuild_spawning")
    return [server.host, guest.publish(tx, ctx, server)]


@step()
def settle_rebuild(tx: Tx, ctx: Context, server_id: str, stopped: bool) -> None:
    """The server is as new; one that was stopped still is."""
    server = tx.need(Server, server_id)
    history.end(tx, ctx, server_id, "rebuild", history.Ending(host=server.host))
    tx.update(
        server,
        vm_state="stopped" if stopped else "active",
        power_state=states.SHUTDOWN if stopped else states.RUNNING,
        task_state=task_left(server),
        launched_at=tx.now,
        problem={},
    )
