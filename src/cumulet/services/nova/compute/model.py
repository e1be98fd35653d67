# SPDX-License-Identifier: Apache-2.0
"""What Nova keeps of a host, and whether it can be used."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import sqlalchemy as sa

from cumulet.contracts.placement import Allocator, Inventory
from cumulet.kernel import ids
from cumulet.kernel.bus import HostFacts
from cumulet.kernel.db import Tx
from cumulet.kernel.db.rows import Row, column, json_column
from cumulet.kernel.hosts import HostRow, health
from cumulet.lib.timestamps import Timestamp
from cumulet.services.nova.aggregates.model import (
    DEFAULT_ZONE,
    Aggregate,
    aggregates_of,
    words_by,
    zone_by,
)

INTERNAL_ZONE = "internal"
COMPUTE = "nova-compute"
CONTROL = ("nova-scheduler", "nova-conductor")
CONTROL_HOST = "control"

CPU_RATIO, RAM_RATIO, DISK_RATIO = 4.0, 1.0, 1.0
RESERVED_MEMORY_MB = 512
SIMULATED = "Simulated"


class ServiceRow(Row, table="nova_services", unique=(("binary", "host"),)):
    """A part of Nova that runs somewhere; `number` is its id for clients before 2.53."""

    id: str = column(primary=True, default_factory=ids.dashed)
    number: int = column(unique=True)
    binary: str
    host: str = column(index=True)
    disabled: bool = column(default=False)
    disabled_reason: str | None = column(default=None)
    forced_down: bool = column(default=False)
    created_at: Timestamp = column(default=Timestamp(""))
    updated_at: Timestamp = column(default=Timestamp(""))


class Hypervisor(Row, table="nova_hypervisors"):
    """What a host has. Its id is that of its resource provider too."""

    id: str = column(primary=True, default_factory=ids.dashed)
    number: int = column(unique=True)
    host: str = column(unique=True)
    vcpus: int
    memory_mb: int
    disk_gb: int
    type: str
    address: str
    cpu: dict[str, Any] = json_column()
    started_at: Timestamp = column(default=Timestamp(""))
    boot_id: str = column(default="")


@dataclass(frozen=True, kw_only=True)
class Compute:
    """A host as the scheduler and the API see it."""

    service: ServiceRow
    seen_at: Timestamp | None
    connected: bool
    returning: bool = False
    """Whether it is away for a moment, so that what only it could have waits for it."""
    zone: str = DEFAULT_ZONE
    words: Mapping[str, set[str]] = field(default_factory=dict)
    """What its aggregates say of it."""

    @property
    def host(self) -> str:
        return self.service.host

    @property
    def up(self) -> bool:
        return self.connected and not self.service.forced_down

    @property
    def usable(self) -> bool:
        """Whether new servers may be put there."""
        return self.up and not self.service.disabled


# -- hosts that connect -------------------------------------------------------------------------------


def host_connected(tx: Tx, facts: HostFacts) -> None:
    """The host has a service, a hypervisor and a resource provider with what it says it has."""
    _ensure_service(tx, COMPUTE, facts.name)
    hypervisor = _ensure_hypervisor(tx, facts)
    tx.app.contract(Allocator).ensure_provider(tx, hypervisor.id, facts.name, inventories(facts))


def inventories(facts: HostFacts) -> dict[str, Inventory]:
    """What servers can be promised of a host; an imagined one needs no memory for itself."""
    reserved = 0 if facts.hypervisor == SIMULATED else min(RESERVED_MEMORY_MB, facts.memory_mb - 1)
    return {
        "VCPU": Inventory(total=facts.vcpus, max_unit=facts.vcpus, allocation_ratio=CPU_RATIO),
        "MEMORY_MB": Inventory(
            total=facts.memory_mb, max_unit=facts.memory_mb, reserved=reserved, allocation_ratio=RAM_RATIO
        ),
        "DISK_GB": Inventory(total=facts.disk_gb, max_unit=facts.disk_gb, allocation_ratio=DISK_RATIO),
    }


def ensure_control(tx: Tx) -> None:
    """The scheduler and the conductor, which are this process, are listed."""
    for binary in CONTROL:
        _ensure_service(tx, binary, CONTROL_HOST)


def _ensure_service(tx: Tx, binary: str, host: str) -> ServiceRow:
    row = tx.first(ServiceRow, ServiceRow.c.binary == binary, ServiceRow.c.host == host)
    if row is not None:
        return row
    return tx.insert(ServiceRow(number=_next(tx, ServiceRow), binary=binary, host=host), retry=True)


def _ensure_hypervisor(tx: Tx, facts: HostFacts) -> Hypervisor:
    said: dict[str, Any] = {
        "vcpus": facts.vcpus,
        "memory_mb": facts.memory_mb,
        "disk_gb": facts.disk_gb,
        "type": facts.hypervisor,
        "address": facts.address,
        "cpu": {"arch": facts.architecture, "model": facts.cpu_model, "vendor": "", "features": []},
    }
    row = tx.first(Hypervisor, Hypervisor.c.host == facts.name)
    if row is None:
        new = Hypervisor(
            number=_next(tx, Hypervisor), host=facts.name, started_at=tx.now, boot_id=facts.boot_id, **said
        )
        return tx.insert(new, retry=True)
    if row.boot_id != facts.boot_id:
        said |= {"boot_id": facts.boot_id, "started_at": tx.now}
    changed = {name: value for name, value in said.items() if row.__dict__[name] != value}
    return tx.update(row, **changed) if changed else row


def _next(tx: Tx, cls: type[ServiceRow] | type[Hypervisor]) -> int:
    return int(tx.scalar(sa.select(sa.func.coalesce(sa.func.max(cls.c.number), 0)))) + 1


# -- what is known of them ----------------------------------------------------------------------------


def computes(tx: Tx, hosts: Iterable[str] | None = None) -> dict[str, Compute]:
    """The compute hosts by name, or those of them that are named."""
    where = [ServiceRow.c.binary == COMPUTE]
    if hosts is not None:
        where.append(ServiceRow.c.host.in_(list(hosts)))
    services = tx.all(ServiceRow, *where, order_by=(ServiceRow.c.host,))
    return _computes(tx, services)


def _computes(tx: Tx, services: Sequence[ServiceRow]) -> dict[str, Compute]:
    names = [row.host for row in services]
    known, grouped = tx.get_many(HostRow, names), aggregates_of(tx, names)
    return {row.host: _compute(tx, row, known.get(row.host), grouped.get(row.host, ())) for row in services}


def _compute(tx: Tx, service: ServiceRow, host: HostRow | None, aggregates: Sequence[Aggregate]) -> Compute:
    return Compute(
        service=service,
        seen_at=host.seen_at if host is not None else None,
        connected=host is not None and host.state == "up",
        returning=host is not None and health.is_expected(tx, host) and not service.forced_down,
        zone=zone_by(aggregates),
        words=words_by(aggregates),
    )


def all_services(tx: Tx) -> list[Compute]:
    """Every service in the order of its number; those of the control plane are up, or nobody would answer."""
    services = tx.all(ServiceRow, order_by=(ServiceRow.c.number,))
    known = _computes(tx, [row for row in services if row.binary == COMPUTE])
    return [known[row.host] if row.binary == COMPUTE else _control(tx, row) for row in services]


def _control(tx: Tx, service: ServiceRow) -> Compute:
    return Compute(service=service, seen_at=tx.now, connected=True, zone=INTERNAL_ZONE)


def is_fenced(tx: Tx, host: str) -> bool:
    """Whether the operator has said that nothing runs on the host any more."""
    c = ServiceRow.c
    return tx.exists(ServiceRow, c.binary == COMPUTE, c.host == host, c.forced_down.is_(True))


def zones_of(tx: Tx, hosts: Sequence[str]) -> dict[str, str]:
    """The availability zone of each host."""
    grouped = aggregates_of(tx, hosts)
    return {host: zone_by(grouped.get(host, ())) for host in hosts}
