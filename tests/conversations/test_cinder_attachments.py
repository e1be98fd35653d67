# SPDX-License-Identifier: Apache-2.0
"""Conversations about attachments: the older actions, those of 3.27, and what Nova asks in transactions."""

import asyncio
from pathlib import Path
from typing import Any

import pytest
from tests.conversations.cinder_talk import NOBODY, act, as_nova, ask, refusal, shown, talk, volume

from cumulet.contracts.cinder import NewVolume, Volumes
from cumulet.kernel.errors import BadRequest, Conflict, NotFound
from cumulet.testing.cloud import Cloud

SERVER = "11111111-1111-4111-8111-111111111111"
OTHER_SERVER = "22222222-2222-4222-8222-222222222222"
CONNECTOR = {"host": "host-1", "ip": "10.0.0.1", "initiator": "iqn.x", "mountpoint": "/dev/vdc"}


def exported(cloud: Cloud, id: str) -> bool:
    return cloud.worlds["host-1"].volumes[id].document.exported


def test_a_volume_is_attached_and_detached_by_actions(tmp_path: Path) -> None:
    async def script(cloud: Cloud) -> None:
        id = (await volume(cloud))["id"]
        assert (await act(cloud, id, "os-reserve", {})).status == 202
        assert (await shown(cloud, "volume", id))["status"] == "attaching"
        taken = await act(cloud, id, "os-reserve", {})
        said = "Invalid volume: Volume status must be available to reserve, but the status is attaching."
        assert refusal(taken) == (400, said)
        connection = await act(cloud, id, "os-initialize_connection", {"connector": CONNECTOR})
        assert connection.status == 200 and connection["connection_info"]["driver_volume_type"] == "local"
        assert connection["connection_info"]["data"]["volume_id"] == id
        assert (await act(cloud, id, "os-attach", {"mountpoint": "/dev/vdc"})).status == 400
        attach = {"instance_uuid": SERVER, "mountpoint": "/dev/vdc", "mode": "rw"}
        assert (await act(cloud, id, "os-attach", attach)).status == 202
        found = await shown(cloud, "volume", id)
        assert found["status"] == "in-use"
        (attachment,) = found["attachments"]
        assert (attachment["server_id"], attachment["device"], attachment["id"]) == (SERVER, "/dev/vdc", id)
        assert refusal(await ask(cloud, "DELETE", f"/volumes/{id}"))[0] == 400
        assert (await act(cloud, id, "os-begin_detaching", {})).status == 202
        assert (await shown(cloud, "volume", id))["status"] == "detaching"
        assert (await act(cloud, id, "os-roll_detaching", {})).status == 202
        assert (await shown(cloud, "volume", id))["status"] == "in-use"
        assert (await act(cloud, id, "os-begin_detaching", {})).status == 202
        assert (await act(cloud, id, "os-terminate_connection", {"connector": CONNECTOR})).status == 202
        assert (await act(cloud, id, "os-detach", {"attachment_id": NOBODY})).status == 404
        assert (
            await act(cloud, id, "os-detach", {"attachment_id": attachment["attachment_id"]})
        ).status == 202
        assert (await shown(cloud, "volume", id))["status"] == "available"
        refused = await act(cloud, id, "os-begin_detaching", {})
        assert refusal(refused)[1].startswith(
            "Invalid volume: Unable to detach volume. Volume status must be 'in-use'"
        )
        await act(cloud, id, "os-reserve", {})
        assert (await act(cloud, id, "os-unreserve", {})).status == 202
        assert (await shown(cloud, "volume", id))["status"] == "available"

    talk(tmp_path, script)


def test_a_read_only_volume_is_attached_for_reading(tmp_path: Path) -> None:
    async def script(cloud: Cloud) -> None:
        id = (await volume(cloud))["id"]
        assert (await act(cloud, id, "os-update_readonly_flag", {"readonly": True})).status == 202
        shown = await cloud.request("GET", f"/volume/v3/volumes/{id}", token="member")
        assert shown["volume"]["metadata"] == {"readonly": "True"}
        wrong = await act(
            cloud, id, "os-attach", {"instance_uuid": SERVER, "mountpoint": "/dev/vdc", "mode": "rw"}
        )
        assert refusal(wrong) == (400, f"Invalid attaching mode 'rw' for volume {id}.")
        right = {"host_name": "elsewhere", "mountpoint": "/dev/vdc", "mode": "ro"}
        assert (await act(cloud, id, "os-attach", right)).status == 202
        assert refusal(await act(cloud, id, "os-update_readonly_flag", {"readonly": False}))[0] == 400
        await cloud.rest()
        assert exported(cloud, id)
        assert (await act(cloud, id, "os-force_detach", {}, token="member")).status == 403
        await act(cloud, id, "os-reset_status", {"status": "error"}, token="admin")
        assert (await act(cloud, id, "os-force_detach", {}, token="admin")).status == 202
        freed = (await cloud.request("GET", f"/volume/v3/volumes/{id}", token="member"))["volume"]
        assert (freed["status"], freed["attachments"]) == ("available", [])
        assert refusal(await act(cloud, id, "os-force_detach", {}, token="admin"))[0] == 400

    talk(tmp_path, script)


def test_an_attachment_is_reserved_connected_completed_and_ended(tmp_path: Path) -> None:
    async def script(cloud: Cloud) -> None:
        id = (await volume(cloud))["id"]
        body = {"attachment": {"volume_uuid": id, "instance_uuid": SERVER}}
        assert (await ask(cloud, "POST", "/attachments", body, at="3.26")).status == 404
        made = await ask(cloud, "POST", "/attachments", body, at="3.27")
        assert made.status == 200
        attachment = made["attachment"]
        shown_keys = "id status instance volume_id attached_at detached_at attach_mode connection_info"
        assert set(attachment) == set(shown_keys.split())
        assert (attachment["status"], attachment["instance"]) == ("reserved", SERVER)
        assert attachment["attached_at"] == ""
        assert (await shown(cloud, "volume", id))["status"] == "reserved"
        other = {"attachment": {"volume_uuid": id, "instance_uuid": OTHER_SERVER}}
        refused = await ask(cloud, "POST", "/attachments", other, at="3.27")
        assert refusal(refused)[1] == (
            f"Invalid volume: Volume {id} status must be available to reserve, "
            "but the current status is reserved."
        )
        path = f"/attachments/{attachment['id']}"
        connected = await ask(cloud, "PUT", path, {"attachment": {"connector": CONNECTOR}}, at="3.27")
        assert (connected.status, connected["attachment"]["status"]) == (200, "attaching")
        assert connected["attachment"]["connection_info"]["attachment_id"] == attachment["id"]
        await cloud.rest()
        assert exported(cloud, id)
        complete = await ask(cloud, "POST", f"{path}/action", {"os-complete": None}, at="3.44")
        assert (complete.status, complete.body) == (204, None)
        found = await shown(cloud, "volume", id)
        assert (found["status"], found["attachments"][0]["host_name"]) == ("in-use", "host-1")
        assert (await shown(cloud, "volume", id, token="member"))["attachments"][0]["host_name"] is None
        listed = await ask(cloud, "GET", f"/attachments?volume_id={id}&instance_id={SERVER}", at="3.27")
        assert [set(item) for item in listed["attachments"]] == [{"id", "status", "instance", "volume_id"}]
        assert (await ask(cloud, "GET", "/attachments/detail", at="3.27", token="stranger"))[
            "attachments"
        ] == []
        assert (await ask(cloud, "GET", path, at="3.27", token="stranger")).status == 404
        by_user = await ask(cloud, "DELETE", path, at="3.27")
        assert refusal(by_user) == (409, f"Detach volume from instance {SERVER} using the Compute API")
        await act(cloud, id, "os-reset_status", {"status": "error"}, token="admin")
        named = {"attachment_id": attachment["id"]}
        assert refusal(await act(cloud, id, "os-force_detach", named, token="admin"))[0] == 409
        await act(cloud, id, "os-reset_status", {"status": "in-use"}, token="admin")
        another = (await volume(cloud))["id"]
        mismatched = refusal(await act(cloud, another, "os-detach", named))
        assert mismatched == (400, "Invalid input received: Mismatched volume and attachment")
        headers = {"OpenStack-API-Version": "volume 3.27", "X-Service-Token": "service"}
        ended = await cloud.request("DELETE", f"/volume/v3{path}", headers=headers)
        assert (ended.status, ended.body) == (200, {"attachments": []})
        assert (await shown(cloud, "volume", id))["status"] == "available"
        await cloud.rest()
        assert not exported(cloud, id)

    talk(tmp_path, script)


BAD: list[Any] = [
    {},
    {"volume_uuid": "x"},
    {"volume_uuid": NOBODY, "instance_uuid": "x"},
    {"volume_uuid": NOBODY, "connector": []},
    {"volume_uuid": NOBODY, "mode": "rw"},
    {"volume_uuid": NOBODY},
]


def test_attachments_that_make_no_sense_are_refused(tmp_path: Path) -> None:
    async def script(cloud: Cloud) -> None:
        for body in BAD:
            answer = await ask(cloud, "POST", "/attachments", {"attachment": body}, at="3.53")
            assert refusal(answer)[0] in (400, 404), body
        assert (await ask(cloud, "POST", "/attachments", [], at="3.53")).status == 400
        moded = {"attachment": {"volume_uuid": (await volume(cloud))["id"], "mode": "ro"}}
        made = await ask(cloud, "POST", "/attachments", moded, at="3.54")
        assert made["attachment"]["attach_mode"] == "ro"
        missing = await ask(cloud, "GET", f"/attachments/{NOBODY}", at="3.27")
        text = f"Volume attachment could not be found with filter: attachment_id = {NOBODY}."
        assert refusal(missing) == (404, text)
        for body in ({}, {"attachment": {}}, {"attachment": {"connector": {}}}):
            wrong = await ask(cloud, "PUT", f"/attachments/{made['attachment']['id']}", body, at="3.27")
            assert refusal(wrong)[0] == 400

    talk(tmp_path, script)


def test_several_servers_have_a_multiattach_volume(tmp_path: Path) -> None:
    async def script(cloud: Cloud) -> None:
        new = {"volume_type": {"name": "shared", "extra_specs": {"multiattach": "<is> True"}}}
        assert (await ask(cloud, "POST", "/types", new, token="admin")).status == 200
        found = await volume(cloud, volume_type="shared")
        assert found["multiattach"] is True
        contract, ctx = cloud.app.contract(Volumes), as_nova(cloud)
        for server in (SERVER, OTHER_SERVER):
            attachment = await cloud.app.db.transact(contract.reserve, ctx, found["id"], server)
            await cloud.app.db.transact(contract.export, ctx, attachment, "host-1", "/dev/vdb")
            await cloud.app.db.transact(contract.attached, ctx, attachment)
        shared = await shown(cloud, "volume", found["id"])
        assert {item["server_id"] for item in shared["attachments"]} == {SERVER, OTHER_SERVER}
        assert refusal(await act(cloud, found["id"], "os-detach", {}))[1].startswith(
            "Invalid volume: Detach volume failed"
        )

    talk(tmp_path, script)


def test_nova_takes_a_volume_through_its_whole_life(tmp_path: Path, database: str) -> None:
    async def script(cloud: Cloud) -> None:
        db, contract, ctx = cloud.app.db, cloud.app.contract(Volumes), as_nova(cloud)
        id = await db.transact(contract.create, ctx, NewVolume(size_gb=1, name="root"))
        await contract.wait_available(ctx, id)
        info = await db.read(contract.volume, ctx, id)
        assert info is not None and (info.status, info.host, info.size_gb) == ("available", "host-1", 1)
        attachment = await db.transact(contract.reserve, ctx, id, SERVER)
        with pytest.raises(BadRequest):
            await db.transact(contract.reserve, ctx, id, OTHER_SERVER)
        with pytest.raises(Conflict):
            await db.transact(contract.export, ctx, attachment, "host-9", "/dev/vda")
        where = await db.transact(contract.export, ctx, attachment, "host-1", "/dev/vda")
        await cloud.app.hosts.made_true(where[0], "volume", where[1], where[2])
        assert exported(cloud, id)
        await db.transact(contract.attached, ctx, attachment)
        (seen,) = (await db.read(contract.attachments, [SERVER]))[SERVER]
        assert seen == {"id": attachment, "volume_id": id, "device": "/dev/vda", "status": "attached"}
        grown = await act(cloud, id, "os-extend", {"new_size": 3})
        assert refusal(grown)[0] == 400
        assert (await act(cloud, id, "os-extend", {"new_size": 3}, at="3.42")).status == 202
        await cloud.settled()
        found = await shown(cloud, "volume", id)
        assert (found["status"], found["size"]) == ("in-use", 3) and exported(cloud, id)
        snapshot = await db.transact(contract.snapshot, ctx, id, "of a server")
        await cloud.settled()
        assert (await shown(cloud, "snapshot", snapshot))["status"] == "available"
        assert await db.transact(contract.detaching, ctx, id, SERVER) == attachment
        with pytest.raises(BadRequest):
            await db.transact(contract.detaching, ctx, id, SERVER)
        await db.transact(contract.release, ctx, attachment)
        await db.transact(contract.release, ctx, attachment)
        await db.transact(contract.delete, ctx, id)
        assert (await shown(cloud, "volume", id))["status"] == "available", "its snapshot keeps it"
        assert (await ask(cloud, "DELETE", f"/snapshots/{snapshot}")).status == 202
        await cloud.settled()
        await db.transact(contract.delete, ctx, id)
        await cloud.settled()
        assert await db.read(contract.volume, ctx, id) is None
        with pytest.raises(NotFound):
            await db.transact(contract.reserve, ctx, id, SERVER)

    talk(tmp_path, script, database=database)


def test_nova_calls_off_a_volume_that_is_being_made(tmp_path: Path) -> None:
    async def script(cloud: Cloud) -> None:
        db, contract, ctx = cloud.app.db, cloud.app.contract(Volumes), as_nova(cloud)
        cloud.worlds["host-1"].faults.hang("volume")
        id = await db.transact(contract.create, ctx, NewVolume(size_gb=1))
        await asyncio.sleep(0.02)
        await db.transact(contract.delete, ctx, id)
        with pytest.raises(ValueError):
            await contract.wait_available(ctx, id)
        cloud.worlds["host-1"].faults.heal()
        await cloud.settled()
        assert await db.read(contract.volume, ctx, id) is None
        assert await db.read(contract.volume, as_nova(cloud, "stranger"), id) is None

    talk(tmp_path, script)
