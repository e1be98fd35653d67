# SPDX-License-Identifier: Apache-2.0
"""The gateway of a router: its leg in an external network."""

from collections.abc import Mapping
from typing import Any

from cumulet.kernel.auth.context import Context
from cumulet.kernel.db import Tx
from cumulet.kernel.errors import Conflict
from cumulet.services.neutron.errors import BadResource
from cumulet.services.neutron.floating_ips.model import FloatingIp
from cumulet.services.neutron.networks.model import Network
from cumulet.services.neutron.ports import changes
from cumulet.services.neutron.ports.addressing import Wish, choose, hold
from cumulet.services.neutron.ports.model import ROUTER_GATEWAY, Port, addresses_of
from cumulet.services.neutron.routers.legs import refuse_overlap, subnets_of_ports
from cumulet.services.neutron.routers.model import Router


def require_parts(ctx: Context, verb: str, info: Mapping[str, Any], target: Mapping[str, Any]) -> None:
    """The policy of each part of external_gateway_info that was given."""
    for part in info:
        ctx.require(f"{verb}_router:external_gateway_info:{part}", target)


def set_gateway(tx: Tx, ctx: Context, router: Router, info: Mapping[str, Any]) -> Router:
    """The router has the gateway that is asked for: network, addresses, translation; empty for none."""
    if not info:
        return clear_gateway(tx, ctx, router)
    network = Network.seen(tx, ctx, info["network_id"])
    if not network.external:
        raise BadResource("router", f"Network {network.id} is not an external network")
    snat = bool(info.get("enable_snat", True))
    if router.gateway_network_id == network.id and router.gateway_port_id is not None:
        if info.get("external_fixed_ips"):
            _readdress(tx, router, info["external_fixed_ips"])
        return tx.update(router, enable_snat=snat)
    router = clear_gateway(tx, ctx, router)
    port = _make_port(tx, ctx, router, network, info)
    return tx.update(router, gateway_network_id=network.id, gateway_port_id=port.id, enable_snat=snat)


def _make_port(tx: Tx, ctx: Context, router: Router, network: Network, info: Mapping[str, Any]) -> Port:
    given: dict[str, Any] = {
        "network_id": network.id,
        "project_id": "",
        "device_id": "",
        "device_owner": ROUTER_GATEWAY,
        "port_security_enabled": False,
    }
    if info.get("external_fixed_ips"):
        given["fixed_ips"] = info["external_fixed_ips"]
    port = changes.make_port(tx, ctx.elevate(), given)
    if not addresses_of(tx, None, [port]):
        raise BadResource("router", f"No IPs available for external network {network.id}")
    refuse_overlap(tx, router, subnets_of_ports(tx, [port]))
    return tx.update(port, device_id=router.id)


def _readdress(tx: Tx, router: Router, asked: list[dict[str, str]]) -> None:
    port = tx.need(Port, router.gateway_port_id)
    held = addresses_of(tx, None, [port]).get(port.id, [])
    hold(tx, port.id, choose(tx, Wish(port.network_id, port.mac_address, port.device_owner, held), asked))


def clear_gateway(tx: Tx, ctx: Context, router: Router) -> Router:
    """The router has no gateway; floating IPs that go through it keep it."""
    if router.gateway_port_id is None:
        return router
    if tx.exists(FloatingIp, FloatingIp.c.router_id == router.id):
        raise Conflict(
            f"Gateway cannot be updated for router {router.id}, since a gateway to external network "
            f"{router.gateway_network_id} is required by one or more floating IPs.",
            kind="RouterExternalGatewayInUseByFloatingIp",
        )
    port = tx.need(Port, router.gateway_port_id)
    router = tx.update(router, gateway_network_id=None, gateway_port_id=None)
    changes.end_port(tx, ctx, port)
    return router
