# SPDX-License-Identifier: Apache-2.0
"""Servers, from a request to a running guest and back to nothing."""

from pathlib import Path

from tests.conversations.nova_talk import (
    LATEST,
    SERVERS,
    act,
    ask,
    boot,
    consumers,
    holds,
    nova,
    shown,
    talk,
)


def test_a_server_is_made_shown_and_deleted(tmp_path: Path, database: str) -> None:
    async def conversation() -> None:
        async with nova(tmp_path, database=database) as (cloud, _):
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
            ports = (await ask(cloud, "GET", "/network/v2.0/ports"))["ports"]
            assert [port["device_id"] for port in ports if port["device_id"] == id] == []
            await holds(cloud)

    talk(conversation)


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
            asked = {"imageRef": around.image, "name": "again", "metadata": {"a": "b"}}
            answer = await act(cloud, id, "rebuild", asked)
            assert answer["server"]["adminPass"] and answer["server"]["status"] == "REBUILD"
            server = await shown(cloud, id)
            assert (server["status"], server["name"], server["metadata"]) == ("ACTIVE", "again", {"a": "b"})
            assert cloud.worlds["host-1"].guests[id].document.rebuilds == 1
            answer = await act(cloud, id, "createImage", {"name": "copy"}, headers=LATEST)
            image = await ask(cloud, "GET", f"/image/v2/images/{answer['image_id']}")
            assert (image["status"], image["instance_uuid"]) == ("active", id)
            assert (await shown(cloud, id))["status"] == "ACTIVE"
            output = await act(cloud, id, "os-getConsoleOutput", {"length": 1}, status=200)
            assert "login:" in output["output"]

    talk(conversation)


def test_a_host_that_fails_is_left_and_the_next_one_tried(tmp_path: Path) -> None:
    async def conversation() -> None:
        async with nova(tmp_path, hosts=2) as (cloud, _):
            cloud.worlds["host-1"].faults.refuse("guest")
            id = await boot(cloud)
            assert (await shown(cloud, id))["status"] == "ACTIVE"
            assert id in cloud.worlds["host-2"].guests and id not in cloud.worlds["host-1"].guests
            cloud.worlds["host-2"].faults.refuse("guest")
            id = await boot(cloud)
            server = await shown(cloud, id)
            assert (server["status"], server["fault"]["code"]) == ("ERROR", 500)
            assert id not in await cloud.app.db.read(consumers)
            for world in cloud.worlds.values():
                world.faults.heal()
            assert (await cloud.request("DELETE", f"{SERVERS}/{id}")).status == 204
            await cloud.settled()
            await holds(cloud)

    talk(conversation)
