# SPDX-License-Identifier: Apache-2.0
"""What DHCP tells the guests of one network, as the text of dnsmasq's files.

What seldom changes (subnets) is its configuration. What often changes (ports) is in files that it reads again
on SIGHUP.
"""

import ipaddress
import re
from collections.abc import Iterable, Iterator
from pathlib import Path

from cumulet.agent.drivers.linux_network.metadata import ADDRESS_V4
from cumulet.contracts.documents import NetworkDocument, PortDocument, SubnetSpec

OWN = "own"
"""The folder below a network's that dnsmasq writes to; all else is ours."""

LEASE_SECONDS = 86400
NO_NAMESERVERS = ("0.0.0.0",)
"""A subnet whose only name server is this one announces none, as upstream has it."""

_LABEL = re.compile(r"[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?")
_OPTION = re.compile(r"(option6?:)?[A-Za-z0-9-]+")


def has_dhcp(network: NetworkDocument) -> bool:
    return any(_served(subnet) for subnet in network.subnets)


def _served(subnet: SubnetSpec) -> bool:
    if not subnet.enable_dhcp or subnet.dhcp_ip is None:
        return False
    return subnet.ip_version == 4 or subnet.ipv6_address_mode in ("dhcpv6-stateful", "dhcpv6-stateless")


def render_configuration(network: NetworkDocument, folder: Path, interface: str) -> str:
    """What dnsmasq is told once."""
    lines = [
        "no-hosts",
        "no-resolv",
        "no-ping",
        "user=root",  # unless the agent gives it another before it starts
        "bind-dynamic",
        "except-interface=lo",
        f"interface={interface}",
        *([] if network.external else ["dhcp-authoritative"]),  # external networks share a cable
        "quiet-dhcp",
        "quiet-dhcp6",
        "quiet-ra",
        f"pid-file={folder / OWN / 'pid'}",
        f"log-facility={folder / OWN / 'log'}",
        f"dhcp-leasefile={folder / OWN / 'leases'}",
        f"dhcp-hostsfile={folder / 'hosts'}",
        f"dhcp-optsfile={folder / 'options'}",
        f"addn-hosts={folder / 'names'}",
        f"dhcp-lease-max={2**16}",
    ]
    for subnet in filter(_served, network.subnets):
        prefix = ipaddress.ip_network(subnet.cidr, strict=False)
        size = prefix.netmask if prefix.version == 4 else prefix.prefixlen
        lines.append(f"dhcp-range=set:{_tag(subnet)},{prefix.network_address},static,{size},{LEASE_SECONDS}s")
    return "\n".join(lines) + "\n"


def render_options(network: NetworkDocument, ports: Iterable[PortDocument]) -> str:
    """What each subnet, and each port on top of it, is told besides an address."""
    lines = ["option:mtu," + str(network.mtu)]
    for subnet in filter(_served, network.subnets):
        lines += _options_v4(subnet, network.subnets) if subnet.ip_version == 4 else _options_v6(subnet)
    for port in ports:
        for name, value in port.dhcp_options:
            if _OPTION.fullmatch(name) and "\n" not in value:
                word = name if name.isdigit() or ":" in name else f"option:{name}"
                lines.append(f"tag:port-{port.id},{word},{value}")
    return "\n".join(lines) + "\n"


def render_hosts(network: NetworkDocument, ports: Iterable[PortDocument]) -> str:
    """Which card gets which address and name, a line a port."""
    lines = []
    for port in ports:
        addresses = _leased(network, port)
        if addresses:
            spelled = [f"[{a}]" if a.version == 6 else str(a) for a in addresses]
            name = _hostname(port, addresses[0])
            lines.append(",".join([port.mac_address, f"set:port-{port.id}", *spelled, name]))
    return "".join(line + "\n" for line in lines)


def render_names(network: NetworkDocument, ports: Iterable[PortDocument]) -> str:
    """The names that dnsmasq resolves: every port of the network, with or without a lease."""
    lines = []
    for port in ports:
        for address in _leased(network, port):
            lines.append(f"{address} {_hostname(port, address)}")
    return "".join(line + "\n" for line in lines)


def _options_v4(subnet: SubnetSpec, neighbours: Iterable[SubnetSpec]) -> Iterator[str]:
    tag = f"tag:{_tag(subnet)}"
    yield f"{tag},option:router,{subnet.gateway_ip}" if subnet.gateway_ip else f"{tag},option:router"
    if subnet.dns_nameservers != NO_NAMESERVERS:
        servers = [s for s in subnet.dns_nameservers if ":" not in s] or [str(subnet.dhcp_ip)]
        yield f"{tag},option:dns-server,{','.join(servers)}"
    routes = [(route.destination, route.nexthop) for route in subnet.host_routes]
    routes.append((f"{ADDRESS_V4}/32", str(subnet.dhcp_ip)))
    routes += [(s.cidr, "0.0.0.0") for s in neighbours if s.ip_version == 4 and s.id != subnet.id]
    if subnet.gateway_ip and all(destination != "0.0.0.0/0" for destination, _ in routes):
        routes.append(("0.0.0.0/0", subnet.gateway_ip))
    spelled = ",".join(f"{destination},{hop}" for destination, hop in routes)
    yield f"{tag},option:classless-static-route,{spelled}"
    yield f"{tag},249,{spelled}"


def _options_v6(subnet: SubnetSpec) -> Iterator[str]:
    if subnet.dns_nameservers != NO_NAMESERVERS:
        servers = [s for s in subnet.dns_nameservers if ":" in s] or [str(subnet.dhcp_ip)]
        yield f"tag:{_tag(subnet)},option6:dns-server,{','.join(f'[{server}]' for server in servers)}"


def _tag(subnet: SubnetSpec) -> str:
    return f"subnet-{subnet.id}"


def _leased(
    network: NetworkDocument, port: PortDocument
) -> list[ipaddress.IPv4Address | ipaddress.IPv6Address]:
    """The addresses that DHCP gives the port: the first of each version, for a client asks for one."""
    served = {
        subnet.id
        for subnet in network.subnets
        if _served(subnet) and subnet.ipv6_address_mode != "dhcpv6-stateless"
    }
    found = [ipaddress.ip_address(fixed.ip_address) for fixed in port.fixed_ips if fixed.subnet_id in served]
    first = {address.version: address for address in reversed(found)}
    return [first[version] for version in sorted(first)]


def _hostname(port: PortDocument, address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> str:
    if _LABEL.fullmatch(port.hostname):
        return port.hostname
    return "host-" + re.sub(r"[.:]", "-", address.exploded if address.version == 6 else str(address))
