# SPDX-License-Identifier: Apache-2.0
"""Router advertisements for IPv6 (RFC 4861): prefixes, flags, MTU, name servers.

A router of the network announces itself with a lifetime; the network's own namespace announces the same
with lifetime 0, which gives guests their addresses where no router is and makes it nobody's gateway.
"""

import asyncio
import ipaddress
import socket
import struct
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass

from cumulet.agent.drivers.linux_network.links import Link
from cumulet.agent.drivers.linux_network.namespaces import identify_namespace, socket_inside
from cumulet.contracts.documents import NetworkDocument, SubnetSpec

ROUTER_LIFETIME_SECONDS = 1800

_SOLICITATION, _ADVERTISEMENT = 133, 134
_MANAGED, _OTHER = 0x80, 0x40
_ON_LINK, _AUTONOMOUS = 0x80, 0x40
_PREFIX_LIFETIME_SECONDS = 86400
_INTERVAL_SECONDS = 60
_EVERYONE, _ROUTERS = "ff02::1", "ff02::2"
_ICMP6_FILTER = 1


@dataclass(frozen=True)
class Announcement:
    """What is announced on one link."""

    mtu: int
    lifetime: int
    subnets: tuple[SubnetSpec, ...]


def announcement(
    network: NetworkDocument, subnets: Iterable[SubnetSpec], *, lifetime: int
) -> Announcement | None:
    """What to announce of these subnets; None when none of them asks for advertisements."""
    asked = tuple(s for s in subnets if s.ip_version == 6 and s.enable_dhcp and s.ipv6_ra_mode)
    return Announcement(network.mtu, lifetime, asked) if asked else None


def encode(said: Announcement, mac: str) -> bytes:
    """The ICMPv6 message; the kernel fills in the checksum."""
    modes = {subnet.ipv6_ra_mode for subnet in said.subnets}
    flags = (_MANAGED if "dhcpv6-stateful" in modes else 0) | (_OTHER if "dhcpv6-stateless" in modes else 0)
    message = struct.pack("!BBHBBHII", _ADVERTISEMENT, 0, 0, 64, flags, said.lifetime, 0, 0)
    message += struct.pack("!BB6s", 1, 1, bytes.fromhex(mac.replace(":", "")))
    message += struct.pack("!BBHI", 5, 1, 0, said.mtu)
    for subnet in said.subnets:
        message += _prefix(subnet)
    servers = [
        ipaddress.IPv6Address(s) for subnet in said.subnets for s in subnet.dns_nameservers if ":" in s
    ]
    if servers:
        message += struct.pack("!BBHI", 25, 1 + 2 * len(servers), 0, _PREFIX_LIFETIME_SECONDS)
        message += b"".join(server.packed for server in servers)
    return message


def _prefix(subnet: SubnetSpec) -> bytes:
    network = ipaddress.IPv6Network(subnet.cidr, strict=False)
    flags = _ON_LINK | (0 if subnet.ipv6_ra_mode == "dhcpv6-stateful" else _AUTONOMOUS)
    lifetime = _PREFIX_LIFETIME_SECONDS
    return struct.pack(
        "!BBBBIII16s", 3, 4, network.prefixlen, flags, lifetime, lifetime, 0, network.network_address.packed
    )


class Advertiser:
    """Announces on one link of a namespace: now, every minute, and to whom asks."""

    def __init__(self, namespace: str, interface: str) -> None:
        self._namespace = namespace
        self._interface = interface
        self._socket: socket.socket | None = None
        self._ticking: asyncio.Task[None] | None = None
        self._message = b""
        self._index = 0
        self._place = 0

    async def announce(self, said: Announcement | None, link: Link) -> None:
        """Exactly this is announced from now on; None falls silent."""
        if said is None:
            await self.close()
            return
        wanted = encode(said, link.mac), link.index, identify_namespace(self._namespace)
        if self._socket is not None and (self._message, self._index, self._place) == wanted:
            return
        await self.close()
        self._message, self._index, self._place = wanted
        self._socket = await asyncio.to_thread(self._open)
        asyncio.get_running_loop().add_reader(self._socket.fileno(), self._hear)
        self._ticking = asyncio.create_task(self._tick())

    async def close(self) -> None:
        if self._ticking is not None:
            self._ticking.cancel()
            self._ticking = None
        if self._socket is not None:
            asyncio.get_running_loop().remove_reader(self._socket.fileno())
            self._socket.close()
            self._socket = None

    def _open(self) -> socket.socket:
        opened = socket_inside(self._namespace, socket.AF_INET6, socket.SOCK_RAW, socket.IPPROTO_ICMPV6)
        opened.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, self._interface.encode())
        opened.setsockopt(socket.IPPROTO_ICMPV6, _ICMP6_FILTER, _blocking_all_but(_SOLICITATION))
        for option in (socket.IPV6_MULTICAST_HOPS, socket.IPV6_UNICAST_HOPS):
            opened.setsockopt(socket.IPPROTO_IPV6, option, 255)
        opened.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_IF, self._index)
        group = socket.inet_pton(socket.AF_INET6, _ROUTERS) + struct.pack("@I", self._index)
        opened.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_JOIN_GROUP, group)
        return opened

    async def _tick(self) -> None:
        while True:
            self._send(_EVERYONE)
            await asyncio.sleep(_INTERVAL_SECONDS)

    def _hear(self) -> None:
        if self._socket is None:
            return
        with suppress(OSError):
            _, (address, *_) = self._socket.recvfrom(2048)
            self._send(_EVERYONE if address == "::" else address.partition("%")[0])

    def _send(self, address: str) -> None:
        if self._socket is not None:
            with suppress(OSError):
                self._socket.sendto(self._message, (address, 0, 0, self._index))


def _blocking_all_but(kind: int) -> bytes:
    words = [0xFFFFFFFF] * 8
    words[kind >> 5] &= ~(1 << (kind & 31))
    return struct.pack("@8I", *words)
