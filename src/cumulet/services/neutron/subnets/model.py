# SPDX-License-Identifier: Apache-2.0
"""What a subnet is."""

import functools
import ipaddress
from collections.abc import Mapping
from typing import Any

import sqlalchemy as sa

from cumulet.kernel.auth.context import Context
from cumulet.kernel.db import Tx
from cumulet.kernel.resource import field, given
from cumulet.lib.cidr import Pool
from cumulet.services.neutron import values
from cumulet.services.neutron.networks.model import Network
from cumulet.services.neutron.networks.target import of_network
from cumulet.services.neutron.standard import Standard, sees_all

IPV6_MODES = ("dhcpv6-stateful", "dhcpv6-stateless", "slaac", None)
AUTOMATIC = ("slaac", "dhcpv6-stateless")


class Subnet(Standard, service="neutron", path="/subnets", member="subnet"):
    """A range of addresses on a network, and what its guests are told of it."""

    missing = "Subnet {id} could not be found."

    network_id: str = field(
        create=True, filter=True, sort=True, references="neutron_networks.id", index=True, convert=values.uuid
    )
    ip_version: int = field(create=True, filter=True, sort=True, convert=values.ip_version)
    cidr: str = field(default="", create=True, filter=True, sort=True, convert=values.or_none(values.cidr))
    gateway_ip: str | None = field(
        default=None,
        create=True,
        update=True,
        filter=True,
        sort=True,
        convert=values.or_none(values.address),
    )
    allocation_pools: list[dict[str, str]] = field(
        default_factory=list, create=True, update=True, convert=values.pools
    )
    dns_nameservers: list[str] = field(
        default_factory=list, create=True, update=True, convert=values.or_empty(values.nameservers)
    )
    host_routes: list[dict[str, str]] = field(
        default_factory=list, create=True, update=True, convert=values.or_empty(values.routes)
    )
    enable_dhcp: bool = field(
        default=True, create=True, update=True, filter=True, sort=True, convert=values.flag
    )
    ipv6_ra_mode: str | None = field(
        default=None, create=True, filter=True, sort=True, convert=values.one_of(*IPV6_MODES)
    )
    ipv6_address_mode: str | None = field(
        default=None, create=True, filter=True, sort=True, convert=values.one_of(*IPV6_MODES)
    )
    subnetpool_id: str | None = field(
        default=None,
        create=True,
        filter=True,
        sort=True,
        references="neutron_subnetpools.id",
        index=True,
        convert=values.or_none(values.uuid),
    )
    prefixlen: int | None = given(default=None, convert=values.whole)
    use_default_subnetpool: bool = given(default=False, convert=values.flag)
    segment_id: str | None = field(default=None, filter=True, sort=True)
    service_types: list[str] = field(default_factory=list)

    @classmethod
    def visible(cls, ctx: Context) -> Any:
        """Own subnets, and those of own and shared networks; an external network alone shows none."""
        if sees_all(ctx):
            return None
        mine = sa.or_(Network.c.project_id == ctx.project_id, Network.c.shared)
        networks = sa.select(Network.c.id).where(mine)
        return sa.or_(cls.c.project_id == ctx.project_id, cls.c.network_id.in_(networks))

    @classmethod
    def target(cls, tx: Tx, row: Any) -> Mapping[str, Any]:
        return of_network(tx, super().target(tx, row))

    @classmethod
    def target_of_new(cls, tx: Tx, ctx: Context, given: Mapping[str, Any]) -> Mapping[str, Any]:
        Network.seen(tx, ctx, given["network_id"])
        return of_network(tx, super().target_of_new(tx, ctx, given))

    @property
    def is_automatic(self) -> bool:
        """Whether guests give themselves addresses here (SLAAC)."""
        return self.ipv6_address_mode in AUTOMATIC

    @property
    def pools(self) -> tuple[Pool, ...]:
        return tuple(Pool.parse(pool["start"], pool["end"]) for pool in self.allocation_pools)

    @property
    def range(self) -> ipaddress.IPv4Network | ipaddress.IPv6Network:
        return parsed(self.cidr)

    @property
    def prefix(self) -> str:
        return self.cidr.partition("/")[2]


@functools.lru_cache(4096)
def parsed(cidr: str) -> ipaddress.IPv4Network | ipaddress.IPv6Network:
    return ipaddress.ip_network(cidr)
