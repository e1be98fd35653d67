# SPDX-License-Identifier: Apache-2.0
"""How much is used: of a provider, by a project."""

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa

from cumulet.kernel.auth.context import Context
from cumulet.kernel.db import Tx
from cumulet.kernel.http.messages import Reply, Request
from cumulet.kernel.resource.shapes import by_version, keys
from cumulet.services.placement.asking import Schema, reads
from cumulet.services.placement.providers.model import seen
from cumulet.services.placement.rows import Allocation, Consumer
from cumulet.services.placement.schemas import CLASS_KEY, CONSUMER_TYPE, ID, obj
from cumulet.services.placement.wire import answer

_TYPE = {**CONSUMER_TYPE, "pattern": f"{CLASS_KEY}|^all|^unknown$"}
OF_PROJECT = Schema(
    {
        "1.9": obj({"project_id": ID, "user_id": ID}, "project_id"),
        "1.38": obj({"project_id": ID, "user_id": ID, "consumer_type": _TYPE}, "project_id"),
    }
)
OF_PROVIDER = keys(usages=dict[str, int], resource_provider_generation=int)
SUMS = keys(usages=by_version({"1.9": dict[str, int], "1.38": dict[str, dict[str, int]]}))
UNKNOWN, ALL = "unknown", "all"


@reads("/resource_providers/{uuid}/usages", "placement:resource_providers:usages", answer=OF_PROVIDER)
def show_provider_usages(tx: Tx, ctx: Context, request: Request) -> Reply:
    """How much of each class of a provider is used."""
    id = request.params["uuid"]
    provider = seen(tx, id, f"No resource provider with uuid {id} found: ")
    usages = {name: stock.used for name, stock in provider.stocks.items()}
    return answer(ctx, {"resource_provider_generation": provider.generation, "usages": usages})


@reads("/usages", since="1.9", query=("project_id", "user_id", "consumer_type"), answer=SUMS)
def show_usages(tx: Tx, ctx: Context, request: Request) -> Reply:
    """How much of each class a project uses, or one of its users; from 1.38 on, by type of consumer."""
    ctx.require("placement:usages", {"project_id": request.query.get("project_id")})
    query = OF_PROJECT.query(ctx, request)
    where = [Consumer.c.project_id == query["project_id"]]
    if query.get("user_id"):
        where.append(Consumer.c.user_id == query["user_id"])
    if not ctx.at("1.38"):
        return answer(ctx, {"usages": _sums(tx, where)})
    return answer(ctx, {"usages": _by_type(tx, where, query.get("consumer_type"))})


ROUTES = (show_provider_usages, show_usages)

_HELD = Allocation.table.join(Consumer.table, Consumer.c.id == Allocation.c.consumer_id)


def _sums(tx: Tx, where: Sequence[Any]) -> dict[str, int]:
    """What these consumers use in all."""
    c = Allocation.c
    query = sa.select(c.resource_class, sa.func.sum(c.used)).select_from(_HELD).where(*where)
    rows = tx.execute(query.group_by(c.resource_class).order_by(c.resource_class)).fetchall()
    return {resource_class: int(used) for resource_class, used in rows}


def _by_type(tx: Tx, where: Sequence[Any], kind: str | None) -> dict[str, dict[str, int]]:
    """What these consumers use by their type, or in all; `consumer_count` says how many there are."""
    own_type = Consumer.c.type
    if kind == UNKNOWN:
        where = [*where, own_type.is_(None)]
    elif kind not in (None, ALL):
        where = [*where, own_type == kind]
    label = sa.literal(ALL) if kind == ALL else sa.func.coalesce(own_type, UNKNOWN)
    c = Allocation.c
    found: dict[str, dict[str, int]] = {}
    kinds = (
        sa.select(label.label("kind"), c.consumer_id, c.resource_class, c.used)
        .select_from(_HELD)
        .where(*where)
    )
    part = kinds.subquery()
    count = sa.func.count(sa.distinct(part.c.consumer_id))
    for name, consumers in tx.execute(sa.select(part.c.kind, count).group_by(part.c.kind)).fetchall():
        found[name] = {"consumer_count": consumers}
    columns = (part.c.kind, part.c.resource_class)
    query = sa.select(*columns, sa.func.sum(part.c.used)).group_by(*columns).order_by(*columns)
    for name, resource_class, used in tx.execute(query).fetchall():
        found.setdefault(name, {})[resource_class] = int(used)
    return found
