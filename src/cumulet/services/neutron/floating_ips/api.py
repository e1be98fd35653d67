# SPDX-License-Identifier: Apache-2.0
"""The operations on floating IPs."""

from typing import Any

from cumulet.kernel.auth.context import Context
from cumulet.kernel.db import Tx
from cumulet.kernel.errors import BadRequest
from cumulet.kernel.resource import Create, Delete, List, Show, Update, expose
from cumulet.kernel.resource.writing import row_from
from cumulet.services.neutron import standard
from cumulet.services.neutron.errors import BadResource
from cumulet.services.neutron.floating_ips.model import FloatingIp
from cumulet.services.neutron.floating_ips.reach import reached
from cumulet.services.neutron.hosting import publish
from cumulet.services.neutron.networks.model import Network
from cumulet.services.neutron.ports import changes
from cumulet.services.neutron.ports.addressing import subnets_of
from cumulet.services.neutron.ports.model import FLOATING_IP, Port, addresses_of


def create_floating_ip(tx: Tx, ctx: Context, given: dict[str, Any]) -> FloatingIp:
    """Take an address of an external network, and lead it to a port if one is named."""
    network = Network.seen(tx, ctx, given["floating_network_id"])
    if not network.external:
        raise BadResource("floatingip", f"Network {network.id} is not a valid external network")
    if not any(subnet.ip_version == 4 for subnet in subnets_of(tx, network.id)):
        raise BadResource("floatingip", f"Network {network.id} does not contain any IPv4 subnet")
    _check_names(given)
    fixed_ip, port_id = given.pop("fixed_ip_address", None), given.pop("port_id", None)
    if fixed_ip is not None and port_id is None:
        raise BadResource("floatingip", "fixed_ip_address cannot be specified without a port_id")
    floating: FloatingIp = row_from(FloatingIp, ctx, given)
    port, address = _take_address(tx, ctx, floating, given)
    floating = tx.insert(floating.but(floating_port_id=port.id, floating_ip_address=address))
    return lead(tx, ctx, floating, port_id, fixed_ip) if port_id is not None else floating


def _check_names(given: dict[str, Any]) -> None:
    if given.get("dns_domain") and not given.get("dns_name"):
        raise BadResource("floatingip", "dns_domain cannot be specified without a dns_name")
    if given.get("dns_name") and not given.get("dns_domain"):
        raise BadResource("floatingip", "dns_name cannot be specified without a dns_domain")


def _take_address(tx: Tx, ctx: Context, floating: FloatingIp, given: dict[str, Any]) -> tuple[Port, str]:
    """A port in the external network that holds the address for the floating IP."""
    values: dict[str, Any] = {
        "network_id": floating.floating_network_id,
        "project_id": "",
        "device_id": floating.id,
        "device_owner": FLOATING_IP,
        "status": "N/A",
        "port_security_enabled": False,
    }
    if given.get("floating_ip_address"):
        values["fixed_ips"] = [{"ip_address": given["floating_ip_address"]}]
    elif given.get("subnet_id"):
        values["fixed_ips"] = [{"subnet_id": given["subnet_id"]}]
    port = changes.make_port(tx, ctx.elevate(), values)
    held = addresses_of(tx, None, [port]).get(port.id, [])
    v4 = [fixed["ip_address"] for fixed in held if ":" not in fixed["ip_address"]]
    if not v4:
        raise BadRequest(
            f"Unable to find any IP address on external network {floating.floating_network_id}.",
            kind="ExternalIpAddressExhausted",
        )
    return port, v4[0]


def update_floating_ip(tx: Tx, ctx: Context, floating: FloatingIp, given: dict[str, Any]) -> FloatingIp:
    """Lead a floating IP to another port, or to none."""
    fixed_ip, moving = given.pop("fixed_ip_address", None), "port_id" in given
    port_id = given.pop("port_id", None)
    if fixed_ip is not None and port_id is None:
        raise BadResource("floatingip", "fixed_ip_address cannot be specified without a port_id")
    if given:
        floating = tx.update(floating, **given)
    if moving:
        return lead(tx, ctx, floating, port_id, fixed_ip)
    return floating


def lead(tx: Tx, ctx: Context, floating: FloatingIp, port_id: str | None, fixed_ip: str | None) -> FloatingIp:
    """The floating IP leads to this port, or nowhere; the routers concerned know."""
    before = floating.router_id
    target: dict[str, Any] = {"port_id": None, "fixed_ip_address": None, "router_id": None, "status": "DOWN"}
    if port_id is not None:
        fixed, router_id = reached(tx, ctx, floating, port_id, fixed_ip)
        target = {"port_id": port_id, "fixed_ip_address": fixed, "router_id": router_id, "status": "ACTIVE"}
    floating = tx.update(floating, **target)
    for changed in {before, floating.router_id} - {None}:
        publish.router(tx, ctx, str(changed))
    return floating


def delete_floating_ip(tx: Tx, ctx: Context, floating: FloatingIp) -> None:
    """The address is free again."""
    tx.delete(floating)
    standard.forget(tx, floating.id)
    if floating.router_id is not None:
        publish.router(tx, ctx, floating.router_id)
    port = tx.get(Port, floating.floating_port_id)
    if port is not None:
        changes.end_port(tx, ctx, port)


def delete_idle(tx: Tx, ctx: Context, network_id: str) -> None:
    """No floating IP of the network is left but those that lead somewhere."""
    c = FloatingIp.c
    for floating in tx.all(FloatingIp, c.floating_network_id == network_id, c.port_id.is_(None)):
        delete_floating_ip(tx, ctx, floating)


FLOATING_IPS = expose(
    FloatingIp,
    List(policy="get_floatingip", filters=standard.filters_of(FloatingIp)),
    Show(policy="get_floatingip"),
    Create(policy="create_floatingip", run=create_floating_ip, quota={"floatingip": 1}),
    Update(policy="update_floatingip", run=update_floating_ip),
    Delete(policy="delete_floatingip", run=delete_floating_ip),
)
