# SPDX-License-Identifier: Apache-2.0
"""A control plane of one host, in memory: it publishes what a test wants, and keeps what the host reports."""

import asyncio
from typing import Any

import msgspec

from cumulet.agent.agent import Agent
from cumulet.contracts.documents import Document
from cumulet.kernel.bus import Generation, Host, HostFacts, Published, Report

Key = tuple[str, str]

_TURNS_TO_REST = 100_000


class MemoryControl:
    """Follows the host protocol to the letter; a tombstone is listed until the host reported it gone."""

    def __init__(self, epoch: int = 1) -> None:
        self.epoch = epoch
        self.n = 0
        self.documents: dict[Key, Published] = {}
        self.reports: list[Report] = []
        self.latest: dict[Key, Report] = {}
        self.images: dict[str, str] = {}
        self.connections: list[HostFacts] = []
        self.beats = 0
        self.away = False
        """Every question fails, as when the process is gone."""
        self._host: Host | None = None

    # -- what a test does ------------------------------------------------------------------------------

    def publish(self, *documents: Document) -> Generation:
        """These documents are wanted, all from one transaction."""
        for document in documents:
            body = msgspec.Raw(msgspec.json.encode(document))
            self._put(document.kind, document.id, body)
        return self._hint()

    def withdraw(self, *documents: Document) -> Generation:
        """These things must not exist."""
        for document in documents:
            self._put(document.kind, document.id, None)
        return self._hint()

    def state(self, document: Document) -> dict[str, Any] | None:
        """What the host last said of it, if that is true of its latest generation and no error."""
        report = self.latest.get((document.kind, document.id))
        published = self.documents.get((document.kind, document.id))
        if report is None or published is None or report.generation != published.generation or report.error:
            return None
        return report.state

    def error(self, document: Document) -> Report | None:
        report = self.latest.get((document.kind, document.id))
        return report if report is not None and report.error is not None else None

    # -- the control side of the protocol ------------------------------------------------------------------

    async def connect(self, facts: HostFacts, host: Host) -> None:
        self._answer()
        self.connections.append(facts)
        self._host = host

    def disconnect(self, name: str, host: Host) -> None:
        if self._host is host:
            self._host = None

    async def fetch(self, name: str, since: Generation) -> list[Published]:
        self._answer()
        changed = [document for document in self.documents.values() if document.generation > since]
        return sorted(changed, key=lambda document: document.generation)

    async def report(self, name: str, reports: list[Report]) -> None:
        self._answer()
        for report in reports:
            self.reports.append(report)
            key = report.kind, report.id
            self.latest[key] = report
            published = self.documents.get(key)
            gone = report.state is None and report.error is None
            if published is None or published.body is not None or not gone:
                continue
            if published.generation == report.generation:
                del self.documents[key]

    async def beat(self, name: str) -> None:
        self._answer()
        self.beats += 1

    async def image_path(self, image_id: str) -> str | None:
        self._answer()
        return self.images.get(image_id)

    async def metadata(
        self, peer: dict[str, str], path: str, posted: bytes | None = None
    ) -> tuple[int, str, bytes]:
        self._answer()
        return 200, "text/plain; charset=utf-8", path.encode()

    def _answer(self) -> None:
        if self.away:
            raise ConnectionError("The control plane of the test is away.")

    def _put(self, kind: str, id: str, body: msgspec.Raw | None) -> None:
        self.n += 1
        generation = Generation(self.epoch, self.n)
        self.documents[kind, id] = Published(kind=kind, id=id, generation=generation, body=body)

    def _hint(self) -> Generation:
        if self._host is not None and not self.away:
            self._host.hint()
        return Generation(self.epoch, self.n)


async def rest(agent: Agent) -> None:
    """Everything that the agent was told of is made and reported, or in trouble and waiting."""
    for _ in range(_TURNS_TO_REST):
        await asyncio.sleep(0)
        if agent.idle:
            return
    raise TimeoutError("The agent does not come to rest.")
