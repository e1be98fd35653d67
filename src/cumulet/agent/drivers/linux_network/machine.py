# SPDX-License-Identifier: Apache-2.0
"""The machine's end of the pair: gateway addresses of external subnets, and ways to what lies out there.

The machine answers for the gateway of each external subnet. Besides the subnet's own route it gets one for
each address that this plane holds out there (routers, floating IPs, ports), so that several planes of one
machine can share an external network: each address is then looked for where it is.
"""

import asyncio
import ipaddress
from collections.abc import Iterator
from typing import TYPE_CHECKING

from cumulet.agent.driver import DriverError
from cumulet.agent.drivers.linux_network.links import Link
from cumulet.agent.drivers.linux_network.namespaces import MACHINE
from cumulet.contracts.documents import NetworkDocument, RouterDocument

if TYPE_CHECKING:
    from cumulet.agent.drivers.linux_network.plane import Plane


class MachineEnd:
    """Keeps the machine's end what the plane's records make of it."""

    def __init__(self, plane: "Plane") -> None:
        self._plane = plane
        self._lock = asyncio.Lock()

    async def follow(self) -> None:
        """The machine has the addresses and routes that the records ask for, and no others on this link."""
        async with self._lock:
            await self._plane.work(self._follow)

    async def refuse_overlap(self, network: NetworkDocument) -> None:
        """Raises DriverError when the machine's own network uses a subnet: it would be cut off from it."""
        cidrs = [subnet.cidr for subnet in network.subnets]
        other = await self._plane.work(self._plane.links.overlap, MACHINE, cidrs, _is_foreign)
        if other:
            raise DriverError(
                f"The external network {network.id} overlaps with {other} of this machine; "
                "choose another address range."
            )

    def _follow(self) -> None:
        links = self._plane.links
        link = links.need(MACHINE, self._plane.link)
        links.set_addresses(MACHINE, link, self._gateways())
        links.set_host_routes(MACHINE, link, self._outer_addresses())

    def _external(self) -> list[NetworkDocument]:
        return [network for network in self._plane.networks.documents.values() if network.external]

    def _gateways(self) -> Iterator[str]:
        for network in self._external():
            for subnet in network.subnets:
                if subnet.gateway_ip:
                    length = ipaddress.ip_network(subnet.cidr, strict=False).prefixlen
                    yield f"{subnet.gateway_ip}/{length}"

    def _outer_addresses(self) -> Iterator[str]:
        external = {network.id for network in self._external()}
        for port in self._plane.ports.documents.values():
            if port.network_id in external:
                yield from (fixed.ip_address for fixed in port.fixed_ips)
        for router in self._plane.routers.documents.values():
            if router.gateway and router.gateway.network_id in external:
                yield from _addresses_outside(router)


def _addresses_outside(router: RouterDocument) -> Iterator[str]:
    for cidr in router.gateway.cidrs if router.gateway else ():
        yield str(ipaddress.ip_interface(cidr).ip)
    for floating in router.floating_ips:
        yield floating.floating_ip_address


def _is_foreign(link: Link) -> bool:
    """Whether the link belongs to the machine, rather than to this or another plane."""
    return not (link.kind == "veth" and link.alias.startswith("cumulet-"))
