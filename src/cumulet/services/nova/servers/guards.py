# SPDX-License-Identifier: Apache-2.0
"""Whether a server may be acted upon now; upstream's sentences when it may not."""

from cumulet.kernel.auth.context import Context
from cumulet.kernel.errors import Conflict, StateConflict
from cumulet.services.nova.servers import states
from cumulet.services.nova.servers.model import Server
from cumulet.services.nova.servers.states import ALLOWED, Allowed


def allow(ctx: Context, server: Server, action: str, said: str = "") -> None:
    """Raise Conflict unless the action may start now; `said` is what the message calls it."""
    rule = ALLOWED[action]
    unlocked(ctx, server, rule)
    if rule.placed and not server.host:
        raise Conflict(f"Instance {server.id} is not ready")
    said = said or action
    if rule.vm is not None and server.vm_state not in rule.vm:
        raise _refused(server, said, "vm_state", server.vm_state)
    if rule.tasks is not None and server.task_state not in rule.tasks:
        raise _refused(server, said, "task_state", server.task_state)
    if rule.launched and server.launched_at is None and server.vm_state != "error":
        raise _refused(server, said, "launched_at", None)


def unlocked(ctx: Context, server: Server, rule: Allowed) -> None:
    if rule.unlocked and server.locked_by is not None and not ctx.is_admin:
        raise Conflict(f"Instance {server.id} is locked")


def touchable(ctx: Context, server: Server, said: str) -> None:
    """Raise Conflict for changes of what is written of a server that is in no ordinary state."""
    if server.vm_state not in ("active", "paused", "suspended", "stopped"):
        raise _refused(server, said, "vm_state", server.vm_state)


def running(server: Server, action: str) -> None:
    """Raise Conflict unless a guest of the server runs on a host."""
    if not server.host:
        raise Conflict(f"Instance {server.id} is not ready")
    if server.power_state not in (states.RUNNING, states.PAUSED):
        raise _refused(server, action, "power_state", states.POWERS[server.power_state])


def _refused(server: Server, action: str, attribute: str, value: str | None) -> StateConflict:
    return StateConflict(f"Cannot '{action}' instance {server.id} while it is in {attribute} {value}")
