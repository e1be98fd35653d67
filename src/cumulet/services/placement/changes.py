# SPDX-License-Identifier: Apache-2.0
"""What holds for every change of a provider.

Whoever changes a provider, what it has or what is taken of it does three things in its transaction: it
holds the provider's lock before it reads what it decides on (`lock`), it moves the number of the provider's
shard (`touch`), and it raises the provider's generation where the API says so (`raise_generations`, which
touches too).
"""

from collections.abc import Collection, Iterable

import sqlalchemy as sa

from cumulet.kernel.db import Tx
from cumulet.services.placement.picture import Pictures
from cumulet.services.placement.rows import SHARDS, ResourceProvider, Shard


def ensure_shards(tx: Tx) -> None:
    """Every shard has its number."""
    known = {row.id for row in tx.all(Shard)}
    tx.insert_many([Shard(id=number) for number in range(SHARDS) if number not in known])


def lock(tx: Tx, provider_ids: Iterable[str], *more: str) -> None:
    """Let no other transaction change these providers until this one ends."""
    tx.lock(*(f"placement:{id}" for id in provider_ids), *more)


def touch(tx: Tx, provider_ids: Iterable[str]) -> None:
    """Every process sees that these providers are no longer what they were."""
    Pictures.of(tx).touch(tx, provider_ids)


def raise_generations(tx: Tx, provider_ids: Collection[str]) -> None:
    """Who has seen an earlier generation of these providers has to look again."""
    if provider_ids:
        tx.execute(_RAISE, {"ids": sorted(provider_ids), "now": tx.now})
        touch(tx, provider_ids)


_RAISE = (
    sa.update(ResourceProvider.table)
    .where(ResourceProvider.c.id.in_(sa.bindparam("ids", expanding=True)))
    .values(
        generation=ResourceProvider.c.generation + 1,
        revision=ResourceProvider.c.revision + 1,
        updated_at=sa.bindparam("now"),
    )
)
