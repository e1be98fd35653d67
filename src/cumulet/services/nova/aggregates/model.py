# SPDX-License-Identifier: Apache-2.0
"""What an aggregate is, and what aggregates say of hosts."""

from collections import defaultdict
from collections.abc import Iterable
from typing import Any

import sqlalchemy as sa

from cumulet.kernel import ids
from cumulet.kernel.db import Tx
from cumulet.kernel.db.rows import Row, column, json_column
from cumulet.lib.timestamps import Timestamp

ZONE = "availability_zone"
DEFAULT_ZONE = "nova"
"""The zone of a host that no aggregate puts into another."""


class Aggregate(Row, table="nova_aggregates"):
    """A group of hosts; `id` is that of Placement's aggregate too, `number` what clients name it by."""

    id: str = column(primary=True, default_factory=ids.dashed)
    number: int = column(unique=True)
    name: str = column(unique=True)
    metadata: dict[str, str] = json_column(default_factory=dict)
    created_at: Timestamp = column(default=Timestamp(""))
    changed_at: Timestamp | None = column(default=None)
    """When it was last changed, its hosts included; None since its making."""

    @property
    def zone(self) -> str | None:
        return self.metadata.get(ZONE)


class AggregateHost(Row, table="nova_aggregate_hosts", unique=(("aggregate_id", "host"),)):
    """A host is in an aggregate."""

    id: str = column(primary=True, default_factory=ids.dashed)
    aggregate_id: str = column(references="nova_aggregates.id", on_delete="CASCADE", index=True)
    host: str = column(index=True)
    created_at: Timestamp = column(default=Timestamp(""))


def next_number(tx: Tx) -> int:
    return int(tx.scalar(sa.select(sa.func.coalesce(sa.func.max(Aggregate.c.number), 0)))) + 1


def hosts_of(tx: Tx, aggregate_ids: Iterable[str]) -> dict[str, list[str]]:
    """The hosts of aggregates, in the order in which they were added."""
    found: dict[str, list[str]] = {id: [] for id in aggregate_ids}
    c = AggregateHost.c
    for row in tx.all(AggregateHost, c.aggregate_id.in_(list(found)), order_by=(c.created_at, c.id)):
        found[row.aggregate_id].append(row.host)
    return found


def aggregates_of(tx: Tx, hosts: Iterable[str]) -> dict[str, list[Aggregate]]:
    """The aggregates that each host is in; a host that is in none is left out."""
    rows = tx.all(AggregateHost, AggregateHost.c.host.in_(list(hosts)))
    known = tx.get_many(Aggregate, {row.aggregate_id for row in rows})
    found: dict[str, list[Aggregate]] = defaultdict(list)
    for row in rows:
        found[row.host].append(known[row.aggregate_id])
    return found


def zone_by(aggregates: Iterable[Aggregate]) -> str:
    """The zone of a host that is in these aggregates; no two of them name different ones."""
    return next((aggregate.zone for aggregate in aggregates if aggregate.zone), DEFAULT_ZONE)


def words_by(aggregates: Iterable[Aggregate]) -> dict[str, set[str]]:
    """What is said of a host that is in these aggregates: every value, at its commas, by its key."""
    found: dict[str, set[str]] = defaultdict(set)
    for aggregate in aggregates:
        for key, value in aggregate.metadata.items():
            found[key].update(part.strip() for part in value.split(","))
    return found


def touched(tx: Tx, aggregate: Aggregate, **changes: Any) -> Aggregate:
    return tx.update(aggregate, changed_at=tx.now, **changes)
