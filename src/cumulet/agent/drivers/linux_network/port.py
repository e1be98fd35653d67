# SPDX-License-Identifier: Apache-2.0
"""Ports: a tap on the bridge of a network, the filters in front of it, and its lease."""

import asyncio
from collections.abc import Mapping

from cumulet.agent.driver import Call, State, Surroundings
from cumulet.agent.drivers.linux_network.failures import explained
from cumulet.agent.drivers.linux_network.network import NetworkDriver
from cumulet.agent.drivers.linux_network.plane import Plane
from cumulet.agent.drivers.linux_network.taps import make_tap
from cumulet.contracts.documents import PortDocument, tap_name


class PortDriver:
    """Makes ports true. A link that bears the tap's name already is taken as it is."""

    kind = "port"
    name = "linux"
    calls: Mapping[str, Call] = {}

    def __init__(self, plane: Plane, networks: NetworkDriver) -> None:
        self._plane = plane
        self._networks = networks

    async def start(self, around: Surroundings) -> None:
        await self._plane.open(around)

    async def stop(self) -> None:
        await self._plane.close()

    async def purge(self) -> None:
        if self._plane.is_open:
            await asyncio.gather(*(self.remove(id) for id in await self.observe()))

    async def observe(self) -> dict[str, State]:
        plane = self._plane
        found = await plane.work(plane.labelled, self.kind)
        return {id: {} for id in found | plane.ports.documents.keys()}

    async def apply(self, document: PortDocument) -> State:
        await self._plane.whole(self._make(document))
        return {}

    async def remove(self, id: str) -> None:
        await self._plane.whole(self._unmake(id))

    async def _make(self, document: PortDocument) -> None:
        """The filters stand before the tap does, so no guest ever speaks unfiltered."""
        plane = self._plane
        bridge = plane.bridge_of(document.network_id)
        before = plane.ports.documents.get(document.id)
        with explained(f"The port {document.id}"):
            await plane.filters.put_port(document)
            plane.ports.put(document)
            await plane.work(self._plug, document, bridge)
            await self._follow(document)
            if before is not None and before.network_id != document.network_id:
                await self._networks.renew_leases(before.network_id)
            await self._networks.renew_leases(document.network_id)

    async def _unmake(self, id: str) -> None:
        plane = self._plane
        with explained(f"The port {id}"):
            await plane.work(plane.links.remove, plane.namespace, tap_name(id))
            await plane.filters.drop_port(id)
            document = plane.ports.documents.get(id)
            plane.ports.drop(id)
            if document is not None:
                await self._follow(document)
                await self._networks.renew_leases(document.network_id)

    async def _follow(self, document: PortDocument) -> None:
        """The machine finds the port when it lies outside."""
        network = self._plane.networks.documents.get(document.network_id)
        if network is not None and network.external:
            await self._plane.machine.follow()

    def _plug(self, document: PortDocument, bridge: str) -> None:
        links, tap = self._plane.links, tap_name(document.id)
        if links.find(self._plane.namespace, tap) is None:
            make_tap(self._plane.namespace, tap, self._plane.owner)
        mtu = self._plane.networks.documents[document.network_id].mtu
        links.enslave(tap, bridge, mtu=mtu, alias=f"port:{document.id}")
