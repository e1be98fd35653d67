# SPDX-License-Identifier: Apache-2.0
"""/resource_providers/{uuid}/inventories."""

from collections.abc import Iterable, Mapping
from typing import Any

from cumulet.contracts.placement import Inventory as Terms
from cumulet.kernel.auth.context import Context
from cumulet.kernel.db import Tx
from cumulet.kernel.errors import BadRequest, Conflict, MethodNotAllowed, NotFound
from cumulet.kernel.http.messages import Reply, Request
from cumulet.kernel.resource.shapes import keys, mapping
from cumulet.lib.timestamps import Timestamp
from cumulet.services.placement import changes, errors, names
from cumulet.services.placement.asking import Schema, reads, writes
from cumulet.services.placement.errors import InventoryInUse, UnknownClass
from cumulet.services.placement.inventories import model
from cumulet.services.placement.picture import Stock
from cumulet.services.placement.providers.model import hold, require_generation, seen
from cumulet.services.placement.rows import TERMS, Inventory, ResourceProvider
from cumulet.services.placement.schemas import ALL_INVENTORIES, CLASS_KEY, INVENTORY, obj
from cumulet.services.placement.wire import answer, provider_url

ALL = Schema({"1.0": ALL_INVENTORIES})
ONE = Schema({"1.0": obj(INVENTORY, "total", "resource_provider_generation")})
_CLASS = {"resource_class": {"type": "string", "pattern": CLASS_KEY}}
NEW = Schema({"1.0": obj(INVENTORY | _CLASS, "total", *_CLASS)})
_TERMS: dict[str, Any] = {**dict.fromkeys(TERMS, int), "allocation_ratio": float}
SHOWN = keys(_TERMS, resource_provider_generation=int)
ALL_SHOWN = keys(inventories=mapping(keys(_TERMS)), resource_provider_generation=int)
_CONFLICT = "resource provider generation conflict"
_PATH = "/resource_providers/{uuid}/inventories"


@reads(_PATH, "placement:resource_providers:inventories:list", answer=ALL_SHOWN)
def list_inventories(tx: Tx, ctx: Context, request: Request) -> Reply:
    """All that a provider has."""
    id = request.params["uuid"]
    provider = seen(tx, id, f"No resource provider with uuid {id} found : ")
    return answer(ctx, _all(provider.generation, provider.stocks), _latest(provider.stocks.values()))


@reads(_PATH + "/{resource_class}", "placement:resource_providers:inventories:show", answer=SHOWN)
def show_inventory(tx: Tx, ctx: Context, request: Request) -> Reply:
    """What a provider has of one class."""
    id, resource_class = request.params["uuid"], request.params["resource_class"]
    provider = seen(tx, id, f"No resource provider with uuid {id} found : ")
    stock = provider.stocks.get(resource_class)
    if stock is None:
        raise NotFound(f"No inventory of class {resource_class} for {id}")
    return answer(ctx, _one(provider.generation, stock), stock.updated_at)


@writes("PUT", _PATH, "placement:resource_providers:inventories:update", body=ALL, answer=ALL_SHOWN)
def replace_inventories(tx: Tx, ctx: Context, request: Request) -> Reply:
    """The provider has these inventories and no others."""
    provider = hold(tx, request.params["uuid"])
    body = ALL.body(ctx, request)
    require_generation(provider, body["resource_provider_generation"], _CONFLICT)
    lead = f"Unable to update inventory for resource provider {provider.id}: "
    wanted = {name: _terms(ctx, provider, name, given, lead) for name, given in body["inventories"].items()}
    try:
        model.replace(tx, provider.id, wanted)
    except UnknownClass as error:
        problem = f"Unknown resource class in inventory for resource provider {provider.id}: {error}"
        raise BadRequest(problem) from None
    except InventoryInUse as error:
        raise Conflict(f"update conflict: {error}", kind=errors.INVENTORY_IN_USE) from None
    return answer(ctx, _all(provider.generation + 1, wanted), tx.now)


@writes("POST", _PATH, "placement:resource_providers:inventories:create", body=NEW, status=201, answer=SHOWN)
def create_inventory(tx: Tx, ctx: Context, request: Request) -> Reply:
    """The provider has something of one more class."""
    provider = hold(tx, request.params["uuid"])
    body = NEW.body(ctx, request)
    resource_class = body.pop("resource_class")
    lead = f"Unable to create inventory for resource provider {provider.id}: "
    terms = _terms(ctx, provider, resource_class, body, lead)
    try:
        names.require_classes(tx, [resource_class])
    except UnknownClass as error:
        raise BadRequest(f"{lead}{error}") from None
    if model.find(tx, provider.id, resource_class) is not None:
        problem = f"Update conflict: the resource provider has an inventory of class {resource_class} already"
        raise Conflict(problem, kind=errors.CONCURRENT_UPDATE)
    row = model.put(tx, provider.id, resource_class, terms, None)
    changes.raise_generations(tx, [provider.id])
    where = f"{provider_url(ctx, provider.id)}/inventories/{resource_class}"
    return answer(ctx, _one(provider.generation + 1, row), row.updated_at, status=201, location=where)


@writes(
    "PUT",
    _PATH + "/{resource_class}",
    "placement:resource_providers:inventories:update",
    body=ONE,
    answer=SHOWN,
)
def update_inventory(tx: Tx, ctx: Context, request: Request) -> Reply:
    """What the provider has of a class is changed."""
    provider, resource_class = hold(tx, request.params["uuid"]), request.params["resource_class"]
    body = ONE.body(ctx, request)
    require_generation(provider, body["resource_provider_generation"], _CONFLICT)
    lead = f"Unable to update inventory for resource provider {provider.id}: "
    terms = _terms(ctx, provider, resource_class, body, lead)
    _require_class(tx, resource_class)
    stored = model.find(tx, provider.id, resource_class)
    if stored is None:
        raise BadRequest(
            f"No inventory record with resource class for resource provider {provider.id}: "
            f"No inventory of class {resource_class} found."
        )
    row = model.put(tx, provider.id, resource_class, terms, stored)
    changes.raise_generations(tx, [provider.id])
    return answer(ctx, _one(provider.generation + 1, row), row.updated_at)


@writes("DELETE", _PATH + "/{resource_class}", "placement:resource_providers:inventories:delete", status=204)
def delete_inventory(tx: Tx, ctx: Context, request: Request) -> Reply:
    """The provider has nothing of this class any more."""
    provider, resource_class = hold(tx, request.params["uuid"]), request.params["resource_class"]
    lead = f"No inventory of class {resource_class} found for delete"
    _require_class(tx, resource_class, f"{lead}: ")
    stored = model.find(tx, provider.id, resource_class)
    if stored is None:
        raise NotFound(f"{lead}: {lead}")
    if used := model.in_use(tx, provider.id, [resource_class]):
        problem = f"Unable to delete inventory of class {resource_class}: {InventoryInUse(used, provider.id)}"
        raise Conflict(problem, kind=errors.CONCURRENT_UPDATE)
    tx.delete(stored)
    changes.raise_generations(tx, [provider.id])
    return Reply(204)


@writes("DELETE", _PATH, "placement:resource_providers:inventories:delete", status=204)
def delete_inventories(tx: Tx, ctx: Context, request: Request) -> Reply:
    """The provider has nothing any more."""
    if not ctx.at("1.5"):
        raise MethodNotAllowed(
            "The method DELETE is not allowed for this resource.", headers={"Allow": "GET, POST, PUT"}
        )
    provider = hold(tx, request.params["uuid"])
    try:
        model.replace(tx, provider.id, {})
    except InventoryInUse as error:
        raise Conflict(str(error), kind=errors.INVENTORY_IN_USE) from None
    return Reply(204)


ROUTES = (
    list_inventories,
    show_inventory,
    replace_inventories,
    create_inventory,
    update_inventory,
    delete_inventory,
    delete_inventories,
)


def _require_class(tx: Tx, resource_class: str, lead: str = "") -> None:
    try:
        names.require_classes(tx, [resource_class])
    except UnknownClass as error:
        raise NotFound(f"{lead}{error}") from None


def _terms(
    ctx: Context, provider: ResourceProvider, resource_class: str, given: Mapping[str, Any], lead: str
) -> Terms:
    """An inventory as it was sent, with defaults. Raises BadRequest when nothing of it could ever be used."""
    terms = model.given(given)
    capacity = int((terms.total - terms.reserved) * terms.allocation_ratio)
    least, word = (0, "greater than") if ctx.at("1.26") else (1, "greater than or equal to")
    if capacity < least:
        raise BadRequest(
            f"{lead}Invalid inventory for '{resource_class}' on resource provider '{provider.id}'. "
            f"The reserved value is {word} total."
        )
    return terms


# -- how it looks ---------------------------------------------------------------------------------------


def _all(generation: int, found: Mapping[str, Stock | Terms]) -> dict[str, Any]:
    inventories = {name: {term: getattr(one, term) for term in TERMS} for name, one in found.items()}
    return {"resource_provider_generation": generation, "inventories": inventories}


def _one(generation: int, found: Stock | Inventory) -> dict[str, Any]:
    return {**{term: getattr(found, term) for term in TERMS}, "resource_provider_generation": generation}


def _latest(stocks: Iterable[Stock]) -> Timestamp | None:
    return max((stock.updated_at for stock in stocks), default=None)
