# SPDX-License-Identifier: Apache-2.0
"""Aggregates: groups of providers, known by a UUID that means something elsewhere."""

from collections.abc import Iterable
from typing import Any

from cumulet.kernel.auth.context import Context
from cumulet.kernel.db import Tx
from cumulet.kernel.http.messages import Reply, Request
from cumulet.kernel.resource.shapes import keys, since
from cumulet.services.placement import changes
from cumulet.services.placement.asking import Schema, reads, writes
from cumulet.services.placement.providers.model import hold, require_generation, seen
from cumulet.services.placement.rows import ProviderAggregate, row_id
from cumulet.services.placement.schemas import GENERATION, UUID, obj
from cumulet.services.placement.wire import answer

_LIST = {"type": "array", "items": UUID, "uniqueItems": True}
SET = Schema({"1.1": _LIST, "1.19": obj({"aggregates": _LIST, **GENERATION}, "aggregates", *GENERATION)})
SHOWN = keys(aggregates=list[str], resource_provider_generation=since("1.19", int))
_PATH = "/resource_providers/{uuid}/aggregates"
_CHANGED = "Resource provider's generation already changed. Please update the generation and try again."


@reads(_PATH, "placement:resource_providers:aggregates:list", since="1.1", answer=SHOWN)
def list_aggregates(tx: Tx, ctx: Context, request: Request) -> Reply:
    """The aggregates that a provider is in."""
    provider = seen(tx, request.params["uuid"])
    return _answer(ctx, provider.generation, sorted(provider.aggregates))


@writes("PUT", _PATH, "placement:resource_providers:aggregates:update", since="1.1", body=SET, answer=SHOWN)
def set_aggregates(tx: Tx, ctx: Context, request: Request) -> Reply:
    """A provider is in these aggregates and no others. Below 1.19 its generation stays as it is."""
    provider = hold(tx, request.params["uuid"])
    body = SET.body(ctx, request)
    with_generation = ctx.at("1.19")
    if with_generation:
        require_generation(provider, body["resource_provider_generation"], _CHANGED)
    wanted = body["aggregates"] if with_generation else body
    _replace(tx, provider.id, set(wanted))
    if with_generation:
        changes.raise_generations(tx, [provider.id])
    return _answer(ctx, provider.generation + with_generation, wanted)


ROUTES = (list_aggregates, set_aggregates)


def join(tx: Tx, provider_id: str, aggregate_id: str) -> None:
    """The provider is in this aggregate too."""
    provider = hold(tx, provider_id)
    id = row_id(provider_id, aggregate_id)
    if tx.get(ProviderAggregate, id) is None:
        tx.insert(ProviderAggregate(id=id, provider_id=provider_id, aggregate_id=aggregate_id))
        changes.raise_generations(tx, [provider.id])


def leave(tx: Tx, provider_id: str, aggregate_id: str) -> None:
    """The provider is not in this aggregate."""
    changes.lock(tx, [provider_id])
    row = tx.get(ProviderAggregate, row_id(provider_id, aggregate_id))
    if row is not None:
        tx.delete(row)
        changes.raise_generations(tx, [provider_id])


def _replace(tx: Tx, provider_id: str, wanted: set[str]) -> None:
    c = ProviderAggregate.c
    stored = {row.aggregate_id: row for row in tx.all(ProviderAggregate, c.provider_id == provider_id)}
    for aggregate_id in stored.keys() - wanted:
        tx.delete(stored[aggregate_id])
    new = sorted(wanted - stored.keys())
    tx.insert_many(
        [ProviderAggregate(id=row_id(provider_id, n), provider_id=provider_id, aggregate_id=n) for n in new]
    )
    changes.touch(tx, [provider_id])


def _answer(ctx: Context, generation: int, aggregates: Iterable[str]) -> Reply:
    body: dict[str, Any] = {"aggregates": list(aggregates)}
    if ctx.at("1.19"):
        body["resource_provider_generation"] = generation
    return answer(ctx, body)
