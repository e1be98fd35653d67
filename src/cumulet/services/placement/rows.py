# SPDX-License-Identifier: Apache-2.0
"""Placement's tables."""

import zlib

from cumulet.kernel.db import Row, column
from cumulet.lib.timestamps import Timestamp

SHARDS = 64
NOW = Timestamp("")


TERMS = ("total", "reserved", "min_unit", "max_unit", "step_size", "allocation_ratio")
"""What is said of an inventory, in the order in which the API shows it."""


class Shard(Row, table="placement_shards"):
    """A part of all providers; its `revision` moves with each change of one of them."""

    id: int = column(primary=True)


class ResourceProvider(
    Row,
    table="placement_resource_providers",
    noun="resource provider",
    indexes=(("parent_id",), ("root_id",), ("shard",)),
):
    """Whatever has something that can be used up: a host, a pool, a card."""

    id: str = column(primary=True)
    name: str = column(unique=True)
    generation: int = column(default=0)
    parent_id: str | None = column(default=None, references="placement_resource_providers.id")
    root_id: str
    shard: int
    created_at: Timestamp = column(default=NOW)
    updated_at: Timestamp = column(default=NOW)


class Inventory(Row, table="placement_inventories"):
    """How much of a resource class a provider has."""

    id: str = column(primary=True)
    provider_id: str = column(references="placement_resource_providers.id", on_delete="CASCADE", index=True)
    resource_class: str = column(index=True)
    total: int
    reserved: int = column(default=0)
    min_unit: int = column(default=1)
    max_unit: int = column(default=2**31 - 1)
    step_size: int = column(default=1)
    allocation_ratio: float = column(default=1.0)
    created_at: Timestamp = column(default=NOW)
    updated_at: Timestamp = column(default=NOW)


class ProviderTrait(Row, table="placement_provider_traits"):
    """A provider has a trait."""

    id: str = column(primary=True)
    provider_id: str = column(references="placement_resource_providers.id", on_delete="CASCADE", index=True)
    trait: str = column(index=True)


class ProviderAggregate(Row, table="placement_provider_aggregates"):
    """A provider is in an aggregate."""

    id: str = column(primary=True)
    provider_id: str = column(references="placement_resource_providers.id", on_delete="CASCADE", index=True)
    aggregate_id: str = column(index=True)


class Trait(Row, table="placement_traits"):
    """A trait of this cloud's own; the standard ones are in a library."""

    name: str = column(primary=True)
    created_at: Timestamp = column(default=NOW)


class ResourceClass(Row, table="placement_resource_classes"):
    """A resource class of this cloud's own; the standard ones are in a library."""

    name: str = column(primary=True)
    created_at: Timestamp = column(default=NOW)


class Consumer(Row, table="placement_consumers"):
    """Who holds allocations: a server, a migration, whatever a service says. It exists while it holds any."""

    id: str = column(primary=True)
    project_id: str = column(index=True)
    user_id: str
    type: str | None = column(default=None)
    generation: int = column(default=0)
    created_at: Timestamp = column(default=NOW)
    updated_at: Timestamp = column(default=NOW)


class Allocation(Row, table="placement_allocations", indexes=(("provider_id", "resource_class"),)):
    """How much of a class a consumer uses of a provider."""

    id: str = column(primary=True)
    consumer_id: str = column(references="placement_consumers.id", index=True)
    provider_id: str = column(references="placement_resource_providers.id")
    resource_class: str
    used: int
    created_at: Timestamp = column(default=NOW)


def shard_of(provider_id: str) -> int:
    return zlib.crc32(provider_id.encode()) % SHARDS


def row_id(*names: str) -> str:
    """The primary key of a row that is known by several names."""
    return "/".join(names)
