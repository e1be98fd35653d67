# SPDX-License-Identifier: Apache-2.0
"""Servers that are rescued: their guests boot from another disk, and are afterwards what they were."""

from pathlib import Path
from typing import Any

import pytest
from tests.conversations.nova_talk import (
    LATEST,
    OCTETS,
    SERVERS,
    SERVICES,
    act,
    ask,
    boot,
    holds,
    make_volume,
    nova,
    shown,
    talk,
)
from tests.conversations.test_nova_torment import a_running_server, calmly, ended

from cumulet.services.nova.servers.rescue import flows
from cumulet.testing.cloud import Cloud
from cumulet.testing.torment import torment

BOOTABLE: dict[str, Any] = {"source_type": "image", "destination_type": "volume", "boot_index": 0}


async def make_image(cloud: Cloud, **properties: str) -> str:
    """An image with content and these properties."""
    body = {"name": "rescue", "disk_format": "raw", "container_format": "bare", **properties}
    image = str((await ask(cloud, "POST", "/image/v2/images", body))["id"])
    await ask(cloud, "PUT", f"/image/v2/images/{image}/file", b"\0" * 4096, headers=OCTETS)
    return image


async def boot_from_volume(cloud: Cloud, image: str) -> str:
    return await boot(
        cloud, imageRef="", block_device_mapping_v2=[{**BOOTABLE, "uuid": image, "volume_size": 1}]
    )


def test_a_server_is_rescued_and_is_afterwards_what_it_was(tmp_path: Path) -> None:
    async def conversation() -> None:
        async with nova(tmp_path) as (cloud, around):
            id, volume = await boot(cloud), await make_volume(cloud)
            path = f"{SERVERS}/{id}/os-volume_attachments"
            await ask(cloud, "POST", path, {"volumeAttachment": {"volumeId": volume}})
            await cloud.settled()
            guest = cloud.worlds["host-1"].guests[id]
            before = guest.document
            answer = await act(cloud, id, "rescue", {"adminPass": "secret"}, status=200)
            assert answer.body == {"adminPass": "secret"}
            server = await shown(cloud, id)
            assert (server["status"], server["OS-EXT-STS:vm_state"]) == ("RESCUE", "rescued")
            rescue = guest.document.rescue
            assert rescue is not None and (rescue.image_id, rescue.stable) == (around.image, False)
            assert guest.document.disks == ()
            assert len(guest.console) == 2
            await holds(cloud)
            await act(cloud, id, "unrescue")
            server = await shown(cloud, id)
            assert (server["status"], server["OS-EXT-STS:task_state"]) == ("ACTIVE", None)
            assert guest.document == before
            done = (await ask(cloud, "GET", f"{SERVERS}/{id}/os-instance-actions"))["instanceActions"]
            assert [action["action"] for action in done[:2]] == ["unrescue", "rescue"]

    talk(conversation)


def test_a_rescued_server_is_left_in_peace(tmp_path: Path) -> None:
    async def conversation() -> None:
        async with nova(tmp_path) as (cloud, around):
            id = await boot(cloud)
            answer = await act(cloud, id, "unrescue", status=409)
            text = f"Cannot 'unrescue' instance {id} while it is in vm_state active"
            assert answer["conflictingRequest"]["message"] == text
            await act(cloud, id, "rescue", token="reader", status=403)
            await act(cloud, id, "pause")
            await act(cloud, id, "rescue", status=409)
            await act(cloud, id, "unpause")
            assert (await act(cloud, id, "rescue", status=200))["adminPass"]
            for name, given in (
                ("rescue", None),
                ("reboot", {"type": "HARD"}),
                ("rebuild", {"imageRef": around.image}),
                ("os-stop", None),
            ):
                await act(cloud, id, name, given, status=409)
            assert (await cloud.request("DELETE", f"{SERVERS}/{id}")).status == 204
            await cloud.settled()
            assert not cloud.worlds["host-1"].guests
            await holds(cloud)

    talk(conversation)


@pytest.mark.parametrize(
    ("properties", "device", "bus"),
    [
        ({"hw_rescue_device": "disk", "hw_rescue_bus": "usb"}, "disk", "usb"),
        ({"hw_rescue_device": "cdrom"}, "cdrom", "ide"),
        ({"hw_rescue_bus": "scsi"}, "disk", "scsi"),
    ],
)
def test_an_image_says_how_its_disk_is_seen(
    tmp_path: Path, properties: dict[str, str], device: str, bus: str
) -> None:
    async def conversation() -> None:
        async with nova(tmp_path) as (cloud, _):
            id, image = await boot(cloud), await make_image(cloud, **properties)
            await act(cloud, id, "rescue", {"rescue_image_ref": image}, status=200)
            rescue = cloud.worlds["host-1"].guests[id].document.rescue
            assert rescue is not None
            assert (rescue.image_id, rescue.stable, rescue.device, rescue.bus) == (image, True, device, bus)

    talk(conversation)


def test_a_server_that_boots_from_a_volume_is_rescued_with_all_its_disks(tmp_path: Path) -> None:
    async def conversation() -> None:
        async with nova(tmp_path) as (cloud, around):
            id = await boot_from_volume(cloud, around.image)
            plain = {"rescue_image_ref": around.image}
            stable = {
                "rescue_image_ref": await make_image(cloud, hw_rescue_device="disk", hw_rescue_bus="virtio")
            }
            text = f"Instance {id} cannot be rescued: Cannot rescue a volume-backed instance"
            for given, headers in ((None, LATEST), (plain, LATEST), (stable, {})):
                answer = await act(cloud, id, "rescue", given, status=400, headers=headers)
                assert answer["badRequest"]["message"] == text
            await act(cloud, id, "rescue", stable, status=200, headers=LATEST)
            document = cloud.worlds["host-1"].guests[id].document
            assert document.rescue is not None and len(document.disks) == 1
            await act(cloud, id, "unrescue")
            assert (await shown(cloud, id))["status"] == "ACTIVE"

    talk(conversation)


def test_an_image_without_content_rescues_nobody(tmp_path: Path) -> None:
    async def conversation() -> None:
        async with nova(tmp_path) as (cloud, around):
            id = await boot(cloud)
            other = await boot_from_volume(cloud, around.image)
            made = await act(cloud, other, "createImage", {"name": "volumes"}, headers=LATEST)
            for image in (made["image_id"], "11111111-2222-3333-4444-555555555555"):
                answer = await act(cloud, id, "rescue", {"rescue_image_ref": image}, status=400)
                text = f"Requested rescue image '{image}' is not supported"
                assert answer["badRequest"]["message"] == text

    talk(conversation)


def test_a_rescue_that_fails_leaves_the_server_as_it_was(tmp_path: Path) -> None:
    async def conversation() -> None:
        async with nova(tmp_path) as (cloud, _):
            id = await boot(cloud)
            await act(cloud, id, "os-stop")
            cloud.worlds["host-1"].faults.fail("guest")
            await act(cloud, id, "rescue", status=200)
            server = await shown(cloud, id)
            assert (server["status"], server["OS-EXT-STS:task_state"]) == ("SHUTOFF", None)
            guest = cloud.worlds["host-1"].guests[id]
            assert (guest.power, guest.document.rescue) == ("stopped", None)
            done = (await ask(cloud, "GET", f"{SERVERS}/{id}/os-instance-actions"))["instanceActions"]
            assert (done[0]["action"], done[0]["message"]) == ("rescue", "Error")
            await act(cloud, id, "rescue", status=200)
            await act(cloud, id, "unrescue")
            assert (await shown(cloud, id))["status"] == "ACTIVE"

    talk(conversation)


# -- torment ----------------------------------------------------------------------------------------------


async def a_server_that_is_rescued(cloud: Cloud) -> str:
    id = await a_running_server(cloud)
    await ask(cloud, "POST", f"{SERVERS}/{id}/action", {"rescue": None})
    return id


async def a_server_that_is_unrescued(cloud: Cloud) -> str:
    id = await a_running_server(cloud)
    await calmly(cloud, f"{SERVERS}/{id}/action", {"rescue": None})
    await ask(cloud, "POST", f"{SERVERS}/{id}/action", {"unrescue": None})
    return id


async def rescued_or_not(cloud: Cloud, id: str) -> None:
    """The guest boots from where the server's state says."""
    server = (await ask(cloud, "GET", f"{SERVERS}/{id}"))["server"]
    assert server["OS-EXT-STS:task_state"] is None
    await cloud.rest()
    rescue = cloud.worlds["host-1"].guests[id].document.rescue
    assert (server["status"], rescue is not None) in (("RESCUE", True), ("ACTIVE", False)), server["status"]
    await holds(cloud)
    await ended(cloud, id)


test_rescue = torment(flows.rescue_server, SERVICES, begin=a_server_that_is_rescued, check=rescued_or_not)
test_unrescue = torment(
    flows.unrescue_server, SERVICES, begin=a_server_that_is_unrescued, check=rescued_or_not
)
