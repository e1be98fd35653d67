# SPDX-License-Identifier: Apache-2.0
"""One process of the control plane, made from a list of manifests.

app = App(settings, SERVICES, Database(url, clock), clock)
await app.start()          # leases, sagas, reconcilers; a new database is filled
... app.root is the ASGI application ...
await app.stop()
"""

import asyncio
import contextlib
from collections.abc import Iterable
from functools import cached_property
from pathlib import Path
from typing import Any, TypeVar, cast

import msgspec

from cumulet.kernel import events, log
from cumulet.kernel.auth.tokens import Tokens
from cumulet.kernel.clock import Clock
from cumulet.kernel.config import Settings
from cumulet.kernel.db import Database, Tx
from cumulet.kernel.events import Consumer
from cumulet.kernel.hosts import health
from cumulet.kernel.hosts.connections import Hosts
from cumulet.kernel.http import idempotency
from cumulet.kernel.http.dispatch import Dispatcher
from cumulet.kernel.http.root import Root
from cumulet.kernel.reconcile import Reconciler, Reconcilers
from cumulet.kernel.saga import worker
from cumulet.kernel.saga.worker import Worker
from cumulet.kernel.service import ReportHandler, Running, Service
from cumulet.kernel.trace import Traces

T = TypeVar("T")


class App:
    """Everything that one process holds. Nothing in it is global: tests make as many as they like."""

    def __init__(self, settings: Settings, services: Iterable[Service], db: Database, clock: Clock) -> None:
        self.settings = settings
        self.db = db
        self.clock = clock
        self.log: Any = log.configure()
        self.loop: asyncio.AbstractEventLoop | None = None
        self.services = {m.name: Running(m, settings.policies.get(m.name)) for m in services}
        self.traces = Traces(self._trace_path())
        self.tokens = Tokens(self)
        self.hosts = Hosts(self)
        self.root = Root(self)
        self._dispatchers: dict[str, Dispatcher] = {}
        self._documents: dict[str, bytes] = {}
        self._consumers: dict[str, Consumer] = {}
        self._events_woken = asyncio.Event()
        self._consuming: list[asyncio.Task[None]] = []
        self._watching: list[asyncio.Future[None]] = []
        db.app = self

    def _trace_path(self) -> Path | None:
        return self.settings.state / "traces.db" if self.settings.state.is_dir() else None

    # -- parts ------------------------------------------------------------------------------------------

    def service(self, name: str) -> Running:
        return self.services[name]

    def dispatcher(self, name: str) -> Dispatcher:
        """The HTTP side of a service, made when it is first asked."""
        found = self._dispatchers.get(name)
        if found is None:
            found = self._dispatchers[name] = Dispatcher(self, self.services[name])
        return found

    def contract(self, protocol: type[T]) -> T:
        """What a service provides under this protocol. Raises LookupError when none of this cloud's does."""
        found = self._contracts.get(protocol)
        if found is None:
            raise LookupError(f"no service of this cloud provides {protocol.__name__}")
        return cast(T, found)

    def provides(self, protocol: type) -> bool:
        """Whether a service of this cloud provides this protocol."""
        return protocol in self._contracts

    @cached_property
    def _contracts(self) -> dict[type, Any]:
        """What the services provide, made once: a class that stands under several protocols is one object."""
        given = {
            protocol: offer
            for s in self.services.values()
            for protocol, offer in s.manifest.provides().items()
        }
        made = {offer: offer(self) for offer in given.values() if isinstance(offer, type)}
        return {
            protocol: made[offer] if isinstance(offer, type) else offer for protocol, offer in given.items()
        }

    def has(self, service: str) -> bool:
        """Whether this cloud has a service."""
        return service in self.services

    @cached_property
    def sagas(self) -> Worker:
        return Worker(self, [saga for s in self.services.values() for saga in s.manifest.sagas()])

    @cached_property
    def reconcilers(self) -> Reconcilers:
        own = [Reconciler(run, every) for run, every in _HOUSEKEEPING]
        return Reconcilers(
            self, [*own, *(r for s in self.services.values() for r in s.manifest.reconcilers())]
        )

    @cached_property
    def report_handlers(self) -> dict[str, ReportHandler]:
        """What handles the reports of each kind of document."""
        return {kind: h for s in self.services.values() for kind, h in s.manifest.reports().items()}

    @property
    def identity_url(self) -> str:
        return f"{self.settings.public_url}/identity"

    # -- life -------------------------------------------------------------------------------------------

    async def start(self) -> None:
        """Fill a new database, take up what was left running, and go on from there."""
        self.loop = asyncio.get_running_loop()
        manifests = [running.manifest for running in self.services.values()]
        for manifest in manifests:
            if manifest.prepare is not None:
                await manifest.prepare(self)
        await self.db.transact(self._first_start)
        self._watching = [asyncio.ensure_future(m.watch(self)) for m in manifests if m.watch is not None]
        await self.sagas.start()
        self.reconcilers.start()
        self.hosts.start()

    async def stop(self) -> None:
        """Let go of everything; guests and networks stay as they are."""
        for task in (*self._consuming, *self._watching):
            task.cancel()
        await asyncio.gather(*self._consuming, *self._watching, return_exceptions=True)
        await self.hosts.stop()
        await self.reconcilers.stop()
        await self.sagas.stop()
        self.traces.close()

    def _first_start(self, tx: Tx) -> None:
        for running in self.services.values():
            if running.manifest.first_start is not None:
                running.manifest.first_start(tx, self)

    # -- events -----------------------------------------------------------------------------------------

    def events_written(self) -> None:
        """Wake the consumers of events."""
        self._events_woken.set()

    def consume(self, name: str, consumer: Consumer) -> None:
        """Give every event to `consumer`, at least once and in order, from where it left off."""
        self._consuming.append(asyncio.get_running_loop().create_task(self._consume(name, consumer)))

    async def _consume(self, name: str, consumer: Consumer) -> None:
        serial = await self.db.read(events.cursor, name)
        while True:
            self._events_woken.clear()
            found = await self.db.read(events.read_after, serial)
            if found:
                await consumer(found)
                serial = found[-1].serial
                await self.db.transact(events.advance, name, serial)
                continue
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._events_woken.wait(), 1.0)

    # -- what requests need -----------------------------------------------------------------------------

    def metrics(self) -> tuple[str, bytes]:
        """The metrics of this process for Prometheus: content type and text."""
        from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

        return CONTENT_TYPE_LATEST, generate_latest()

    def openapi(self, name: str) -> bytes:
        """The OpenAPI document of a service, made when it is first asked for."""
        found = self._documents.get(name)
        if found is None:
            from cumulet.kernel import docs

            found = self._documents[name] = msgspec.json.encode(docs.openapi(self.services[name]))
        return found


_HOUSEKEEPING: tuple[tuple[Any, float], ...] = (
    (events.trim, 600.0),
    (idempotency.trim, 600.0),
    (worker.trim, 600.0),
    (health.mark_down, 10.0),
)
