# SPDX-License-Identifier: Apache-2.0
"""What other services ask of Placement in their own transaction."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from cumulet.kernel.auth.context import Context
from cumulet.kernel.db import Tx


@dataclass(frozen=True, kw_only=True)
class Inventory:
    """How much of a resource class a provider has."""

    total: int
    reserved: int = 0
    min_unit: int = 1
    max_unit: int = 2**31 - 1
    step_size: int = 1
    allocation_ratio: float = 1.0


@dataclass(frozen=True, kw_only=True)
class Demand:
    """What a consumer wants from one provider: amounts by resource class, traits, aggregates."""

    resources: Mapping[str, int]
    required: Sequence[str] = ()
    forbidden: Sequence[str] = ()
    member_of: Sequence[Sequence[str]] = ()
    """Each inner list is a choice of aggregates, of which the provider must be in one."""


@dataclass(frozen=True)
class Candidate:
    """A provider that has room: its id, its name, and how much of each class is free."""

    id: str
    name: str
    free: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class Owner:
    """For whom a consumer holds what it holds."""

    project_id: str
    user_id: str


class NoRoom(Exception):
    """The provider cannot take this any more; another candidate may."""


class Allocator(Protocol):
    """Providers, what they have, and who uses it."""

    def ensure_provider(
        self, tx: Tx, id: str, name: str, inventories: Mapping[str, Inventory], traits: Sequence[str] = ()
    ) -> None:
        """A root provider exists with exactly these inventories; its custom traits and aggregates are
        kept.
        """

    def hold(self, tx: Tx, provider_ids: Sequence[str]) -> None:
        """Nobody else takes anything of these providers until this transaction ends."""

    def join_aggregate(self, tx: Tx, provider_id: str, aggregate_id: str) -> None:
        """The provider is in this aggregate too."""

    def leave_aggregate(self, tx: Tx, provider_id: str, aggregate_id: str) -> None:
        """The provider is not in this aggregate. Nothing being there is fine."""

    def candidates(self, tx: Tx, demand: Demand) -> list[Candidate]:
        """Providers that could take the demand now, each with what it has left."""

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
        """Replace everything the consumer holds by this. Raises NoRoom when it no longer fits.

        A new consumer is its owner's, the caller's when nobody is named.
        """

    def hand_over(self, tx: Tx, consumer_id: str, to: str) -> None:
        """What the one consumer holds the other does, in the same owner's name, and nothing else.

        Nothing changes when the one holds nothing.
        """

    def release(self, tx: Tx, consumer_id: str) -> None:
        """The consumer holds nothing."""

    def held_by(self, tx: Tx, consumer_ids: Sequence[str]) -> dict[str, dict[str, dict[str, int]]]:
        """What consumers hold: consumer to provider to resource class to amount."""

    def usage(self, tx: Tx, provider_ids: Sequence[str]) -> dict[str, dict[str, int]]:
        """How much of each class is used of each provider."""

    def consumers(self, tx: Tx) -> set[str]:
        """Everyone who holds anything, for invariants."""
