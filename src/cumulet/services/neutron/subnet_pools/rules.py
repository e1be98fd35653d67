# SPDX-License-Identifier: Apache-2.0
"""What a subnet pool may be: refusals in the order, and with the sentences, of upstream."""

from collections.abc import Sequence
from dataclasses import dataclass

from cumulet.kernel.auth.context import Context
from cumulet.kernel.db import Tx
from cumulet.kernel.errors import BadRequest, Conflict
from cumulet.lib import cidr, prefixes
from cumulet.services.neutron.address_scopes.model import AddressScope
from cumulet.services.neutron.errors import InvalidInput
from cumulet.services.neutron.subnet_pools.model import SubnetPool
from cumulet.services.neutron.subnets.model import Subnet


@dataclass(frozen=True)
class Family:
    """What pools of an IP version have in common; quotas count prefixes of `unit` bits."""

    longest: int
    usual_min: int
    unit: int


FAMILIES = {4: Family(32, 8, 32), 6: Family(128, 64, 64)}


def version_of(cidrs: Sequence[str]) -> int:
    """The IP version of a pool's prefixes, of which there is one at least."""
    if not cidrs:
        raise BadRequest("Empty subnet pool prefix list.", kind="EmptySubnetPoolPrefixList")
    versions = {6 if ":" in text else 4 for text in cidrs}
    if len(versions) > 1:
        raise BadRequest("Cannot mix IPv4 and IPv6 prefixes in a subnet pool.", kind="PrefixVersionMismatch")
    return versions.pop()


def check_bounds(version: int, shortest: int, longest: int, usual: int) -> None:
    """Refuse lengths that no prefix could have, or a usual one that is out of bounds."""
    for name, value, base, bound, wrong in (
        ("min_prefixlen", shortest, "max_prefixlen", longest, shortest > longest),
        ("max_prefixlen", longest, "ip_version_max", FAMILIES[version].longest, None),
        ("default_prefixlen", usual, "min_prefixlen", shortest, usual < shortest),
        ("default_prefixlen", usual, "max_prefixlen", longest, usual > longest),
    ):
        if value > bound if wrong is None else wrong:
            raise BadRequest(
                f"Illegal prefix bounds: {name}={value}, {base}={bound}.",
                kind="IllegalSubnetPoolPrefixBounds",
            )


def check_only_default(tx: Tx, version: int) -> None:
    """One pool of an IP version is the default."""
    if tx.exists(SubnetPool, SubnetPool.c.is_default, SubnetPool.c.ip_version == version):
        raise InvalidInput(
            "A default subnetpool for this IP family has already been set. Only one default may exist per "
            "IP family"
        )


def check_scope(tx: Tx, ctx: Context, pool: SubnetPool) -> None:
    """Refuse a scope of others or of the other IP version, and one that has these addresses already."""
    if pool.address_scope_id is None:
        return
    scope = AddressScope.seen(tx, ctx, pool.address_scope_id)
    if scope.ip_version != pool.ip_version:
        raise BadRequest(
            f"Illegal subnetpool association: subnetpool {pool.id} cannot associate with address scope "
            f"{scope.id} because subnetpool ip_version is not {scope.ip_version}.",
            kind="IllegalSubnetPoolIpVersionAssociationToAddressScope",
        )
    _check_neighbours(tx, pool)
    others = tx.all(SubnetPool, SubnetPool.c.address_scope_id == scope.id, SubnetPool.c.id != pool.id)
    held = [text for other in others for text in other.prefixes]
    if any(cidr.overlap(one, other) for one in pool.prefixes for other in held):
        raise Conflict(
            "Failed to associate address scope: subnetpools within an address scope must have unique "
            "prefixes.",
            kind="AddressScopePrefixConflict",
        )


def _check_neighbours(tx: Tx, pool: SubnetPool) -> None:
    """A network's subnets of one IP version stay in one scope, so all of them come from the pool."""
    networks = {subnet.network_id for subnet in tx.all(Subnet, Subnet.c.subnetpool_id == pool.id)}
    if tx.exists(
        Subnet,
        Subnet.c.network_id.in_(networks),
        Subnet.c.ip_version == pool.ip_version,
        Subnet.c.subnetpool_id.is_distinct_from(pool.id),
    ):
        raise scopes_differ()


def scopes_differ() -> BadRequest:
    return BadRequest(
        "Subnets of the same address family hosted on the same network must all participate in the same "
        "address scope.",
        kind="NetworkAddressScopeAffinityError",
    )


def check_kept(before: Sequence[str], after: Sequence[str]) -> None:
    """An update gives a pool prefixes and takes none."""
    if prefixes.left(before, after):
        raise illegal_prefixes("Existing prefixes must be a subset of the new prefixes")


def illegal_prefixes(text: str) -> BadRequest:
    return BadRequest(f"Illegal update to prefixes: {text}.", kind="IllegalSubnetPoolPrefixUpdate")
