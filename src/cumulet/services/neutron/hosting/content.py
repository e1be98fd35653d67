# SPDX-License-Identifier: Apache-2.0
"""Documents made from rows: what a host is told of a network, a group, a port or a router."""

from collections.abc import Iterable, Sequence
from typing import Any

import sqlalchemy as sa

from cumulet.contracts.documents import (
    AddressPair,
    FilterRule,
    FixedIp,
    FloatingIpSpec,
    HostRoute,
    NetworkDocument,
    PortDocument,
    RouterDocument,
    RouterGateway,
    RouterInterface,
    SecurityGroupDocument,
    SubnetSpec,
)
from cumulet.kernel.db import Tx
from cumulet.services.neutron.floating_ips.model import FloatingIp
from cumulet.services.neutron.networks.model import Network
from cumulet.services.neutron.ports.addressing import subnets_of
from cumulet.services.neutron.ports.model import (
    DHCP,
    ROUTER_GATEWAY,
    ROUTER_INTERFACE,
    Address,
    Membership,
    Port,
    addresses_of,
    groups_of,
)
from cumulet.services.neutron.routers.model import Router
from cumulet.services.neutron.security_groups.model import SecurityGroup, SecurityGroupRule
from cumulet.services.neutron.security_groups.rule_values import normalized
from cumulet.services.neutron.subnets.model import Subnet


def routes(found: Iterable[dict[str, str]]) -> tuple[HostRoute, ...]:
    return tuple(HostRoute(route["destination"], route["nexthop"]) for route in found)


# -- networks -------------------------------------------------------------------------------------------


def network_document(tx: Tx, network: Network) -> NetworkDocument:
    """The network as every host of it should have it, with the addresses on which DHCP answers."""
    dhcp = tx.first(Port, Port.c.network_id == network.id, Port.c.device_owner == DHCP)
    held = addresses_of(tx, None, [dhcp])[dhcp.id] if dhcp is not None else []
    answers = {fixed["subnet_id"]: fixed["ip_address"] for fixed in held}
    return NetworkDocument(
        id=network.id,
        mtu=network.mtu,
        external=network.external,
        segmentation_id=network.segmentation_id,
        dhcp_mac=dhcp.mac_address if dhcp is not None else None,
        subnets=tuple(_subnet(subnet, answers.get(subnet.id)) for subnet in subnets_of(tx, network.id)),
    )


def _subnet(subnet: Subnet, dhcp_ip: str | None) -> SubnetSpec:
    return SubnetSpec(
        id=subnet.id,
        cidr=subnet.cidr,
        ip_version=subnet.ip_version,  # type: ignore[arg-type]
        gateway_ip=subnet.gateway_ip,
        enable_dhcp=subnet.enable_dhcp,
        dns_nameservers=tuple(subnet.dns_nameservers),
        host_routes=routes(subnet.host_routes),
        dhcp_ip=dhcp_ip,
        ipv6_ra_mode=subnet.ipv6_ra_mode,  # type: ignore[arg-type]
        ipv6_address_mode=subnet.ipv6_address_mode,  # type: ignore[arg-type]
    )


# -- ports ----------------------------------------------------------------------------------------------


def port_documents(tx: Tx, ports: Sequence[Port]) -> list[PortDocument]:
    held, groups = addresses_of(tx, None, ports), groups_of(tx, None, ports)
    return [_port(port, held.get(port.id, ()), groups.get(port.id, ())) for port in ports]


def _port(port: Port, held: Iterable[dict[str, str]], groups: Iterable[str]) -> PortDocument:
    return PortDocument(
        id=port.id,
        network_id=port.network_id,
        mac_address=port.mac_address,
        fixed_ips=tuple(FixedIp(fixed["subnet_id"], fixed["ip_address"]) for fixed in held),
        hostname=port.dns_name,
        server_id=port.device_id or None,
        admin_state_up=port.admin_state_up,
        port_security=port.port_security_enabled,
        security_group_ids=tuple(groups),
        allowed_address_pairs=tuple(
            AddressPair(pair["ip_address"], pair.get("mac_address", port.mac_address))
            for pair in port.allowed_address_pairs
        ),
        dhcp_options=tuple((option["opt_name"], option["opt_value"]) for option in port.extra_dhcp_opts),
    )


# -- security groups ------------------------------------------------------------------------------------


def rules_for_hosts(tx: Tx, group_id: str) -> tuple[FilterRule, ...]:
    rules = tx.all(
        SecurityGroupRule,
        SecurityGroupRule.c.security_group_id == group_id,
        order_by=(SecurityGroupRule.c.created_at, SecurityGroupRule.c.id),
    )
    return tuple(
        FilterRule(
            direction=rule.direction,  # type: ignore[arg-type]
            ethertype=rule.ethertype,  # type: ignore[arg-type]
            protocol=rule.protocol,
            port_range_min=rule.port_range_min,
            port_range_max=rule.port_range_max,
            remote_ip_prefix=normalized(rule.remote_ip_prefix),
            remote_group_id=rule.remote_group_id,
        )
        for rule in rules
    )


def members_by_host(tx: Tx, group_id: str) -> dict[str, list[str]]:
    """The addresses of a group's members on each host, those that they may send from besides included."""
    query = (
        sa.select(Port.c.host, Address.c.ip_address)
        .select_from(
            Membership.table.join(Port.table, Port.c.id == Membership.c.port_id).join(
                Address.table, Address.c.port_id == Port.c.id
            )
        )
        .where(Membership.c.group_id == group_id, Port.c.vif_type == "bridge")
    )
    found: dict[str, list[str]] = {}
    for host, ip_address in tx.execute(query).fetchall():
        found.setdefault(host, []).append(ip_address)
    paired = tx.all(
        Port,
        Port.c.id.in_(sa.select(Membership.c.port_id).where(Membership.c.group_id == group_id)),
        Port.c.vif_type == "bridge",
        sa.cast(Port.c.allowed_address_pairs, sa.Text) != "[]",
    )
    for port in paired:
        found.setdefault(port.host, []).extend(pair["ip_address"] for pair in port.allowed_address_pairs)
    return found


def group_document(
    group: SecurityGroup, rules: tuple[FilterRule, ...], host: str, members: dict[str, list[str]]
) -> SecurityGroupDocument:
    """The group as one host should have it, which knows its own members by itself."""
    remote = sorted({text for other, texts in members.items() if other != host for text in texts})
    return SecurityGroupDocument(
        id=group.id, stateful=group.stateful, rules=rules, remote_members=tuple(remote)
    )


# -- routers --------------------------------------------------------------------------------------------


def router_document(tx: Tx, router: Router) -> RouterDocument:
    """The router with its legs and its floating IPs."""
    ports = tx.all(
        Port,
        Port.c.device_id == router.id,
        Port.c.device_owner.in_((ROUTER_INTERFACE, ROUTER_GATEWAY)),
        order_by=(Port.c.created_at, Port.c.id),
    )
    held = addresses_of(tx, None, ports)
    wanted = {fixed["subnet_id"] for fixeds in held.values() for fixed in fixeds}
    subnets: dict[str, Subnet] = tx.get_many(Subnet, wanted)
    networks: dict[str, Network] = tx.get_many(Network, (port.network_id for port in ports))
    legs = {port.id: _leg(port, held.get(port.id, []), subnets, networks) for port in ports}
    gateway = next((port for port in ports if port.device_owner == ROUTER_GATEWAY), None)
    return RouterDocument(
        id=router.id,
        admin_state_up=router.admin_state_up,
        interfaces=tuple(
            RouterInterface(**legs[port.id]) for port in ports if port.device_owner == ROUTER_INTERFACE
        ),
        gateway=_gateway(router, legs[gateway.id], held.get(gateway.id, []), subnets) if gateway else None,
        floating_ips=_floating_ips(tx, router),
        routes=routes(router.routes),
    )


def _leg(
    port: Port, held: Sequence[dict[str, str]], subnets: dict[str, Subnet], networks: dict[str, Network]
) -> dict[str, Any]:
    return {
        "port_id": port.id,
        "network_id": port.network_id,
        "mac_address": port.mac_address,
        "mtu": networks[port.network_id].mtu,
        "cidrs": tuple(f"{fixed['ip_address']}/{subnets[fixed['subnet_id']].prefix}" for fixed in held),
    }


def _gateway(
    router: Router, leg: dict[str, Any], held: Sequence[dict[str, str]], subnets: dict[str, Subnet]
) -> RouterGateway:
    hops = [subnets[fixed["subnet_id"]].gateway_ip for fixed in held]
    return RouterGateway(
        **leg, next_hops=tuple(dict.fromkeys(hop for hop in hops if hop)), snat=router.enable_snat
    )


def _floating_ips(tx: Tx, router: Router) -> tuple[FloatingIpSpec, ...]:
    found = tx.all(FloatingIp, FloatingIp.c.router_id == router.id, order_by=(FloatingIp.c.id,))
    return tuple(
        FloatingIpSpec(
            id=floating.id,
            floating_ip_address=floating.floating_ip_address,
            fixed_ip_address=floating.fixed_ip_address,
        )
        for floating in found
        if floating.fixed_ip_address is not None
    )
