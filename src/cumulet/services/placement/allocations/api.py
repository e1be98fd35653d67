# SPDX-License-Identifier: Apache-2.0
"""/allocations, and the allocations of a provider."""

import uuid
from collections.abc import Mapping
from typing import Any

from cumulet.kernel.auth.context import Context
from cumulet.kernel.db import Tx
from cumulet.kernel.errors import BadRequest, Conflict, NotFound
from cumulet.kernel.http.messages import Reply, Request
from cumulet.kernel.ids import is_uuid
from cumulet.kernel.resource.shapes import keys, mapping, maybe, since
from cumulet.services.placement import schemas
from cumulet.services.placement.allocations import model, wanted
from cumulet.services.placement.asking import Schema, reads, writes
from cumulet.services.placement.errors import InvalidInventory, UnknownClass
from cumulet.services.placement.providers.model import seen
from cumulet.services.placement.rows import Allocation, Consumer, ResourceProvider
from cumulet.services.placement.schemas import ID, RESOURCES, UUID, obj
from cumulet.services.placement.wire import answer

_LISTED: dict[str, Any] = {
    "type": "array",
    "minItems": 1,
    "items": obj(
        {"resource_provider": obj({"uuid": UUID}, "uuid"), "resources": RESOURCES},
        "resource_provider", "resources",
    ),
}  # fmt: skip
_OWNER = {"project_id": ID, "user_id": ID}
SET = Schema(
    {
        "1.0": obj({"allocations": _LISTED}, "allocations"),
        "1.8": obj({"allocations": _LISTED, **_OWNER}, "allocations", *_OWNER),
        "1.12": schemas.allocations("1.12", empty=False),
        **{version: schemas.allocations(version, empty=True) for version in ("1.28", "1.34", "1.38")},
    }
)  # fmt: skip
SET_MANY = Schema(
    {version: schemas.by_consumer(version, minProperties=1) for version in ("1.13", "1.28", "1.34", "1.38")}
)


_HELD = dict[str, int]
HELD = keys(
    allocations=mapping(keys(resources=_HELD, generation=int)),
    project_id=since("1.12", maybe(str)),
    user_id=since("1.12", maybe(str)),
    consumer_generation=since("1.28", maybe(int)),
    consumer_type=since("1.38", maybe(str)),
)
"""What a consumer holds. Of one that holds nothing, nothing more is known."""
OF_PROVIDER = keys(
    allocations=mapping(keys(resources=_HELD, consumer_generation=since("1.28", int))),
    resource_provider_generation=int,
)


@reads("/allocations/{consumer_uuid}", "placement:allocations:list", answer=HELD)
def show_allocations(tx: Tx, ctx: Context, request: Request) -> Reply:
    """What a consumer holds; nothing, where there is no such consumer."""
    rows = model.held_by(tx, [request.params["consumer_uuid"]])
    found: dict[str, Any] = {}
    generations = _generations(tx, rows)
    for row in rows:
        entry = found.setdefault(row.provider_id, {"resources": {}})
        entry["resources"][row.resource_class] = row.used
        entry["generation"] = generations[row.provider_id]
    body: dict[str, Any] = {"allocations": found}
    if rows and ctx.at("1.12"):
        body |= _consumer_view(ctx, tx.need(Consumer, rows[0].consumer_id))
    return answer(ctx, body, max((row.created_at for row in rows), default=None))


def _generations(tx: Tx, rows: list[Allocation]) -> dict[str, int]:
    providers = tx.get_many(ResourceProvider, [row.provider_id for row in rows])
    return {id: provider.generation for id, provider in providers.items()}


def _consumer_view(ctx: Context, consumer: Consumer) -> dict[str, Any]:
    view: dict[str, Any] = {"project_id": consumer.project_id, "user_id": consumer.user_id}
    if ctx.at("1.28"):
        view["consumer_generation"] = consumer.generation
    if ctx.at("1.38"):
        view["consumer_type"] = consumer.type or "unknown"
    return view


@reads(
    "/resource_providers/{uuid}/allocations",
    "placement:resource_providers:allocations:list",
    answer=OF_PROVIDER,
)
def list_provider_allocations(tx: Tx, ctx: Context, request: Request) -> Reply:
    """Who uses how much of a provider."""
    id = request.params["uuid"]
    provider = seen(tx, id, f"Resource provider '{id}' not found: ")
    rows = tx.all(
        Allocation, Allocation.c.provider_id == id, order_by=(Allocation.c.created_at, Allocation.c.id)
    )
    consumers = tx.get_many(Consumer, [row.consumer_id for row in rows]) if ctx.at("1.28") else {}
    found: dict[str, Any] = {}
    for row in rows:
        entry = found.setdefault(row.consumer_id, {"resources": {}})
        entry["resources"][row.resource_class] = row.used
        if row.consumer_id in consumers:
            entry["consumer_generation"] = consumers[row.consumer_id].generation
    body = {"allocations": found, "resource_provider_generation": provider.generation}
    return answer(ctx, body, max((row.created_at for row in rows), default=None))


@writes("PUT", "/allocations/{consumer_uuid}", "placement:allocations:update", body=SET, status=204)
def set_allocations(tx: Tx, ctx: Context, request: Request) -> Reply:
    """A consumer holds these and nothing else."""
    consumer_id = request.params["consumer_uuid"]
    if not is_uuid(consumer_id):
        raise BadRequest(f"Malformed consumer_uuid: {consumer_id}")
    consumer_id = str(uuid.UUID(consumer_id))
    body = SET.body(ctx, request)
    if not ctx.at("1.12"):
        listed = {
            one["resource_provider"]["uuid"]: {"resources": one["resources"]} for one in body["allocations"]
        }
        body = {**body, "allocations": listed}
    lead = f"Unable to allocate inventory for consumer {consumer_id}: "
    return _write(tx, ctx, {consumer_id: body}, lead)


@writes("POST", "/allocations", "placement:allocations:manage", body=SET_MANY, since="1.13", status=204)
def set_many_allocations(tx: Tx, ctx: Context, request: Request) -> Reply:
    """Several consumers hold these and nothing else, or nothing has changed."""
    return _write(tx, ctx, SET_MANY.body(ctx, request), "Unable to allocate inventory ")


def _write(tx: Tx, ctx: Context, wishes: Mapping[str, Any], lead: str) -> Reply:
    holdings = wanted.holdings(tx, ctx, wishes, wanted.held(tx, wishes))
    try:
        model.replace(tx, holdings)
    except UnknownClass as error:
        raise BadRequest(f"{lead}{error}") from None
    except InvalidInventory as error:
        raise Conflict(f"Unable to allocate inventory: {error.message}") from None
    return Reply(204)


@writes("DELETE", "/allocations/{consumer_uuid}", "placement:allocations:delete", status=204)
def delete_allocations(tx: Tx, ctx: Context, request: Request) -> Reply:
    """A consumer holds nothing any more."""
    consumer_id = request.params["consumer_uuid"]
    if not model.release(tx, consumer_id):
        raise NotFound(f"No allocations for consumer '{consumer_id}'")
    return Reply(204)


ROUTES = (
    show_allocations,
    list_provider_allocations,
    set_allocations,
    set_many_allocations,
    delete_allocations,
)
