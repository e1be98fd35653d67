# SPDX-License-Identifier: Apache-2.0
"""Routers: a namespace each, with a leg to every network, address translation and metadata."""

import asyncio
import ipaddress
import logging
import socket
import struct
from collections.abc import Iterable, Mapping

from cumulet.agent.driver import Call, DriverError, State, Surroundings
from cumulet.agent.drivers.linux_network import namespaces
from cumulet.agent.drivers.linux_network.advertise import ROUTER_LIFETIME_SECONDS, Advertiser, announcement
from cumulet.agent.drivers.linux_network.failures import explained
from cumulet.agent.drivers.linux_network.links import Leg, Link
from cumulet.agent.drivers.linux_network.metadata import ADDRESS_V4, MetadataServer
from cumulet.agent.drivers.linux_network.names import leg_names
from cumulet.agent.drivers.linux_network.namespaces import socket_inside
from cumulet.agent.drivers.linux_network.nat import render_nat
from cumulet.agent.drivers.linux_network.nft import load_program
from cumulet.agent.drivers.linux_network.plane import Plane
from cumulet.contracts.documents import HostRoute, RouterDocument, RouterGateway, RouterInterface, SubnetSpec

log = logging.getLogger(__name__)

_SETTINGS = {
    "ipv4/ip_forward": "1",
    "ipv4/conf/all/arp_ignore": "1",
    "ipv4/conf/all/arp_announce": "2",
    "ipv4/conf/all/promote_secondaries": "1",
    "ipv4/conf/all/rp_filter": "0",
    "ipv4/conf/default/rp_filter": "0",
    "ipv6/conf/all/accept_ra": "0",
    "ipv6/conf/default/accept_ra": "0",
    "ipv6/conf/all/accept_dad": "0",
    "ipv6/conf/default/accept_dad": "0",
    "ipv6/conf/all/forwarding": "1",
}

_ETHERTYPE_ARP = 0x0806
_BROADCAST = b"\xff" * 6


class Attendants:
    """What answers guests inside one router's namespace."""

    def __init__(self, namespace: str, router_id: str) -> None:
        self.lock = asyncio.Lock()
        self.namespace = namespace
        self.metadata = MetadataServer(namespace, {"router_id": router_id})
        self.advertisers: dict[str, Advertiser] = {}

    async def close(self) -> None:
        await self.metadata.close()
        for advertiser in self.advertisers.values():
            await advertiser.close()
        self.advertisers.clear()


class RouterDriver:
    """Makes routers true."""

    kind = "router"
    name = "linux"
    calls: Mapping[str, Call] = {}

    def __init__(self, plane: Plane) -> None:
        self._plane = plane
        self._attendants: dict[str, Attendants] = {}

    async def start(self, around: Surroundings) -> None:
        """The routers that outlived the agent answer metadata and announce again."""
        await self._plane.open(around)
        self._plane.network_changed.append(self._network_changed)
        for router_id in await asyncio.to_thread(self._plane.owned, "router"):
            document = self._plane.routers.documents.get(router_id)
            if document is not None:
                try:
                    with explained(f"The router {router_id}"):
                        await self._attend(document)
                except DriverError as error:  # its document comes again, and with it the next try
                    log.warning("%s", error)

    async def stop(self) -> None:
        await self._plane.settle()
        await self._dismiss()
        await self._plane.close()

    async def purge(self) -> None:
        if self._plane.is_open:
            await asyncio.gather(*(self.remove(id) for id in await self.observe()))
            await self._dismiss()

    async def observe(self) -> dict[str, State]:
        found = await asyncio.to_thread(self._plane.owned, "router")
        return {id: {} for id in found | self._plane.routers.documents.keys()}

    async def apply(self, document: RouterDocument) -> State:
        await self._plane.whole(self._make(document))
        return {}

    async def remove(self, id: str) -> None:
        await self._plane.whole(self._unmake(id))

    async def _make(self, document: RouterDocument) -> None:
        plane, namespace = self._plane, self._plane.names.router(document.id)
        for leg in _legs(document):
            plane.bridge_of(leg.network_id)
        with explained(f"The router {document.id}"):
            plane.routers.put(document)
            await plane.work(self._enter, namespace)
            await load_program(namespace, render_nat(document))
            new = await plane.work(self._connect, document, namespace)
            await asyncio.to_thread(_announce_addresses, namespace, new)
            await plane.machine.follow()
            await self._attend(document)

    async def _unmake(self, id: str) -> None:
        with explained(f"The router {id}"):
            attendants = self._attendants.pop(id, None)
            if attendants is not None:
                async with attendants.lock:
                    await attendants.close()
            await self._plane.work(self._leave, id)
            self._plane.routers.drop(id)
            await self._plane.machine.follow()

    # -- the namespace, in the worker thread -------------------------------------------------------

    def _enter(self, namespace: str) -> None:
        if namespaces.ensure_namespace(namespace):
            self._plane.links.forget(namespace)
        namespaces.write_settings(namespace, _SETTINGS)
        links = self._plane.links
        links.raise_loopback(namespace)
        loopback = links.need(namespace, "lo")
        links.set_addresses(namespace, loopback, ["127.0.0.1/8", "::1/128", f"{ADDRESS_V4}/32"])

    def _connect(self, document: RouterDocument, namespace: str) -> list[tuple[Link, str]]:
        """The router has exactly its legs, addresses and routes; the addresses that are new are returned."""
        links = self._plane.links
        wanted = {_inner_name(leg, document): leg for leg in _legs(document)}
        for link in links.all(namespace):
            if link.name.startswith(("qr-", "qg-")) and link.name not in wanted:
                links.remove(namespace, link.name)
        new = []
        for leg in wanted.values():
            link = links.ensure_leg(self._leg(leg, document, namespace))
            if not document.admin_state_up:
                links.change(namespace, link, state="down")
                continue
            addresses = [*leg.cidrs, *_floating(leg, document)]
            new += [(link, text) for text in links.set_addresses(namespace, link, addresses)]
        if document.admin_state_up:
            lost = links.set_routes(namespace, _routes(document))
            if lost:
                log.warning("Router %s cannot reach the next hops of %s.", document.id, ", ".join(lost))
        return new

    def _leg(self, leg: RouterInterface, document: RouterDocument, namespace: str) -> Leg:
        gateway = leg is document.gateway
        outer, inner = leg_names(leg.port_id, gateway=gateway)
        return Leg(
            bridge=self._plane.bridge_of(leg.network_id),
            outer=outer,
            inner=inner,
            namespace=namespace,
            mtu=leg.mtu,
            mac=leg.mac_address,
            alias=f"router:{document.id}",
        )

    def _leave(self, router_id: str) -> None:
        namespace, links = self._plane.names.router(router_id), self._plane.links
        links.forget(namespace)
        document = self._plane.routers.documents.get(router_id)
        for leg in _legs(document) if document else ():
            links.remove(self._plane.namespace, leg_names(leg.port_id)[0])
        namespaces.end_processes(namespace)
        namespaces.remove_namespace(namespace)

    # -- metadata and advertisements ---------------------------------------------------------------

    async def _attend(self, document: RouterDocument) -> None:
        namespace = self._plane.names.router(document.id)
        attendants = self._attendants.setdefault(document.id, Attendants(namespace, document.id))
        async with attendants.lock:
            await attendants.metadata.listen(self._plane.around, None)
            await self._announce(document, attendants)

    async def _announce(self, document: RouterDocument, attendants: Attendants) -> None:
        inner = document.interfaces if document.admin_state_up else ()
        wanted = {_inner_name(leg, document): leg for leg in inner}
        for name in attendants.advertisers.keys() - wanted.keys():
            await attendants.advertisers.pop(name).close()
        for name, leg in wanted.items():
            network = self._plane.networks.documents.get(leg.network_id)
            link = await self._plane.work(self._plane.links.find, attendants.namespace, name)
            if network is not None and link is not None:
                said = announcement(network, _within(leg, network.subnets), lifetime=ROUTER_LIFETIME_SECONDS)
                advertiser = attendants.advertisers.setdefault(name, Advertiser(attendants.namespace, name))
                await advertiser.announce(said, link)

    def _network_changed(self, network_id: str) -> None:
        """Routers on the network announce its prefixes as they are now."""
        for router in list(self._plane.routers.documents.values()):
            touched = any(leg.network_id == network_id for leg in router.interfaces)
            if touched and router.id in self._attendants:
                self._plane.begin(self._attend(router))

    async def _dismiss(self) -> None:
        if self._network_changed in self._plane.network_changed:
            self._plane.network_changed.remove(self._network_changed)
        for attendants in self._attendants.values():
            await attendants.close()
        self._attendants.clear()


def _legs(document: RouterDocument) -> list[RouterInterface]:
    return [*document.interfaces, *([document.gateway] if document.gateway else [])]


def _inner_name(leg: RouterInterface, document: RouterDocument) -> str:
    return leg_names(leg.port_id, gateway=leg is document.gateway)[1]


def _floating(leg: RouterInterface, document: RouterDocument) -> list[str]:
    if not isinstance(leg, RouterGateway):
        return []
    return [f"{floating.floating_ip_address}/32" for floating in document.floating_ips]


def _routes(document: RouterDocument) -> list[HostRoute]:
    """The router's own routes, and the default routes out."""
    hops = document.gateway.next_hops if document.gateway else ()
    defaults = [HostRoute("::/0" if ":" in hop else "0.0.0.0/0", hop) for hop in hops]
    return [*document.routes, *defaults]


def _within(leg: RouterInterface, subnets: Iterable[SubnetSpec]) -> list[SubnetSpec]:
    """The subnets in which the leg has an address."""
    networks = [ipaddress.ip_interface(cidr).network for cidr in leg.cidrs]
    return [s for s in subnets if ipaddress.ip_network(s.cidr, strict=False) in networks]


def _announce_addresses(namespace: str, new: Iterable[tuple[Link, str]]) -> None:
    """Neighbours that knew another card for these addresses learn of this one (gratuitous ARP)."""
    for link, text in new:
        address = ipaddress.ip_interface(text).ip
        if address.version != 4:
            continue
        mac = bytes.fromhex(link.mac.replace(":", ""))
        arp = struct.pack(
            "!HHBBH6s4s6s4s", 1, 0x0800, 6, 4, 1, mac, address.packed, _BROADCAST, address.packed
        )
        with socket_inside(namespace, socket.AF_PACKET, socket.SOCK_RAW) as opened:
            opened.bind((link.name, _ETHERTYPE_ARP))
            opened.send(_BROADCAST + mac + struct.pack("!H", _ETHERTYPE_ARP) + arp)
