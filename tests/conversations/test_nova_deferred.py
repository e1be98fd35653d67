# SPDX-License-Identifier: Apache-2.0
"""Servers that can be restored after their deletion, and backups that take turns."""

from pathlib import Path
from typing import Any

from tests.conversations.nova_talk import (
    LATEST,
    SERVERS,
    act,
    boot,
    consumers,
    holds,
    make_volume,
    nova,
    shown,
    talk,
    volume_of,
)
from tests.conversations.nova_talk import ask as ask_any

from cumulet.kernel.db import Tx
from cumulet.lib import timestamps
from cumulet.services.nova.servers.model import Server
from cumulet.services.nova.servers.reconcile import reclaim_deleted
from cumulet.services.nova.service import service
from cumulet.services.nova.settings import NovaSettings
from cumulet.testing.cloud import Cloud
from cumulet.testing.people import PROJECT

V = "/compute/v2.1"
PATIENT = service(NovaSettings(reclaim_instance_interval=3600))


def at(version: str) -> dict[str, str]:
    return {"OpenStack-API-Version": f"compute {version}"}


async def ask(cloud: Cloud, method: str, path: str, body: Any = None, status: int = 200, **more: Any) -> Any:
    answer = await cloud.request(method, f"{V}{path}", body, **more)
    assert answer.status == status, answer
    return answer


async def delete(cloud: Cloud, id: str) -> None:
    await ask(cloud, "DELETE", f"/servers/{id}", status=204)
    await cloud.settled()


async def listed(cloud: Cloud, query: str = "", **more: Any) -> list[str]:
    return [server["id"] for server in (await ask(cloud, "GET", f"/servers{query}", **more))["servers"]]


def test_a_deleted_server_can_be_restored_for_a_time(tmp_path: Path, database: str) -> None:
    async def conversation() -> None:
        async with nova(tmp_path, database=database, compute=PATIENT) as (cloud, _):
            id = await boot(cloud)
            await delete(cloud, id)
            server = await shown(cloud, id)
            assert (server["status"], server["OS-EXT-STS:vm_state"]) == ("SOFT_DELETED", "soft-delete")
            assert cloud.worlds["host-1"].guests[id].power == "stopped"
            actions = (await ask(cloud, "GET", f"/servers/{id}/os-instance-actions"))["instanceActions"]
            assert actions[0]["action"] == "delete"
            await delete(cloud, id)  # once more changes nothing
            await act(cloud, id, "os-start", status=409)
            assert await listed(cloud) == await listed(cloud, "?status=SOFT_DELETED") == []
            assert await listed(cloud, "?all_tenants=1&soft_deleted=1", token="admin") == [id]
            assert await listed(cloud, "?all_tenants=1&deleted=1", token="admin") == [id]
            assert await listed(cloud, "?all_tenants=1&deleted=1&soft_deleted=0", token="admin") == []
            await holds(cloud)

            await act(cloud, id, "restore", status=403, token="reader")
            await act(cloud, id, "restore")
            server = await shown(cloud, id)
            assert (server["status"], cloud.worlds["host-1"].guests[id].power) == ("ACTIVE", "running")
            refused = await act(cloud, id, "restore", status=409)
            assert refused["conflictingRequest"]["message"] == (
                f"Cannot 'restore' instance {id} while it is in vm_state active"
            )
            assert await listed(cloud) == [id]

            await delete(cloud, id)
            assert await cloud.app.db.transact(reclaim_deleted) == []
            await cloud.app.db.transact(_long_ago, id)
            assert await cloud.app.db.transact(reclaim_deleted) == [id]
            await cloud.settled()
            await ask(cloud, "GET", f"/servers/{id}", status=404)
            assert await cloud.app.db.read(consumers) == set()
            await holds(cloud)

    talk(conversation)


def _long_ago(tx: Tx, id: str) -> None:
    tx.update(tx.need(Server, id), deleted_at=timestamps.add(tx.now, -3601))


def test_what_can_be_restored_does_not_count_until_it_is(tmp_path: Path) -> None:
    async def conversation() -> None:
        async with nova(tmp_path, compute=PATIENT) as (cloud, _):
            one = await boot(cloud)
            await ask(
                cloud, "PUT", f"/os-quota-sets/{PROJECT}", {"quota_set": {"instances": 1}}, token="admin"
            )
            await delete(cloud, one)
            limits = (await ask(cloud, "GET", "/limits"))["limits"]["absolute"]
            assert (limits["totalInstancesUsed"], limits["totalCoresUsed"]) == (0, 0)
            two = await boot(cloud)
            refused = await act(cloud, one, "restore", status=403)
            assert refused["forbidden"]["message"].startswith("Quota exceeded for instances")
            await act(cloud, two, "forceDelete")
            await ask(cloud, "GET", f"/servers/{two}", status=404)
            await act(cloud, one, "restore")
            assert (await shown(cloud, one))["status"] == "ACTIVE"
            await act(cloud, one, "lock", token="admin")
            await ask(cloud, "DELETE", f"/servers/{one}", status=409)

    talk(conversation)


def test_what_a_deleted_server_has_stays_until_its_end(tmp_path: Path) -> None:
    async def conversation() -> None:
        async with nova(tmp_path, compute=PATIENT) as (cloud, _):
            id, volume = await boot(cloud), await make_volume(cloud)
            attach = {"volumeAttachment": {"volumeId": volume}}
            await ask_any(cloud, "POST", f"{SERVERS}/{id}/os-volume_attachments", attach)
            await cloud.settled()
            await delete(cloud, id)
            assert (await volume_of(cloud, volume))["status"] == "in-use"
            await act(cloud, id, "forceDelete")
            assert (await volume_of(cloud, volume))["status"] == "available"
            cloud.worlds["host-1"].faults.refuse("guest")
            broken = await boot(cloud)
            assert (await shown(cloud, broken))["status"] == "ERROR"
            await delete(cloud, broken)  # it never ran: there is nothing to restore
            await ask(cloud, "GET", f"/servers/{broken}", status=404)
            await holds(cloud)

    talk(conversation)


def test_without_the_setting_a_deleted_server_is_gone_at_once(tmp_path: Path) -> None:
    async def conversation() -> None:
        async with nova(tmp_path) as (cloud, _):
            id = await boot(cloud)
            await act(cloud, id, "restore", status=409)
            await delete(cloud, id)
            await ask(cloud, "GET", f"/servers/{id}", status=404)
            await act(cloud, id, "restore", status=404)

    talk(conversation)


# -- backups ----------------------------------------------------------------------------------------------


def test_the_oldest_backup_goes_when_there_are_enough(tmp_path: Path, database: str) -> None:
    async def conversation() -> None:
        async with nova(tmp_path, database=database) as (cloud, _):
            id = await boot(cloud)

            async def back_up(name: str, rotation: Any = 2, kind: str = "daily") -> Any:
                given = {"name": name, "backup_type": kind, "rotation": rotation, "metadata": {"who": "me"}}
                return await act(cloud, id, "createBackup", given, headers=LATEST)

            async def names() -> list[str]:
                found = await ask_any(cloud, "GET", "/image/v2/images?image_type=backup&sort=created_at:asc")
                return [image["name"] for image in found["images"]]

            first = (await back_up("one"))["image_id"]
            image = await ask_any(cloud, "GET", f"/image/v2/images/{first}")
            assert (image["status"], image["backup_type"], image["instance_uuid"]) == ("active", "daily", id)
            assert image["who"] == "me"
            await back_up("two", "2")
            await back_up("weekly", kind="weekly")
            await back_up("three")
            assert await names() == ["two", "weekly", "three"]
            await back_up("none", 0)
            assert await names() == ["weekly"]
            actions = (await ask(cloud, "GET", f"/servers/{id}/os-instance-actions"))["instanceActions"]
            assert actions[0]["action"] == "createBackup" and actions[0]["message"] is None
            assert (await shown(cloud, id))["OS-EXT-STS:task_state"] is None

            old = {"name": "old", "backup_type": "daily", "rotation": 1}
            answer = await act(cloud, id, "createBackup", old, headers=at("2.44"))
            assert answer.body is None and "/images/" in answer.headers["location"]
            answer = await act(cloud, id, "createBackup", {**old, "rotation": 0}, headers=at("2.44"))
            assert "location" not in answer.headers
            await holds(cloud)

    talk(conversation)


def test_a_backup_is_refused_where_it_makes_no_sense(tmp_path: Path) -> None:
    async def conversation() -> None:
        async with nova(tmp_path) as (cloud, around):
            id = await boot(cloud)
            good = {"name": "b", "backup_type": "daily", "rotation": 1}
            for wrong in (
                {},
                {"name": "b", "rotation": 1},
                {**good, "rotation": -1},
                {**good, "rotation": "x"},
                {**good, "name": ""},
                {**good, "more": 1},
            ):
                await act(cloud, id, "createBackup", wrong, status=400)
            await act(cloud, id, "createBackup", good, status=403, token="reader")
            many = {**good, "metadata": {str(number): "x" for number in range(129)}}
            refused = await act(cloud, id, "createBackup", many, status=403)
            assert refused["forbidden"]["message"] == "Image metadata limit exceeded"
            root = {"uuid": around.image, "source_type": "image", "destination_type": "volume"}
            root |= {"boot_index": 0, "volume_size": 1}  # type: ignore[dict-item]
            big = await boot(cloud, imageRef="", block_device_mapping_v2=[root])
            refused = await act(cloud, big, "createBackup", good, status=400)
            text = "Backup is not supported for volume-backed instances."
            assert refused["badRequest"]["message"] == text
            await cloud.request("POST", f"{SERVERS}/{id}/action", {"createBackup": good})
            busy = await cloud.request("POST", f"{SERVERS}/{id}/action", {"createBackup": good})
            assert busy.status == 409
            await cloud.settled()

    talk(conversation)
