# SPDX-License-Identifier: Apache-2.0
"""Which fixed address a floating IP leads to, and through which router."""

from cumulet.kernel.auth.context import Context
from cumulet.kernel.db import Tx
from cumulet.kernel.errors import Conflict, NotFound
from cumulet.services.neutron.errors import BadResource
from cumulet.services.neutron.floating_ips.model import FloatingIp
from cumulet.services.neutron.ports.model import DHCP, ROUTER_INTERFACE, Address, Port, addresses_of
from cumulet.services.neutron.routers.model import Router
from cumulet.services.neutron.subnets.model import Subnet


def reached(tx: Tx, ctx: Context, floating: FloatingIp, port_id: str, asked: str | None) -> tuple[str, str]:
    """The fixed address and the router by which a floating IP can lead to a port."""
    visible = Port.visible(ctx)
    port = tx.first(Port, Port.c.id == port_id, *(() if visible is None else (visible,)))
    if port is None:
        raise Port.not_found(ctx, port_id)
    if port.project_id and port.project_id != floating.project_id and not ctx.is_admin:
        raise BadResource(
            "floatingip",
            f"Cannot process floating IP association with Port {port.id}, since that port is owned by "
            "a different project",
        )
    if port.device_owner == DHCP:
        raise BadResource("floatingip", f"Port {port.id} is unable to be assigned a floating IP")
    fixed = _fixed_address(tx, port, asked)
    _refuse_second(tx, floating, port, fixed["ip_address"])
    router_id = _router_between(tx, floating.floating_network_id, fixed["subnet_id"])
    if router_id is None:
        raise NotFound(
            f"External network {floating.floating_network_id} is not reachable from subnet "
            f"{fixed['subnet_id']}. "
            f"Therefore, cannot associate Port {port.id} with a Floating IP.",
            kind="ExternalGatewayForFloatingIPNotFound",
        )
    return fixed["ip_address"], router_id


def _fixed_address(tx: Tx, port: Port, asked: str | None) -> dict[str, str]:
    held = addresses_of(tx, None, [port]).get(port.id, [])
    if asked is not None:
        if ":" in asked:
            raise BadResource(
                "floatingip",
                f"Cannot process floating IP association with {asked}, since that is not an IPv4 address",
            )
        for fixed in held:
            if fixed["ip_address"] == asked:
                return fixed
        raise BadResource("floatingip", f"Port {port.id} does not have fixed ip {asked}")
    v4 = [fixed for fixed in held if ":" not in fixed["ip_address"]]
    if not v4:
        raise BadResource(
            "floatingip", f"Cannot add floating IP to port {port.id} that has no fixed IPv4 addresses"
        )
    if len(v4) > 1:
        raise BadResource(
            "floatingip",
            f"Port {port.id} has multiple fixed IPv4 addresses.  Must provide a specific IPv4 address "
            "when assigning a "
            "floating IP",
        )
    return v4[0]


def _refuse_second(tx: Tx, floating: FloatingIp, port: Port, fixed_ip: str) -> None:
    other = tx.first(
        FloatingIp,
        FloatingIp.c.port_id == port.id,
        FloatingIp.c.fixed_ip_address == fixed_ip,
        FloatingIp.c.floating_network_id == floating.floating_network_id,
        FloatingIp.c.id != floating.id,
    )
    if other is not None:
        raise Conflict(
            f"Cannot associate floating IP {floating.floating_ip_address} ({floating.id}) with port "
            f"{port.id} using "
            f"fixed IP {fixed_ip}, as that fixed IP already has a floating IP on external network "
            f"{floating.floating_network_id}.",
            kind="FloatingIPPortAlreadyAssociated",
        )


def _router_between(tx: Tx, network_id: str, subnet_id: str) -> str | None:
    """A router with a gateway in the network and a leg in the subnet, best at the subnet's gateway."""
    subnet = tx.need(Subnet, subnet_id)
    addresses = {a.port_id: a.ip_address for a in tx.all(Address, Address.c.subnet_id == subnet_id)}
    legs = tx.all(Port, Port.c.network_id == subnet.network_id, Port.c.device_owner == ROUTER_INTERFACE)
    joined = [(addresses[leg.id] != subnet.gateway_ip, leg.device_id) for leg in legs if leg.id in addresses]
    for _, router_id in sorted(joined):
        router = tx.get(Router, router_id)
        if router is not None and router.gateway_network_id == network_id:
            return router_id
    return None
