# SPDX-License-Identifier: Apache-2.0
"""A whole cloud in one process, for tests: the real kernel and services, simulated hosts, HTTP in process.

async with Cloud.running(tmp_path, SERVICES) as cloud:
    answer = await cloud.request("GET", "/volume/v3/volumes", token="member")
"""

import asyncio
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from cumulet.agent.agent import Agent
from cumulet.agent.drivers.simulated import World, simulated_drivers
from cumulet.agent.journal import MemoryJournal
from cumulet.agent.machine import simulated_facts
from cumulet.kernel.app import App
from cumulet.kernel.clock import Clock, SystemClock
from cumulet.kernel.config import Settings
from cumulet.kernel.db import Database, schema
from cumulet.kernel.service import Service
from cumulet.testing import asgi
from cumulet.testing.asgi import Answer
from cumulet.testing.promises import Promises

ADMIN_PASSWORD = "open sesame"
"""What the user `admin` of a cloud with Keystone logs in with."""


class Cloud:
    """A running cloud. `worlds` are its simulated hosts, which outlive their agents.

    Every answer of success is held against the document of its service.
    """

    def __init__(self, app: App) -> None:
        self.app = app
        self.worlds: dict[str, World] = {}
        self.agents: dict[str, Agent] = {}
        self.token = ""
        self._promises = Promises(app.services.values())

    @classmethod
    @asynccontextmanager
    async def running(
        cls,
        state: Path,
        services: Iterable[Service],
        *,
        hosts: int = 1,
        database: str = "",
        clock: Clock | None = None,
        **settings: Any,
    ) -> AsyncIterator["Cloud"]:
        """A cloud that is up, with its hosts connected; it is stopped at the end.

        What else is given are fields of `Settings`.
        """
        clock = clock or SystemClock()
        db = Database(database or f"sqlite:///{state / 'cumulet.db'}", clock)
        ours = {"public_url": "http://cloud", "admin_password": ADMIN_PASSWORD, **settings}
        app = App(Settings(state=state, **ours), services, db, clock)
        cloud = cls(app)
        # Tables are known once the services' modules are; this also makes a typing error fail early.
        for running in app.services.values():
            _ = running.api
        await db.transact(schema.create)
        await app.start()
        try:
            for number in range(hosts):
                await cloud.add_host(f"host-{number + 1}")
            yield cloud
        finally:
            for agent in cloud.agents.values():
                await agent.stop()
            await app.stop()
            db.close()

    async def add_host(self, name: str) -> Agent:
        """Start a simulated host, or start it again as it was, and wait until it is connected."""
        world = self.worlds.setdefault(name, World(clock=self.app.clock))
        agent = Agent(
            simulated_facts(name),
            simulated_drivers(world),
            self.app.hosts,
            MemoryJournal(),
            clock=self.app.clock,
        )
        self.agents[name] = agent
        await agent.start()
        await agent.wait_connected()
        return agent

    async def request(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        token: str | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        """One request, with the cloud's own token unless another is given; '' sends none."""
        sent = dict(headers or {})
        if token := (self.token if token is None else token):
            sent["X-Auth-Token"] = token
        answer = await asgi.request(self.app.root, method, f"http://cloud{path}", body=body, headers=sent)
        wrong = self._promises.broken(method, path, body, sent, answer)
        assert not wrong, f"{method} {path} does not keep what the document promises: {wrong}"
        return answer

    async def rest(self) -> None:
        """Return once the hosts have made true what they were told."""
        while not all(agent.idle for agent in self.agents.values()):
            await asyncio.sleep(0)

    async def crash(self) -> None:
        """The saga worker dies where it stands, and another one takes its place, as after kill -9."""
        await self.app.sagas.die()
        del self.app.__dict__["sagas"]
        await self.app.sagas.start()

    async def settled(self) -> None:
        """Return once no saga runs any more."""
        await self.app.sagas.idle()
