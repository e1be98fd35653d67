# SPDX-License-Identifier: Apache-2.0
"""Two control processes on one PostgreSQL: users are answered by either, the host is connected to one."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from tests.conversations.nova_talk import SERVERS, SERVICES, ask, ask_for_a_server, holds, surroundings, talk

from cumulet.kernel.hosts import published
from cumulet.testing import postgres
from cumulet.testing.cloud import Cloud

SOON = 30.0
"""Seconds in which everything comes true, on a busy machine too."""


@pytest.fixture
def url(postgresql_server: str) -> Iterator[str]:
    """An empty database on PostgreSQL: SQLite is for one process."""
    with postgres.database(postgresql_server, f"two-{uuid4().hex}") as url:
        yield url


@asynccontextmanager
async def both(state: Path, url: str) -> AsyncIterator[tuple[Cloud, Cloud]]:
    """The process that has the host, and the other one."""
    async with (
        Cloud.running(state, SERVICES, database=url) as near,
        Cloud.running(state, SERVICES, hosts=0, database=url) as far,
    ):
        await surroundings(near)
        yield near, far


async def until(true: Callable[[], Awaitable[bool]]) -> None:
    """Return once this is true."""
    began = time.monotonic()
    while not await true():
        assert time.monotonic() < began + SOON, "it did not come true"
        await asyncio.sleep(0.02)


async def servers(cloud: Cloud) -> dict[str, Any]:
    rows = (await ask(cloud, "GET", f"{SERVERS}/detail"))["servers"]
    return {row["id"]: (row["status"], row["OS-EXT-STS:task_state"]) for row in rows}


def test_servers_come_and_go_through_both_at_once(tmp_path: Path, url: str) -> None:
    async def conversation() -> None:
        async with both(tmp_path, url) as (near, far):
            asked = await asyncio.gather(*(ask_for_a_server(cloud) for cloud in (near, far) * 4))

            async def are_active() -> bool:
                return await servers(near) == await servers(far) == dict.fromkeys(asked, ("ACTIVE", None))

            await until(are_active)
            assert near.worlds["host-1"].guests.keys() == set(asked)
            await holds(near)
            gone = (
                cloud.request("DELETE", f"{SERVERS}/{id}", token="member")
                for cloud, id in zip((far, near) * 4, asked, strict=True)
            )
            assert [answer.status for answer in await asyncio.gather(*gone)] == [204] * 8

            async def are_gone() -> bool:
                return await servers(near) == await servers(far) == {}

            await until(are_gone)
            await near.rest()
            assert not near.worlds["host-1"].guests
            await holds(far)

    talk(conversation)


def test_what_one_process_makes_is_cancelled_through_the_other(tmp_path: Path, url: str) -> None:
    async def conversation() -> None:
        async with both(tmp_path, url) as (near, far):
            for maker, other in ((near, far), (far, near)):
                near.worlds["host-1"].faults.hang("port")
                id = await ask_for_a_server(maker)

                async def is_spawning(id: str = id) -> bool:
                    return (await servers(near))[id] == ("BUILD", "spawning")

                async def is_gone(id: str = id) -> bool:
                    return id not in await servers(near)

                await until(is_spawning)
                await ask(other, "DELETE", f"{SERVERS}/{id}")
                await until(is_gone)
                near.worlds["host-1"].faults.heal()
                await near.rest()
            await holds(near)

    talk(conversation)


def test_a_process_goes_on_with_what_the_other_left(tmp_path: Path, url: str) -> None:
    async def conversation() -> None:
        async with both(tmp_path, url) as (near, far):
            near.worlds["host-1"].faults.hang("guest")
            id = await ask_for_a_server(far)
            await until(lambda: is_told(near, id))
            await far.app.sagas.stop()
            near.worlds["host-1"].faults.heal()

            async def is_active() -> bool:
                return (await servers(near))[id] == ("ACTIVE", None)

            await until(is_active)

    talk(conversation)


async def is_told(cloud: Cloud, id: str) -> bool:
    return await cloud.app.db.read(published, "host-1", "guest", id)
