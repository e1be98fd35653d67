# SPDX-License-Identifier: Apache-2.0
"""On which host a volume is made: where its source is, else where most room is left."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from cumulet.kernel.db import Tx
from cumulet.kernel.db.rows import Row, column
from cumulet.kernel.hosts import HostRow, health
from cumulet.lib.requirements import meets
from cumulet.services.cinder.errors import InvalidInput
from cumulet.services.cinder.snapshots.model import Snapshot
from cumulet.services.cinder.types.first_types import LVM
from cumulet.services.cinder.types.model import VolumeType
from cumulet.services.cinder.volumes.model import Volume

OVERSUBSCRIPTION = 20
"""How many times its disk a host may promise: files take only the room that was written to."""

DRIVER = {
    "volume_backend_name": LVM,
    "vendor_name": "Cumulet",
    "driver_version": "1.0",
    "storage_protocol": "local",
}
"""Who keeps the volumes, and how they are reached."""


class DisabledHost(Row, table="cinder_disabled_hosts"):
    """A host that is given no new volumes."""

    id: str = column(primary=True)
    reason: str | None = column(default=None)


class FrozenHost(Row, table="cinder_frozen_hosts"):
    """A host on which nothing is to change: it is given no new volumes, and what it has stays as it is."""

    id: str = column(primary=True)


def refuse_frozen(tx: Tx, host: str | None) -> None:
    """Raise InvalidInput where nothing is to change."""
    if host is not None and tx.get(FrozenHost, host) is not None:
        raise InvalidInput("Modification operations are not allowed on frozen storage backends.")


@dataclass(frozen=True, order=True)
class Room:
    """How much of a host is free, in GB; what was promised may be more than there is."""

    free: int
    host: str
    total: int

    @property
    def can_promise(self) -> int:
        return self.free + self.total * (OVERSUBSCRIPTION - 1)

    @property
    def capabilities(self) -> dict[str, Any]:
        """What the host's pool tells of itself, and types of volumes may require."""
        return {
            "total_capacity_gb": self.total,
            "free_capacity_gb": self.free,
            "allocated_capacity_gb": self.total - self.free,
            "provisioned_capacity_gb": self.total - self.free,
            "max_over_subscription_ratio": str(float(OVERSUBSCRIPTION)),
            "reserved_percentage": 0,
            "thin_provisioning_support": True,
            "thick_provisioning_support": False,
            "multiattach": True,
            "online_extend_support": True,
            **DRIVER,
            "backend_state": "up",
            "QoS_support": False,
        }

    def has(self, extra_specs: Mapping[str, str | None]) -> bool:
        """Whether the pool is what a type requires; specs of other scopes than capabilities say nothing."""
        told = self.capabilities
        for key, requirement in extra_specs.items():
            name = key.removeprefix("capabilities:")
            if ":" not in name and not (name in told and meets(told[name], requirement)):
                return False
        return True


def rooms(tx: Tx, hosts: Iterable[HostRow]) -> list[Room]:
    """The room on each host, the most first."""
    given = _given(tx, Volume, Volume.c.target_size)
    for host, size in _given(tx, Snapshot, Snapshot.c.volume_size).items():
        given[host] = given.get(host, 0) + size
    found = []
    for row in hosts:
        total = int(row.facts.get("disk_gb", 0))
        found.append(Room(total - given.get(row.id, 0), row.id, total))
    return sorted(found, key=lambda room: (-room.free, room.host))


def _given(tx: Tx, cls: type[Volume] | type[Snapshot], size: sa.ColumnElement[int]) -> dict[str, int]:
    host = cls.c.host
    query = sa.select(host, sa.func.sum(size)).where(host.is_not(None)).group_by(host)
    return {name: int(total) for name, total in tx.execute(query)}


def place(tx: Tx, volume: Volume) -> str | None:
    """The host that is up and should have a new volume, None when there is none.

    Hosts that failed with it before come last.
    """
    fits = _fitting(tx, volume, tx.all(HostRow, HostRow.c.state == "up"))
    fresh = [host for host in fits if host not in volume.shunned]
    return next(iter((*fresh, *fits)), None)


def returning(tx: Tx, volume: Volume) -> list[str]:
    """Hosts that could have the volume and are only away for a moment."""
    down = tx.all(HostRow, HostRow.c.state == "down")
    return _fitting(tx, volume, [row for row in down if health.is_expected(tx, row)])


def _fitting(tx: Tx, volume: Volume, hosts: Iterable[HostRow]) -> list[str]:
    source = _source_host(tx, volume)
    if source is not None:
        return [row.id for row in hosts if row.id == source]
    disabled = {row.id for row in tx.all(DisabledHost)}
    free = rooms(tx, (row for row in hosts if row.id not in disabled))
    volume_type = tx.get(VolumeType, volume.volume_type_id)
    specs = volume_type.extra_specs if volume_type is not None else {}
    return [room.host for room in free if room.can_promise >= volume.target_size and room.has(specs)]


def _source_host(tx: Tx, volume: Volume) -> str | None:
    if volume.snapshot_id is not None:
        snapshot = tx.get(Snapshot, volume.snapshot_id)
        return snapshot.host if snapshot is not None else None
    if volume.source_volid is not None:
        source = tx.get(Volume, volume.source_volid)
        return source.host if source is not None else None
    return None
