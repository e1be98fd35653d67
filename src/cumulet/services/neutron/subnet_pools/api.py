# SPDX-License-Identifier: Apache-2.0
"""The operations on subnet pools."""

from collections.abc import Mapping
from typing import Any

from cumulet.kernel import events
from cumulet.kernel.auth.context import Context
from cumulet.kernel.db import Tx
from cumulet.kernel.errors import BadRequest
from cumulet.kernel.http.endpoint import body_of, route
from cumulet.kernel.http.messages import Request
from cumulet.kernel.resource import Create, Delete, List, Show, Update, expose
from cumulet.kernel.resource.finding import fetch_by_key
from cumulet.kernel.resource.shapes import keys
from cumulet.kernel.resource.writing import row_from
from cumulet.lib import cidr, prefixes
from cumulet.services.neutron import standard, values
from cumulet.services.neutron.address_scopes.model import AddressScope
from cumulet.services.neutron.subnet_pools import rules
from cumulet.services.neutron.subnet_pools.model import LOCK, SubnetPool
from cumulet.services.neutron.subnets.model import Subnet


def create_pool(tx: Tx, ctx: Context, given: dict[str, Any]) -> SubnetPool:
    """Prefixes to cut subnets from; what is not said of their lengths is usual for the IP version."""
    tx.lock(LOCK)
    version = rules.version_of(given["prefixes"])
    family = rules.FAMILIES[version]
    shortest = given.get("min_prefixlen", family.usual_min)
    bounds = {
        "min_prefixlen": shortest,
        "max_prefixlen": given.get("max_prefixlen", family.longest),
        "default_prefixlen": given.get("default_prefixlen", shortest),
    }
    rules.check_bounds(version, *bounds.values())
    if given.get("is_default"):
        rules.check_only_default(tx, version)
    made = {**given, **bounds, "ip_version": version, "prefixes": prefixes.compacted(given["prefixes"])}
    pool: SubnetPool = row_from(SubnetPool, ctx, made)
    rules.check_scope(tx, ctx, pool)
    return tx.insert(pool)


def update_pool(tx: Tx, ctx: Context, pool: SubnetPool, given: dict[str, Any]) -> SubnetPool:
    """Change a pool, which keeps every prefix that it has."""
    tx.lock(LOCK)
    if "prefixes" in given:
        rules.version_of([*pool.prefixes, *given["prefixes"]])
        rules.check_kept(pool.prefixes, given["prefixes"])
        given["prefixes"] = prefixes.compacted(given["prefixes"])
    changed: SubnetPool = pool.but(**given)
    bounds = changed.min_prefixlen, changed.max_prefixlen, changed.default_prefixlen
    rules.check_bounds(pool.ip_version, *bounds)
    if changed.is_default and not pool.is_default:
        rules.check_only_default(tx, pool.ip_version)
    if pool.address_scope_id is not None:
        _refuse_in_foreign_scope(tx, ctx, pool)
    rules.check_scope(tx, ctx, changed)
    return tx.update(pool, **given)


def _refuse_in_foreign_scope(tx: Tx, ctx: Context, pool: SubnetPool) -> None:
    scope = tx.need(AddressScope, pool.address_scope_id)
    if scope.project_id != ctx.project_id and not ctx.is_admin:
        raise BadRequest(
            f"Illegal subnetpool update : subnetpool {pool.id} cannot be updated when associated with shared "
            f"address scope {scope.id}.",
            kind="IllegalSubnetPoolUpdate",
        )


def delete_pool(tx: Tx, ctx: Context, pool: SubnetPool) -> None:
    """The pool is gone; subnets that came from it keep it."""
    tx.lock(LOCK)
    if tx.exists(Subnet, Subnet.c.subnetpool_id == pool.id):
        raise BadRequest(
            "Unable to delete subnet pool: Subnet pool has existing allocations.",
            kind="SubnetPoolDeleteError",
        )
    tx.delete(pool)
    standard.forget(tx, pool.id)


SUBNET_POOLS = expose(
    SubnetPool,
    List(policy="get_subnetpool", filters=standard.filters_of(SubnetPool)),
    Show(policy="get_subnetpool"),
    Create(policy="create_subnetpool", run=create_pool, quota={"subnetpool": 1}, bulk=True),
    Update(policy="update_subnetpool", run=update_pool),
    Delete(policy="delete_subnetpool", run=delete_pool),
)


# -- prefixes, without knowing the others ---------------------------------------------------------------

_ONE = "/subnetpools/{subnetpool_id}"
_BODY = body_of(prefixes={"type": "array", "items": {"type": "string"}})
_ANSWER = keys(prefixes=list[str])


@route("PUT", f"{_ONE}/add_prefixes", policy="add_prefixes", schema=_BODY, answer=_ANSWER)
def add_prefixes(tx: Tx, ctx: Context, request: Request) -> dict[str, Any]:
    """The pool has these prefixes too."""
    pool: SubnetPool = fetch_by_key(tx, ctx, SubnetPool, request.params["subnetpool_id"], "add_prefixes")
    if more := _asked(request.body):
        pool = update_pool(tx, ctx, pool, {"prefixes": [*pool.prefixes, *more]})
        events.emit(tx, ctx, "subnetpool.update", pool)
    return {"prefixes": pool.prefixes}


@route("PUT", f"{_ONE}/remove_prefixes", policy="remove_prefixes", schema=_BODY, answer=_ANSWER)
def remove_prefixes(tx: Tx, ctx: Context, request: Request) -> dict[str, Any]:
    """The pool has these prefixes no longer, of which no subnet has taken anything."""
    pool: SubnetPool = fetch_by_key(tx, ctx, SubnetPool, request.params["subnetpool_id"], "remove_prefixes")
    tx.lock(LOCK)
    gone = _asked(request.body)
    if not any(cidr.overlap(one, other) for one in gone for other in pool.prefixes):
        return {"prefixes": pool.prefixes}
    taken = [subnet.cidr for subnet in tx.all(Subnet, Subnet.c.subnetpool_id == pool.id)]
    if any(cidr.overlap(one, other) for one in gone for other in taken):
        raise rules.illegal_prefixes("One or more the prefixes to be removed is in use by a subnet.")
    rules.version_of([*pool.prefixes, *gone])
    pool = tx.update(pool, prefixes=[str(network) for network in prefixes.left(pool.prefixes, gone)])
    events.emit(tx, ctx, "subnetpool.update", pool)
    return {"prefixes": pool.prefixes}


def _asked(body: Any) -> list[str]:
    if not isinstance(body, Mapping) or "prefixes" not in body:
        raise BadRequest("Failed to parse request. Required attribute 'prefixes' not specified")
    try:
        return values.prefixes(body["prefixes"])
    except ValueError as error:
        raise BadRequest(f"Invalid input for prefixes. Reason: {error}.") from None


ROUTES = (add_prefixes, remove_prefixes)
