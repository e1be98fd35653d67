# SPDX-License-Identifier: Apache-2.0
"""Security groups, and the one place where the plane's filters are loaded."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, TypeVar

from cumulet.agent.driver import Call, State, Surroundings
from cumulet.agent.drivers.linux_network.failures import explained
from cumulet.agent.drivers.linux_network.filters import Filters, render_change, render_whole
from cumulet.agent.drivers.linux_network.nft import RejectedProgram, load_program
from cumulet.contracts.documents import PortDocument, SecurityGroupDocument

if TYPE_CHECKING:
    from cumulet.agent.drivers.linux_network.plane import Plane


T = TypeVar("T")


Alter = Callable[[Filters], Filters]


@dataclass(frozen=True)
class Turn:
    """A change that waits to be loaded; `subject` is the port, group or bridge that it is about."""

    alter: Alter
    subject: str
    done: asyncio.Future[None]


class FilterTable:
    """The filters that are loaded in a namespace.

    One transaction runs at a time, and what is asked for meanwhile goes into the next one together: loading
    costs more than what is loaded.
    """

    def __init__(self, namespace: str) -> None:
        self._namespace = namespace
        self._loaded = Filters()
        self._turns: list[Turn] = []
        self._loading: asyncio.Task[None] | None = None

    async def rebuild(
        self,
        ports: Mapping[str, PortDocument],
        groups: Mapping[str, SecurityGroupDocument],
        zones: Mapping[str, int],
    ) -> None:
        """The filters are exactly these, whatever was there; no packet sees a gap."""
        numbers = {port_id: number for number, port_id in enumerate(ports, start=1)}
        wish = Filters(ports=dict(ports), groups=dict(groups), numbers=numbers, zones=dict(zones))
        await load_program(self._namespace, render_whole(wish))
        self._loaded = wish

    def forget(self) -> None:
        """The namespace is gone, and its filters with it."""
        self._loaded = Filters()

    async def put_port(self, port: PortDocument) -> None:
        def alter(now: Filters) -> Filters:
            numbers = {**now.numbers, port.id: now.numbers.get(port.id) or _free(now.numbers)}
            return replace(now, ports={**now.ports, port.id: port}, numbers=numbers)

        await self._change(alter, port.id)

    async def drop_port(self, port_id: str) -> None:
        def alter(now: Filters) -> Filters:
            ports, numbers = _without(now.ports, port_id), _without(now.numbers, port_id)
            return replace(now, ports=ports, numbers=numbers)

        if port_id in self._loaded.ports:
            await self._change(alter, port_id)

    async def put_group(self, group: SecurityGroupDocument) -> None:
        await self._change(lambda now: replace(now, groups={**now.groups, group.id: group}), group.id)

    async def drop_group(self, group_id: str) -> None:
        if group_id in self._loaded.groups:
            await self._change(lambda now: replace(now, groups=_without(now.groups, group_id)), group_id)

    async def put_zone(self, bridge: str, number: int | None) -> None:
        """Connections on the bridge are told from those of other bridges; None when the bridge is gone."""

        def alter(now: Filters) -> Filters:
            zones = _without(now.zones, bridge)
            return replace(now, zones=zones if number is None else {**zones, bridge: number})

        if self._loaded.zones.get(bridge) != number:
            await self._change(alter, bridge)

    async def _change(self, alter: Alter, subject: str) -> None:
        done = asyncio.get_running_loop().create_future()
        self._turns.append(Turn(alter, subject, done))
        if self._loading is None:
            self._loading = asyncio.create_task(self._load_turns())
        await done

    async def _load_turns(self) -> None:
        while self._turns:
            turns, self._turns = self._turns, []
            try:
                await self._load(turns)
            except Exception:  # one of them is to blame: each on its own
                for turn in turns:
                    await self._load_alone(turn)
        self._loading = None

    async def _load_alone(self, turn: Turn) -> None:
        try:
            await self._load([turn])
        except Exception as error:
            if not turn.done.done():
                turn.done.set_exception(error)

    async def _load(self, turns: Sequence[Turn]) -> None:
        """A change that the tables do not take, because someone emptied them, becomes a whole load."""
        wish = self._loaded
        for turn in turns:
            wish = turn.alter(wish)
        subjects = {turn.subject for turn in turns}
        with explained("The packet filters"):
            try:
                await load_program(self._namespace, render_change(self._loaded, wish, subjects))
            except RejectedProgram:
                await load_program(self._namespace, render_whole(wish))
        self._loaded = wish
        for turn in turns:
            if not turn.done.done():
                turn.done.set_result(None)


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
            await asyncio.gather(*(self.remove(id) for id in await self.observe()))

    async def observe(self) -> dict[str, State]:
        return {id: {} for id in self._plane.groups.documents}

    async def apply(self, document: SecurityGroupDocument) -> State:
        await self._plane.whole(self._make(document))
        return {}

    async def remove(self, id: str) -> None:
        await self._plane.whole(self._unmake(id))

    async def _make(self, document: SecurityGroupDocument) -> None:
        await self._plane.ensure()
        await self._plane.filters.put_group(document)
        self._plane.groups.put(document)

    async def _unmake(self, id: str) -> None:
        await self._plane.filters.drop_group(id)
        self._plane.groups.drop(id)
