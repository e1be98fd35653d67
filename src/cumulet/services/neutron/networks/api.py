# SPDX-License-Identifier: Apache-2.0
"""The operations on networks."""

from typing import Any

import sqlalchemy as sa

from cumulet.kernel.auth.context import Context
from cumulet.kernel.db import Tx
from cumulet.kernel.errors import Conflict
from cumulet.kernel.resource import Create, Delete, List, Show, Update, expose
from cumulet.kernel.resource.writing import row_from
from cumulet.services.neutron import standard
from cumulet.services.neutron.errors import InvalidInput
from cumulet.services.neutron.floating_ips.api import delete_idle
from cumulet.services.neutron.hosting import publish
from cumulet.services.neutron.networks import provider
from cumulet.services.neutron.networks.model import Network
from cumulet.services.neutron.ports import dhcp
from cumulet.services.neutron.ports.model import DHCP, FLOATING_IP, ROUTER_GATEWAY, Port
from cumulet.services.neutron.subnets.model import Subnet


def create_network(tx: Tx, ctx: Context, given: dict[str, Any]) -> Network:
    found = provider.provided(tx, given)
    size = provider.mtu(found["network_type"], given.get("mtu", 0))
    network: Network = row_from(Network, ctx, {**given, **found, "mtu": size})
    return tx.insert(network, retry=True)


def update_network(tx: Tx, ctx: Context, network: Network, given: dict[str, Any]) -> Network:
    """Change a network; its hosts, and the routers on it, follow."""
    changed = [a for a in provider.ATTRIBUTES if given.get(a, getattr(network, a)) != getattr(network, a)]
    if changed:
        names = ", ".join(f"provider:{name}" for name in changed)
        raise InvalidInput(
            f"Plugin does not support updating the following provider network attributes: {names}"
        )
    if network.shared and not given.get("shared", True):
        _refuse_unsharing(tx, network)
    if network.external and not given.get("external", True):
        _refuse_closing(tx, network)
    if "mtu" in given:
        given["mtu"] = _new_mtu(tx, network, given["mtu"])
    network = tx.update(network, **given)
    publish.network(tx, ctx, network.id)
    if {"mtu", "external"} & set(given):
        publish.routers_on(tx, ctx, network.id)
    return network


def _refuse_unsharing(tx: Tx, network: Network) -> None:
    """A network that others use stays shared."""
    others = tx.exists(
        Port,
        Port.c.network_id == network.id,
        Port.c.project_id.not_in((network.project_id, "")),
        Port.c.device_owner.not_in((ROUTER_GATEWAY, FLOATING_IP, DHCP)),
    )
    if others or tx.exists(
        Subnet, Subnet.c.network_id == network.id, Subnet.c.project_id != network.project_id
    ):
        raise Conflict(
            f"Unable to reconfigure sharing settings for network {network.id}. Multiple projects are "
            "using it.",
            kind="InvalidSharedSetting",
        )


def _refuse_closing(tx: Tx, network: Network) -> None:
    if tx.exists(Port, Port.c.network_id == network.id, Port.c.device_owner == ROUTER_GATEWAY):
        raise Conflict(
            f"External network {network.id} cannot be updated to be made non-external, since it has "
            "existing gateway "
            "ports.",
            kind="ExternalNetworkInUse",
        )


def _new_mtu(tx: Tx, network: Network, asked: int) -> int:
    size = provider.mtu(network.network_type, asked)
    v6 = tx.exists(Subnet, Subnet.c.network_id == network.id, Subnet.c.ip_version == 6)
    least = 1280 if v6 else 68
    if size < least:
        raise Conflict(
            f"MTU of {network.id} is not valid, subnet requires a minimum of {least}",
            kind="NetworkMTUSubnetConflict",
        )
    return size


def delete_network(tx: Tx, ctx: Context, network: Network) -> None:
    """The network is gone with its subnets, its DHCP and idle floating IPs; other ports keep it."""
    if network.external:
        delete_idle(tx, ctx, network.id)
    used = sa.select(Port.c.id).where(Port.c.network_id == network.id, Port.c.device_owner != DHCP)
    holding = list(tx.execute(used.order_by(Port.c.id)).scalars())
    if holding:
        raise Conflict(
            f"Unable to complete operation on network {network.id}. There are one or more ports still "
            "in use on the "
            f"network, id for these ports is: {','.join(holding)}.",
            kind="NetworkInUse",
        )
    port = dhcp.dhcp_port(tx, network.id)
    if port is not None:
        dhcp.remove(tx, ctx, port)
    for subnet in tx.all(Subnet, Subnet.c.network_id == network.id):
        tx.delete(subnet)
        standard.forget(tx, subnet.id)
    tx.delete(network)
    standard.forget(tx, network.id)
    publish.network(tx, ctx, network.id)


NETWORKS = expose(
    Network,
    List(policy="get_network", filters=standard.filters_of(Network)),
    Show(policy="get_network"),
    Create(policy="create_network", run=create_network, quota={"network": 1}, bulk=True),
    Update(policy="update_network", run=update_network),
    Delete(policy="delete_network", run=delete_network),
)
