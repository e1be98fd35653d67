# SPDX-License-Identifier: Apache-2.0
"""What a project can run out of, how much of it is used, and what things cost.

A snapshot costs its volume's gigabytes. Each volume type adds three quotas of its own, unlimited unless set.
"""

from collections.abc import Iterable, Sequence
from typing import Any

from cumulet.kernel import quota
from cumulet.kernel.auth.context import Context
from cumulet.kernel.db import Tx
from cumulet.kernel.quota import Quota
from cumulet.services.cinder.snapshots.model import Snapshot
from cumulet.services.cinder.types.model import VolumeType
from cumulet.services.cinder.volumes.model import Volume

V, S = Volume.c, Snapshot.c


def volumes(tx: Tx, project_id: str, *where: Any) -> int:
    return tx.count(Volume, V.project_id == project_id, *where)


def snapshots(tx: Tx, project_id: str, *where: Any) -> int:
    return tx.count(Snapshot, S.project_id == project_id, *where)


def gigabytes(tx: Tx, project_id: str) -> int:
    of_volumes = tx.sum(Volume, V.target_size, V.project_id == project_id)
    return of_volumes + tx.sum(Snapshot, S.volume_size, S.project_id == project_id)


def nothing(tx: Tx, project_id: str) -> int:
    """The usage of what is not counted, or not there yet."""
    return 0


FIXED = (
    Quota("volumes", 10, volumes),
    Quota("per_volume_gigabytes", quota.UNLIMITED, nothing),
    Quota("snapshots", 10, snapshots),
    Quota("gigabytes", 1000, gigabytes),
    Quota("backups", 10, nothing),
    Quota("backup_gigabytes", 1000, nothing),
    Quota("groups", 10, nothing),
)


def of_type(volume_type: VolumeType) -> list[Quota]:
    """The quotas that a type adds."""
    name, id = volume_type.name, volume_type.id

    def type_volumes(tx: Tx, project_id: str) -> int:
        return volumes(tx, project_id, V.volume_type_id == id)

    def type_snapshots(tx: Tx, project_id: str) -> int:
        return snapshots(tx, project_id, S.volume_type_id == id)

    def type_gigabytes(tx: Tx, project_id: str) -> int:
        of_volumes = tx.sum(Volume, V.target_size, V.project_id == project_id, V.volume_type_id == id)
        mine = (S.project_id == project_id, S.volume_type_id == id)
        return of_volumes + tx.sum(Snapshot, S.volume_size, *mine)

    return [
        Quota(f"volumes_{name}", quota.UNLIMITED, type_volumes),
        Quota(f"gigabytes_{name}", quota.UNLIMITED, type_gigabytes),
        Quota(f"snapshots_{name}", quota.UNLIMITED, type_snapshots),
    ]


def quotas_with(types: Iterable[VolumeType]) -> dict[str, Quota]:
    """The fixed quotas and those of the types, by name."""
    return {item.name: item for item in (*FIXED, *(q for t in types for q in of_type(t)))}


def every_quota(tx: Tx) -> dict[str, Quota]:
    return quotas_with(tx.all(VolumeType, order_by=(VolumeType.c.created_at, VolumeType.c.id)))


# -- charging -------------------------------------------------------------------------------------------


def charge_volume(tx: Tx, ctx: Context, project_id: str, size: int, volume_type: VolumeType) -> None:
    """Refuse unless a volume of this size fits."""
    costs = {"per_volume_gigabytes": size, **_gigabytes(size, volume_type), **_one("volumes", volume_type)}
    quota.charge(tx, ctx, project_id, costs, quotas_with([volume_type]))


def charge_growth(tx: Tx, ctx: Context, volume: Volume, size: int, volume_type: VolumeType) -> None:
    """Refuse unless the volume may grow to this size."""
    costs = {"per_volume_gigabytes": size, **_gigabytes(size - volume.target_size, volume_type)}
    quota.charge(tx, ctx, volume.project_id, costs, quotas_with([volume_type]))


def charge_snapshot(tx: Tx, ctx: Context, project_id: str, size: int, volume_type: VolumeType) -> None:
    """Refuse unless a snapshot of a volume of this size fits."""
    costs = {**_gigabytes(size, volume_type), **_one("snapshots", volume_type)}
    quota.charge(tx, ctx, project_id, costs, quotas_with([volume_type]))


def charge_transfer(
    tx: Tx, ctx: Context, project_id: str, things: Sequence[Volume | Snapshot], volume_type: VolumeType
) -> None:
    """Refuse unless a volume and those of its snapshots that come along fit."""
    snapshots = [thing for thing in things if isinstance(thing, Snapshot)]
    size = sum(item.volume_size if isinstance(item, Snapshot) else item.target_size for item in things)
    costs = {**_gigabytes(size, volume_type), **_one("volumes", volume_type)}
    costs |= {name: len(snapshots) for name in _one("snapshots", volume_type)}
    quota.charge(tx, ctx, project_id, costs, quotas_with([volume_type]))


def _gigabytes(size: int, volume_type: VolumeType) -> dict[str, int]:
    return {"gigabytes": size, f"gigabytes_{volume_type.name}": size}


def _one(resource: str, volume_type: VolumeType) -> dict[str, int]:
    return {resource: 1, f"{resource}_{volume_type.name}": 1}
