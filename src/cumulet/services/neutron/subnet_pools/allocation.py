# SPDX-License-Identifier: Apache-2.0
"""The prefix that a new subnet gets from a pool."""

import ipaddress
from collections.abc import Mapping, Sequence
from typing import Any

from cumulet.kernel.auth.context import Context
from cumulet.kernel.db import Tx
from cumulet.kernel.errors import BadRequest, Conflict
from cumulet.lib import prefixes
from cumulet.services.neutron.errors import BadResource, QuotaExceeded
from cumulet.services.neutron.subnet_pools.model import SubnetPool
from cumulet.services.neutron.subnet_pools.rules import FAMILIES, scopes_differ
from cumulet.services.neutron.subnets.model import Subnet


def chosen(tx: Tx, ctx: Context, given: Mapping[str, Any]) -> SubnetPool | None:
    """The pool that a new subnet asks for, its own or the default one."""
    asked, usual = given.get("subnetpool_id"), given.get("use_default_subnetpool")
    if given.get("cidr") and given.get("prefixlen") is not None:
        raise BadResource("subnets", "cidr and prefixlen must not be supplied together")
    if usual and asked:
        raise BadResource("subnets", "subnetpool_id and use_default_subnetpool cannot both be specified")
    if not usual and not asked:
        return None
    pool = SubnetPool.seen(tx, ctx, asked) if asked else _default(tx, ctx, given["ip_version"])
    if pool.ip_version != given["ip_version"]:
        raise BadResource(
            "subnets",
            f"Cannot allocate IPv{given['ip_version']} subnet from IPv{pool.ip_version} subnet pool",
        )
    if given.get("allocation_pools") is not None and not given.get("cidr"):
        raise BadResource("subnets", "allocation_pools allowed only for specific subnet requests.")
    return pool


def _default(tx: Tx, ctx: Context, version: int) -> SubnetPool:
    visible = SubnetPool.visible(ctx)
    c = SubnetPool.c
    pool = tx.first(
        SubnetPool, c.is_default, c.ip_version == version, *(() if visible is None else (visible,))
    )
    if pool is None:
        raise BadResource("subnets", f"No default subnetpool found for IPv{version}")
    return pool


def check_network(tx: Tx, pool: SubnetPool | None, version: int, others: Sequence[Subnet]) -> None:
    """The subnets of a network have one pool for an IP version, or pools of one address scope."""
    others = [subnet for subnet in others if subnet.ip_version == version]
    pools: dict[str, SubnetPool] = tx.get_many(
        SubnetPool, {subnet.subnetpool_id for subnet in others if subnet.subnetpool_id is not None}
    )
    scope = next((one.address_scope_id for one in pools.values() if one.address_scope_id is not None), None)
    if pool is not None and scope is not None:
        if pool.address_scope_id != scope:
            raise scopes_differ()
        return
    if any(subnet.subnetpool_id != (pool.id if pool is not None else None) for subnet in others):
        raise BadRequest(
            "Subnets hosted on the same network must be allocated from the same subnet pool.",
            kind="NetworkSubnetPoolAffinityError",
        )


def take(tx: Tx, ctx: Context, pool: SubnetPool, given: Mapping[str, Any]) -> str:
    """The range that a subnet gets: the one that it asks for, or the best fit of the length it asks for."""
    length = given.get("prefixlen", pool.default_prefixlen)
    wanted = given.get("cidr")
    if wanted is None and given.get("gateway_ip"):
        wanted = str(ipaddress.ip_network(f"{given['gateway_ip']}/{length}", strict=False))
    if wanted is not None:
        length = ipaddress.ip_network(wanted).prefixlen
    _check_length(pool, length)
    subnets = tx.all(Subnet, Subnet.c.subnetpool_id == pool.id)
    _check_quota(pool, length, [s for s in subnets if s.project_id == pool.project_id])
    free = prefixes.left(pool.prefixes, [subnet.cidr for subnet in subnets])
    if wanted is not None:
        if not any(_holds(network, wanted) for network in free):
            raise _failed("Cannot allocate requested subnet from the available set of prefixes")
        return str(wanted)
    for network in sorted(free, key=lambda network: -network.prefixlen):
        if network.prefixlen <= length:
            return f"{network.network_address}/{length}"
    raise _failed(f"Insufficient prefix space to allocate subnet size /{length}")


def _holds(network: prefixes.Network, wanted: str) -> bool:
    first = ipaddress.ip_network(wanted)
    return first[0] in network and first[-1] in network


def _check_length(pool: SubnetPool, length: int) -> None:
    for word, bound, wrong in (
        ("maximum", pool.max_prefixlen, length > pool.max_prefixlen),
        ("minimum", pool.min_prefixlen, length < pool.min_prefixlen),
    ):
        if wrong:
            raise BadRequest(
                f"Unable to allocate subnet with prefix length {length}, {word} allowed prefix is {bound}.",
                kind=f"{word[:3].capitalize()}PrefixSubnetAllocationError",
            )


def _check_quota(pool: SubnetPool, length: int, held: Sequence[Subnet]) -> None:
    """What the pool's own project has taken counts, as upstream has it."""
    unit = FAMILIES[pool.ip_version].unit
    lengths = [length, *(subnet.range.prefixlen for subnet in held)]
    if pool.default_quota and sum(2.0 ** (unit - one) for one in lengths) > pool.default_quota:
        raise QuotaExceeded("Per-project subnet pool prefix quota exceeded.", kind="SubnetPoolQuotaExceeded")


def _failed(reason: str) -> Conflict:
    return Conflict(f"Failed to allocate subnet: {reason}.", kind="SubnetAllocationError")
