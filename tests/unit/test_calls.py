# SPDX-License-Identifier: Apache-2.0
"""Calls of hosts that go away while they are asked."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from shelf import SHELF

from cumulet.kernel.bus import CallError, HostFacts
from cumulet.testing.cloud import Cloud
from cumulet.testing.people import people

FACTS = HostFacts(name="flaky", boot_id="1", vcpus=1, memory_mb=1, disk_gb=1, hypervisor="Simulated")


class Flaky:
    """A host that dies before it answers, some times, and is back at once."""

    def __init__(self, cloud: Cloud, deaths: int) -> None:
        self.hosts = cloud.app.hosts
        self.deaths = deaths
        self.asked: list[str] = []
        self.returning: asyncio.Future[None] | None = None

    def hint(self) -> None: ...

    async def call(self, operation_id: str, name: str, arguments: dict[str, Any]) -> Any:
        self.asked.append(operation_id)
        if self.deaths == 0:
            return {"of": operation_id}
        self.deaths -= 1
        self.hosts.disconnect(FACTS.name, self)
        self.returning = asyncio.ensure_future(self.hosts.connect(FACTS, self))
        raise ConnectionError("dead")


def talk(tmp_path: Path, conversation: Callable[[Cloud], Awaitable[None]]) -> None:
    async def whole() -> None:
        async with Cloud.running(tmp_path, [people(), SHELF], hosts=0) as cloud:
            await conversation(cloud)

    asyncio.run(whole())


def test_an_operation_is_asked_again_of_a_host_that_came_back(tmp_path: Path) -> None:
    async def conversation(cloud: Cloud) -> None:
        host = Flaky(cloud, deaths=2)
        await cloud.app.hosts.connect(FACTS, host)

        assert await cloud.app.hosts.call("flaky", "snapshot", "op", 30) == {"of": "op"}
        assert host.asked == ["op", "op", "op"]

    talk(tmp_path, conversation)


def test_a_question_is_refused_when_its_host_goes_away(tmp_path: Path) -> None:
    async def conversation(cloud: Cloud) -> None:
        host = Flaky(cloud, deaths=1)
        await cloud.app.hosts.connect(FACTS, host)

        with pytest.raises(CallError, match="host flaky went away while it was asked to look; ask again"):
            await cloud.app.hosts.call("flaky", "look", "", 30)
        with pytest.raises(CallError, match="host nobody is not connected"):
            await cloud.app.hosts.call("nobody", "look", "", 30)
        assert host.asked == [""]

    talk(tmp_path, conversation)
