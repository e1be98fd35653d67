# SPDX-License-Identifier: Apache-2.0
"""The operations on volumes."""

from typing import Any

from cumulet.kernel import saga
from cumulet.kernel.auth.context import Context
from cumulet.kernel.db import Tx
from cumulet.kernel.errors import BadRequest
from cumulet.kernel.resource import Action, Create, Delete, List, Show, Update, expose
from cumulet.kernel.resource.operations import row_from
from cumulet.services.cinder.volumes import flows
from cumulet.services.cinder.volumes.model import Volume


def create_volume(tx: Tx, ctx: Context, given: dict[str, Any]) -> Volume:
    """Accept a volume: the row, its quota and the saga that makes it, or nothing."""
    volume: Volume = tx.insert(row_from(Volume, ctx, given))
    saga.start(tx, ctx, flows.create_volume, volume_id=volume.id)
    return volume


def delete_volume(tx: Tx, ctx: Context, volume: Volume) -> None:
    """Accept the end of a volume that nothing uses."""
    if volume.status not in DELETABLE:
        raise BadRequest(
            f"Invalid volume: Volume status must be {' or '.join(DELETABLE)} and must not be migrating, attached, "
            "belong to a group, have snapshots, awaiting a transfer, or be disassociated from snapshots after "
            "volume transfer."
        )
    tx.move(volume, "deleting", when=DELETABLE)
    saga.start(tx, ctx, flows.delete_volume, volume_id=volume.id)


DELETABLE = ("available", "error", "error_restoring", "error_extending", "error_managing")


def extend_volume(tx: Tx, ctx: Context, volume: Volume, asked: dict[str, Any]) -> None:
    """Accept a larger size."""
    size = int(asked["new_size"])
    if size <= volume.size:
        raise BadRequest(
            f"Invalid input received: New size for extend must be greater than current size. "
            f"(current: {volume.size}, extended: {size})."
        )
    tx.move(volume, "extending", when=("available", "in-use"))
    saga.start(tx, ctx, flows.extend_volume, volume_id=volume.id, size=size, was=volume.status)


EXTEND = {
    "type": "object",
    "properties": {"new_size": {"type": ["integer", "string"], "pattern": "^[0-9]+$", "minimum": 1}},
    "required": ["new_size"],
    "additionalProperties": False,
}

VOLUMES = expose(
    Volume,
    List(policy="volume:get_all", brief=True),
    List(policy="volume:get_all", detail=True),
    Show(policy="volume:get"),
    Create(policy="volume:create", run=create_volume, status=202, quota={"volumes": 1, "gigabytes": "size"}),
    Update(policy="volume:update"),
    Delete(policy="volume:delete", run=delete_volume, status=202),
    Action(name="os-extend", policy="volume:extend", run=extend_volume, body=EXTEND),
)
