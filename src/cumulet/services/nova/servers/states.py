# SPDX-License-Identifier: Apache-2.0
"""The states of servers: what users read of them, and which actions each allows.

`vm_state` is what a server is, `task_state` what is being done to it, `power_state` what its guest does.
What an API shows as the status is a function of the first two. The tables copy upstream's
(nova/api/openstack/common.py and the state checks of nova/compute/api.py).
"""

from dataclasses import dataclass

NO_STATE, RUNNING, PAUSED, SHUTDOWN, CRASHED, SUSPENDED = 0, 1, 3, 4, 6, 7
SOFT_DELETED = "soft-delete"
"""The vm_state of a server that can still be restored."""
POWERS = {0: "pending", 1: "running", 3: "paused", 4: "shutdown", 6: "crashed", 7: "suspended"}
"""The names of the states of power."""

STATUSES: dict[str, tuple[str, dict[str, str]]] = {
    "active": (
        "ACTIVE",
        {
            "rebooting": "REBOOT",
            "reboot_pending": "REBOOT",
            "reboot_started": "REBOOT",
            "rebooting_hard": "HARD_REBOOT",
            "reboot_pending_hard": "HARD_REBOOT",
            "reboot_started_hard": "HARD_REBOOT",
            "updating_password": "PASSWORD",
            "rebuilding": "REBUILD",
            "rebuild_block_device_mapping": "REBUILD",
            "rebuild_spawning": "REBUILD",
            "migrating": "MIGRATING",
            "resize_prep": "RESIZE",
            "resize_migrating": "RESIZE",
            "resize_migrated": "RESIZE",
            "resize_finish": "RESIZE",
        },
    ),
    "building": ("BUILD", {}),
    "stopped": (
        "SHUTOFF",
        {
            "resize_prep": "RESIZE",
            "resize_migrating": "RESIZE",
            "resize_migrated": "RESIZE",
            "resize_finish": "RESIZE",
            "rebuilding": "REBUILD",
            "rebuild_block_device_mapping": "REBUILD",
            "rebuild_spawning": "REBUILD",
        },
    ),
    "resized": ("VERIFY_RESIZE", {"resize_reverting": "REVERT_RESIZE"}),
    "paused": ("PAUSED", {"migrating": "MIGRATING"}),
    "suspended": ("SUSPENDED", {}),
    "rescued": ("RESCUE", {}),
    "error": (
        "ERROR",
        {
            "rebuilding": "REBUILD",
            "rebuild_block_device_mapping": "REBUILD",
            "rebuild_spawning": "REBUILD",
        },
    ),
    "deleted": ("DELETED", {}),
    "soft-delete": ("SOFT_DELETED", {}),
    "shelved": ("SHELVED", {}),
    "shelved_offloaded": ("SHELVED_OFFLOADED", {}),
}
SHOWS_PROGRESS = frozenset({"ACTIVE", "BUILD", "REBUILD", "RESIZE", "VERIFY_RESIZE", "MIGRATING"})
SHOWS_FAULT = frozenset({"ERROR", "DELETED"})


def status_of(vm_state: str, task_state: str | None) -> str:
    """The status that users read."""
    usual, by_task = STATUSES.get(vm_state, ("UNKNOWN", {}))
    return by_task.get(task_state, usual) if task_state else usual


def states_of(status: str) -> list[tuple[str, str | None]] | None:
    """The (vm_state, task_state) pairs with this status, None when it is no status.

    A None task stands for every task that has no status of its own with that vm_state.
    """
    wanted = status.upper()
    found: list[tuple[str, str | None]] = []
    for vm_state, (usual, by_task) in STATUSES.items():
        if usual == wanted:
            found.append((vm_state, None))
        found += [(vm_state, task) for task, name in by_task.items() if name == wanted]
    return found or None


def tasks_with_own_status(vm_state: str) -> list[str]:
    return list(STATUSES[vm_state][1])


@dataclass(frozen=True, kw_only=True)
class Allowed:
    """The states from which an action may start.

    `tasks` None is any task; `unlocked` refuses locked servers, `placed` those without a host.
    """

    vm: tuple[str, ...] | None = None
    tasks: tuple[str | None, ...] | None = (None,)
    launched: bool = True
    unlocked: bool = True
    placed: bool = False


_HARD = (
    None,
    "rebooting",
    "reboot_pending",
    "reboot_started",
    "resuming",
    "rebooting_hard",
    "unpausing",
    "pausing",
    "suspending",
)
_WITH_DISKS = ("active", "paused", "stopped", "resized", "soft-delete", "shelved", "shelved_offloaded")

ALLOWED: dict[str, Allowed] = {
    "delete": Allowed(tasks=None, launched=False),
    "restore": Allowed(vm=(SOFT_DELETED,)),
    "stop": Allowed(vm=("active", "error"), placed=True),
    "start": Allowed(vm=("stopped",), placed=True),
    "reboot_soft": Allowed(vm=("active",)),
    "reboot_hard": Allowed(
        vm=("active", "stopped", "paused", "suspended", "error"), tasks=_HARD, placed=True
    ),
    "pause": Allowed(vm=("active",)),
    "unpause": Allowed(vm=("paused",)),
    "suspend": Allowed(vm=("active",)),
    "resume": Allowed(vm=("suspended",)),
    "rebuild": Allowed(vm=("active", "stopped", "error"), placed=True),
    "changeFixedIps": Allowed(tasks=None, launched=False),
    "injectNetworkInfo": Allowed(tasks=None, launched=False),
    "rescue": Allowed(vm=("active", "stopped", "error"), placed=True),
    "unrescue": Allowed(vm=("rescued",)),
    "shelve": Allowed(vm=("active", "stopped", "paused", "suspended")),
    "shelveOffload": Allowed(vm=("shelved",)),
    "unshelve": Allowed(vm=("shelved", "shelved_offloaded")),
    "createBackup": Allowed(vm=("active", "stopped", "paused", "suspended"), unlocked=False),
    "resize": Allowed(vm=("active", "stopped"), placed=True),
    "migrate": Allowed(vm=("active", "stopped"), placed=True),
    "confirmResize": Allowed(vm=("resized",)),
    "revertResize": Allowed(vm=("resized",)),
    "createImage": Allowed(vm=("active", "stopped", "paused", "suspended"), unlocked=False),
    "attach_volume": Allowed(vm=_WITH_DISKS),
    "detach_volume": Allowed(vm=_WITH_DISKS),
    "attach_interface": Allowed(vm=("active", "paused", "stopped")),
    "detach_interface": Allowed(vm=("active", "paused", "stopped")),
    "update metadata": Allowed(vm=("active", "paused", "suspended", "stopped"), tasks=None, launched=False),
    "delete metadata": Allowed(vm=("active", "paused", "suspended", "stopped"), tasks=None, launched=False),
}
