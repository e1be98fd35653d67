# SPDX-License-Identifier: Apache-2.0
"""Routers join subnets, and leave them."""

from collections.abc import Sequence
from typing import Any

from cumulet.kernel import events
from cumulet.kernel.auth.context import Context
from cumulet.kernel.db import Tx
from cumulet.kernel.errors import BadRequest, Conflict, NotFound
from cumulet.kernel.http.endpoint import route, told
from cumulet.kernel.http.messages import Request
from cumulet.kernel.resource.finding import fetch_by_key
from cumulet.kernel.resource.shapes import keys
from cumulet.services.neutron import values
from cumulet.services.neutron.errors import BadResource
from cumulet.services.neutron.floating_ips.model import FloatingIp
from cumulet.services.neutron.networks.model import Network
from cumulet.services.neutron.ports import changes
from cumulet.services.neutron.ports.addressing import hold
from cumulet.services.neutron.ports.model import ROUTER_INTERFACE, Port, addresses_of
from cumulet.services.neutron.routers.legs import interfaces_of, refuse_overlap, settle
from cumulet.services.neutron.routers.model import Router
from cumulet.services.neutron.standard import tags_of
from cumulet.services.neutron.subnets.model import Subnet
from cumulet.services.neutron.subnets.rules import inside

PATH = "/routers/{router_id}"


_ONE_OF = told(
    {
        "anyOf": [
            {"type": "object", "properties": {name: {"type": "string", "format": "uuid"}}, "required": [name]}
            for name in ("subnet_id", "port_id")
        ]
    }
)


INTERFACE = keys(
    dict.fromkeys(("id", "tenant_id", "project_id", "port_id", "network_id", "subnet_id"), str),
    subnet_ids=list[str],
    tags=list[str],
)


@route(
    "PUT",
    f"{PATH}/add_router_interface",
    policy="add_router_interface",
    schema=_ONE_OF,
    answer=INTERFACE,
)
def add_router_interface(tx: Tx, ctx: Context, request: Request) -> dict[str, Any]:
    """Join a subnet, by its gateway address or by a port that exists."""
    router: Router = fetch_by_key(tx, ctx, Router, request.params["router_id"], "add_router_interface")
    asked = _asked(request.body)
    if len(asked) == 2:
        raise BadResource("router", "Cannot specify both subnet-id and port-id")
    if "port_id" in asked:
        port = _join_by_port(tx, ctx, router, asked["port_id"])
        subnet_id = None
    else:
        subnet_id = asked["subnet_id"]
        port = join_subnet(tx, ctx, router, subnet_id)
    answer = _answer(tx, ctx, router, port, subnet_id)
    settle(tx, ctx, router)
    events.emit(tx, ctx, "router.interface.create", router)
    return answer


@route(
    "PUT",
    f"{PATH}/remove_router_interface",
    policy="remove_router_interface",
    schema=_ONE_OF,
    answer=INTERFACE,
)
def remove_router_interface(tx: Tx, ctx: Context, request: Request) -> dict[str, Any]:
    """Leave a subnet that no floating IP and no route of the router needs."""
    router: Router = fetch_by_key(tx, ctx, Router, request.params["router_id"], "remove_router_interface")
    asked = _asked(request.body)
    port = _interface(tx, router, asked)
    subnet_id = asked.get("subnet_id")
    held = addresses_of(tx, None, [port]).get(port.id, [])
    leaving = [f for f in held if "port_id" in asked or f["subnet_id"] == subnet_id]
    _refuse_needed(tx, router, [f["subnet_id"] for f in leaving])
    answer = _answer(tx, ctx, router, port, subnet_id)
    staying = [(f["subnet_id"], f["ip_address"]) for f in held if f not in leaving]
    if staying:
        hold(tx, port.id, staying)
        router = settle(tx, ctx, router)
    else:
        detached = tx.update(port, device_id="")
        router = settle(tx, ctx, router)
        changes.end_port(tx, ctx, detached)
    events.emit(tx, ctx, "router.interface.delete", router)
    return answer


def _asked(body: Any) -> dict[str, str]:
    found = {name: body[name] for name in ("port_id", "subnet_id") if isinstance(body, dict) and name in body}
    if not found:
        raise BadResource("router", "Either subnet_id or port_id must be specified")
    for value in found.values():
        try:
            values.uuid(value)
        except ValueError as error:
            raise BadResource("router", str(error)) from None
    return found


def _answer(tx: Tx, ctx: Context, router: Router, port: Port, subnet_id: str | None) -> dict[str, Any]:
    subnets = [fixed["subnet_id"] for fixed in addresses_of(tx, None, [port]).get(port.id, [])]
    return {
        "id": router.id,
        "tenant_id": router.project_id,
        "project_id": router.project_id,
        "port_id": port.id,
        "network_id": port.network_id,
        "subnet_id": subnet_id or subnets[0],
        "subnet_ids": [subnet_id] if subnet_id else subnets,
        "tags": tags_of(tx, ctx, [router]).get(router.id, []),
    }


# -- joining --------------------------------------------------------------------------------------------


def join_subnet(tx: Tx, ctx: Context, router: Router, subnet_id: str) -> Port:
    """A new leg of the router holds the subnet's gateway address; `settle` brings it to the router's host."""
    visible = Subnet.visible(ctx)
    subnet = tx.first(Subnet, Subnet.c.id == subnet_id, *(() if visible is None else (visible,)))
    if subnet is None:
        raise Subnet.not_found(ctx, subnet_id)
    if not subnet.gateway_ip:
        raise BadResource("router", "Subnet for router interface must have a gateway IP")
    network = tx.need(Network, subnet.network_id)
    if subnet.project_id != ctx.project_id and not ctx.is_admin and not network.shared:
        raise BadResource(
            "router",
            f"Cannot add interface to router because subnet {subnet.id} is not owned by project "
            "making the request",
        )
    _refuse_foreign_announcements(subnet)
    refuse_overlap(tx, router, [subnet])
    if subnet.ip_version == 6 and (extended := _extended(tx, router, subnet)):
        return extended
    given = {
        "network_id": subnet.network_id,
        "project_id": router.project_id,
        "fixed_ips": [{"subnet_id": subnet.id, "ip_address": subnet.gateway_ip}],
        "device_id": router.id,
        "device_owner": ROUTER_INTERFACE,
        "port_security_enabled": False,
    }
    port = changes.make_port(tx, ctx.elevate(), given)
    events.emit(tx, ctx, "port.create", port)
    return port


def _extended(tx: Tx, router: Router, subnet: Subnet) -> Port | None:
    """The router's IPv6 leg in the same network with one more address, if it has such a leg."""
    assert subnet.gateway_ip is not None
    for port in interfaces_of(tx, router.id):
        held = addresses_of(tx, None, [port]).get(port.id, [])
        if port.network_id == subnet.network_id and any(":" in fixed["ip_address"] for fixed in held):
            chosen = [(fixed["subnet_id"], fixed["ip_address"]) for fixed in held]
            hold(tx, port.id, [*chosen, (subnet.id, subnet.gateway_ip)])
            return port
    return None


def _join_by_port(tx: Tx, ctx: Context, router: Router, port_id: str) -> Port:
    visible = Port.visible(ctx)
    port = tx.first(Port, Port.c.id == port_id, *(() if visible is None else (visible,)))
    if port is None:
        raise Port.not_found(ctx, port_id)
    if port.device_id:
        raise Conflict(
            f"Unable to complete operation on port {port.id} for network {port.network_id}. "
            f"Port already has an attached device {port.device_id}.",
            kind="PortInUse",
        )
    held = addresses_of(tx, None, [port]).get(port.id, [])
    if not held:
        raise BadResource("router", "Router port must have at least one fixed IP")
    subnets: dict[str, Subnet] = tx.get_many(Subnet, (fixed["subnet_id"] for fixed in held))
    if sum(subnet.ip_version == 4 for subnet in subnets.values()) > 1:
        raise BadResource("router", "Cannot have multiple IPv4 subnets on router port")
    for subnet in subnets.values():
        _refuse_foreign_announcements(subnet)
    refuse_overlap(tx, router, subnets.values())
    port = changes.unplugged(tx, ctx, port)
    return tx.update(port, device_id=router.id, device_owner=ROUTER_INTERFACE)


def _refuse_foreign_announcements(subnet: Subnet) -> None:
    if subnet.ip_version == 6 and subnet.ipv6_ra_mode is None and subnet.ipv6_address_mode is not None:
        raise BadResource(
            "router",
            f"IPv6 subnet {subnet.id} configured to receive RAs from an external router cannot be "
            "added to Neutron "
            "Router.",
        )


# -- leaving --------------------------------------------------------------------------------------------


def _interface(tx: Tx, router: Router, asked: dict[str, str]) -> Port:
    """The leg that is meant. Raises in upstream's words when there is none."""
    ports = interfaces_of(tx, router.id)
    held = addresses_of(tx, None, ports)
    subnet_id, port_id = asked.get("subnet_id"), asked.get("port_id")
    for port in ports:
        on_subnet = any(fixed["subnet_id"] == subnet_id for fixed in held.get(port.id, ()))
        if port_id == port.id and subnet_id is not None and not on_subnet:
            raise BadRequest(
                f"Subnet on port {port_id} does not match the requested subnet {subnet_id}.",
                kind="SubnetMismatchForPort",
            )
        if port_id == port.id or (port_id is None and on_subnet):
            return port
    if port_id is not None:
        raise NotFound(
            f"Router {router.id} does not have an interface with id {port_id}", kind="RouterInterfaceNotFound"
        )
    raise NotFound(
        f"Router {router.id} has no interface on subnet {subnet_id}", kind="RouterInterfaceNotFoundForSubnet"
    )


def _refuse_needed(tx: Tx, router: Router, subnet_ids: Sequence[str]) -> None:
    subnets: dict[str, Subnet] = tx.get_many(Subnet, subnet_ids)
    floated = tx.all(FloatingIp, FloatingIp.c.router_id == router.id)
    for subnet in subnets.values():
        text = (
            f"Router interface for subnet {subnet.id} on router {router.id} cannot be deleted, as "
            "it is required by"
        )
        if any(f.fixed_ip_address and inside(subnet.cidr, f.fixed_ip_address) for f in floated):
            raise Conflict(f"{text} one or more floating IPs.", kind="RouterInterfaceInUseByFloatingIP")
        if any(inside(subnet.cidr, r["nexthop"]) for r in router.routes):
            raise Conflict(f"{text} one or more routes.", kind="RouterInterfaceInUseByRoute")


ROUTES = (add_router_interface, remove_router_interface)
