# SPDX-License-Identifier: Apache-2.0
"""How many addresses of networks are used."""

from collections.abc import Sequence
from typing import Any, Literal

import sqlalchemy as sa

from cumulet.kernel.auth.context import Context
from cumulet.kernel.db import Tx
from cumulet.kernel.http.endpoint import route
from cumulet.kernel.http.messages import Request
from cumulet.kernel.resource.shapes import array, keys
from cumulet.services.neutron.networks.model import Network
from cumulet.services.neutron.ports.model import Address
from cumulet.services.neutron.subnets.model import Subnet

PATH = "/network-ip-availabilities"
_FILTERS = {"network_id": "id", "network_name": "name", "tenant_id": "project_id", "project_id": "project_id"}

_SUM = {"total_ips": int, "used_ips": int}
OF_SUBNET = keys(_SUM, subnet_id=str, subnet_name=str, cidr=str, ip_version=Literal[4, 6])
OF_NETWORK = keys(
    _SUM,
    network_id=str,
    network_name=str,
    tenant_id=str,
    project_id=str,
    subnet_ip_availability=array(OF_SUBNET),
)


@route(
    "GET",
    PATH,
    policy="get_network_ip_availability",
    query=(*_FILTERS, "ip_version"),
    answer=keys(network_ip_availabilities=array(OF_NETWORK)),
)
def list_availabilities(tx: Tx, ctx: Context, request: Request) -> dict[str, Any]:
    """Total and used addresses of every network."""
    ctx.require("get_network_ip_availability")
    where = [
        Network.c[column].in_(request.query.all(name))
        for name, column in _FILTERS.items()
        if name in request.query
    ]
    networks = tx.all(Network, *where, order_by=(Network.c.id,))
    versions = [int(text) for text in request.query.all("ip_version") if text in ("4", "6")]
    return {"network_ip_availabilities": _availabilities(tx, networks, versions or [4, 6])}


@route(
    "GET",
    PATH + "/{network_id}",
    policy="get_network_ip_availability",
    answer=keys(network_ip_availability=OF_NETWORK),
)
def show_availability(tx: Tx, ctx: Context, request: Request) -> dict[str, Any]:
    """Total and used addresses of one network."""
    ctx.require("get_network_ip_availability")
    network = Network.seen(tx, ctx, request.params["network_id"])
    return {"network_ip_availability": _availabilities(tx, [network], [4, 6])[0]}


def _availabilities(tx: Tx, networks: Sequence[Network], versions: list[int]) -> list[dict[str, Any]]:
    counted = sa.select(Address.c.subnet_id, sa.func.count()).group_by(Address.c.subnet_id)
    used: dict[str, int] = dict(tx.execute(counted).fetchall())
    by_network: dict[str, list[dict[str, Any]]] = {}
    for subnet in tx.all(Subnet, Subnet.c.ip_version.in_(versions), order_by=(Subnet.c.id,)):
        by_network.setdefault(subnet.network_id, []).append(_of_subnet(subnet, used.get(subnet.id, 0)))
    return [_of_network(network, by_network.get(network.id, [])) for network in networks]


def _of_subnet(subnet: Subnet, used: int) -> dict[str, Any]:
    return {
        "subnet_id": subnet.id,
        "subnet_name": subnet.name,
        "cidr": subnet.cidr,
        "ip_version": subnet.ip_version,
        "total_ips": sum(pool.size for pool in subnet.pools),
        "used_ips": used,
    }


def _of_network(network: Network, subnets: list[dict[str, Any]]) -> dict[str, Any]:
    return {
        "network_id": network.id,
        "network_name": network.name,
        "tenant_id": network.project_id,
        "project_id": network.project_id,
        "total_ips": sum(subnet["total_ips"] for subnet in subnets),
        "used_ips": sum(subnet["used_ips"] for subnet in subnets),
        "subnet_ip_availability": subnets,
    }


ROUTES = (list_availabilities, show_availability)
