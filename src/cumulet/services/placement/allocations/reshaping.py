# SPDX-License-Identifier: Apache-2.0
"""/reshaper: inventories and allocations move between providers at once, as when a host becomes a tree."""

from collections.abc import Mapping
from typing import Any

from cumulet.contracts.placement import Inventory as Terms
from cumulet.kernel.auth.context import Context
from cumulet.kernel.db import Tx
from cumulet.kernel.errors import BadRequest, Conflict
from cumulet.kernel.http.messages import Reply, Request
from cumulet.services.placement import errors, schemas
from cumulet.services.placement.allocations import model, wanted
from cumulet.services.placement.asking import Schema, writes
from cumulet.services.placement.errors import InvalidInventory, InventoryInUse, UnknownClass
from cumulet.services.placement.inventories import model as inventories
from cumulet.services.placement.rows import ResourceProvider
from cumulet.services.placement.schemas import ALL_INVENTORIES, UUID_KEY, mapping, obj


def _schema(version: str) -> dict[str, Any]:
    parts = {
        "inventories": mapping(UUID_KEY, ALL_INVENTORIES, minProperties=1),
        "allocations": schemas.by_consumer(version, minProperties=0),
    }
    return obj(parts, "inventories", "allocations")


RESHAPE = Schema({"1.30": _schema("1.30"), "1.34": _schema("1.34"), "1.38": _schema("1.38")})


@writes("POST", "/reshaper", "placement:reshaper:reshape", body=RESHAPE, since="1.30", status=204)
def reshape(tx: Tx, ctx: Context, request: Request) -> Reply:
    """Providers have these inventories and consumers hold these allocations, or nothing has changed."""
    body = RESHAPE.body(ctx, request)
    terms = {
        id: {name: inventories.given(one) for name, one in entry["inventories"].items()}
        for id, entry in body["inventories"].items()
    }
    stored = wanted.held(tx, body["allocations"], terms)
    _check_generations(tx, body["inventories"])
    holdings = wanted.holdings(tx, ctx, body["allocations"], stored)
    try:
        _widen(tx, terms)
        model.replace(tx, holdings)
        for provider_id, final in terms.items():
            inventories.replace(tx, provider_id, final)
    except UnknownClass as error:
        raise BadRequest(f"malformed reshaper data: {error}") from None
    except InventoryInUse as error:
        raise Conflict(f"update conflict: {error}", kind=errors.INVENTORY_IN_USE) from None
    except InvalidInventory as error:
        raise Conflict(f"Unable to allocate inventory: {error.message}") from None
    return Reply(204)


ROUTES = (reshape,)


def _check_generations(tx: Tx, given: Mapping[str, Any]) -> None:
    known = tx.get_many(ResourceProvider, given)
    for id, entry in given.items():
        provider, generation = known.get(id), entry["resource_provider_generation"]
        if provider is None:
            raise BadRequest(
                f"Resource provider {id} in inventories not found: No resource provider with uuid {id} found",
                kind=errors.PROVIDER_NOT_FOUND,
            )
        if provider.generation != generation:
            raise Conflict(
                f"resource provider generation conflict for provider {id}: "
                f"actual: {provider.generation}, given: {generation}",
                kind=errors.CONCURRENT_UPDATE,
            )


def _widen(tx: Tx, terms: Mapping[str, Mapping[str, Terms]]) -> None:
    """Providers have what they shall have and what they had: allocations need both while they move."""
    for provider_id, wanted_terms in terms.items():
        if wanted_terms:
            had = {name: inventories.terms(row) for name, row in inventories.of(tx, provider_id).items()}
            inventories.replace(tx, provider_id, {**had, **wanted_terms})
