# SPDX-License-Identifier: Apache-2.0
"""Servers, from a request to a running guest and back to nothing."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from tests.conversations.nova_neighbours import IMAGE_ID, NETWORK, Neighbours

from cumulet.services.nova.service import SERVICE as NOVA
from cumulet.services.nova.service import devstack
from cumulet.testing.cloud import Cloud
from cumulet.testing.people import people

SERVERS = "/compute/v2.1/servers"
LATEST = {"OpenStack-API-Version": "compute latest"}


@asynccontextmanager
async def nova(
    tmp_path: Path, *, hosts: int = 1, database: str = ""
) -> AsyncIterator[tuple[Cloud, Neighbours]]:
    neighbours = Neighbours()
    services = [people(), *neighbours.services(), NOVA]
    async with Cloud.running(tmp_path, services, hosts=hosts, database=database) as cloud:
        await devstack(cloud.app, None)
        cloud.token = "member"
        yield cloud, neighbours


def talk(conversation: Callable[[], Awaitable[None]]) -> None:
    asyncio.run(conversation())  # type: ignore[arg-type]


async def boot(cloud: Cloud, **more: Any) -> str:
    """A server that was asked for and that is what it will be."""
    body = {"name": "vm", "imageRef": IMAGE_ID, "flavorRef": "1", "networks": [{"uuid": NETWORK.id}], **more}
    made = await cloud.request("POST", SERVERS, {"server": body})
    assert made.status == 202, made
    await cloud.settled()
    return str(made["server"]["id"])


async def shown(cloud: Cloud, id: str, **headers: str) -> Any:
    answer = await cloud.request("GET", f"{SERVERS}/{id}", headers=headers)
    assert answer.status == 200, answer
    return answer["server"]


def test_a_server_is_made_shown_and_deleted(tmp_path: Path, database: str) -> None:
    async def conversation() -> None:
        async with nova(tmp_path, database=database) as (cloud, around):
            id = await boot(cloud)
            server = await shown(cloud, id)
            assert server["status"] == "ACTIVE", server
            assert server["addresses"]["private"][0]["OS-EXT-IPS:type"] == "fixed"
            assert cloud.worlds["host-1"].guests[id].power == "running"
            gone = await cloud.request("DELETE", f"{SERVERS}/{id}")
            assert (gone.status, gone.body) == (204, None)
            await cloud.settled()
            assert (await cloud.request("GET", f"{SERVERS}/{id}")).status == 404
            assert not cloud.worlds["host-1"].guests
            assert not around.ports.ports and not around.allocator.held

    talk(conversation)
