# SPDX-License-Identifier: Apache-2.0
"""What a request wants consumers to hold, checked against what they are."""

from collections.abc import Iterable, Mapping
from typing import Any

from cumulet.kernel.auth.context import Context
from cumulet.kernel.db import Tx
from cumulet.kernel.errors import BadRequest, Conflict
from cumulet.services.placement import errors
from cumulet.services.placement.allocations.model import Holding, hold
from cumulet.services.placement.rows import Consumer, ResourceProvider

NOBODY = "00000000-0000-0000-0000-000000000000"
"""The project and user of consumers that were made below 1.8, which does not ask for them."""


def held(tx: Tx, wishes: Mapping[str, Any], more: Iterable[str] = ()) -> dict[str, Consumer]:
    """Those of the consumers that exist; their locks and those of all providers, and of more, are held."""
    return hold(tx, wishes, {*more, *(id for wish in wishes.values() for id in wish["allocations"])})


def holdings(
    tx: Tx, ctx: Context, wishes: Mapping[str, Any], stored: Mapping[str, Consumer]
) -> list[Holding]:
    """What each consumer shall hold; `stored` are those that exist.

    Raises Conflict when a consumer has another generation than the caller has seen, and BadRequest for
    providers that do not exist.
    """
    found = [_holding(ctx, id, stored.get(id), wish) for id, wish in wishes.items()]
    wanted = [id for wish in wishes.values() for id in wish["allocations"]]
    known = tx.get_many(ResourceProvider, wanted)
    for id in wanted:
        if id not in known:
            raise BadRequest(f"Allocation for resource provider '{id}' that does not exist.")
    return found


def _holding(ctx: Context, consumer_id: str, stored: Consumer | None, wish: Mapping[str, Any]) -> Holding:
    if ctx.at("1.28"):
        _check_generation(stored, wish["consumer_generation"])
    project_id, user_id = wish.get("project_id", NOBODY), wish.get("user_id", NOBODY)
    kind = wish.get("consumer_type") or (stored.type if stored else None)
    if stored is not None:
        consumer = stored.but(project_id=project_id, user_id=user_id, type=kind)
    else:
        consumer = Consumer(id=consumer_id, project_id=project_id, user_id=user_id, type=kind)
    wanted = {id: entry["resources"] for id, entry in wish["allocations"].items()}
    return Holding(stored, consumer, wanted)


def _check_generation(stored: Consumer | None, generation: int | None) -> None:
    known = stored.generation if stored is not None else None
    if known != generation:
        expected = "null" if known is None else known
        raise Conflict(
            f"consumer generation conflict - expected {expected} but got {generation}",
            kind=errors.CONCURRENT_UPDATE,
        )
