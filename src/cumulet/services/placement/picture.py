# SPDX-License-Identifier: Apache-2.0
"""A picture of all providers in memory: what they have, what is used, their traits and aggregates.

Reading five tables for each question about five hundred providers would cost a hundred times what the
answer does. So a process keeps the last picture that it made and asks the database only for the numbers of
the shards: one small query. A shard whose number has moved is read anew; all others are as they were,
because every change of a provider moves its shard's number in the same transaction.

Three things keep that true with many processes on PostgreSQL, where each statement sees what was committed
before it. The numbers are read again after the parts, and the parts again until the numbers stand still.
A picture is kept only if no shard of it is older than what is kept already. And a transaction that has
changed a provider itself sees its own numbers, which nobody else may ever see: its pictures are its own.

A picture tells what to offer. What is taken is decided by SQL under the provider's lock
(`allocations.model.replace`).
"""

import threading
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Self
from weakref import WeakSet

import sqlalchemy as sa

from cumulet.kernel.app import App
from cumulet.kernel.db import Row, Tx
from cumulet.lib.timestamps import Timestamp
from cumulet.services.placement.names import SHARES
from cumulet.services.placement.rows import (
    TERMS,
    Allocation,
    Inventory,
    ProviderAggregate,
    ProviderTrait,
    ResourceProvider,
    Shard,
    shard_of,
)


@dataclass(slots=True)
class Stock:
    """How much of a class a provider has, and how much of it is used."""

    total: int
    reserved: int
    min_unit: int
    max_unit: int
    step_size: int
    allocation_ratio: float
    updated_at: Timestamp
    used: int = 0
    room: float = 0.0
    """How much more may be used; below zero when an inventory has shrunk."""

    @property
    def capacity(self) -> int:
        return int((self.total - self.reserved) * self.allocation_ratio)

    def fits(self, amount: int) -> bool:
        """Whether this much more can be taken in one allocation."""
        return (
            amount <= self.room
            and self.min_unit <= amount <= self.max_unit
            and (self.step_size == 1 or amount % self.step_size == 0)
        )


@dataclass(slots=True)
class Provider:
    """A provider with all that is its own. `fragments` keeps the JSON that was made of it."""

    id: str
    name: str
    generation: int
    parent_id: str | None
    root_id: str
    created_at: Timestamp
    updated_at: Timestamp
    stocks: dict[str, Stock] = field(default_factory=dict)
    traits: set[str] = field(default_factory=set)
    aggregates: set[str] = field(default_factory=set)
    fragments: dict[Any, bytes] = field(default_factory=dict)

    def has_room(self, resources: Mapping[str, int]) -> bool:
        """Whether all of these amounts can be taken at once."""
        stocks = self.stocks
        for resource_class, amount in resources.items():
            stock = stocks.get(resource_class)
            if stock is None or not stock.fits(amount):
                return False
        return True

    @property
    def is_sharing(self) -> bool:
        return SHARES in self.traits


class Picture:
    """All providers at one moment, in the order in which they were made. Nobody changes it."""

    def __init__(self, numbers: tuple[int, ...], providers: dict[str, Provider]) -> None:
        self.numbers = numbers
        self.providers = providers

    @cached_property
    def has_trees(self) -> bool:
        return any(provider.parent_id is not None for provider in self.providers.values())

    @cached_property
    def sharing(self) -> tuple[Provider, ...]:
        """Providers whose inventory others may use."""
        return tuple(provider for provider in self.providers.values() if provider.is_sharing)

    @cached_property
    def trees(self) -> Mapping[str, list[Provider]]:
        """The members of every tree, by the id of its root."""
        found: dict[str, list[Provider]] = {}
        for provider in self.providers.values():
            found.setdefault(provider.root_id, []).append(provider)
        return found

    @cached_property
    def traits(self) -> frozenset[str]:
        """Every trait that some provider has."""
        return frozenset().union(*(provider.traits for provider in self.providers.values()))

    def ancestors(self, provider_id: str) -> set[str]:
        """The provider and all above it."""
        found, at = set(), provider_id
        while at is not None and at not in found:
            found.add(at)
            at = self.providers[at].parent_id  # type: ignore[assignment]
        return found

    def renewed(self, tx: Tx, numbers: tuple[int, ...]) -> "Picture":
        """A picture in which all shards with other numbers than in this one are read anew."""
        seen = self.numbers
        old = [n for n in range(len(numbers)) if n >= len(seen) or numbers[n] != seen[n]]
        fresh = _load(tx, old)
        stale = set(old)
        kept = {id: p for id, p in self.providers.items() if id in fresh or shard_of(id) not in stale}
        added = fresh.keys() - kept.keys()
        merged = kept | fresh
        if added:
            merged = dict(sorted(merged.items(), key=lambda item: (item[1].created_at, item[0])))
        return Picture(numbers, merged)


class Pictures:
    """The pictures of one process."""

    def __init__(self, app: App) -> None:
        self._kept = Picture((), {})
        self._lock = threading.Lock()
        self._changed: WeakSet[Tx] = WeakSet()

    @classmethod
    def of(cls, tx: Tx) -> Self:
        """The pictures of the process to which the transaction belongs."""
        return tx.app.contract(cls)

    def current(self, tx: Tx) -> Picture:
        """The providers as this transaction sees them."""
        kept = picture = self._kept
        numbers = _numbers(tx)
        while picture.numbers != numbers:
            picture = picture.renewed(tx, numbers)
            numbers = _numbers(tx)
        if picture is not kept and tx not in self._changed:
            self._keep(picture)
        return picture

    def touch(self, tx: Tx, provider_ids: Iterable[str]) -> None:
        """Tell every process that these providers are no longer what they were."""
        shards = sorted({shard_of(id) for id in provider_ids})
        if shards:
            self._changed.add(tx)
            tx.execute(_MOVE, {"shards": shards})

    def _keep(self, picture: Picture) -> None:
        with self._lock:
            if all(new >= old for new, old in zip(picture.numbers, self._kept.numbers, strict=False)):
                self._kept = picture


def current(tx: Tx) -> Picture:
    """The providers as this transaction sees them."""
    return Pictures.of(tx).current(tx)


# -- from the database ----------------------------------------------------------------------------------

_MOVE = (
    sa.update(Shard.table)
    .where(Shard.c.id.in_(sa.bindparam("shards", expanding=True)))
    .values(revision=Shard.c.revision + 1)
)
_NUMBERS = sa.select(Shard.c.revision).order_by(Shard.c.id)


def _numbers(tx: Tx) -> tuple[int, ...]:
    return tuple(tx.execute(_NUMBERS).scalars())


def _load(tx: Tx, shards: list[int]) -> dict[str, Provider]:
    """The providers of these shards."""
    c = ResourceProvider.c
    columns = (c.id, c.name, c.generation, c.parent_id, c.root_id, c.created_at, c.updated_at)
    rows = tx.execute(sa.select(*columns).where(c.shard.in_(shards)).order_by(c.created_at, c.id))
    found = {row[0]: Provider(*row) for row in rows.fetchall()}
    if found:
        _add_stocks(tx, shards, found)
        for provider_id, trait in _of_shards(tx, shards, ProviderTrait, "trait"):
            _at(found, provider_id).traits.add(trait)
        for provider_id, aggregate_id in _of_shards(tx, shards, ProviderAggregate, "aggregate_id"):
            _at(found, provider_id).aggregates.add(aggregate_id)
    return found


def _at(found: dict[str, Provider], provider_id: str) -> Provider:
    """The provider, or one to be thrown away: it was made since the providers were read."""
    return found.get(provider_id) or Provider("", "", 0, None, "", Timestamp(""), Timestamp(""))


def _add_stocks(tx: Tx, shards: list[int], found: dict[str, Provider]) -> None:
    for provider_id, resource_class, *numbers in _of_shards(
        tx, shards, Inventory, "resource_class", *TERMS, "updated_at"
    ):
        _at(found, provider_id).stocks[resource_class] = Stock(*numbers)
    c = Allocation.c
    used = sa.func.sum(c.used)
    joined = Allocation.table.join(ResourceProvider.table, ResourceProvider.c.id == c.provider_id)
    query = (
        sa.select(c.provider_id, c.resource_class, used)
        .select_from(joined)
        .where(ResourceProvider.c.shard.in_(shards))
        .group_by(c.provider_id, c.resource_class)
    )
    for provider_id, resource_class, amount in tx.execute(query).fetchall():
        stock = _at(found, provider_id).stocks.get(resource_class)
        if stock is not None:
            stock.used = int(amount)
    for provider in found.values():
        for stock in provider.stocks.values():
            stock.room = (stock.total - stock.reserved) * stock.allocation_ratio - stock.used


def _of_shards(tx: Tx, shards: list[int], cls: type[Row], *names: str) -> Iterable[Any]:
    """The provider's id and these columns of all rows that belong to providers of the shards."""
    joined = cls.table.join(ResourceProvider.table, ResourceProvider.c.id == cls.c.provider_id)
    query = sa.select(cls.c.provider_id, *(cls.c[name] for name in names)).select_from(joined)
    found: Iterable[Any] = tx.execute(query.where(ResourceProvider.c.shard.in_(shards))).fetchall()
    return found
