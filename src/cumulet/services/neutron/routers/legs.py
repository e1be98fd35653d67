# SPDX-License-Identifier: Apache-2.0
"""The legs of routers: the ports by which they stand in networks, and the host where it all runs."""

from collections.abc import Iterable, Sequence

from cumulet.kernel import hosts
from cumulet.kernel.auth.context import Context
from cumulet.kernel.db import Tx
from cumulet.lib import cidr
from cumulet.services.neutron.errors import BadResource
from cumulet.services.neutron.hosting import publish, schedule
from cumulet.services.neutron.ports.changes import LEGS
from cumulet.services.neutron.ports.model import ROUTER_INTERFACE, Port, addresses_of
from cumulet.services.neutron.routers.model import Router
from cumulet.services.neutron.subnets.model import Subnet


def legs_of(tx: Tx, router_id: str) -> list[Port]:
    return tx.all(
        Port,
        Port.c.device_id == router_id,
        Port.c.device_owner.in_(LEGS),
        order_by=(Port.c.created_at, Port.c.id),
    )


def interfaces_of(tx: Tx, router_id: str) -> list[Port]:
    return [port for port in legs_of(tx, router_id) if port.device_owner == ROUTER_INTERFACE]


def subnets_of_ports(tx: Tx, ports: Sequence[Port]) -> list[Subnet]:
    held = addresses_of(tx, None, ports)
    found: dict[str, Subnet] = tx.get_many(Subnet, (f["subnet_id"] for fs in held.values() for f in fs))
    return list(found.values())


def refuse_overlap(tx: Tx, router: Router, joining: Iterable[Subnet]) -> None:
    """The subnets of a router's legs are each there once and share no address."""
    present = subnets_of_ports(tx, legs_of(tx, router.id))
    for subnet in joining:
        for other in present:
            if other.id == subnet.id:
                raise BadResource("router", f"Router already has a port on subnet {subnet.id}")
            if cidr.overlap(subnet.cidr, other.cidr):
                raise BadResource(
                    "router",
                    f"Cidr {subnet.cidr} of subnet {subnet.id} overlaps with cidr {other.cidr} of "
                    f"subnet {other.id}",
                )


def settle(tx: Tx, ctx: Context, router: Router) -> Router:
    """A router with legs has a host, where its legs are too; one without has none. The host knows.

    No host is chosen while the cloud has none; the first that comes gets what waited.
    """
    legs = legs_of(tx, router.id)
    networks = list(dict.fromkeys(leg.network_id for leg in legs))
    host = router.host
    if not legs:
        host = ""
    elif not host:
        host = schedule.host_for_router(tx, networks)
    return move(tx, ctx, router, host)


def move(tx: Tx, ctx: Context, router: Router, host: str) -> Router:
    """The router runs on this host, its legs and their networks are there, and no other host runs it."""
    legs, left = legs_of(tx, router.id), router.host
    if host != router.host:
        router = tx.update(router, host=host)
    for leg in legs:
        if leg.host != host:
            tx.update(leg, status="DOWN", **schedule.binding(tx, host))
    for network_id in dict.fromkeys(leg.network_id for leg in legs):
        if left not in ("", host) or (host and not hosts.published(tx, host, "network", network_id)):
            publish.network(tx, ctx, network_id)
    publish.router(tx, ctx, router.id)
    return router
