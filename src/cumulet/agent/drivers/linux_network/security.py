# SPDX-License-Identifier: Apache-2.0
"""Security groups, and the one place where the plane's filters are loaded."""

import asyncio
from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, TypeVar

from cumulet.agent.driver import Call, DriverError, State, Surroundings
from cumulet.agent.drivers.linux_network.filters import Filters, render_change, render_whole
from cumulet.agent.drivers.linux_network.nft import RejectedProgram, load_program
from cumulet.contracts.documents import PortDocument, SecurityGroupDocument

if TYPE_CHECKING:
    from cumulet.agent.drivers.linux_network.plane import Plane


T = TypeVar("T")


class FilterTable:
    """The filters that are loaded in a namespace, changed by one transaction at a time."""

    def __init__(self, namespace: str) -> None:
        self._namespace = namespace
        self._loaded = Filters()
        self._lock = asyncio.Lock()

    async def rebuild(
        self,
        ports: Mapping[str, PortDocument],
        groups: Mapping[str, SecurityGroupDocument],
        zones: Mapping[str, int],
    ) -> None:
        """The filters are exactly these, whatever was there; no packet sees a gap."""
        numbers = {port_id: number for number, port_id in enumerate(ports, start=1)}
        wish = Filters(ports=dict(ports), groups=dict(groups), numbers=numbers, zones=dict(zones))
        async with self._lock:
            await load_program(self._namespace, render_whole(wish))
            self._loaded = wish

    async def put_port(self, port: PortDocument) -> None:
        async with self._lock:
            now = self._loaded
            numbers = {**now.numbers, port.id: now.numbers.get(port.id) or _free(now.numbers)}
            wish = replace(now, ports={**now.ports, port.id: port}, numbers=numbers)
            await self._change(wish, port.id)

    async def drop_port(self, port_id: str) -> None:
        async with self._lock:
            if port_id in self._loaded.ports:
                now = self._loaded
                wish = replace(
                    now, ports=_without(now.ports, port_id), numbers=_without(now.numbers, port_id)
                )
                await self._change(wish, port_id)

    async def put_group(self, group: SecurityGroupDocument) -> None:
        async with self._lock:
            await self._change(
                replace(self._loaded, groups={**self._loaded.groups, group.id: group}), group.id
            )

    async def drop_group(self, group_id: str) -> None:
        async with self._lock:
            if group_id in self._loaded.groups:
                await self._change(
                    replace(self._loaded, groups=_without(self._loaded.groups, group_id)), group_id
                )

    async def put_zone(self, bridge: str, number: int | None) -> None:
        """Connections on the bridge are told from those of other bridges; None when the bridge is gone."""
        async with self._lock:
            if self._loaded.zones.get(bridge) != number:
                zones = _without(self._loaded.zones, bridge)
                await self._change(
                    replace(self._loaded, zones=zones if number is None else {**zones, bridge: number}),
                    bridge,
                )

    async def forget(self) -> None:
        """The namespace is gone, and its filters with it."""
        async with self._lock:
            self._loaded = Filters()

    async def _change(self, wish: Filters, touched: str) -> None:
        """A change that the tables do not take, because someone emptied them, becomes a whole load."""
        try:
            await load_program(self._namespace, render_change(self._loaded, wish, touched))
        except RejectedProgram:
            try:
                await load_program(self._namespace, render_whole(wish))
            except RejectedProgram as rejection:
                raise DriverError(f"The packet filters could not be loaded: {rejection}.") from rejection
        self._loaded = wish


def _without(mapping: Mapping[str, T], key: str) -> dict[str, T]:
    return {k: v for k, v in mapping.items() if k != key}


def _free(numbers: Mapping[str, int]) -> int:
    taken = set(numbers.values())
    return next(number for number in range(1, len(taken) + 2) if number not in taken)


class SecurityGroupDriver:
    """Makes security groups true in the filters of the plane."""

    kind = "security_group"
    name = "linux"
    calls: Mapping[str, Call] = {}

    def __init__(self, plane: "Plane") -> None:
        self._plane = plane

    async def start(self, around: Surroundings) -> None:
        await self._plane.open(around)

    async def stop(self) -> None:
        await self._plane.close()

    async def purge(self) -> None:
        if self._plane.is_open:
            for id in await self.observe():
                await self.remove(id)

    async def observe(self) -> dict[str, State]:
        return {id: {} for id in self._plane.groups.documents}

    async def apply(self, document: SecurityGroupDocument) -> State:
        self._plane.groups.put(document)
        await self._plane.filters.put_group(document)
        return {}

    async def remove(self, id: str) -> None:
        await self._plane.filters.drop_group(id)
        self._plane.groups.drop(id)
