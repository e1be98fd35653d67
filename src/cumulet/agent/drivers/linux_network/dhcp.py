# SPDX-License-Identifier: Apache-2.0
"""DHCP of one network: dnsmasq in the network's namespace, which outlives the agent.

What seldom changes (subnets) is its configuration; a change restarts it. What often changes (ports) is in
files that it reads again on SIGHUP. dnsmasq would not give an address to a new card while an old lease
names another card, so when an address that is leased changes hands the lease is taken out of the file
between stop and start, which takes 30 ms and needs no client's help.
"""

import asyncio
import ipaddress
import os
import re
import signal
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from pathlib import Path

from cumulet.agent.drivers.linux_network.metadata import ADDRESS_V4
from cumulet.agent.drivers.linux_network.namespaces import end_processes, run_inside
from cumulet.agent.drivers.linux_network.nft import find_program
from cumulet.agent.drivers.linux_network.records import write_whole
from cumulet.contracts.documents import NetworkDocument, PortDocument, SubnetSpec

LEASE_SECONDS = 86400
NO_NAMESERVERS = ("0.0.0.0",)
"""A subnet whose only name server is this one announces none, as upstream has it."""

_SETTLE_SECONDS = 0.05
_LABEL = re.compile(r"[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?")
_OPTION = re.compile(r"(option6?:)?[A-Za-z0-9-]+")


def has_dhcp(network: NetworkDocument) -> bool:
    return any(_served(subnet) for subnet in network.subnets)


def _served(subnet: SubnetSpec) -> bool:
    if not subnet.enable_dhcp or subnet.dhcp_ip is None:
        return False
    return subnet.ip_version == 4 or subnet.ipv6_address_mode in ("dhcpv6-stateful", "dhcpv6-stateless")


# -- files, as text --------------------------------------------------------------------------------


def render_configuration(network: NetworkDocument, folder: Path, interface: str) -> str:
    """What dnsmasq is told once."""
    lines = [
        "no-hosts",
        "no-resolv",
        "no-ping",
        "user=root",
        "bind-dynamic",
        "except-interface=lo",
        f"interface={interface}",
        *([] if network.external else ["dhcp-authoritative"]),  # external networks share a cable
        "quiet-dhcp",
        "quiet-dhcp6",
        "quiet-ra",
        f"pid-file={folder / 'pid'}",
        f"log-facility={folder / 'log'}",
        f"dhcp-leasefile={folder / 'leases'}",
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


# -- the process -----------------------------------------------------------------------------------

Snapshot = Callable[[], tuple[NetworkDocument, list[PortDocument]]]


class DhcpServer:
    """dnsmasq for one network, with its files in `folder`."""

    def __init__(self, folder: Path, namespace: str, interface: str) -> None:
        self._folder = folder
        self._namespace = namespace
        self._interface = interface
        self._lock = asyncio.Lock()
        self._renewal: asyncio.Task[None] | None = None

    async def serve(self, network: NetworkDocument, ports: list[PortDocument]) -> None:
        """dnsmasq runs with these subnets and ports; it is restarted only when that is needed."""
        async with self._lock:
            self._folder.mkdir(parents=True, exist_ok=True)
            configuration = render_configuration(network, self._folder, self._interface)
            reconfigured = self._replace("configuration", configuration)
            released = self._write_ports(network, ports)
            if reconfigured or released or self.process() is None:
                await self._stop()
                self._forget_leases(released)
                await self._run()
            else:
                self._signal(signal.SIGHUP)

    async def renew(self, snapshot: Snapshot) -> None:
        """dnsmasq knows the ports; callers that come within a moment share one renewal."""
        if self._renewal is None:
            self._renewal = asyncio.create_task(self._renew(snapshot))
        await asyncio.shield(self._renewal)

    async def _renew(self, snapshot: Snapshot) -> None:
        await asyncio.sleep(_SETTLE_SECONDS)
        self._renewal = None
        await self.serve(*snapshot())

    async def end(self) -> None:
        """No dnsmasq, and nothing of its files."""
        async with self._lock:
            await self._stop()
            for path in self._folder.glob("*"):
                path.unlink()
            with suppress(FileNotFoundError):
                self._folder.rmdir()

    def process(self) -> int | None:
        """The id of the running dnsmasq of this folder, whoever started it."""
        with suppress(OSError, ValueError):
            process = int((self._folder / "pid").read_text())
            words = Path(f"/proc/{process}/cmdline").read_bytes().split(b"\0")
            if os.fsencode(f"--conf-file={self._folder / 'configuration'}") in words:
                return process
        return None

    def _replace(self, name: str, content: str) -> bool:
        path = self._folder / name
        if path.exists() and path.read_text() == content:
            return False
        write_whole(path, content.encode())
        return True

    def _write_ports(self, network: NetworkDocument, ports: list[PortDocument]) -> set[str]:
        """The addresses that left the hands of a card."""
        path = self._folder / "hosts"
        before = _holders(path.read_text()) if path.exists() else set()
        hosts = render_hosts(network, ports)
        self._replace("hosts", hosts)
        self._replace("options", render_options(network, ports))
        self._replace("names", render_names(network, ports))
        leases = self._folder / "leases"
        leased = set(leases.read_text().split()) if leases.exists() else set()
        return {address for _, address in before - _holders(hosts)} & leased

    def _forget_leases(self, addresses: set[str]) -> None:
        path = self._folder / "leases"
        if addresses and path.exists():
            lines = path.read_text().splitlines(keepends=True)
            kept = [line for line in lines if not addresses.intersection(line.split()[2:3])]
            write_whole(path, "".join(kept).encode())

    async def _run(self) -> None:
        dnsmasq = find_program("dnsmasq", "dnsmasq-base")
        command = [dnsmasq, f"--conf-file={self._folder / 'configuration'}"]
        await asyncio.to_thread(run_inside, self._namespace, command)

    async def _stop(self) -> None:
        """No dnsmasq runs in the namespace, not even one whose files were lost."""
        for sign in (signal.SIGTERM, signal.SIGKILL):
            for _ in range(50):
                if self.process() is None:
                    await asyncio.to_thread(end_processes, self._namespace)
                    return
                self._signal(sign)
                await asyncio.sleep(0.01)

    def _signal(self, sign: signal.Signals) -> None:
        process = self.process()
        if process is not None:
            with suppress(ProcessLookupError):
                os.kill(process, sign)


def _holders(hosts: str) -> set[tuple[str, str]]:
    """Card and address, for each address of a hosts file."""
    found = set()
    for line in hosts.splitlines():
        mac, _, *addresses, _ = line.split(",")
        found |= {(mac, address.strip("[]")) for address in addresses}
    return found
