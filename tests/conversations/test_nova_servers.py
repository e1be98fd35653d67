# SPDX-License-Identifier: Apache-2.0
"""Servers, from a request to a running guest and back to nothing."""

import json
from pathlib import Path
from typing import Any

from tests.conversations.nova_talk import (
    LATEST,
    OCTETS,
    SERVERS,
    act,
    ask,
    boot,
    consumers,
    holds,
    make_network,
    nova,
    shown,
    talk,
    volume_of,
)

from cumulet.testing.people import OTHER_PROJECT

PATCH = {"content-type": "application/openstack-images-v2.1-json-patch"}
PUBLIC = [{"op": "replace", "path": "/visibility", "value": "public"}]


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


def test_a_server_that_no_host_took_keeps_its_fault(tmp_path: Path) -> None:
    async def conversation() -> None:
        async with nova(tmp_path, hosts=0) as (cloud, around):
            id = await boot(cloud)
            before = await shown(cloud, id)
            assert before["status"] == "ERROR"
            for name, given in (("rebuild", {"imageRef": around.image}), ("reboot", {"type": "HARD"})):
                answer = await act(cloud, id, name, given, status=409)
                assert answer["conflictingRequest"]["message"] == f"Instance {id} is not ready"
            assert (await shown(cloud, id))["fault"] == before["fault"]

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


def test_a_server_without_a_named_network_gets_the_only_one(tmp_path: Path) -> None:
    async def conversation() -> None:
        async with nova(tmp_path) as (cloud, around):
            for asked, version in (("auto", LATEST), (None, {})):
                body = {"name": "vm", "imageRef": around.image, "flavorRef": "1"}
                body |= {"networks": asked} if asked else {}
                made = await ask(cloud, "POST", SERVERS, {"server": body}, headers=version)
                await cloud.settled()
                assert list((await shown(cloud, made["server"]["id"]))["addresses"]) == ["private"]

    talk(conversation)


def test_networks_are_not_chosen_among_several_nor_made(tmp_path: Path) -> None:
    async def conversation() -> None:
        async with nova(tmp_path) as (cloud, around):
            body = {"name": "vm", "imageRef": around.image, "flavorRef": "1", "networks": "auto"}
            await make_network(cloud, "second", "10.2.0.0/24")
            answer = await cloud.request("POST", SERVERS, {"server": body}, headers=LATEST)
            text = "Multiple possible networks found, use a Network ID to be more specific."
            assert (answer.status, answer.body) == (
                409,
                {"conflictingRequest": {"code": 409, "message": text}},
            )
            path = f"/image/v2/images/{around.image}"
            await ask(cloud, "PATCH", path, PUBLIC, token="admin", headers=PATCH)
            answer = await cloud.request("POST", SERVERS, {"server": body}, headers=LATEST, token="stranger")
            text = f"Unable to automatically allocate a network for project {OTHER_PROJECT}"
            assert (answer.status, answer.body) == (400, {"badRequest": {"code": 400, "message": text}})
            none = {"server": body | {"networks": "none"}}
            made = await ask(cloud, "POST", SERVERS, none, headers=LATEST)
            await cloud.settled()
            assert (await shown(cloud, made["server"]["id"]))["addresses"] == {}

    talk(conversation)


def test_metadata_that_no_image_can_have_is_refused(tmp_path: Path) -> None:
    async def conversation() -> None:
        async with nova(tmp_path) as (cloud, _):
            id = await boot(cloud)
            for key, why in (
                ("location", "Attribute 'location' is reserved."),
                ("os_glance_x", "Attribute 'os_glance_x' is reserved."),
                ("checksum", "Attribute 'checksum' is read-only."),
            ):
                asked = {"name": "copy", "metadata": {key: "x"}}
                answer = await act(cloud, id, "createImage", asked, status=400)
                assert answer["badRequest"]["message"] == f"Invalid metadata: {why}"
            assert (await shown(cloud, id))["OS-EXT-STS:task_state"] is None
            asked = {"name": "copy", "metadata": {"visibility": "public"}}
            await act(cloud, id, "createImage", asked, status=403)

    talk(conversation)


def test_a_server_that_boots_from_a_volume_becomes_an_image_and_a_server_again(tmp_path: Path) -> None:
    async def conversation() -> None:
        async with nova(tmp_path) as (cloud, around):
            disk = {"source_type": "image", "destination_type": "volume", "boot_index": 0, "volume_size": 1}
            disk |= {"uuid": around.image, "delete_on_termination": True}
            more = {"source_type": "blank", "destination_type": "volume", "volume_size": 2}
            id = await boot(cloud, imageRef="", block_device_mapping_v2=[disk, more])
            asked = {"name": "copy", "metadata": {"hw_disk_bus": "virtio"}}
            copy = (await act(cloud, id, "createImage", asked, headers=LATEST))["image_id"]
            image = await ask(cloud, "GET", f"/image/v2/images/{copy}")
            assert (image["status"], image["size"], image["bdm_v2"]) == ("active", 0, "True")
            named = json.loads(image["block_device_mapping"])
            snapshots = (await ask(cloud, "GET", "/volume/v3/snapshots"))["snapshots"]
            assert {item["snapshot_id"] for item in named} == {snapshot["id"] for snapshot in snapshots}
            assert [(item["boot_index"], item["volume_size"]) for item in named] == [(0, 1), (None, 2)]
            assert {snapshot["name"] for snapshot in snapshots} == {"snapshot for copy"}
            again = await boot(cloud, imageRef=copy)
            server = await shown(cloud, again, **LATEST)
            assert server["status"] == "ACTIVE", server
            volumes = [await volume_of(cloud, item["id"]) for item in attached(server)]
            assert [(volume["size"], volume["bootable"]) for volume in volumes] == [(1, "true"), (2, "false")]
            assert {volume["snapshot_id"] for volume in volumes} == {item["snapshot_id"] for item in named}
            document = cloud.worlds["host-1"].guests[again].document
            assert (document.image_id, document.machine) == (None, {"hw_disk_bus": "virtio"})
            mine = {"source_type": "volume", "destination_type": "volume", "boot_index": 0}
            body = {"volume": {"size": 1, "imageRef": around.image}}
            kept = (await ask(cloud, "POST", "/volume/v3/volumes", body))["volume"]["id"]
            await cloud.settled()
            id = await boot(cloud, imageRef="", block_device_mapping_v2=[mine | {"uuid": kept}])
            await act(cloud, id, "createImage", asked, headers=LATEST)  # a checksum is not taken over
            third = await boot(cloud, imageRef="", block_device_mapping_v2=[disk | {"uuid": copy}])
            assert len(attached(await shown(cloud, third))) == 2
            await holds(cloud)

    talk(conversation)


def test_where_disks_are_listed_one_of_them_is_the_root(tmp_path: Path) -> None:
    async def conversation() -> None:
        async with nova(tmp_path) as (cloud, around):
            blank = {"source_type": "blank", "destination_type": "volume", "volume_size": 1}
            id = await boot(cloud, block_device_mapping_v2=[blank | {"boot_index": "0"}])
            document = cloud.worlds["host-1"].guests[id].document
            assert (document.image_id, [disk.boot_index for disk in document.disks]) == (None, [0])
            named = {
                "source_type": "image",
                "destination_type": "local",
                "boot_index": 0,
                "uuid": around.image,
            }
            id = await boot(cloud, block_device_mapping_v2=[named, blank])
            document = cloud.worlds["host-1"].guests[id].document
            assert (document.image_id, [disk.boot_index for disk in document.disks]) == (around.image, [None])
            for listed in ([blank], [named, blank | {"boot_index": 0}]):
                asked = {"name": "vm", "flavorRef": "1", "imageRef": around.image, "networks": "none"}
                body = {"server": {**asked, "block_device_mapping_v2": listed}}
                answer = await cloud.request("POST", SERVERS, body, token="member", headers=LATEST)
                assert answer.status == 400, answer
                assert "Boot sequence" in answer["badRequest"]["message"]

    talk(conversation)


def test_a_server_that_is_deleted_while_its_volume_is_copied_leaves_nothing(tmp_path: Path) -> None:
    async def conversation() -> None:
        async with nova(tmp_path) as (cloud, around):
            disk = {"source_type": "image", "destination_type": "volume", "boot_index": 0, "volume_size": 1}
            disk |= {"uuid": around.image, "delete_on_termination": True}
            id = await boot(cloud, imageRef="", block_device_mapping_v2=[disk])
            faults = cloud.worlds["host-1"].faults
            faults.hang("volume_snapshot")
            action = f"{SERVERS}/{id}/action"
            made = await ask(cloud, "POST", action, {"createImage": {"name": "copy"}}, headers=LATEST)
            await ask(cloud, "DELETE", f"{SERVERS}/{id}")
            faults.heal()
            await cloud.settled()
            image = await cloud.request("GET", f"/image/v2/images/{made['image_id']}")
            assert image.status == 404
            assert (await ask(cloud, "GET", "/volume/v3/snapshots"))["snapshots"] == []
            assert (await ask(cloud, "GET", "/volume/v3/volumes"))["volumes"] == []
            await holds(cloud)

    talk(conversation)


def attached(server: Any) -> Any:
    return server["os-extended-volumes:volumes_attached"]


def test_an_image_that_names_nonsense_makes_no_server(tmp_path: Path) -> None:
    async def conversation() -> None:
        async with nova(tmp_path) as (cloud, _):
            unknown = '[{"source_type": "snapshot", "snapshot_id": "%s", "boot_index": 0}]' % ("0" * 32)
            for text in (
                "nonsense",
                "[" * 5000,
                "{}",
                "[1]",
                '[{"boot_index": "x"}]',
                '[{"boot_index": 0}]',
                unknown,
            ):
                body = {"name": "x", "disk_format": "raw", "container_format": "bare", "bdm_v2": "True"}
                body |= {"block_device_mapping": text}
                image = (await ask(cloud, "POST", "/image/v2/images", body))["id"]
                await ask(cloud, "PUT", f"/image/v2/images/{image}/file", b"", headers=OCTETS)
                asked = {"name": "vm", "imageRef": image, "flavorRef": "1"}
                answer = await cloud.request("POST", SERVERS, {"server": asked})
                assert (answer.status, text) == (400, text), answer

    talk(conversation)
