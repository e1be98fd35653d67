# SPDX-License-Identifier: Apache-2.0
"""Servers that are shelved: they leave their host as an image, or stay there stopped, and come back."""

from pathlib import Path
from typing import Any

from tests.conversations.nova_talk import (
    LATEST,
    SERVERS,
    SERVICES,
    act,
    ask,
    boot,
    boot_on,
    consumers,
    holds,
    make_volume,
    nova,
    shown,
    surroundings,
    talk,
    volume_of,
)
from tests.conversations.test_nova_torment import (
    a_running_server,
    ask_for_one_with_a_volume,
    calmly,
    ended,
)

from cumulet.services.nova.servers.shelve import flows
from cumulet.services.nova.service import SERVICE as NOVA
from cumulet.testing.cloud import Cloud
from cumulet.testing.torment import torment

STAYING = [*SERVICES[:-1], NOVA.with_settings({"shelved_offload_time": 300})]


async def images(cloud: Cloud, name: str = "vm-shelved") -> list[Any]:
    found: list[Any] = (await ask(cloud, "GET", f"/image/v2/images?name={name}"))["images"]
    return found


async def state(cloud: Cloud, id: str) -> tuple[str, str | None, str | None]:
    server = (await ask(cloud, "GET", f"{SERVERS}/{id}", token="admin"))["server"]
    return server["status"], server["OS-EXT-STS:task_state"], server["OS-EXT-SRV-ATTR:host"]


async def boot_from_volume(cloud: Cloud) -> str:
    id = await ask_for_one_with_a_volume(cloud)
    await cloud.settled()
    return id


def test_a_server_is_shelved_leaves_its_host_and_comes_back(tmp_path: Path) -> None:
    async def conversation() -> None:
        async with nova(tmp_path) as (cloud, around):
            id = await boot(cloud)
            await act(cloud, id, "shelve")
            assert await state(cloud, id) == ("SHELVED_OFFLOADED", None, None)
            assert not cloud.worlds["host-1"].guests
            assert id not in await cloud.app.db.read(consumers)
            [port] = (await ask(cloud, "GET", f"/network/v2.0/ports?device_id={id}", token="admin"))["ports"]
            assert (port["binding:host_id"], port["status"]) == ("", "DOWN")
            [image] = await images(cloud)
            assert (image["status"], image["base_image_ref"]) == ("active", around.image)
            await holds(cloud)
            await act(cloud, id, "unshelve")
            assert await state(cloud, id) == ("ACTIVE", None, "host-1")
            assert (await shown(cloud, id))["image"]["id"] == around.image
            assert cloud.worlds["host-1"].guests[id].document.image_id == image["id"]
            assert await images(cloud) == []
            await holds(cloud)
            await act(cloud, id, "rebuild", {"imageRef": around.image})
            assert cloud.worlds["host-1"].guests[id].document.image_id == around.image
            done = (await ask(cloud, "GET", f"{SERVERS}/{id}/os-instance-actions"))["instanceActions"]
            assert [action["action"] for action in done] == ["rebuild", "unshelve", "shelve", "create"]

    talk(conversation)


def test_a_server_may_stay_on_its_host_for_a_while(tmp_path: Path) -> None:
    async def conversation() -> None:
        async with Cloud.running(tmp_path, STAYING) as cloud:
            cloud.token = "member"
            id = await boot(cloud)
            await act(cloud, id, "pause")
            await act(cloud, id, "shelve")
            assert await state(cloud, id) == ("SHELVED", None, "host-1")
            assert cloud.worlds["host-1"].guests[id].power == "stopped"
            answer = await act(
                cloud, id, "unshelve", {"availability_zone": "nova"}, status=409, headers=LATEST
            )
            assert answer["conflictingRequest"]["message"] == (
                f'Specifying an availability zone or a host when unshelving server "{id}" with status '
                '"shelved" is not supported. The server status must be SHELVED_OFFLOADED.'
            )
            await act(cloud, id, "unshelve")
            assert await state(cloud, id) == ("ACTIVE", None, "host-1")
            assert await images(cloud) == []
            answer = await act(cloud, id, "shelveOffload", status=403)
            answer = await act(cloud, id, "shelveOffload", status=409, token="admin")
            text = f"Cannot 'shelveOffload' instance {id} while it is in vm_state active"
            assert answer["conflictingRequest"]["message"] == text
            await act(cloud, id, "shelve")
            await act(cloud, id, "shelveOffload", token="admin")
            assert await state(cloud, id) == ("SHELVED_OFFLOADED", None, None)
            await holds(cloud)

    talk(conversation)


def test_a_server_that_boots_from_a_volume_leaves_at_once(tmp_path: Path) -> None:
    async def conversation() -> None:
        async with Cloud.running(tmp_path, STAYING) as cloud:
            cloud.token = "member"
            id = await boot_from_volume(cloud)
            [root] = (await shown(cloud, id))["os-extended-volumes:volumes_attached"]
            await act(cloud, id, "shelve")
            assert await state(cloud, id) == ("SHELVED_OFFLOADED", None, None)
            assert (await volume_of(cloud, root["id"]))["status"] == "reserved"
            assert not cloud.worlds["host-1"].volumes[root["id"]].document.exported
            assert await images(cloud) == []
            await holds(cloud)
            volume = await make_volume(cloud)
            path = f"{SERVERS}/{id}/os-volume_attachments"
            await ask(cloud, "POST", path, {"volumeAttachment": {"volumeId": volume}})
            told = await volume_of(cloud, volume)
            assert (told["status"], told["attachments"][0]["server_id"]) == ("in-use", id)
            assert not cloud.worlds["host-1"].volumes[volume].document.exported
            await holds(cloud)
            await ask(cloud, "DELETE", f"{path}/{volume}")
            await cloud.settled()
            assert (await volume_of(cloud, volume))["status"] == "available"
            await ask(cloud, "POST", path, {"volumeAttachment": {"volumeId": volume}})
            await act(cloud, id, "unshelve")
            assert await state(cloud, id) == ("ACTIVE", None, "host-1")
            assert (await volume_of(cloud, volume))["status"] == "in-use"
            assert len(cloud.worlds["host-1"].guests[id].document.disks) == 2
            await holds(cloud)

    talk(conversation)


def test_a_server_comes_back_where_it_is_wanted(tmp_path: Path) -> None:
    async def conversation() -> None:
        async with nova(tmp_path, hosts=2) as (cloud, _):
            id = await boot_on(cloud, "host-1")
            cloud.token = "admin"
            await act(cloud, id, "shelve")
            for given, status, text in (
                ({"host": "host-9"}, 400, "Compute host host-9 could not be found."),
                ({"availability_zone": "moon"}, 400, "The requested availability zone is not available"),
            ):
                answer = await act(cloud, id, "unshelve", given, status=status, headers=LATEST)
                assert answer["badRequest"]["message"] == text
            await act(cloud, id, "unshelve", {"host": "host-2"}, status=404, headers=LATEST, token="stranger")
            await act(cloud, id, "unshelve", {"host": "host-2"}, headers=LATEST)
            assert (await state(cloud, id))[::2] == ("ACTIVE", "host-2")
            await act(cloud, id, "shelve")
            await act(cloud, id, "unshelve", {"availability_zone": None, "host": "host-1"}, headers=LATEST)
            assert (await state(cloud, id))[::2] == ("ACTIVE", "host-1")
            assert (await shown(cloud, id, **LATEST))["pinned_availability_zone"] is None
            await holds(cloud)

    talk(conversation)


def test_a_server_that_finds_no_host_stays_shelved(tmp_path: Path) -> None:
    async def conversation() -> None:
        async with nova(tmp_path, hosts=2) as (cloud, _):
            id = await boot(cloud)
            await act(cloud, id, "shelve")
            for world in cloud.worlds.values():
                world.faults.refuse("guest")
            await act(cloud, id, "unshelve")
            assert await state(cloud, id) == ("SHELVED_OFFLOADED", None, None)
            assert len(await images(cloud)) == 1
            await holds(cloud)
            for world in cloud.worlds.values():
                world.faults.heal()
            await act(cloud, id, "unshelve")
            assert (await state(cloud, id))[0] == "ACTIVE"

    talk(conversation)


def test_a_shelved_server_is_deleted_with_its_image(tmp_path: Path) -> None:
    async def conversation() -> None:
        async with nova(tmp_path) as (cloud, _):
            id = await boot(cloud)
            await act(cloud, id, "shelve")
            await ask(cloud, "DELETE", f"{SERVERS}/{id}")
            await cloud.settled()
            assert await images(cloud) == []
            await holds(cloud)

    talk(conversation)


def test_a_server_that_cannot_be_copied_is_not_shelved(tmp_path: Path) -> None:
    async def conversation() -> None:
        async with nova(tmp_path) as (cloud, _):
            id = await boot(cloud)
            cloud.worlds["host-1"].faults.fail("guest", "guest_snapshot")
            await act(cloud, id, "shelve")
            await cloud.rest()
            assert await state(cloud, id) == ("ACTIVE", None, "host-1")
            assert cloud.worlds["host-1"].guests[id].power == "running"
            assert await images(cloud) == []
            await act(cloud, id, "shelve", token="reader", status=403)

    talk(conversation)


# -- torment ----------------------------------------------------------------------------------------------


async def a_running_server_with_a_volume(cloud: Cloud) -> str:
    hook, cloud.app.sagas.hook = cloud.app.sagas.hook, lambda moment, step: None
    id = await boot_from_volume(cloud)
    cloud.app.sagas.hook = hook
    return id


async def a_server_that_is_shelved(cloud: Cloud) -> str:
    id = await a_running_server(cloud)
    await ask(cloud, "POST", f"{SERVERS}/{id}/action", {"shelve": None})
    return id


async def a_volume_backed_server_that_is_shelved(cloud: Cloud) -> str:
    id = await a_running_server_with_a_volume(cloud)
    await ask(cloud, "POST", f"{SERVERS}/{id}/action", {"shelve": None})
    return id


async def a_server_that_is_unshelved(cloud: Cloud) -> str:
    id = await a_running_server(cloud)
    await calmly(cloud, f"{SERVERS}/{id}/action", {"shelve": None})
    await ask(cloud, "POST", f"{SERVERS}/{id}/action", {"unshelve": None})
    return id


async def a_volume_backed_server_that_is_unshelved(cloud: Cloud) -> str:
    id = await a_running_server_with_a_volume(cloud)
    await calmly(cloud, f"{SERVERS}/{id}/action", {"shelve": None})
    await ask(cloud, "POST", f"{SERVERS}/{id}/action", {"unshelve": None})
    return id


async def a_server_that_is_offloaded(cloud: Cloud) -> str:
    id = await a_shelved_server(cloud)
    await ask(cloud, "POST", f"{SERVERS}/{id}/action", {"shelveOffload": None}, token="admin")
    return id


async def a_server_that_is_unshelved_here(cloud: Cloud) -> str:
    id = await a_shelved_server(cloud)
    await ask(cloud, "POST", f"{SERVERS}/{id}/action", {"unshelve": None})
    return id


async def a_shelved_server(cloud: Cloud) -> str:
    await surroundings(cloud)
    id = await a_running_server(cloud)
    await calmly(cloud, f"{SERVERS}/{id}/action", {"shelve": None})
    return id


async def shelved_or_not(cloud: Cloud, id: str) -> None:
    """The server runs, or is shelved, and has what goes with it; deleted, it leaves nothing."""
    cloud.token = "member"
    await cloud.rest()
    status, task, host = await state(cloud, id)
    assert task is None
    guest = cloud.worlds["host-1"].guests.get(id)
    found = (status, host is not None, guest.power if guest is not None else None)
    assert found in (
        ("ACTIVE", True, "running"),
        ("SHELVED", True, "stopped"),
        ("SHELVED_OFFLOADED", False, None),
    )
    kept = await images(cloud)
    has_image = bool((await shown(cloud, id))["image"])
    assert len(kept) == (has_image and status != "ACTIVE"), kept
    await holds(cloud)
    await ended(cloud, id)
    assert await images(cloud) == []


test_shelve = torment(flows.shelve_server, SERVICES, begin=a_server_that_is_shelved, check=shelved_or_not)
test_shelve_with_a_volume = torment(
    flows.shelve_server, SERVICES, begin=a_volume_backed_server_that_is_shelved, check=shelved_or_not
)
test_offload = torment(flows.offload_server, STAYING, begin=a_server_that_is_offloaded, check=shelved_or_not)
test_unshelve_here = torment(
    flows.unshelve_here, STAYING, begin=a_server_that_is_unshelved_here, check=shelved_or_not
)
test_unshelve = torment(
    flows.unshelve_server, SERVICES, begin=a_server_that_is_unshelved, check=shelved_or_not
)
test_unshelve_with_a_volume = torment(
    flows.unshelve_server, SERVICES, begin=a_volume_backed_server_that_is_unshelved, check=shelved_or_not
)
