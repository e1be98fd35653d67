# SPDX-License-Identifier: Apache-2.0
"""Networks: a bridge, and a namespace that serves its guests DHCP, router advertisements and metadata.

An external network has no bridge of its own: all share the one that is joined to the machine, as flat
networks share a cable, and the machine answers there for the gateway address of each subnet.
"""

import asyncio
import ipaddress
import logging
from collections.abc import Mapping

from cumulet.agent.driver import Call, DriverError, State, Surroundings
from cumulet.agent.drivers.linux_network import namespaces
from cumulet.agent.drivers.linux_network.advertise import Advertiser, announcement
from cumulet.agent.drivers.linux_network.dhcp import has_dhcp
from cumulet.agent.drivers.linux_network.dhcp_server import DhcpServer
from cumulet.agent.drivers.linux_network.failures import explained
from cumulet.agent.drivers.linux_network.links import Leg, Link
from cumulet.agent.drivers.linux_network.metadata import ADDRESS_V4, ADDRESS_V6, MetadataServer
from cumulet.agent.drivers.linux_network.names import bridge_name, dhcp_names, tap_name
from cumulet.agent.drivers.linux_network.plane import Plane
from cumulet.contracts.documents import NetworkDocument

log = logging.getLogger(__name__)

_SETTINGS = {
    "ipv6/conf/all/accept_ra": "0",
    "ipv6/conf/default/accept_ra": "0",
    "ipv6/conf/all/accept_dad": "0",
    "ipv6/conf/default/accept_dad": "0",
    "ipv4/conf/all/promote_secondaries": "1",
}


class Services:
    """What runs beside one network's bridge."""

    def __init__(self, plane: Plane, network_id: str) -> None:
        namespace, interface = plane.names.dhcp(network_id), dhcp_names(network_id)[1]
        self.lock = asyncio.Lock()
        self.dhcp = DhcpServer(plane.state / "dhcp" / network_id, namespace, interface, plane.dhcp_uid)
        self.metadata = MetadataServer(namespace, {"network_id": network_id})
        self.advertiser = Advertiser(namespace, interface)

    async def let_go(self) -> None:
        await self.metadata.close()
        await self.advertiser.close()


class NetworkDriver:
    """Makes networks true, and owns the plane: its purge removes all of it."""

    kind = "network"
    name = "linux"
    calls: Mapping[str, Call] = {}

    def __init__(self, plane: Plane) -> None:
        self._plane = plane
        self._services: dict[str, Services] = {}

    async def start(self, around: Surroundings) -> None:
        """The servers that outlived the agent are taken over, and those that died run again."""
        await self._plane.open(around)
        for document in list(self._plane.networks.documents.values()):
            try:
                with explained(f"The network {document.id}"):
                    await self._serve(document)
            except DriverError as error:  # its document comes again, and with it the next try
                log.warning("%s", error)

    async def stop(self) -> None:
        await self._plane.settle()
        for services in self._services.values():
            await services.let_go()
        self._services.clear()
        await self._plane.close()

    async def purge(self) -> None:
        for services in self._services.values():
            await services.let_go()
        self._services.clear()
        await self._plane.purge()

    async def observe(self) -> dict[str, State]:
        plane = self._plane
        found = await plane.work(plane.labelled, self.kind)
        found |= await asyncio.to_thread(plane.owned, "dhcp")
        return {id: {} for id in found | plane.networks.documents.keys()}

    async def apply(self, document: NetworkDocument) -> State:
        await self._plane.whole(self._make(document))
        return {}

    async def remove(self, id: str) -> None:
        await self._plane.whole(self._unmake(id))

    async def _make(self, document: NetworkDocument) -> None:
        with explained(f"The network {document.id}"):
            await self._plane.ensure()
            if document.external:
                await self._plane.machine.refuse_overlap(document)
            self._plane.networks.put(document)
            await self._plane.machine.follow()
            if document.external:
                await self._plane.work(
                    self._plane.links.remove, self._plane.namespace, bridge_name(document.id)
                )
            else:
                await self._bridge(document)
            await self._serve(document)
        for told in self._plane.network_changed:
            told(document.id)

    async def _unmake(self, id: str) -> None:
        with explained(f"The network {id}"):
            services = self._services.pop(id, None) or Services(self._plane, id)
            async with services.lock:
                await self._end(services, id)
            await self._plane.work(self._plane.links.remove, self._plane.namespace, bridge_name(id))
            await self._plane.filters.put_zone(bridge_name(id), None)
            self._plane.networks.drop(id)
            await self._plane.machine.follow()

    async def renew_leases(self, network_id: str) -> None:
        """The DHCP server knows the ports as they are now; changes in quick succession become one."""
        services, network = self._services.get(network_id), self._plane.networks.documents.get(network_id)
        if services is not None and network is not None and has_dhcp(network):
            await services.dhcp.renew(lambda: (network, self._plane.ports_of(network_id)))

    # -- the bridge --------------------------------------------------------------------------------

    async def _bridge(self, document: NetworkDocument) -> None:
        link = await self._plane.work(self._lay_bridge, document)
        await self._plane.filters.put_zone(link.name, link.index)

    def _lay_bridge(self, document: NetworkDocument) -> Link:
        """The bridge is up; one that is new, or of another size, gets the taps that are there already."""
        links, namespace, name = self._plane.links, self._plane.namespace, bridge_name(document.id)
        before = links.find(namespace, name)
        link = links.ensure_bridge(name, mtu=document.mtu, alias=f"network:{document.id}")
        if before is None or before.mtu != document.mtu:
            for port in self._plane.ports_of(document.id):
                if links.find(namespace, tap_name(port.id)):
                    links.enslave(tap_name(port.id), name, mtu=document.mtu, alias=f"port:{port.id}")
        return link

    # -- the services ------------------------------------------------------------------------------

    async def _serve(self, document: NetworkDocument) -> None:
        services = self._services.setdefault(document.id, Services(self._plane, document.id))
        async with services.lock:
            announced = announcement(document, document.subnets, lifetime=0)
            if not has_dhcp(document) and announced is None:
                await self._end(services, document.id)
                return
            leg = await self._plane.work(self._enter, document)
            if has_dhcp(document):
                await services.dhcp.serve(document, self._plane.ports_of(document.id))
            else:
                await services.dhcp.end()
            await services.metadata.listen(self._plane.around, leg.index)
            await services.advertiser.announce(announced, leg)

    async def _end(self, services: Services, network_id: str) -> None:
        await services.let_go()
        await services.dhcp.end()
        await self._plane.work(self._leave, network_id)

    def _enter(self, document: NetworkDocument) -> Link:
        """The network's namespace is on its bridge, with its addresses."""
        namespace, (outer, inner) = self._plane.names.dhcp(document.id), dhcp_names(document.id)
        links = self._plane.links
        if namespaces.ensure_namespace(namespace):
            links.forget(namespace)
        namespaces.write_settings(namespace, _SETTINGS)
        links.raise_loopback(namespace)
        leg = Leg(
            bridge=self._plane.bridge_of(document.id),
            outer=outer,
            inner=inner,
            namespace=namespace,
            mtu=document.mtu,
            mac=document.dhcp_mac,
            alias=f"dhcp:{document.id}",
        )
        link = links.ensure_leg(leg)
        addresses = [_with_length(s.dhcp_ip, s.cidr) for s in document.subnets if s.enable_dhcp and s.dhcp_ip]
        links.set_addresses(namespace, link, [*addresses, f"{ADDRESS_V4}/32", f"{ADDRESS_V6}/64"])
        return link

    def _leave(self, network_id: str) -> None:
        namespace = self._plane.names.dhcp(network_id)
        self._plane.links.forget(namespace)
        namespaces.end_processes(namespace)
        self._plane.links.remove(self._plane.namespace, dhcp_names(network_id)[0])
        namespaces.remove_namespace(namespace)


def _with_length(address: str, cidr: str) -> str:
    return f"{address}/{ipaddress.ip_network(cidr, strict=False).prefixlen}"
