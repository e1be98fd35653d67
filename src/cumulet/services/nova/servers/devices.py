# SPDX-License-Identifier: Apache-2.0
"""The volumes of servers, and the device names under which users see them."""

from collections.abc import Iterable, Sequence
from typing import Any

from cumulet.contracts.cinder import Volumes
from cumulet.kernel.auth.context import Context
from cumulet.kernel.db import Tx
from cumulet.services.nova.servers.model import BlockDevice

_LETTERS = "abcdefghijklmnopqrstuvwxyz"
MOST_DEVICES = 256


def devices_of(tx: Tx, server_ids: Sequence[str]) -> dict[str, list[BlockDevice]]:
    """The volumes of each of these servers in the order in which they came."""
    found: dict[str, list[BlockDevice]] = {id: [] for id in server_ids}
    for start in range(0, len(server_ids), 500):
        where = BlockDevice.c.server_id.in_(server_ids[start : start + 500])
        order = (BlockDevice.c.created_at, BlockDevice.c.device, BlockDevice.c.id)
        for device in tx.all(BlockDevice, where, order_by=order):
            found[device.server_id].append(device)
    return found


def of_server(tx: Tx, server_id: str) -> list[BlockDevice]:
    return devices_of(tx, [server_id])[server_id]


def export(tx: Tx, ctx: Context, device: BlockDevice, host: str, **changes: Any) -> list[Any]:
    """Have the volume served to guests of a host; [host that serves it, volume, generation]."""
    assert device.attachment_id is not None
    exported = tx.app.contract(Volumes).export(tx, ctx, device.attachment_id, host, device.device)
    tx.update(device, volume_host=exported[0], **changes)
    return exported


def name_at(number: int) -> str:
    """The device with this number: 0 is /dev/vda, 26 is /dev/vdaa."""
    word = ""
    number += 1
    while number > 0:
        number, rest = divmod(number - 1, 26)
        word = _LETTERS[rest] + word
    return f"/dev/vd{word}"


def free_name(taken: Iterable[str]) -> str:
    """The first device name that nothing has."""
    known = set(taken)
    return next(name for number in range(MOST_DEVICES) if (name := name_at(number)) not in known)
