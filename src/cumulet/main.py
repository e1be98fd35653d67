# SPDX-License-Identifier: Apache-2.0
"""The composition root: which services there are, and how a control process is put together and run."""

import asyncio
import signal
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from importlib import import_module
from importlib.metadata import entry_points
from pathlib import Path

import uvicorn

from cumulet.agent.agent import Agent
from cumulet.agent.main import Place, simulated_machinery
from cumulet.kernel import bus_unix
from cumulet.kernel.app import App
from cumulet.kernel.clock import Clock, SystemClock
from cumulet.kernel.config import Settings
from cumulet.kernel.db import Database, schema
from cumulet.kernel.http.root import Root
from cumulet.kernel.operator import OPERATOR
from cumulet.kernel.service import Service, missing_rules

SERVICES = ("keystone", "placement", "glance", "neutron", "cinder", "nova", "swift")
"""In the order in which a new cloud is filled: Keystone first, what others rest on before them."""

HOST_DEADLINE = 60.0


def services(names: Sequence[str] | None = None) -> list[Service]:
    """The manifests of these services, of all without names.

    Raises LookupError with a sentence for an unknown one.
    """
    known = {name: f"cumulet.services.{name}.service:SERVICE" for name in SERVICES}
    known |= {point.name: point.value for point in entry_points(group="cumulet.services")}
    wanted = list(known) if names is None else [name for name in known if name in {*names, "keystone"}]
    if unknown := sorted(set(names or ()) - set(known)):
        raise LookupError(f"There is no service {', '.join(unknown)}; there are {', '.join(known)}.")
    return [OPERATOR, *(_load(known[name]) for name in wanted)]


def _load(place: str) -> Service:
    module, _, attribute = place.partition(":")
    manifest: Service = getattr(import_module(module), attribute)
    return manifest


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What `cumulet up` was asked for.

    Without `agent_socket` the hosts are imagined and live in this process.
    """

    settings: Settings
    database: str
    listen: str = "127.0.0.1"
    port: int = 9600
    services: tuple[str, ...] | None = None
    simulated_hosts: int = 0
    agent_socket: Path | None = None
    agent_uids: tuple[int, ...] = ()
    devstack_image: Path | None = None
    devstack: bool = False


@dataclass
class Control:
    """A control process: the application, its hosts where they are imagined, and its listeners."""

    plan: Plan
    app: App
    agents: list[Agent] = field(default_factory=list)
    servers: list[uvicorn.Server] = field(default_factory=list)

    async def run_until_signalled(self, ready: Callable[[], None]) -> None:
        """Serve until SIGTERM or SIGINT; `ready` is called once the cloud can be used."""
        stop = asyncio.Event()
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, stop.set)
        await self.run(ready, stop)

    async def run(self, ready: Callable[[], None], stop: asyncio.Event) -> None:
        """Serve until `stop` is set; `ready` is called once the cloud can be used."""
        serving: list[asyncio.Task[None]] = []
        bus = None
        try:
            await schema.prepare(self.app.db)
            await self.app.start()
            bus = await self._connect_hosts()
            serving = await self._listen()
            if self.plan.devstack:
                await add_devstack(self.app, self.plan.devstack_image)
            if self.plan.agent_socket is not None:
                await self._await_host(stop)
            ready()
            await stop.wait()
        finally:
            for server in self.servers:
                server.should_exit = True
            await asyncio.gather(*serving, return_exceptions=True)
            for agent in self.agents:
                await agent.stop()
            if bus is not None:
                await bus.close()
            await self.app.stop()
            self.app.db.close()

    async def _connect_hosts(self) -> bus_unix.Server | None:
        plan = self.plan
        if plan.agent_socket is not None:
            return await bus_unix.serve(plan.agent_socket, self.app.hosts, allowed_uids=plan.agent_uids)
        for number in range(plan.simulated_hosts):
            parts = simulated_machinery(Place(f"host-{number + 1}", plan.settings.state))
            agent = Agent(parts.facts, parts.drivers, self.app.hosts, parts.journal, clock=self.app.clock)
            self.agents.append(agent)
            await agent.start()
            await agent.wait_connected()
        return None

    async def _await_host(self, stop: asyncio.Event) -> None:
        deadline = time.monotonic() + HOST_DEADLINE
        while not self.app.hosts.connected and not stop.is_set():
            if time.monotonic() > deadline:
                raise TimeoutError(
                    "The host's agent did not connect; log/agent.log in the state folder says why."
                )
            await asyncio.sleep(0.05)

    async def _listen(self) -> list[asyncio.Task[None]]:
        """Accept requests; a task for each listener."""
        ports: list[tuple[int, Root]] = [(self.plan.port, self.app.root)]
        if self.plan.settings.classic_ports:
            classic = [running for running in self.app.services.values() if running.manifest.catalog]
            ports += [(running.manifest.port, Root(self.app, running.name)) for running in classic]
        tasks = []
        for port, root in ports:
            server = _Server(
                uvicorn.Config(
                    root, host=self.plan.listen, port=port,
                    lifespan="off", access_log=False, log_level="warning", http="httptools", ws="none",
                    proxy_headers=False,
                    server_header=False, backlog=1024, timeout_keep_alive=75, timeout_graceful_shutdown=3,
                )
            )  # fmt: skip
            self.servers.append(server)
            tasks.append(asyncio.create_task(server.serve()))
            while not server.started:
                if tasks[-1].done():
                    await tasks[-1]
                    raise OSError(f"Nothing can listen on {self.plan.listen}:{port}.")
                await asyncio.sleep(0.005)
        return tasks


class _Server(uvicorn.Server):
    """uvicorn without its signal handlers: this process has its own."""

    def capture_signals(self):  # type: ignore[no-untyped-def]
        from contextlib import nullcontext

        return nullcontext()


def control(plan: Plan, clock: Clock | None = None) -> Control:
    """A control process that is ready to run.

    Raises LookupError for unknown services, SettingsError for settings that they cannot have, RuntimeError
    for broken ones.
    """
    clock = clock or SystemClock()
    given = plan.settings.services
    manifests = [
        manifest.with_settings(given[manifest.name]) if manifest.name in given else manifest
        for manifest in services(plan.services)
    ]
    app = App(plan.settings, manifests, Database(plan.database, clock), clock)
    for running in app.services.values():
        if missing := missing_rules(running.api):
            raise RuntimeError(f"{running.name} uses policy rules that nobody defines: {', '.join(missing)}")
    return Control(plan, app)


async def add_devstack(app: App, image: Path | None) -> None:
    """Add what CI that was written for DevStack expects, service by service."""
    for name in SERVICES:
        manifest = app.services[name].manifest if app.has(name) else None
        if manifest is not None and manifest.devstack is not None:
            await manifest.devstack(app, image)


def names(text: str | None) -> tuple[str, ...] | None:
    """The services in a comma-separated list."""
    return tuple(part.strip() for part in text.split(",") if part.strip()) if text else None


def openapi(service: str) -> dict[str, object]:
    """The OpenAPI document of a service, made without a running cloud."""
    from cumulet.kernel import docs
    from cumulet.kernel.service import Running

    manifest = next(item for item in services([service]) if item.name == service)
    return docs.openapi(Running(manifest))


def main() -> None:
    """The `cumulet` command."""
    from cumulet.cli import commands

    commands(_Launcher())()


class _Launcher:
    """What the commands are given of this module: they stand below it and do not import it."""

    services = staticmethod(services)
    control = staticmethod(control)
    names = staticmethod(names)
    openapi = staticmethod(openapi)
    Plan = Plan
