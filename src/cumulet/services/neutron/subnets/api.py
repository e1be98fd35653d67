# SPDX-License-Identifier: Apache-2.0
"""The operations on subnets."""

from typing import Any

import sqlalchemy as sa

from cumulet.kernel.auth.context import Context
from cumulet.kernel.db import Tx
from cumulet.kernel.errors import Conflict
from cumulet.kernel.resource import Create, Delete, List, Show, Update, expose
from cumulet.kernel.resource.writing import row_from
from cumulet.lib import cidr
from cumulet.services.neutron import standard
from cumulet.services.neutron.errors import InvalidInput
from cumulet.services.neutron.hosting import publish
from cumulet.services.neutron.networks.model import Network
from cumulet.services.neutron.ports import dhcp
from cumulet.services.neutron.ports.addressing import subnets_of
from cumulet.services.neutron.ports.model import DHCP, ROUTER_GATEWAY, ROUTER_INTERFACE, Address, Port
from cumulet.services.neutron.subnet_pools import allocation
from cumulet.services.neutron.subnet_pools.model import LOCK
from cumulet.services.neutron.subnets import rules
from cumulet.services.neutron.subnets.model import Subnet


def create_subnet(tx: Tx, ctx: Context, given: dict[str, Any]) -> Subnet:
    """Give a network a range of addresses; ports that address themselves have one at once."""
    pooled = bool(given.get("subnetpool_id") or given.get("use_default_subnetpool"))
    tx.lock(f"network:{given['network_id']}", *([LOCK] if pooled else []))
    network = tx.need(Network, given["network_id"])
    version, others = given["ip_version"], subnets_of(tx, network.id)
    pool = allocation.chosen(tx, ctx, given)
    if pool is not None:
        given |= {"subnetpool_id": pool.id, "cidr": allocation.take(tx, ctx, pool, given)}
    text = rules.check_cidr(given.get("cidr"), version)
    if given.get("enable_dhcp", True):
        rules.check_dhcp(text, version)
    gateway = given["gateway_ip"] if "gateway_ip" in given else rules.usual_gateway(text)
    rules.check_gateway(text, version, gateway)
    rules.check_names_and_routes(version, given, "new subnet")
    rules.check_ipv6_modes(given, text, version)
    rules.check_overlap(text, (other.cidr for other in others), network.id)
    allocation.check_network(tx, pool, version, others)
    pools = rules.pools_for(text, gateway, given.get("allocation_pools"))
    values = {**given, "gateway_ip": gateway, "allocation_pools": pools}
    subnet: Subnet = tx.insert(row_from(Subnet, ctx, values))
    if subnet.is_automatic:
        _address_ports(tx, ctx, subnet)
    dhcp.ensure(tx, ctx, network)
    return subnet


def _address_ports(tx: Tx, ctx: Context, subnet: Subnet) -> None:
    """Ports that were there before a SLAAC subnet give themselves addresses in it."""
    ports = tx.all(
        Port,
        Port.c.network_id == subnet.network_id,
        Port.c.device_owner.not_in((DHCP, ROUTER_INTERFACE, ROUTER_GATEWAY)),
    )
    tx.insert_many(
        [
            Address.of(subnet.id, cidr.slaac_address(subnet.cidr, port.mac_address), port.id, 99)
            for port in ports
        ]
    )
    publish.ports(tx, ctx, ports)


def update_subnet(tx: Tx, ctx: Context, subnet: Subnet, given: dict[str, Any]) -> Subnet:
    """Change what guests are told, or where new addresses come from."""
    version = subnet.ip_version
    gateway = given.get("gateway_ip", subnet.gateway_ip)
    if given.get("enable_dhcp") and not subnet.enable_dhcp:
        rules.check_dhcp(subnet.cidr, version)
    if given.get("enable_dhcp") is False and (subnet.ipv6_ra_mode or subnet.ipv6_address_mode):
        raise InvalidInput("Cannot disable enable_dhcp with ipv6 attributes set")
    if gateway != subnet.gateway_ip:
        rules.check_gateway(subnet.cidr, version, gateway)
        _refuse_held_gateway(tx, subnet)
    rules.check_names_and_routes(version, given, subnet.id)
    if "allocation_pools" in given or gateway != subnet.gateway_ip:
        asked = given.get("allocation_pools", subnet.allocation_pools)
        given["allocation_pools"] = rules.pools_for(subnet.cidr, gateway, asked)
    subnet = tx.update(subnet, **given)
    dhcp.ensure(tx, ctx, tx.need(Network, subnet.network_id))
    if "gateway_ip" in given:
        publish.routers_on(tx, ctx, subnet.network_id)
    return subnet


def _refuse_held_gateway(tx: Tx, subnet: Subnet) -> None:
    """A gateway address stays while a router holds it."""
    if subnet.gateway_ip is None:
        return
    held = tx.get(Address, f"{subnet.id}/{subnet.gateway_ip}")
    port = tx.get(Port, held.port_id) if held is not None else None
    if port is not None and port.device_owner == ROUTER_INTERFACE:
        raise Conflict(
            f"Current gateway ip {subnet.gateway_ip} already in use by port {port.id}. Unable to update.",
            kind="GatewayIpInUse",
        )


def delete_subnet(tx: Tx, ctx: Context, subnet: Subnet) -> None:
    """The range is gone; addresses that ports gave themselves go with it, others keep it."""
    holders = sa.select(Address.c.port_id).where(Address.c.subnet_id == subnet.id)
    keeping = [ROUTER_INTERFACE] if subnet.is_automatic else None
    where = [Port.c.id.in_(holders), Port.c.device_owner != DHCP]
    if keeping is not None:
        where.append(Port.c.device_owner.in_(keeping))
    if tx.exists(Port, *where):
        raise Conflict(
            f"Unable to complete operation on subnet {subnet.id}: One or more ports have an IP "
            "allocation from this "
            "subnet.",
            kind="SubnetInUse",
        )
    losing = tx.all(Port, Port.c.id.in_(holders))
    tx.delete_where(Address, Address.c.subnet_id == subnet.id)
    tx.delete(subnet)
    standard.forget(tx, subnet.id)
    publish.ports(tx, ctx, losing)
    dhcp.ensure(tx, ctx, tx.need(Network, subnet.network_id))


SUBNETS = expose(
    Subnet,
    List(policy="get_subnet", filters=standard.filters_of(Subnet)),
    Show(policy="get_subnet"),
    Create(policy="create_subnet", run=create_subnet, quota={"subnet": 1}, bulk=True),
    Update(policy="update_subnet", run=update_subnet),
    Delete(policy="delete_subnet", run=delete_subnet),
)
