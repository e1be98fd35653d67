# SPDX-License-Identifier: Apache-2.0
"""Conversations about volumes that change hands."""

from pathlib import Path

from tests.conversations.cinder_talk import NOBODY, ask, made, refusal, shown, talk, volume

from cumulet.testing.cloud import Cloud
from cumulet.testing.people import OTHER_PROJECT, PROJECT


def test_a_volume_goes_to_another_project_with_its_snapshots(tmp_path: Path) -> None:
    async def script(cloud: Cloud) -> None:
        id = (await volume(cloud))["id"]
        snapshot = (await made(cloud, "snapshot", volume_id=id))["id"]
        body = {"transfer": {"volume_id": id, "name": " gift ", "no_snapshots": False}}
        assert (await ask(cloud, "POST", "/volume-transfers", body, at="3.54")).status == 404
        offered = await ask(cloud, "POST", "/volume-transfers", body, at="3.57")
        assert offered.status == 202, offered
        transfer = offered["transfer"]
        assert (transfer["name"], transfer["source_project_id"], transfer["accepted"]) == (
            "gift",
            PROJECT,
            False,
        )
        assert (await shown(cloud, "volume", id))["status"] == "awaiting-transfer"
        seen = await ask(cloud, "GET", f"/volume-transfers/{transfer['id']}", at="3.55")
        assert set(seen["transfer"]) == {"id", "created_at", "name", "volume_id", "no_snapshots", "links"}
        path = f"/volume-transfers/{transfer['id']}/accept"
        wrong = await ask(cloud, "POST", path, {"accept": {"auth_key": "x"}}, at="3.55", token="stranger")
        said = f"Invalid auth key: Attempt to transfer {transfer['id']} with invalid auth key."
        assert refusal(wrong) == (400, said)
        right = {"accept": {"auth_key": transfer["auth_key"]}}
        taken = await ask(cloud, "POST", path, right, at="3.55", token="stranger")
        assert (taken.status, set(taken["transfer"])) == (202, {"id", "name", "volume_id", "links"})
        assert (await shown(cloud, "volume", id, token="stranger"))["status"] == "available"
        found = await shown(cloud, "snapshot", snapshot, token="stranger")
        assert found["os-extended-snapshot-attributes:project_id"] == OTHER_PROJECT
        assert (await ask(cloud, "GET", f"/volumes/{id}")).status == 404
        assert (await ask(cloud, "POST", path, right, at="3.55", token="stranger")).status == 404

    talk(tmp_path, script)


def test_an_offer_is_taken_back(tmp_path: Path) -> None:
    async def script(cloud: Cloud) -> None:
        id = (await volume(cloud))["id"]
        body = {"transfer": {"volume_id": id}}
        offered = await ask(cloud, "POST", "/os-volume-transfer", body)
        assert offered.status == 202 and "no_snapshots" not in offered["transfer"]
        again = await ask(cloud, "POST", "/os-volume-transfer", body)
        assert refusal(again) == (400, "Invalid volume: status must be available")
        assert refusal(await ask(cloud, "DELETE", f"/volumes/{id}"))[0] == 400
        path = f"/os-volume-transfer/{offered['transfer']['id']}"
        listed = (await ask(cloud, "GET", "/os-volume-transfer/detail"))["transfers"]
        assert [item["volume_id"] for item in listed] == [id]
        assert (await ask(cloud, "GET", "/os-volume-transfer", token="stranger"))["transfers"] == []
        assert (await ask(cloud, "DELETE", path, token="stranger")).status == 404
        assert (await ask(cloud, "DELETE", path)).status == 202
        assert (await shown(cloud, "volume", id))["status"] == "available"
        for wrong in ({}, {"volume_id": "x"}, {"volume_id": NOBODY}, {"volume_id": id, "odd": 1}, None):
            assert refusal(await ask(cloud, "POST", "/os-volume-transfer", {"transfer": wrong}))[0] in (
                400,
                404,
            )
        missing = await ask(cloud, "GET", f"/os-volume-transfer/{NOBODY}")
        assert refusal(missing) == (404, f"Transfer {NOBODY} could not be found.")

    talk(tmp_path, script)


def test_a_volume_is_not_taken_beyond_the_quota(tmp_path: Path) -> None:
    async def script(cloud: Cloud) -> None:
        id = (await volume(cloud, size=5))["id"]
        transfer = (await ask(cloud, "POST", "/os-volume-transfer", {"transfer": {"volume_id": id}}))[
            "transfer"
        ]
        small = {"quota_set": {"gigabytes": 4}}
        await ask(cloud, "PUT", f"/os-quota-sets/{OTHER_PROJECT}", small, token="admin")
        path, body = (
            f"/os-volume-transfer/{transfer['id']}/accept",
            {"accept": {"auth_key": transfer["auth_key"]}},
        )
        assert refusal(await ask(cloud, "POST", path, body, token="stranger"))[0] == 413
        assert (await shown(cloud, "volume", id))["status"] == "awaiting-transfer"

    talk(tmp_path, script)
