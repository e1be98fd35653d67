# SPDX-License-Identifier: Apache-2.0
"""Conversations about snapshots, and the metadata of both kinds of things."""

import asyncio
from pathlib import Path

from tests.conversations.cinder_talk import NOBODY, act, ask, made, refusal, shown, talk, volume

from cumulet.testing.cloud import Cloud

ALWAYS = {"id", "name", "description", "volume_id", "status", "size", "metadata", "created_at", "updated_at"}
EXTENDED = {"os-extended-snapshot-attributes:progress", "os-extended-snapshot-attributes:project_id"}


def test_a_snapshot_is_made_shown_renamed_and_deleted(tmp_path: Path) -> None:
    async def script(cloud: Cloud) -> None:
        source = await volume(cloud, size=2)
        snapshot = await made(
            cloud, "snapshot", volume_id=source["id"], display_name="s", metadata={"a": "b"}
        )
        assert (snapshot["status"], snapshot["size"], snapshot["name"]) == ("available", 2, "s")
        assert snapshot["os-extended-snapshot-attributes:progress"] == "100%"
        expected = ALWAYS | EXTENDED
        for version, more in (
            ("3.0", set()),
            ("3.14", {"group_snapshot_id"}),
            ("3.41", {"user_id"}),
            ("3.65", {"consumes_quota"}),
        ):
            expected |= more
            assert set(await shown(cloud, "snapshot", snapshot["id"], at=version)) == expected
        brief = (await ask(cloud, "GET", "/snapshots"))["snapshots"]
        assert [set(item) for item in brief] == [ALWAYS]
        renamed = await ask(cloud, "PUT", f"/snapshots/{snapshot['id']}", {"snapshot": {"name": "t"}})
        assert (renamed.status, renamed["snapshot"]["name"]) == (200, "t")
        assert (await ask(cloud, "PUT", f"/snapshots/{snapshot['id']}", {"snapshot": {}})).status == 400
        for query, count in (
            ("name=t", 1),
            ("name=x", 0),
            (f"volume_id={source['id']}", 1),
            ("metadata={'a':'b'}", 1),
            ("availability_zone=nova", 1),
        ):
            found = (await ask(cloud, "GET", f"/snapshots/detail?{query}"))["snapshots"]
            assert len(found) == count, query
        assert (await ask(cloud, "GET", "/snapshots?odd=1", at="3.31")).status == 400
        assert (await ask(cloud, "GET", f"/snapshots/{snapshot['id']}", token="stranger")).status == 404
        assert (await ask(cloud, "DELETE", f"/snapshots/{snapshot['id']}", token="reader")).status == 403
        assert (await ask(cloud, "DELETE", f"/snapshots/{snapshot['id']}")).status == 202
        await cloud.settled()
        missing = await ask(cloud, "GET", f"/snapshots/{snapshot['id']}")
        assert refusal(missing) == (404, f"Snapshot {snapshot['id']} could not be found.")

    talk(tmp_path, script)


def test_a_volume_in_use_is_snapshotted_with_force_or_since_3_66(tmp_path: Path) -> None:
    async def script(cloud: Cloud) -> None:
        id = (await volume(cloud))["id"]
        await act(cloud, id, "os-attach", {"instance_uuid": NOBODY, "mountpoint": "/dev/vdb"})
        asked = {"volume_id": id}
        refused = await ask(cloud, "POST", "/snapshots", {"snapshot": asked})
        said = f"Invalid volume: Volume {id} status must be available, but current status is: in-use."
        assert refusal(refused) == (400, said)
        await made(cloud, "snapshot", **asked, force=True)
        await made(cloud, "snapshot", at="3.66", **asked)
        await made(cloud, "snapshot", at="3.66", **asked, force=True)
        flagged = await ask(cloud, "POST", "/snapshots", {"snapshot": {**asked, "force": False}}, at="3.66")
        assert refusal(flagged)[1].startswith("Since microversion 3.66 the 'force' flag is invalid")
        for body in ({"volume_id": NOBODY}, {"volume_id": "x"}, {}, {"volume_id": id, "force": "maybe"}):
            assert refusal(await ask(cloud, "POST", "/snapshots", {"snapshot": body}))[0] in (400, 404)

    talk(tmp_path, script)


def test_an_operator_resets_and_forces_snapshots_away(tmp_path: Path) -> None:
    async def script(cloud: Cloud) -> None:
        source = (await volume(cloud))["id"]
        id = (await made(cloud, "snapshot", volume_id=source))["id"]
        path = f"/snapshots/{id}/action"
        assert (await ask(cloud, "POST", path, {"os-reset_status": {"status": "error"}})).status == 403
        told = await ask(cloud, "POST", path, {"os-reset_status": {"status": "creating"}}, token="admin")
        assert told.status == 202
        assert (
            await ask(cloud, "POST", path, {"os-reset_status": {"status": "odd"}}, token="admin")
        ).status == 400
        refused = await ask(cloud, "DELETE", f"/snapshots/{id}")
        assert refusal(refused)[1].startswith("Invalid snapshot: Snapshot status must be available or error")
        odd = {"os-update_snapshot_status": {"status": "error", "progress": "much"}}
        assert (await ask(cloud, "POST", path, odd)).status == 400
        by_nova = {"os-update_snapshot_status": {"status": "error", "progress": "80%"}}
        assert (await ask(cloud, "POST", path, by_nova)).status == 202
        shown_then = (await ask(cloud, "GET", f"/snapshots/{id}"))["snapshot"]
        assert shown_then["os-extended-snapshot-attributes:progress"] == "80%"
        again = await ask(cloud, "POST", path, by_nova)
        assert refusal(again)[1] == "Snapshot status error not allowed for update_snapshot_status"
        assert (await ask(cloud, "POST", path, {"os-force_delete": {}}, token="admin")).status == 202
        await cloud.settled()
        assert (await ask(cloud, "GET", f"/snapshots/{id}")).status == 404

    talk(tmp_path, script)


def test_a_snapshot_that_is_being_copied_goes_when_the_copy_is_made(tmp_path: Path) -> None:
    async def script(cloud: Cloud) -> None:
        source = (await volume(cloud))["id"]
        snapshot = (await made(cloud, "snapshot", volume_id=source))["id"]
        fault = cloud.worlds["host-1"].faults.hang("volume")
        copy = await ask(cloud, "POST", "/volumes", {"volume": {"snapshot_id": snapshot}})
        await asyncio.sleep(0)
        assert (await ask(cloud, "DELETE", f"/snapshots/{snapshot}")).status == 202
        await asyncio.sleep(0.05)
        assert snapshot in cloud.worlds["host-1"].snapshots
        assert fault.hangs is not None
        cloud.worlds["host-1"].faults.heal()
        await cloud.settled()
        assert (await shown(cloud, "volume", copy["volume"]["id"]))["status"] == "available"
        assert (await ask(cloud, "GET", f"/snapshots/{snapshot}")).status == 404

    talk(tmp_path, script)


def test_metadata_is_read_set_replaced_and_removed(tmp_path: Path) -> None:
    async def script(cloud: Cloud) -> None:
        id = (await volume(cloud, metadata={"a": "1"}))["id"]
        snapshot = (await made(cloud, "snapshot", volume_id=id, metadata={"a": "1"}))["id"]
        for path, noun in (
            (f"/volumes/{id}/metadata", "Volume"),
            (f"/snapshots/{snapshot}/metadata", "Snapshot"),
        ):
            assert (await ask(cloud, "GET", path)).body == {"metadata": {"a": "1"}}
            assert (await ask(cloud, "POST", path, {"metadata": {"b": "2"}})).body == {
                "metadata": {"a": "1", "b": "2"}
            }
            assert (await ask(cloud, "PUT", path, {"metadata": {"c": "3"}})).body == {"metadata": {"c": "3"}}
            assert (await ask(cloud, "PUT", f"{path}/d", {"meta": {"d": "4"}})).body == {"meta": {"d": "4"}}
            assert (await ask(cloud, "GET", f"{path}/d")).body == {"meta": {"d": "4"}}
            mismatch = await ask(cloud, "PUT", f"{path}/e", {"meta": {"d": "4"}})
            assert refusal(mismatch) == (400, "Request body and URI mismatch")
            many = await ask(cloud, "PUT", f"{path}/d", {"meta": {"d": "4", "e": "5"}})
            assert refusal(many) == (400, "Request body contains too many items")
            assert (await ask(cloud, "DELETE", f"{path}/d")).status == 200
            missing = await ask(cloud, "DELETE", f"{path}/d")
            assert refusal(missing)[1].startswith(noun) and missing.status == 404
            for body in ({}, None, {"metadata": None}, {"metadata": {"x": 1}}, {"metadata": {"": "y"}}):
                assert (await ask(cloud, "POST", path, body)).status == 400, body
            assert (await ask(cloud, "GET", path, token="stranger")).status == 404
            assert (await ask(cloud, "POST", path, {"metadata": {}}, token="reader")).status == 403

    talk(tmp_path, script)
