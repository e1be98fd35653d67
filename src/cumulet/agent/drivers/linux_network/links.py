# SPDX-License-Identifier: Apache-2.0
"""Links, addresses and routes, over netlink.

A handle is opened once for each namespace and kept: opening costs more than using. pyroute2 ties a handle's
socket to the thread that opened it, so every method here runs in the plane's one worker thread; that also
makes each a critical section.
"""

import errno
import ipaddress
import socket
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from pyroute2 import IPRoute
from pyroute2.netlink.exceptions import NetlinkError

from cumulet.agent.drivers.linux_network.namespaces import FOLDER, MACHINE, inside
from cumulet.contracts.documents import HostRoute

_UP = 1
_NODAD = 0x02
_MAIN = 254
_STATIC = 4
"""The kernel's number for routes that an administrator set; only those are ours to remove."""


@dataclass(frozen=True)
class Link:
    """A link as it is now."""

    index: int
    name: str
    alias: str
    mac: str
    mtu: int
    master: int
    up: bool
    kind: str


@dataclass(frozen=True)
class Leg:
    """A veth pair from a bridge of the plane into another namespace."""

    bridge: str
    outer: str
    inner: str
    namespace: str
    mtu: int
    mac: str | None = None
    alias: str = ""


class Links:
    """Netlink in every namespace of the plane; `home` is the one that holds the bridges."""

    def __init__(self, home: str) -> None:
        self.home = home
        self._handles: dict[str, Any] = {}

    def at(self, namespace: str) -> Any:
        handle = self._handles.get(namespace)
        if handle is None:
            with inside(namespace):
                handle = self._handles[namespace] = IPRoute()
                handle.get_links(1)
        return handle

    def forget(self, namespace: str) -> None:
        """No handle holds the namespace any more."""
        handle = self._handles.pop(namespace, None)
        if handle is not None:
            handle.close()

    def close(self) -> None:
        for namespace in list(self._handles):
            self.forget(namespace)

    # -- links -------------------------------------------------------------------------------------

    def find(self, namespace: str, name: str) -> Link | None:
        try:
            return _link(self.at(namespace).link("get", ifname=name)[0])
        except FileNotFoundError:  # the namespace itself is not there
            return None
        except NetlinkError as error:
            if error.code == errno.ENODEV:
                return None
            raise

    def all(self, namespace: str) -> list[Link]:
        return [_link(message) for message in self.at(namespace).get_links()]

    def need(self, namespace: str, name: str) -> Link:
        link = self.find(namespace, name)
        if link is None:
            raise LookupError(f"the link {name} vanished")
        return link

    def change(self, namespace: str, link: Link, **wanted: Any) -> None:
        self.at(namespace).link("set", index=link.index, **wanted)

    def remove(self, namespace: str, name: str) -> None:
        link = self.find(namespace, name)
        if link is not None:
            with suppress(NetlinkError):
                self.at(namespace).link("del", index=link.index)

    def raise_loopback(self, namespace: str) -> None:
        self.at(namespace).link("set", index=1, state="up")

    def ensure_bridge(self, name: str, *, mtu: int, alias: str) -> Link:
        """The bridge is up, forwards at once and takes part in no tree."""
        link = self.find(self.home, name)
        if link is None:
            self.at(self.home).link(
                "add", ifname=name, kind="bridge", br_forward_delay=0, br_mcast_snooping=0
            )
            link = self.need(self.home, name)
        self.change(self.home, link, mtu=mtu, ifalias=alias, state="up")
        return link

    def ensure_leg(self, leg: Leg) -> Link:
        """Both ends are up, the outer one on its bridge; the inner end is returned."""
        inner = self.find(leg.namespace, leg.inner)
        if inner is None or self.find(self.home, leg.outer) is None:
            self.remove(self.home, leg.outer)
            self.remove(leg.namespace, leg.inner)
            peer = {"ifname": leg.inner, "net_ns_fd": str(FOLDER / leg.namespace)}
            self.at(self.home).link("add", ifname=leg.outer, kind="veth", peer=peer)
            inner = self.need(leg.namespace, leg.inner)
        self.enslave(leg.outer, leg.bridge, mtu=leg.mtu, alias=leg.alias)
        if leg.mac is not None and inner.mac != leg.mac:
            self.change(leg.namespace, inner, address=leg.mac, state="down")
        self.change(leg.namespace, inner, mtu=leg.mtu, ifalias=leg.alias, state="up")
        return self.need(leg.namespace, leg.inner)

    def enslave(self, name: str, bridge: str, *, mtu: int, alias: str) -> Link:
        """The link is up and a port of the bridge."""
        link, master = self.need(self.home, name), self.need(self.home, bridge)
        if link.master != master.index:
            self.change(self.home, link, master=master.index)
        self.change(self.home, link, mtu=mtu, ifalias=alias, state="up")
        return link

    def ensure_machine_pair(self, link: str, peer: str, *, alias: str) -> None:
        """The machine and the plane are joined: `link` there, `peer` here."""
        present = self.find(MACHINE, link)
        if present is not None and present.kind != "veth":
            raise LookupError(f"the machine has another link called {link}")
        if present is None or self.find(self.home, peer) is None:
            self.remove(MACHINE, link)
            self.remove(self.home, peer)
            inner = {"ifname": peer, "net_ns_fd": str(FOLDER / self.home)}
            self.at(MACHINE).link("add", ifname=link, kind="veth", peer=inner)
        self.change(MACHINE, self.need(MACHINE, link), ifalias=alias, state="up")

    def remove_pair(self, link: str) -> None:
        """The machine's end of the pair is gone, if it is ours."""
        present = self.find(MACHINE, link)
        if present is not None and present.kind == "veth":
            self.remove(MACHINE, link)

    # -- addresses ---------------------------------------------------------------------------------

    def addresses(self, namespace: str, link: Link) -> set[str]:
        """The link's addresses with their lengths, but for those that the kernel made up itself."""
        found = self.at(namespace).get_addr(index=link.index)
        written = (f"{message.get('address')}/{message['prefixlen']}" for message in found)
        return {text for text in written if not _made_by_kernel(text, link.mac)}

    def set_addresses(self, namespace: str, link: Link, wanted: Iterable[str]) -> list[str]:
        """The link has exactly these addresses; those that are new are returned."""
        kept = {str(ipaddress.ip_interface(text)) for text in wanted}
        present = self.addresses(namespace, link)
        for text in present - kept:
            address, length = text.split("/")
            with suppress(NetlinkError):
                self.at(namespace).addr("del", index=link.index, address=address, prefixlen=int(length))
        for text in sorted(kept - present, key=_by_length):
            self._add_address(namespace, link, ipaddress.ip_interface(text))
        return sorted(kept - present)

    def _add_address(
        self, namespace: str, link: Link, interface: ipaddress.IPv4Interface | ipaddress.IPv6Interface
    ) -> None:
        more: dict[str, Any] = {"flags": _NODAD} if interface.version == 6 else {}
        if interface.version == 4 and interface.network.prefixlen < 31:
            more["broadcast"] = str(interface.network.broadcast_address)
        address, length = str(interface.ip), interface.network.prefixlen
        with suppress_exists():
            self.at(namespace).addr("add", index=link.index, address=address, prefixlen=length, **more)

    def overlap(self, namespace: str, networks: Iterable[str], counts: Callable[[Link], bool]) -> str | None:
        """The first address, of a link that counts, that meets one of the networks: "eth0 10.0.0.2/24"."""
        wanted = [ipaddress.ip_network(text, strict=False) for text in networks]
        links = {link.index: link for link in self.all(namespace) if counts(link)}
        for message in self.at(namespace).get_addr():
            interface = ipaddress.ip_interface(f"{message.get('address')}/{message['prefixlen']}")
            if message["index"] in links and any(_overlaps(interface.network, n) for n in wanted):
                return f"{links[message['index']].name} {interface}"
        return None

    # -- routes ------------------------------------------------------------------------------------

    def set_routes(self, namespace: str, wanted: Iterable[HostRoute]) -> list[str]:
        """The namespace has exactly these static routes; destinations out of reach are returned."""
        handle = self.at(namespace)
        asked = {(str(ipaddress.ip_network(r.destination, strict=False)), r.nexthop) for r in wanted}
        for destination, hop in self._routes(namespace) - asked:
            with suppress(NetlinkError):
                handle.route("del", dst=destination, gateway=hop, family=_family(hop))
        failed = []
        for destination, hop in sorted(asked - self._routes(namespace)):
            try:
                handle.route("add", dst=destination, gateway=hop, family=_family(hop), proto=_STATIC)
            except NetlinkError as error:
                if error.code != errno.EEXIST:
                    failed.append(destination)
        return failed

    def set_host_routes(self, namespace: str, link: Link, wanted: Iterable[str]) -> None:
        """Exactly these single addresses are looked for behind the link."""
        handle, asked, present = self.at(namespace), set(wanted), set()
        for family, length in ((socket.AF_INET, 32), (socket.AF_INET6, 128)):
            for message in handle.get_routes(family=family, table=_MAIN, oif=link.index):
                ours = message["proto"] == _STATIC and not message.get("gateway")
                if ours and message["dst_len"] == length:
                    present.add(message.get("dst"))
        for address in present - asked:
            with suppress(NetlinkError):
                handle.route("del", dst=_alone(address), oif=link.index, family=_family(address))
        for address in sorted(asked - present):
            handle.route(
                "replace", dst=_alone(address), oif=link.index, family=_family(address), proto=_STATIC
            )

    def _routes(self, namespace: str) -> set[tuple[str, str]]:
        found = set()
        for family, everything in ((socket.AF_INET, "0.0.0.0"), (socket.AF_INET6, "::")):
            for message in self.at(namespace).get_routes(family=family, table=_MAIN):
                if message["proto"] == _STATIC and message.get("gateway"):
                    destination = message.get("dst") or everything
                    found.add((f"{destination}/{message['dst_len']}", message.get("gateway")))
        return found


class suppress_exists(suppress):
    """What is there already is what was asked for."""

    def __init__(self) -> None:
        super().__init__(NetlinkError)

    def __exit__(self, kind: Any, error: Any, trace: Any) -> bool:
        return isinstance(error, NetlinkError) and error.code == errno.EEXIST


def _link(message: Any) -> Link:
    return Link(
        index=message["index"],
        name=message.get("ifname"),
        alias=message.get("ifalias") or "",
        mac=message.get("address") or "",
        mtu=message.get("mtu") or 0,
        master=message.get("master") or 0,
        up=bool(message["flags"] & _UP),
        kind=(message.get("linkinfo") or {}).get("kind") or "",
    )


def _family(address: str) -> int:
    return socket.AF_INET6 if ":" in address else socket.AF_INET


def _alone(address: str) -> str:
    return f"{address}/{128 if ':' in address else 32}"


def _by_length(text: str) -> tuple[int, str]:
    return int(text.split("/")[1]), text


def _overlaps(one: Any, other: Any) -> bool:
    return bool(one.version == other.version and one.overlaps(other))


def link_local(mac: str) -> str:
    """The IPv6 link-local address that a card with this address gives itself (EUI-64)."""
    octets = [int(part, 16) for part in mac.split(":")]
    octets = [octets[0] ^ 2, *octets[1:3], 0xFF, 0xFE, *octets[3:]]
    return str(ipaddress.IPv6Address(bytes([0xFE, 0x80, *[0] * 6, *octets])))


def _made_by_kernel(text: str, mac: str) -> bool:
    address = text.split("/")[0]
    return address.startswith("fe80:") and bool(mac) and address == link_local(mac)
