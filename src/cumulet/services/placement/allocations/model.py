# SPDX-License-Identifier: Apache-2.0
"""What consumers hold, and the one function that changes it.

`replace` is the only place where something is taken of a provider. It counts by SQL under the providers'
locks: the picture in memory tells what to offer, never what to give.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from cumulet.kernel.db import Tx
from cumulet.services.placement import changes, names
from cumulet.services.placement.errors import InvalidInventory
from cumulet.services.placement.rows import Allocation, Consumer, Inventory, row_id

Resources = Mapping[str, Mapping[str, int]]
"""Provider to resource class to amount."""


@dataclass(frozen=True)
class Holding:
    """A consumer, as it was and as it shall be (its generation excepted), and all that it shall hold."""

    stored: Consumer | None
    consumer: Consumer
    wanted: Resources


def hold(tx: Tx, consumer_ids: Iterable[str], provider_ids: Iterable[str]) -> dict[str, Consumer]:
    """Those of the consumers that exist; nobody else changes them or these providers now."""
    consumer_ids = list(consumer_ids)
    changes.lock(tx, provider_ids, *(f"placement:consumer:{id}" for id in consumer_ids))
    return tx.get_many(Consumer, consumer_ids)


def held_by(tx: Tx, consumer_ids: Sequence[str]) -> list[Allocation]:
    """What these consumers hold."""
    rows = tx.execute(_HELD, {"consumers": list(consumer_ids)}).fetchall()
    return [Allocation.load(row) for row in rows]


def replace(tx: Tx, holdings: Sequence[Holding]) -> None:
    """Each consumer holds what it shall hold and nothing else; one that holds nothing is gone.

    `hold` was called before with all consumers and wanted providers. Raises UnknownClass, and
    InvalidInventory when a provider lacks the inventory or the room.
    """
    before = held_by(tx, [holding.consumer.id for holding in holdings])
    _check(tx, holdings, before)
    if before:
        tx.execute(_FORGET, {"consumers": [holding.consumer.id for holding in holdings]})
    emptied = {holding.consumer.id for holding in holdings if not holding.wanted}
    for holding in holdings:
        _save(tx, holding)
    tx.insert_many([row for holding in holdings for row in _rows(holding)])
    left = {row.provider_id for row in before}
    written = {id for holding in holdings for id in holding.wanted}
    written |= {row.provider_id for row in before if row.consumer_id in emptied}
    changes.raise_generations(tx, written)
    changes.touch(tx, left - written)
    for holding in holdings:
        if not holding.wanted and holding.stored is not None:
            tx.delete(holding.stored)


def release(tx: Tx, consumer_id: str) -> bool:
    """The consumer holds nothing and is gone; False when it held nothing."""
    hold(tx, [consumer_id], ())
    before = held_by(tx, [consumer_id])
    if before:
        tx.execute(_FORGET, {"consumers": [consumer_id]})
        changes.touch(tx, {row.provider_id for row in before})
    tx.delete_where(Consumer, Consumer.c.id == consumer_id)
    return bool(before)


def _save(tx: Tx, holding: Holding) -> None:
    """The consumer is stored with its next generation, where it is going to hold something."""
    if not holding.wanted:
        return
    wanted = holding.consumer
    if holding.stored is None:
        tx.insert(wanted.but(generation=1))
        return
    tx.update(
        holding.stored,
        project_id=wanted.project_id,
        user_id=wanted.user_id,
        type=wanted.type,
        generation=holding.stored.generation + 1,
    )


def _rows(holding: Holding) -> Iterable[Allocation]:
    consumer_id = holding.consumer.id
    for provider_id, resources in holding.wanted.items():
        for resource_class, amount in resources.items():
            yield Allocation(
                id=row_id(consumer_id, provider_id, resource_class),
                consumer_id=consumer_id,
                provider_id=provider_id,
                resource_class=resource_class,
                used=amount,
            )


# -- is there room? -------------------------------------------------------------------------------------

Key = tuple[str, str]
"""A provider and a resource class."""


def _check(tx: Tx, holdings: Sequence[Holding], before: Sequence[Allocation]) -> None:
    """Raise InvalidInventory unless everything that is wanted fits once these consumers hold nothing.

    A provider may stay over its capacity, as after its inventory shrank, when it is used no more than before.
    """
    wanted = [
        (provider_id, resource_class, amount)
        for holding in holdings
        for provider_id, resources in holding.wanted.items()
        for resource_class, amount in resources.items()
    ]
    if not wanted:
        return
    names.require_classes(tx, {resource_class for _, resource_class, _ in wanted})
    stocks = _stocks(tx, wanted)
    own: dict[Key, int] = {}
    for row in before:
        key = (row.provider_id, row.resource_class)
        own[key] = own.get(key, 0) + row.used
    asked: dict[Key, int] = {}
    for provider_id, resource_class, amount in wanted:
        key = (provider_id, resource_class)
        stock = stocks.get(key)
        if stock is None:
            raise InvalidInventory.missing(resource_class, provider_id)
        if amount < stock.min_unit or amount > stock.max_unit or amount % stock.step_size:
            raise InvalidInventory.misfit(resource_class, provider_id)
        asked[key] = asked.get(key, 0) + amount
        used_before = int(stock.used or 0)
        used = used_before - own.get(key, 0) + asked[key]
        capacity = (stock.total - stock.reserved) * stock.allocation_ratio
        if used > capacity and not (stock.used is not None and used <= used_before):
            raise InvalidInventory.full(resource_class, provider_id)


def _stocks(tx: Tx, wanted: Sequence[tuple[str, str, int]]) -> dict[Key, Any]:
    """The inventories that are asked for, each with its present use; InvalidInventory where one has none."""
    providers = {provider_id for provider_id, _, _ in wanted}
    classes = sorted({resource_class for _, resource_class, _ in wanted})
    rows = tx.execute(_STOCKS, {"providers": sorted(providers), "classes": classes}).fetchall()
    without = providers - {row.provider_id for row in rows}
    if without:
        raise InvalidInventory.missing(", ".join(classes), ", ".join(sorted(without)))
    return {(row.provider_id, row.resource_class): row for row in rows}


_I, _A = Inventory.c, Allocation.c
_STOCKS = (
    sa.select(
        _I.provider_id, _I.resource_class, _I.total, _I.reserved, _I.min_unit, _I.max_unit, _I.step_size,
        _I.allocation_ratio, sa.func.sum(_A.used).label("used"),
    )
    .select_from(
        Inventory.table.outerjoin(
            Allocation.table,
            sa.and_(_A.provider_id == _I.provider_id, _A.resource_class == _I.resource_class),
        )
    )
    .where(
        _I.provider_id.in_(sa.bindparam("providers", expanding=True)),
        _I.resource_class.in_(sa.bindparam("classes", expanding=True)),
    )
    .group_by(_I.id)
)  # fmt: skip
_HELD = (
    sa.select(*(_A[name] for name in Allocation.stored))
    .where(_A.consumer_id.in_(sa.bindparam("consumers", expanding=True)))
    .order_by(_A.id)
)
_FORGET = sa.delete(Allocation.table).where(_A.consumer_id.in_(sa.bindparam("consumers", expanding=True)))
