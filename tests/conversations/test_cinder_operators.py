# SPDX-License-Identifier: Apache-2.0
"""Conversations of operators: quotas, services, pools, and things that have gone wrong."""

import asyncio
from pathlib import Path

from tests.conversations.cinder_talk import (
    NOBODY,
    act,
    ask,
    image,
    made,
    refusal,
    shown,
    talk,
    volume,
    wait_until,
)

from cumulet.kernel.clock import ManualClock
from cumulet.kernel.db import Tx
from cumulet.kernel.hosts import DocumentRow
from cumulet.services.cinder import messages, reconcile
from cumulet.services.cinder.snapshots.model import Snapshot
from cumulet.services.cinder.volumes.model import Volume
from cumulet.testing.cloud import Cloud
from cumulet.testing.people import PROJECT

TOTALS = ("project", "volume_count", "total_volume_gb", "snapshot_count", "total_snapshot_gb")
QUOTAS = f"/os-quota-sets/{PROJECT}"


def test_a_project_has_no_more_than_its_quota(tmp_path: Path) -> None:
    async def script(cloud: Cloud) -> None:
        limits = {"quota_set": {"volumes": 2, "gigabytes": "5", "snapshots": 1, "per_volume_gigabytes": 4}}
        assert (await ask(cloud, "PUT", QUOTAS, limits)).status == 403
        told = await ask(cloud, "PUT", QUOTAS, limits, token="admin")
        assert (told.status, told["quota_set"]["gigabytes"], "id" in told["quota_set"]) == (200, 5, False)
        id = (await volume(cloud, size=3))["id"]
        over = await ask(cloud, "POST", "/volumes", {"volume": {"size": 3}})
        assert refusal(over) == (
            413,
            "Requested volume or snapshot exceeds allowed gigabytes quota. Requested 3G, quota is 5G and "
            "3G has been consumed.",
        )
        assert over.headers["retry-after"] == "0"
        large = await ask(cloud, "POST", "/volumes", {"volume": {"size": 5}})
        assert refusal(large)[1] == "Requested volume size 5G is larger than maximum allowed limit 4G."
        assert refusal(await act(cloud, id, "os-extend", {"new_size": 5}))[0] == 413
        assert (await act(cloud, id, "os-extend", {"new_size": 4})).status == 202
        await cloud.settled()
        await volume(cloud, size=1)
        many = await ask(cloud, "POST", "/volumes", {"volume": {"size": 1}})
        assert refusal(many)[0] == 413
        await ask(cloud, "PUT", QUOTAS, {"quota_set": {"gigabytes": -1}}, token="admin")
        many = await ask(cloud, "POST", "/volumes", {"volume": {"size": 1}})
        assert refusal(many) == (413, "Maximum number of volumes allowed (2) exceeded for quota 'volumes'.")
        await made(cloud, "snapshot", volume_id=id)
        second = await ask(cloud, "POST", "/snapshots", {"snapshot": {"volume_id": id}})
        assert refusal(second) == (413, "Maximum number of snapshots allowed (1) exceeded")
        used = (await ask(cloud, "GET", f"{QUOTAS}?usage=True"))["quota_set"]
        assert used["gigabytes"] == {"limit": -1, "in_use": 9, "reserved": 0}
        assert (used["volumes"]["in_use"], used["snapshots___DEFAULT__"]["in_use"]) == (2, 1)
        below = await ask(cloud, "PUT", QUOTAS, {"quota_set": {"volumes": 1}}, token="admin")
        assert refusal(below)[1].startswith(
            "Quota volumes limit must be equal or greater than existing resources."
        )
        assert (await ask(cloud, "DELETE", QUOTAS, token="admin")).status == 200
        assert (await ask(cloud, "GET", QUOTAS))["quota_set"]["volumes"] == 10
        limits = (await ask(cloud, "GET", "/limits"))["limits"]
        assert (limits["rate"], limits["absolute"]["maxTotalVolumes"]) == ([], 10)
        assert (limits["absolute"]["totalVolumesUsed"], limits["absolute"]["totalGigabytesUsed"]) == (2, 9)

    talk(tmp_path, script)


def test_quotas_that_make_no_sense_are_refused(tmp_path: Path) -> None:
    async def script(cloud: Cloud) -> None:
        odd = [{"odd": 1}, {}, *({"volumes": value} for value in ("x", -2, 2**31, True, None, [1]))]
        for body in ({}, None, *({"quota_set": values} for values in odd)):
            assert refusal(await ask(cloud, "PUT", QUOTAS, body, token="admin"))[0] == 400, body
        assert (await ask(cloud, "GET", QUOTAS, token="stranger")).status == 403
        shown = (await ask(cloud, "GET", f"{QUOTAS}/defaults"))["quota_set"]
        assert (shown["id"], shown["volumes"], shown["backups"], shown["groups"]) == (PROJECT, 10, 10, 10)
        assert shown["volumes___DEFAULT__"] == -1
        classes = {"quota_class_set": {"volumes": 7, "odd": 1}}
        told = await ask(cloud, "PUT", "/os-quota-class-sets/default", classes, token="admin")
        assert told["quota_class_set"]["volumes"] == 7
        assert (await ask(cloud, "GET", QUOTAS))["quota_set"]["volumes"] == 7
        assert (await ask(cloud, "GET", "/os-quota-class-sets/default")).status == 403

    talk(tmp_path, script)


def test_a_type_has_quotas_of_its_own(tmp_path: Path) -> None:
    async def script(cloud: Cloud) -> None:
        await ask(cloud, "POST", "/types", {"volume_type": {"name": "fast"}}, token="admin")
        await ask(cloud, "PUT", QUOTAS, {"quota_set": {"volumes_fast": 1}}, token="admin")
        await volume(cloud, volume_type="fast")
        over = await ask(cloud, "POST", "/volumes", {"volume": {"size": 1, "volume_type": "fast"}})
        assert refusal(over) == (
            413,
            "Maximum number of volumes allowed (1) exceeded for quota 'volumes_fast'.",
        )
        await volume(cloud)

    talk(tmp_path, script)


def test_fifty_creates_at_once_make_ten_volumes(tmp_path: Path, database: str) -> None:
    async def script(cloud: Cloud) -> None:
        tries = (ask(cloud, "POST", "/volumes", {"volume": {"size": 1}}) for _ in range(50))
        answers = await asyncio.gather(*tries)
        assert sorted(answer.status for answer in answers) == [202] * 10 + [413] * 40
        await cloud.settled()
        assert len((await ask(cloud, "GET", "/volumes?status=available"))["volumes"]) == 10

    talk(tmp_path, script, database=database)


def test_services_pools_and_zones_are_told(tmp_path: Path, database: str) -> None:
    async def script(cloud: Cloud) -> None:
        assert (await ask(cloud, "GET", "/os-services")).status == 403
        services = (await ask(cloud, "GET", "/os-services", token="admin"))["services"]
        seen = [(item["binary"], item["host"], item["status"], item["state"]) for item in services]
        assert seen == [
            ("cinder-scheduler", "control", "enabled", "up"),
            ("cinder-volume", "host-1@local", "enabled", "up"),
            ("cinder-volume", "host-2@local", "enabled", "up"),
        ]
        assert "cluster" not in services[1] and "backend_state" not in services[1]
        later = (await ask(cloud, "GET", "/os-services?binary=cinder-volume", at="3.49", token="admin"))[
            "services"
        ]
        assert [(item["cluster"], item["backend_state"]) for item in later] == [(None, "up")] * 2
        body = {"binary": "cinder-volume", "host": "host-1@local", "disabled_reason": "repair"}
        told = await ask(cloud, "PUT", "/os-services/disable-log-reason", body, token="admin")
        assert (told.status, told["disabled_reason"]) == (200, "repair")
        off = (await ask(cloud, "GET", "/os-services?host=host-1", token="admin"))["services"]
        assert (off[0]["status"], off[0]["disabled_reason"]) == ("disabled", "repair")
        assert (await volume(cloud))["os-vol-host-attr:host"] == "host-2@local#local"
        enabled = await ask(
            cloud, "PUT", "/os-services/enable", {"binary": "cinder-volume", "host": "host-1"}, token="admin"
        )
        assert (enabled.status, enabled["disabled"]) == (200, False)
        for wrong, status in (
            ({"binary": "cinder-volume", "host": "moon"}, 404),
            ({"host": "host-1"}, 400),
            ({"binary": "cinder-volume"}, 400),
            (None, 400),
        ):
            assert (await ask(cloud, "PUT", "/os-services/disable", wrong, token="admin")).status == status
        pools = (await ask(cloud, "GET", "/scheduler-stats/get_pools", token="admin"))["pools"]
        assert pools == [{"name": "host-1@local#local"}, {"name": "host-2@local#local"}]
        detail = (await ask(cloud, "GET", "/scheduler-stats/get_pools?detail=true", token="admin"))["pools"]
        assert (
            detail[1]["capabilities"]["free_capacity_gb"] == detail[0]["capabilities"]["free_capacity_gb"] - 1
        )
        assert (await ask(cloud, "GET", "/scheduler-stats/get_pools")).status == 403
        zones = (await ask(cloud, "GET", "/os-availability-zone")).body
        assert zones == {"availabilityZoneInfo": [{"zoneName": "nova", "zoneState": {"available": True}}]}

    talk(tmp_path, script, database=database, hosts=2)


def test_clients_find_out_what_there_is(tmp_path: Path) -> None:
    async def script(cloud: Cloud) -> None:
        for path in ("/volume", "/volume/"):
            root = await cloud.request("GET", path, token="")
            assert (root.status, root["versions"][0]["version"]) == (300, "3.71")
        assert root["versions"][0]["links"][1]["href"] == "http://cloud/volume/v3/"
        assert (await cloud.request("GET", "/volume/v3/", token="")).status == 401
        assert (await cloud.request("GET", "/volume/v3/"))["versions"][0]["id"] == "v3.0"
        names = {item["name"] for item in (await ask(cloud, "GET", "/extensions"))["extensions"]}
        assert "TypesManage" in names
        assert (await ask(cloud, "GET", "/extensions/os-types-manage"))["extension"]["name"] == "TypesManage"
        assert (await ask(cloud, "GET", "/extensions/odd")).status == 404
        filters = (await ask(cloud, "GET", "/resource_filters?resource=volume", at="3.33"))[
            "resource_filters"
        ]
        assert filters[0]["filters"][:3] == ["name", "status", "metadata"]
        assert (await ask(cloud, "GET", "/resource_filters", at="3.32")).status == 404
        answer = await ask(cloud, "GET", "/volumes", at="3.50")
        assert answer.headers["openstack-api-version"] == "volume 3.50"
        assert (await ask(cloud, "GET", "/volumes", at="3.72")).status == 406
        assert (await ask(cloud, "GET", "/volumes", at="x")).status == 400
        assert (await ask(cloud, "GET", "/odd")).status == 404

    talk(tmp_path, script)


def test_an_image_is_made_of_a_volume(tmp_path: Path) -> None:
    async def script(cloud: Cloud) -> None:
        source = await image(cloud, visibility="public", hw_disk_bus="scsi")
        id = (await volume(cloud, size=2, imageRef=source))["id"]
        asked = {
            "image_name": "copy",
            "disk_format": "qcow2",
            "container_format": "bare",
            "visibility": "private",
        }
        early = await act(cloud, id, "os-volume_upload_image", asked)
        assert refusal(early)[0] == 400
        answer = await act(cloud, id, "os-volume_upload_image", asked, at="3.1")
        assert answer.status == 202
        told = answer["os-volume_upload_image"]
        assert (told["status"], told["image_name"], told["disk_format"]) == ("uploading", "copy", "qcow2")
        assert (told["visibility"], told["protected"]) == ("private", False)
        assert refusal(await ask(cloud, "DELETE", f"/volumes/{id}"))[0] == 400
        await cloud.settled()
        assert (await shown(cloud, "volume", id))["status"] == "available"
        made = (await cloud.request("GET", f"/image/v2/images/{told['image_id']}")).body
        assert (made["status"], made["hw_disk_bus"], made["min_disk"]) == ("active", "scsi", 2)
        await act(cloud, id, "os-attach", {"instance_uuid": NOBODY, "mountpoint": "/dev/vdb"})
        refused = await act(cloud, id, "os-volume_upload_image", {"image_name": "x"})
        assert refusal(refused) == (400, f"Invalid volume: Volume {id} status must be available")
        forced = await act(
            cloud, id, "os-volume_upload_image", {"image_name": "x", "force": True, "disk_format": "qcow2"}
        )
        assert forced.status == 202
        await cloud.settled()
        assert (await shown(cloud, "volume", id))["status"] == "in-use"
        public = await act(
            cloud, id, "os-volume_upload_image", {"image_name": "x", "visibility": "public"}, at="3.1"
        )
        assert refusal(public)[0] == 403

    talk(tmp_path, script)


def test_image_metadata_is_set_shown_and_unset(tmp_path: Path) -> None:
    async def script(cloud: Cloud) -> None:
        id = (await volume(cloud))["id"]
        told = await act(cloud, id, "os-set_image_metadata", {"metadata": {"os": "linux"}})
        assert (told.status, told.body) == (200, {"metadata": {"os": "linux"}})
        assert (await act(cloud, id, "os-show_image_metadata", None)).body == {"metadata": {"os": "linux"}}
        assert (await shown(cloud, "volume", id))["volume_image_metadata"] == {"os": "linux"}
        assert (await act(cloud, id, "os-set_image_metadata", {"metadata": {"os": 5}})).status == 400
        assert (await act(cloud, id, "os-unset_image_metadata", {"key": "os"})).status == 200
        assert refusal(await act(cloud, id, "os-unset_image_metadata", {"key": "os"}))[0] == 404
        assert (await act(cloud, id, "os-set_bootable", {"bootable": "yes"})).status == 200
        assert (await shown(cloud, "volume", id))["bootable"] == "true"

    talk(tmp_path, script)


def test_an_operator_resets_a_volume_and_forces_it_away(tmp_path: Path) -> None:
    async def script(cloud: Cloud) -> None:
        id = (await volume(cloud))["id"]
        assert (await act(cloud, id, "os-reset_status", {"status": "error"})).status == 403

        async def reset(**asked: str) -> int:
            return (await act(cloud, id, "os-reset_status", asked, token="admin")).status

        assert await reset(status="ERROR") == 202
        assert (await shown(cloud, "volume", id))["status"] == "error"
        assert await reset(status="in-use") == 400
        assert await reset(status="deleting") == 400
        assert await reset(status="odd") == 400
        assert await reset(status="available") == 202
        await act(cloud, id, "os-attach", {"instance_uuid": NOBODY, "mountpoint": "/dev/vdb"})
        forced = await act(cloud, id, "os-force_delete", {}, token="admin")
        assert refusal(forced)[0] == 400
        assert await reset(status="error", attach_status="detached") == 202
        assert (await shown(cloud, "volume", id))["attachments"] == []
        assert await reset(status="maintenance") == 202
        assert (await act(cloud, id, "os-force_delete", {}, token="admin")).status == 202
        await cloud.settled()
        assert (await ask(cloud, "GET", f"/volumes/{id}")).status == 404

    talk(tmp_path, script)


def test_a_volume_that_is_being_made_is_forced_away(tmp_path: Path) -> None:
    async def script(cloud: Cloud) -> None:
        cloud.worlds["host-1"].faults.hang("volume")
        id = (await ask(cloud, "POST", "/volumes", {"volume": {"size": 1}}))["volume"]["id"]
        await asyncio.sleep(0.02)
        assert (
            await ask(cloud, "DELETE", f"/volumes/{id}?force=true", at="3.22", token="admin")
        ).status == 400
        assert (await ask(cloud, "DELETE", f"/volumes/{id}?force=true", at="3.23")).status == 403
        assert (
            await ask(cloud, "DELETE", f"/volumes/{id}?force=true", at="3.23", token="admin")
        ).status == 202
        cloud.worlds["host-1"].faults.heal()
        await cloud.settled()
        assert (await ask(cloud, "GET", f"/volumes/{id}")).status == 404

    talk(tmp_path, script)


def test_a_volume_on_a_host_that_is_down_can_be_deleted(tmp_path: Path) -> None:
    clock = ManualClock()

    async def script(cloud: Cloud) -> None:
        id = (await volume(cloud))["id"]

        async def is_gone() -> bool:
            return (await ask(cloud, "GET", f"/volumes/{id}")).status == 404

        async def is_wiped() -> bool:
            return id not in cloud.worlds["host-1"].volumes

        await cloud.agents.pop("host-1").stop()
        assert (await ask(cloud, "DELETE", f"/volumes/{id}")).status == 202
        await wait_until(clock, 60, is_gone)
        assert not await is_wiped()
        await cloud.add_host("host-1")
        await wait_until(clock, 60, is_wiped)

    talk(tmp_path, script, clock=clock)


def test_a_host_that_goes_down_is_not_waited_for(tmp_path: Path) -> None:
    clock = ManualClock()

    async def script(cloud: Cloud) -> None:
        cloud.worlds["host-1"].faults.hang("volume")
        id = (await ask(cloud, "POST", "/volumes", {"volume": {"size": 1}}))["volume"]["id"]

        async def is_made() -> bool:
            return bool((await shown(cloud, "volume", id))["status"] == "available")

        await asyncio.sleep(0.02)
        await cloud.agents["host-1"].stop()
        cloud.worlds["host-1"].faults.heal()
        await wait_until(clock, 60, is_made)
        assert (await shown(cloud, "volume", id))["os-vol-host-attr:host"] == "host-2@local#local"
        await cloud.add_host("host-1")

    talk(tmp_path, script, hosts=2, clock=clock)


def test_what_is_lost_is_found_by_the_reconcilers(tmp_path: Path, database: str) -> None:
    async def script(cloud: Cloud) -> None:
        made_ids = {
            status: (await volume(cloud))["id"]
            for status in ("creating", "deleting", "extending", "uploading")
        }
        snapshot = (await made(cloud, "snapshot", volume_id=made_ids["uploading"]))["id"]
        orphan = (await volume(cloud))["id"]

        def lose(tx: Tx) -> None:
            for status, id in made_ids.items():
                tx.update(tx.need(Volume, id), status=status, updated_at="2026-01-01T00:00:00.000000")
            tx.update(tx.need(Snapshot, snapshot), status="creating", updated_at="2026-01-01T00:00:00.000000")
            tx.delete(tx.need(Volume, orphan))

        await cloud.app.db.transact(lose)
        for run in (reconcile.end_transience, reconcile.withdraw_orphans):
            await cloud.app.reconcilers.once(run)
        await cloud.settled()
        found = {
            item["id"]: item["status"] for item in (await ask(cloud, "GET", "/volumes/detail"))["volumes"]
        }
        statuses = {status: found.get(id) for status, id in made_ids.items()}
        assert statuses == {
            "creating": "error",
            "deleting": None,
            "extending": "available",
            "uploading": "available",
        }
        assert (await shown(cloud, "snapshot", snapshot))["status"] == "error"
        left = await cloud.app.db.read(lambda tx: tx.all(DocumentRow, DocumentRow.c.thing_id == orphan))
        assert all(document.body is None for document in left)

    talk(tmp_path, script, database=database)


def test_a_host_tells_what_is_on_it_and_what_its_backend_can_do(tmp_path: Path, database: str) -> None:
    async def script(cloud: Cloud) -> None:
        id = (await volume(cloud, size=3))["id"]
        await made(cloud, "snapshot", volume_id=id)
        assert (await ask(cloud, "GET", "/os-hosts")).status == 403
        hosts = (await ask(cloud, "GET", "/os-hosts", token="admin"))["hosts"]
        assert [(one["host_name"], one["service-status"]) for one in hosts] == [
            ("control", "available"),
            ("host-1@local", "available"),
        ]
        shown_host = (await ask(cloud, "GET", "/os-hosts/host-1@local", token="admin"))["host"]
        assert [tuple(one["resource"][name] for name in TOTALS) for one in shown_host] == [
            ("(total)", "1", "3", "1", "3"),
            (PROJECT, "1", "3", "1", "3"),
        ]
        assert refusal(await ask(cloud, "GET", "/os-hosts/nowhere", token="admin")) == (
            404,
            "Host nowhere could not be found.",
        )
        assert (await ask(cloud, "GET", "/capabilities/host-1@local")).status == 403
        told = await ask(cloud, "GET", "/capabilities/host-1@local", token="admin")
        assert told["namespace"] == "OS::Storage::Capabilities::host-1@local"
        assert sorted(told["properties"]) == [
            "compression",
            "qos",
            "replication_enabled",
            "thin_provisioning",
        ]
        for wrong in ("nowhere", "host-1@elsewhere"):
            assert (await ask(cloud, "GET", f"/capabilities/{wrong}", token="admin")).status == 404
        body = {"binary": "cinder-volume", "host": "host-1"}
        await ask(cloud, "PUT", "/os-services/disable", body, token="admin")
        left = (await ask(cloud, "GET", "/os-hosts?zone=nova", token="admin"))["hosts"]
        assert [one["host_name"] for one in left] == ["control"]

    talk(tmp_path, script, database=database)


def test_nothing_changes_on_a_frozen_host(tmp_path: Path, database: str) -> None:
    async def script(cloud: Cloud) -> None:
        id = (await volume(cloud))["id"]
        await cloud.settled()
        body = {"host": "host-1@local"}
        assert (await ask(cloud, "PUT", "/os-services/freeze", body)).status == 403
        assert (await ask(cloud, "PUT", "/os-services/freeze", body, token="admin")).status == 200
        assert (await ask(cloud, "PUT", "/os-services/freeze", body, token="admin")).status == 400
        found = (await ask(cloud, "GET", "/os-services?host=host-1", token="admin"))["services"][0]
        assert (found["frozen"], found["status"], found["disabled_reason"]) == (True, "disabled", "frozen")
        refused = (
            "Invalid input received: Modification operations are not allowed on frozen storage backends."
        )
        assert refusal(await ask(cloud, "DELETE", f"/volumes/{id}")) == (400, refused)
        snapshot = {"snapshot": {"volume_id": id}}
        assert refusal(await ask(cloud, "POST", "/snapshots", snapshot)) == (400, refused)
        assert (await ask(cloud, "PUT", "/os-services/thaw", body, token="admin")).status == 200
        assert (await ask(cloud, "PUT", "/os-services/thaw", body, token="admin")).status == 400
        assert (await ask(cloud, "DELETE", f"/volumes/{id}")).status == 202
        for wrong in ({"host": "nowhere"}, {}):
            assert (await ask(cloud, "PUT", "/os-services/thaw", wrong, token="admin")).status == 400

    talk(tmp_path, script, database=database)


def test_who_wants_what_no_backend_is_finds_a_message_about_it(tmp_path: Path, database: str) -> None:
    async def script(cloud: Cloud) -> None:
        given = {"name": "odd", "extra_specs": {"storage_protocol": "<or> rope <or> string"}}
        odd = await ask(cloud, "POST", "/types", {"volume_type": given}, token="admin")
        good = {"name": "good", "extra_specs": {"capabilities:vendor_name": "Cumulet", "other:x": "y"}}
        assert (await ask(cloud, "POST", "/types", {"volume_type": good}, token="admin")).status == 200
        id = (await volume(cloud, volume_type=odd["volume_type"]["id"]))["id"]
        fine = (await volume(cloud, volume_type="good"))["id"]
        await cloud.settled()
        assert (await shown(cloud, "volume", id))["status"] == "error"
        assert (await shown(cloud, "volume", fine))["status"] == "available"
        assert (await ask(cloud, "GET", "/messages")).status == 404
        (told,) = (await ask(cloud, "GET", "/messages", at="3.3"))["messages"]
        assert (told["resource_uuid"], told["resource_type"], told["message_level"]) == (
            id,
            "VOLUME",
            "ERROR",
        )
        assert (told["event_id"], told["user_message"]) == (
            "VOLUME_VOLUME_001_003",
            "schedule allocate volume:Could not find any available weighted backend.",
        )
        path = f"/messages/{told['id']}"
        assert (await ask(cloud, "GET", path, at="3.3"))["message"] == told
        assert (await ask(cloud, "GET", path, at="3.3", token="stranger")).status == 404
        assert (await ask(cloud, "DELETE", path, at="3.3")).status == 204
        assert (await ask(cloud, "GET", path, at="3.3")).status == 404

    talk(tmp_path, script, database=database)


def test_messages_go_after_a_month(tmp_path: Path) -> None:
    clock = ManualClock()

    async def script(cloud: Cloud) -> None:
        given = {"name": "odd", "extra_specs": {"vendor_name": "nobody"}}
        await ask(cloud, "POST", "/types", {"volume_type": given}, token="admin")
        await volume(cloud, volume_type="odd")
        await cloud.settled()
        for days, left in ((29, 1), (2, 0)):
            clock.advance(days * 86400.0)
            await cloud.app.db.transact(messages.forget_old)
            assert await cloud.app.db.read(lambda tx: tx.count(messages.Message)) == left

    talk(tmp_path, script, clock=clock)
