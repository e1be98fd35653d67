# SPDX-License-Identifier: Apache-2.0
"""Networks, security groups, ports and routers that carry no packet."""

from cumulet.agent.driver import DriverError, State
from cumulet.agent.drivers.simulated.world import Twin, World
from cumulet.contracts.documents import (
    NetworkDocument,
    PortDocument,
    RouterDocument,
    SecurityGroupDocument,
)


class SimulatedNetworks(Twin[NetworkDocument, NetworkDocument]):
    kind = "network"

    def __init__(self, world: World) -> None:
        super().__init__(world, world.networks)

    async def make(self, document: NetworkDocument, record: NetworkDocument | None) -> NetworkDocument:
        return document

    def state(self, record: NetworkDocument) -> State:
        return {"mtu": record.mtu}


class SimulatedSecurityGroups(Twin[SecurityGroupDocument, SecurityGroupDocument]):
    kind = "security_group"

    def __init__(self, world: World) -> None:
        super().__init__(world, world.security_groups)

    async def make(
        self, document: SecurityGroupDocument, record: SecurityGroupDocument | None
    ) -> SecurityGroupDocument:
        return document

    def state(self, record: SecurityGroupDocument) -> State:
        return {"rules": len(record.rules)}


class SimulatedPorts(Twin[PortDocument, PortDocument]):
    kind = "port"

    def __init__(self, world: World) -> None:
        super().__init__(world, world.ports)

    async def make(self, document: PortDocument, record: PortDocument | None) -> PortDocument:
        if document.network_id not in self.world.networks:
            raise DriverError(
                f"Network {document.network_id} of port {document.id} is not on this host.", retry=True
            )
        return document

    def state(self, record: PortDocument) -> State:
        return {"up": record.admin_state_up}


class SimulatedRouters(Twin[RouterDocument, RouterDocument]):
    kind = "router"

    def __init__(self, world: World) -> None:
        super().__init__(world, world.routers)

    async def make(self, document: RouterDocument, record: RouterDocument | None) -> RouterDocument:
        legs = [*document.interfaces, *([document.gateway] if document.gateway else [])]
        for leg in legs:
            if leg.network_id not in self.world.networks:
                raise DriverError(
                    f"Network {leg.network_id} of router {document.id} is not on this host.", retry=True
                )
        return document

    def state(self, record: RouterDocument) -> State:
        return {"up": record.admin_state_up}
