# SPDX-License-Identifier: Apache-2.0
"""What Placement does for other services in their own transaction."""

from collections.abc import Collection, Mapping, Sequence

import sqlalchemy as sa

from cumulet.contracts.placement import Candidate, Demand, Inventory, NoRoom, Owner
from cumulet.kernel.app import App
from cumulet.kernel.auth.context import Context
from cumulet.kernel.db import Tx
from cumulet.services.placement import aggregates, changes, names, picture
from cumulet.services.placement.allocations import model as allocations
from cumulet.services.placement.errors import InvalidInventory, UnknownName
from cumulet.services.placement.inventories import model as stocks
from cumulet.services.placement.picture import Provider
from cumulet.services.placement.rows import (
    Allocation,
    Consumer,
    ProviderTrait,
    ResourceClass,
    ResourceProvider,
    Trait,
    shard_of,
)
from cumulet.services.placement.traits import replace as replace_traits


class PlacementAllocator:
    """`contracts.placement.Allocator` on Placement's tables."""

    def __init__(self, app: App) -> None:
        pass

    def ensure_provider(
        self, tx: Tx, id: str, name: str, inventories: Mapping[str, Inventory], traits: Sequence[str] = ()
    ) -> None:
        """A root provider exists with exactly these inventories and standard traits.

        Names that nobody knew become known. What is in use stays, even when it is not among the inventories:
        somebody holds it. Nothing is written when all is so already.
        """
        changes.lock(tx, [id])
        _ensure_named(tx, id, name)
        tx.insert_many([ResourceClass(name=n) for n in names.unknown_classes(tx, inventories)])
        stored = stocks.of(tx, id)
        kept = stocks.in_use(tx, id, stored.keys() - inventories.keys())
        wanted = {**{n: stocks.terms(stored[n]) for n in kept}, **inventories}
        if wanted != {n: stocks.terms(row) for n, row in stored.items()}:
            stocks.replace(tx, id, wanted)
        _ensure_traits(tx, id, traits)

    def hold(self, tx: Tx, provider_ids: Sequence[str]) -> None:
        """Nobody else takes anything of these providers until this transaction ends."""
        changes.lock(tx, provider_ids)

    def join_aggregate(self, tx: Tx, provider_id: str, aggregate_id: str) -> None:
        """The provider is in this aggregate too."""
        aggregates.join(tx, provider_id, aggregate_id)

    def leave_aggregate(self, tx: Tx, provider_id: str, aggregate_id: str) -> None:
        """The provider is not in this aggregate. Nothing being there is fine."""
        aggregates.leave(tx, provider_id, aggregate_id)

    def candidates(self, tx: Tx, demand: Demand) -> list[Candidate]:
        """Providers that could take the whole demand by themselves, the oldest first."""
        now = picture.current(tx)
        return [
            Candidate(provider.id, provider.name, _free(provider))
            for provider in now.providers.values()
            if _suits(provider, now.providers[provider.root_id], demand)
        ]

    def claim(
        self,
        tx: Tx,
        ctx: Context,
        consumer_id: str,
        provider_id: str,
        demand: Demand,
        *,
        owner: Owner | None = None,
    ) -> None:
        """Replace everything the consumer holds by this. Raises NoRoom when it no longer fits."""
        owner = owner or Owner(ctx.project_id or "", ctx.user_id)
        stored = allocations.hold(tx, [consumer_id], [provider_id]).get(consumer_id)
        new = Consumer(id=consumer_id, project_id=owner.project_id, user_id=owner.user_id)
        consumer = stored or new
        wanted = {provider_id: demand.resources} if demand.resources else {}
        try:
            allocations.replace(tx, [allocations.Holding(stored, consumer, wanted)])
        except (InvalidInventory, UnknownName) as error:
            raise NoRoom(str(error)) from error

    def hand_over(self, tx: Tx, consumer_id: str, to: str) -> None:
        """What the one consumer holds the other does, and nothing else."""
        held = self.held_by(tx, [consumer_id]).get(consumer_id, {})
        known = allocations.hold(tx, [consumer_id, to], held)
        if consumer_id in known:
            left = known[consumer_id]
            gone = allocations.Holding(left, left, {})
            allocations.replace(tx, [gone, allocations.Holding(known.get(to), left.but(id=to), held)])

    def release(self, tx: Tx, consumer_id: str) -> None:
        """The consumer holds nothing."""
        allocations.release(tx, consumer_id)

    def held_by(self, tx: Tx, consumer_ids: Sequence[str]) -> dict[str, dict[str, dict[str, int]]]:
        """What consumers hold: consumer to provider to resource class to amount."""
        found: dict[str, dict[str, dict[str, int]]] = {}
        for row in allocations.held_by(tx, consumer_ids):
            found.setdefault(row.consumer_id, {}).setdefault(row.provider_id, {})[row.resource_class] = (
                row.used
            )
        return found

    def usage(self, tx: Tx, provider_ids: Sequence[str]) -> dict[str, dict[str, int]]:
        """How much of each class is used of each provider; providers that nobody knows are left out."""
        known = picture.current(tx).providers
        return {
            id: {name: stock.used for name, stock in known[id].stocks.items()}
            for id in provider_ids
            if id in known
        }

    def consumers(self, tx: Tx) -> set[str]:
        """Everyone who holds anything, for invariants."""
        return set(tx.execute(sa.select(Allocation.c.consumer_id).distinct()).scalars())


def _ensure_named(tx: Tx, id: str, name: str) -> None:
    provider = tx.get(ResourceProvider, id)
    if provider is None:
        tx.insert(ResourceProvider(id=id, name=name, root_id=id, shard=shard_of(id)))
        changes.touch(tx, [id])
    elif provider.name != name:
        tx.update(provider, name=name)
        changes.touch(tx, [id])


def _ensure_traits(tx: Tx, provider_id: str, wanted: Collection[str]) -> None:
    """The provider has these traits and no other standard ones."""
    tx.insert_many([Trait(name=name) for name in names.unknown_traits(tx, wanted)])
    own = {row.trait for row in tx.all(ProviderTrait, ProviderTrait.c.provider_id == provider_id)}
    replace_traits(tx, provider_id, {*wanted, *(name for name in own if name.startswith(names.CUSTOM))})


def _free(provider: Provider) -> dict[str, int]:
    return {name: max(0, int(stock.room)) for name, stock in provider.stocks.items()}


def _suits(provider: Provider, root: Provider, demand: Demand) -> bool:
    traits = provider.traits
    return (
        provider.has_room(demand.resources)
        and traits.issuperset(demand.required)
        and traits.isdisjoint(demand.forbidden)
        and all(_member(provider, choice) or _member(root, choice) for choice in demand.member_of)
    )


def _member(provider: Provider, choice: Sequence[str]) -> bool:
    return not provider.aggregates.isdisjoint(choice)
