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


async def act(cloud: Cloud, id: str, name: str, given: Any = None, status: int = 202, **more: Any) -> Any:
    """An action on a server, and what it answered once all is done."""
    answer = await cloud.request("POST", f"{SERVERS}/{id}/action", {name: given}, **more)
    assert answer.status == status, answer
    await cloud.settled()
    return answer


def test_a_server_is_stopped_paused_suspended_and_rebooted(tmp_path: Path) -> None:
    async def conversation() -> None:
        async with nova(tmp_path) as (cloud, _):
            id = await boot(cloud)
            guest = cloud.worlds["host-1"].guests[id]
            for action, given, status, power in (
                ("os-stop", None, "SHUTOFF", "stopped"),
                ("os-start", None, "ACTIVE", "running"),
                ("pause", None, "PAUSED", "paused"),
                ("unpause", None, "ACTIVE", "running"),
                ("suspend", None, "SUSPENDED", "suspended"),
                ("resume", None, "ACTIVE", "running"),
                ("reboot", {"type": "SOFT"}, "ACTIVE", "running"),
                ("os-stop", None, "SHUTOFF", "stopped"),
                ("reboot", {"type": "HARD"}, "ACTIVE", "running"),
            ):
                await act(cloud, id, action, given)
                server = await shown(cloud, id)
                assert (server["status"], guest.power) == (status, power), action
                assert server["OS-EXT-STS:task_state"] is None
            assert (guest.document.reboots, guest.document.hard_reboots) == (1, 1)

    talk(conversation)


def test_an_action_is_refused_in_the_wrong_state(tmp_path: Path) -> None:
    async def conversation() -> None:
        async with nova(tmp_path) as (cloud, _):
            id = await boot(cloud)
            answer = await act(cloud, id, "os-start", status=409)
            text = f"Cannot 'start' instance {id} while it is in vm_state active"
            assert answer.body == {"conflictingRequest": {"code": 409, "message": text}}
            await act(cloud, id, "lock", token="admin")
            answer = await act(cloud, id, "os-stop", status=409)
            assert answer["conflictingRequest"]["message"] == f"Instance {id} is locked"
            await act(cloud, id, "unlock", status=403)
            await act(cloud, id, "unlock", token="admin")
            await act(cloud, id, "os-stop", token="reader", status=403)
            await act(cloud, id, "os-nothing", status=400)

    talk(conversation)


def test_a_server_is_rebuilt_and_made_an_image_of(tmp_path: Path) -> None:
    async def conversation() -> None:
        async with nova(tmp_path) as (cloud, around):
            id = await boot(cloud)
            asked = {"imageRef": IMAGE_ID, "name": "again", "metadata": {"a": "b"}}
            answer = await act(cloud, id, "rebuild", asked)
            assert answer["server"]["adminPass"] and answer["server"]["status"] == "REBUILD"
            server = await shown(cloud, id)
            assert (server["status"], server["name"], server["metadata"]) == ("ACTIVE", "again", {"a": "b"})
            assert cloud.worlds["host-1"].guests[id].document.rebuilds == 1
            answer = await act(cloud, id, "createImage", {"name": "copy"}, headers=LATEST)
            assert around.images.images[answer["image_id"]].status == "active"
            assert (await shown(cloud, id))["status"] == "ACTIVE"
            output = await act(cloud, id, "os-getConsoleOutput", {"length": 1}, status=200)
            assert "login:" in output["output"]

    talk(conversation)


def test_a_host_that_fails_is_left_and_the_next_one_tried(tmp_path: Path) -> None:
    async def conversation() -> None:
        async with nova(tmp_path, hosts=2) as (cloud, around):
            cloud.worlds["host-1"].faults.refuse("guest")
            id = await boot(cloud)
            assert (await shown(cloud, id))["status"] == "ACTIVE"
            assert id in cloud.worlds["host-2"].guests and id not in cloud.worlds["host-1"].guests
            cloud.worlds["host-2"].faults.refuse("guest")
            id = await boot(cloud)
            server = await shown(cloud, id)
            assert (server["status"], server["fault"]["code"]) == ("ERROR", 500)
            assert not around.allocator.held_by(None, [id])  # type: ignore[arg-type]
            for world in cloud.worlds.values():
                world.faults.heal()
            assert (await cloud.request("DELETE", f"{SERVERS}/{id}")).status == 204
            await cloud.settled()
            assert len(around.ports.ports) == 1

    talk(conversation)
