# SPDX-License-Identifier: Apache-2.0
"""The DHCP port of a network: the addresses on which every host of the network answers.

It comes with the first other port, so that in a tiny subnet the user's port finds an address, and goes with
the last subnet that has DHCP. A subnet without a free address is served without one.
"""

import uuid

from cumulet.kernel import events
from cumulet.kernel.auth.context import Context
from cumulet.kernel.db import Tx
from cumulet.lib import cidr
from cumulet.services.neutron.hosting import publish, schedule
from cumulet.services.neutron.networks.model import Network
from cumulet.services.neutron.ports.addressing import Chosen, hold, pick, subnets_of
from cumulet.services.neutron.ports.model import DHCP, Address, Port
from cumulet.services.neutron.subnets.model import Subnet


def dhcp_port(tx: Tx, network_id: str) -> Port | None:
    return tx.first(Port, Port.c.network_id == network_id, Port.c.device_owner == DHCP)


def ensure(tx: Tx, ctx: Context, network: Network) -> None:
    """The network has its DHCP port, with an address in each subnet that wants one, or none at all."""
    tx.lock(publish.lock_key("network", network.id))
    served = [subnet for subnet in subnets_of(tx, network.id) if subnet.enable_dhcp]
    port = dhcp_port(tx, network.id)
    used = port is not None or tx.exists(Port, Port.c.network_id == network.id)
    if served and used:
        port = port or _make(tx, ctx, network)
        _address(tx, port, served)
    elif port is not None:
        remove(tx, ctx, port)
    publish.network(tx, ctx, network.id)


def remove(tx: Tx, ctx: Context, port: Port) -> None:
    tx.delete_where(Address, Address.c.port_id == port.id)
    tx.delete(port)
    events.emit(tx, ctx, "port.delete", port)


def _make(tx: Tx, ctx: Context, network: Network) -> Port:
    host = schedule.host_for_dhcp(tx, network.id)
    port: Port = tx.insert(
        Port(
            network_id=network.id,
            project_id=network.project_id,
            device_owner=DHCP,
            device_id=f"dhcp{uuid.uuid5(uuid.NAMESPACE_DNS, host)}-{network.id}",
            status="ACTIVE",
            port_security_enabled=False,
            **schedule.binding(tx, host),
        ),
        retry=True,
    )
    events.emit(tx, ctx, "port.create", port)
    return port


def _address(tx: Tx, port: Port, served: list[Subnet]) -> None:
    held = {row.subnet_id: row.ip_address for row in tx.all(Address, Address.c.port_id == port.id)}
    chosen: list[Chosen] = []
    for subnet in served:
        mine = held.get(subnet.id)
        if mine is None and subnet.is_automatic:
            mine = cidr.slaac_address(subnet.cidr, port.mac_address)
        mine = mine or pick(tx, subnet, lowest=True)
        if mine is not None:
            chosen.append((subnet.id, mine))
    hold(tx, port.id, chosen)
