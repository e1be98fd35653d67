# SPDX-License-Identifier: Apache-2.0
"""What a network is."""

from collections.abc import Sequence
from functools import partial
from typing import Any

import sqlalchemy as sa

from cumulet.kernel.auth.context import Context
from cumulet.kernel.db import Tx
from cumulet.kernel.resource import computed, field, loaded
from cumulet.services.neutron import values
from cumulet.services.neutron.standard import Standard, sees_all


def subnet_ids_of(tx: Tx, ctx: Context, rows: Sequence[Any]) -> dict[str, list[str]]:
    from cumulet.services.neutron.subnets.model import Subnet

    found: dict[str, list[str]] = {}
    for start in range(0, len(rows), 500):
        wanted = [row.id for row in rows[start : start + 500]]
        query = (
            sa.select(Subnet.c.network_id, Subnet.c.id)
            .where(Subnet.c.network_id.in_(wanted))
            .order_by(Subnet.c.created_at, Subnet.c.id)
        )
        for network_id, subnet_id in tx.execute(query):
            found.setdefault(network_id, []).append(subnet_id)
    return found


def scopes_of(tx: Tx, ctx: Context, rows: Sequence[Any], *, ip_version: int) -> dict[str, str]:
    """The address scopes of networks: those of the pools that their subnets of this version come from."""
    from cumulet.services.neutron.subnet_pools.model import SubnetPool
    from cumulet.services.neutron.subnets.model import Subnet

    found: dict[str, str] = {}
    for start in range(0, len(rows), 500):
        query = (
            sa.select(Subnet.c.network_id, SubnetPool.c.address_scope_id)
            .join(SubnetPool.table, SubnetPool.c.id == Subnet.c.subnetpool_id)
            .where(
                Subnet.c.network_id.in_([row.id for row in rows[start : start + 500]]),
                SubnetPool.c.ip_version == ip_version,
                SubnetPool.c.address_scope_id.is_not(None),
            )
        )
        for network_id, scope_id in tx.execute(query):
            found[network_id] = scope_id
    return found


class Network(
    Standard,
    service="neutron",
    path="/networks",
    member="network",
    unique=(("network_type", "physical_network", "segmentation_id"),),
):
    """An isolated layer-2 segment; an external one is where routers find the world."""

    missing = "Network {id} could not be found."

    admin_state_up: bool = field(
        default=True, create=True, update=True, filter=True, sort=True, convert=values.flag
    )
    status: str = field(default="ACTIVE", filter=True, sort=True)
    shared: bool = field(
        default=False,
        create=True,
        update=True,
        filter=True,
        set_rule="{verb}_network:shared",
        convert=values.flag,
    )
    external: bool = field(
        default=False,
        wire="router:external",
        create=True,
        update=True,
        filter=True,
        set_rule="{verb}_network:router:external",
        convert=values.flag,
    )
    is_default: bool = field(
        default=False,
        create=True,
        update=True,
        filter=True,
        set_rule="{verb}_network:is_default",
        convert=values.flag,
    )
    mtu: int = field(default=0, create=True, update=True, filter=True, sort=True, convert=values.whole)
    port_security_enabled: bool = field(
        default=True,
        create=True,
        update=True,
        set_rule="{verb}_network:port_security_enabled",
        convert=values.flag,
    )
    network_type: str | None = field(
        default=None,
        wire="provider:network_type",
        create=True,
        update=True,
        filter=True,
        rule="get_network:provider:network_type",
        set_rule="{verb}_network:provider:network_type",
        convert=values.or_none(values.text(32)),
    )
    physical_network: str | None = field(
        default=None,
        wire="provider:physical_network",
        create=True,
        update=True,
        filter=True,
        rule="get_network:provider:physical_network",
        set_rule="{verb}_network:provider:physical_network",
        convert=values.or_none(values.text(64)),
    )
    segmentation_id: int | None = field(
        default=None,
        wire="provider:segmentation_id",
        create=True,
        update=True,
        filter=True,
        rule="get_network:provider:segmentation_id",
        set_rule="{verb}_network:provider:segmentation_id",
        convert=values.or_none(values.integer),
    )
    dns_domain: str = field(default="", create=True, update=True, convert=values.domain_name)
    availability_zone_hints: list[str] = field(default_factory=list, create=True, convert=values.texts(255))
    availability_zones: list[str] = computed(lambda ctx, row: ["nova"])
    ipv4_address_scope: str | None = loaded(partial(scopes_of, ip_version=4))
    ipv6_address_scope: str | None = loaded(partial(scopes_of, ip_version=6))
    l2_adjacency: bool = computed(lambda ctx, row: True)
    subnets: list[str] = loaded(subnet_ids_of, default=())

    @classmethod
    def visible(cls, ctx: Context) -> Any:
        """Own, shared and external networks."""
        if sees_all(ctx):
            return None
        return sa.or_(cls.c.project_id == ctx.project_id, cls.c.shared, cls.c.external)
