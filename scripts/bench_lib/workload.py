# SPDX-License-Identifier: Apache-2.0
"""Clients that make, use and delete servers and volumes, and a ledger of what they were promised."""

import asyncio
import random
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import httpx

from bench_lib.client import Client, Ground, Refused

_MOST = 6
"""Servers, and as many volumes, that one client has at once."""


@dataclass
class Ledger:
    """What the cloud has answered for, or has shown since it did not answer."""

    servers: set[str] = field(default_factory=set)
    volumes: set[str] = field(default_factory=set)
    gone: set[str] = field(default_factory=set)
    counts: Counter[str] = field(default_factory=Counter)

    def summary(self) -> str:
        return ", ".join(f"{count} {what}" for what, count in sorted(self.counts.items()))


async def work(ground: Ground, ledger: Ledger, stop: asyncio.Event, chance: random.Random) -> None:
    """Be one client until told to stop. A busy server, a missing one or no answer is no surprise."""
    worker = Worker(ground, ledger, chance)
    while not stop.is_set():
        action = chance.choice(worker.actions)
        try:
            await action()
            ledger.counts["done"] += 1
        except Refused as refused:
            ledger.counts["failed (5xx)" if refused.status >= 500 else "refused"] += 1
        except httpx.TransportError:
            ledger.counts["unanswered"] += 1
            await asyncio.sleep(0.1)
        await asyncio.sleep(chance.uniform(0.0, 0.2))


class Worker:
    """One client, its servers and its volumes."""

    def __init__(self, ground: Ground, ledger: Ledger, chance: random.Random) -> None:
        self.ground = ground
        self.client: Client = ground.client
        self.ledger = ledger
        self.chance = chance
        self.servers: list[str] = []
        self.volumes: list[str] = []
        self.unanswered: dict[str, str] = {}
        """What was asked for and not answered: name, and which kind."""
        self.actions: tuple[Callable[[], Awaitable[None]], ...] = (
            self.create_server,
            self.create_volume,
            self.look_for_the_unanswered,
            self.attach,
            self.detach,
            self.reboot,
            self.rebuild,
            self.delete_server,
            self.delete_volume,
        )

    async def create_server(self) -> None:
        if len(self.servers) < _MOST:
            with self._asking_for("servers") as name:
                server_id = await self.ground.create_server(name)
            self._take("servers", server_id)

    async def create_volume(self) -> None:
        if len(self.volumes) < _MOST:
            with self._asking_for("volumes") as name:
                body = {"volume": {"size": 1, "name": name}}
                answer = await self.client.send("POST", "/volume/v3/volumes", body)
            self._take("volumes", answer["volume"]["id"])

    @contextmanager
    def _asking_for(self, kind: str) -> Iterator[str]:
        """The name of something new; it is looked for later when nobody answers."""
        name = f"kill-{self.chance.getrandbits(40):x}"
        self.unanswered[name] = kind
        try:
            yield name
        except (Refused, httpx.ConnectError):
            del self.unanswered[name]
            raise
        del self.unanswered[name]

    async def look_for_the_unanswered(self) -> None:
        """What is there after all is this client's, as if it had been answered."""
        for name, kind in list(self.unanswered.items()):
            path = "/compute/v2.1/servers" if kind == "servers" else "/volume/v3/volumes"
            for row in (await self.client.send("GET", f"{path}?name={name}"))[kind]:
                self._take(kind, row["id"])
            del self.unanswered[name]

    def _take(self, kind: str, id: str) -> None:
        mine, promised = getattr(self, kind), getattr(self.ledger, kind)
        mine.append(id)
        promised.add(id)

    async def attach(self) -> None:
        if self.servers and self.volumes:
            body = {"volumeAttachment": {"volumeId": self.chance.choice(self.volumes)}}
            await self._to_server("POST", "/os-volume_attachments", body)

    async def detach(self) -> None:
        if self.servers and self.volumes:
            await self._to_server("DELETE", f"/os-volume_attachments/{self.chance.choice(self.volumes)}")

    async def reboot(self) -> None:
        if self.servers:
            kind = self.chance.choice(("SOFT", "HARD"))
            await self._to_server("POST", "/action", {"reboot": {"type": kind}})

    async def rebuild(self) -> None:
        if self.servers:
            await self._to_server("POST", "/action", {"rebuild": {"imageRef": self.ground.image_id}})

    async def _to_server(self, method: str, path: str, body: Any = None) -> None:
        server_id = self.chance.choice(self.servers)
        await self.client.send(method, f"/compute/v2.1/servers/{server_id}{path}", body)

    async def delete_server(self) -> None:
        if len(self.servers) > _MOST // 2:
            await self._delete(self.servers, self.ledger.servers, "/compute/v2.1/servers")

    async def delete_volume(self) -> None:
        if len(self.volumes) > _MOST // 2:
            await self._delete(self.volumes, self.ledger.volumes, "/volume/v3/volumes")

    async def _delete(self, mine: list[str], promised: set[str], path: str) -> None:
        """Once it was asked for, it need not be there; once it was accepted, it must not.

        Unanswered, it is asked for again some other time, until it is gone.
        """
        id = self.chance.choice(mine)
        was_promised = id in promised
        promised.discard(id)
        try:
            await self.client.send("DELETE", f"{path}/{id}")
        except (Refused, httpx.ConnectError) as error:
            if was_promised:
                promised.add(id)
            elif isinstance(error, Refused) and error.status == 404:
                mine.remove(id)
            raise
        mine.remove(id)
        self.ledger.gone.add(id)
