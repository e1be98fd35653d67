# SPDX-License-Identifier: Apache-2.0
"""Conversations about volumes: made from nothing and from other things, shown, changed, deleted."""

from pathlib import Path
from typing import Any

import pytest
from tests.conversations.cinder_talk import (
    API,
    NOBODY,
    act,
    ask,
    image,
    made,
    refusal,
    shown,
    talk,
    volume,
)

from cumulet.testing.cloud import Cloud
from cumulet.testing.people import OTHER_PROJECT, PROJECT

ALWAYS = {
    "id", "status", "size", "availability_zone", "created_at", "updated_at", "name", "description",
    "volume_type", "snapshot_id", "source_volid", "metadata", "links", "user_id", "bootable", "encrypted",
    "replication_status", "consistencygroup_id", "multiattach", "attachments", "os-vol-tenant-attr:tenant_id",
}  # fmt: skip
LATER = {
    "3.13": {"group_id"},
    "3.48": {"shared_targets", "service_uuid"},
    "3.63": {"volume_type_id"},
    "3.65": {"consumes_quota"},
}


def test_a_volume_is_made_shown_renamed_and_deleted(tmp_path: Path, database: str) -> None:
    async def script(cloud: Cloud) -> None:
        asked = {"size": 1, "name": "disk", "description": "mine", "metadata": {"a": "b"}}
        answer = await ask(cloud, "POST", "/volumes", {"volume": asked})
        assert (answer.status, answer["volume"]["status"]) == (202, "creating")
        id = answer["volume"]["id"]
        await cloud.settled()
        found = await shown(cloud, "volume", id, token="member")
        assert (found["status"], found["name"], found["metadata"]) == ("available", "disk", {"a": "b"})
        assert (found["bootable"], found["volume_type"], found["attachments"]) == ("false", "__DEFAULT__", [])
        assert found["links"][0] == {"rel": "self", "href": f"http://cloud/volume/v3/{PROJECT}/volumes/{id}"}
        assert len(found["created_at"]) == 26 and not found["created_at"].endswith("Z")
        changed = await ask(
            cloud, "PUT", f"/volumes/{id}", {"volume": {"display_name": " new ", "metadata": {}}}
        )
        assert (changed.status, changed["volume"]["name"], changed["volume"]["metadata"]) == (200, "new", {})
        assert cloud.worlds["host-1"].volumes[id].document.size_gb == 1
        gone = await ask(cloud, "DELETE", f"/volumes/{id}")
        assert (gone.status, gone.body) == (202, None)
        await cloud.settled()
        missing = await ask(cloud, "GET", f"/volumes/{id}")
        assert refusal(missing) == (404, f"Volume {id} could not be found.")

    talk(tmp_path, script, database=database)


def test_a_volume_shows_what_its_microversion_knows(tmp_path: Path) -> None:
    async def script(cloud: Cloud) -> None:
        made = (await ask(cloud, "POST", "/volumes", {"volume": {"size": 1}}))["volume"]
        await cloud.settled()
        id, expected = made["id"], set(ALWAYS)
        assert not [key for key in made if key.startswith("os-vol-")]  # these come when it is read
        assert set(await shown(cloud, "volume", id, token="member")) == expected
        for version, names in LATER.items():
            expected |= names
            assert set(await shown(cloud, "volume", id, at=version, token="member")) == expected, version
        more = set(await shown(cloud, "volume", id, at="3.71", token="admin")) - expected
        assert more == {
            "os-vol-host-attr:host", "os-vol-mig-status-attr:migstat", "os-vol-mig-status-attr:name_id",
            "migration_status", "provider_id", "cluster_name",
        }  # fmt: skip
        as_admin = await shown(cloud, "volume", id, token="admin")
        assert as_admin["os-vol-host-attr:host"] == "host-1@local#local"
        brief = (await ask(cloud, "GET", "/volumes"))["volumes"]
        assert [set(item) for item in brief] == [{"id", "name", "links"}]

    talk(tmp_path, script)


BAD: list[tuple[str, dict[str, Any], str]] = [
    ("3.0", {}, "Invalid input received: Volume size 'None' must be an integer and greater than 0"),
    ("3.0", {"size": 1, "volume_type": "none"}, "Volume type with name none could not be found."),
    ("3.0", {"size": 1, "availability_zone": "moon"}, "Availability zone 'moon' is invalid."),
    ("3.0", {"size": 1, "imageRef": NOBODY}, "Invalid image identifier or unable to access requested image."),
    ("3.0", {"size": 1, "imageRef": "cirros"}, "Invalid imageRef provided."),
    ("3.0", {"size": 1, "snapshot_id": NOBODY}, f"Snapshot {NOBODY} could not be found."),
    ("3.0", {"size": 1, "source_volid": NOBODY}, f"Volume {NOBODY} could not be found."),
    ("3.47", {"size": 1, "backup_id": NOBODY}, f"Backup {NOBODY} could not be found."),
    ("3.13", {"size": 1, "group_id": NOBODY}, f"Group {NOBODY} could not be found."),
    ("3.0", {"size": 1, "multiattach": True}, "multiattach parameter has been removed."),
    (
        "3.0",
        {"size": 1, "imageRef": NOBODY, "snapshot_id": NOBODY},
        "Invalid input received: May specify only one",
    ),
    ("3.0", {"size": 0}, "Invalid input for field/attribute"),
    ("3.0", {"size": "1x"}, "Invalid input for field/attribute"),
    ("3.0", {"size": 1.5}, "Invalid input for field/attribute"),
    ("3.0", {"size": 1, "name": "x" * 256}, "Invalid input for field/attribute"),
    ("3.0", {"size": 1, "name": 5}, "Invalid input for field/attribute"),
    ("3.0", {"size": 1, "metadata": {"k": 1}}, "Invalid input for field/attribute"),
    ("3.0", {"size": 1, "metadata": {"": "v"}}, ""),
    ("3.0", {"size": 1, "metadata": "x"}, "Invalid input for field/attribute"),
    ("3.0", {"size": 1, "snapshot_id": "x"}, "Invalid input for field/attribute"),
    ("3.53", {"size": 1, "unknown": 1}, ""),
]


@pytest.mark.parametrize("at, asked, message", BAD)
def test_a_volume_that_makes_no_sense_is_refused(
    tmp_path: Path, at: str, asked: dict[str, Any], message: str
) -> None:
    async def script(cloud: Cloud) -> None:
        answer = await ask(cloud, "POST", "/volumes", {"volume": asked}, at=at)
        status, said = refusal(answer)
        assert said.startswith(message)
        assert status == (404 if "could not be found" in said else 400)
        assert (await ask(cloud, "GET", "/volumes"))["volumes"] == []

    talk(tmp_path, script)


def test_bodies_that_are_no_volumes_are_refused(tmp_path: Path) -> None:
    async def script(cloud: Cloud) -> None:
        for body in (
            None,
            {},
            [],
            {"volume": None},
            {"volume": []},
            {"volume": {"size": 1}, "more": 1},
            b"{",
            b"\xff",
        ):
            answer = await ask(cloud, "POST", "/volumes", body)
            assert refusal(answer)[0] == 400, body
        id = (await volume(cloud))["id"]
        for name, body in (
            ("os-extend", {}),
            ("os-extend", None),
            ("os-nothing", {}),
            ("os-set_bootable", {}),
        ):
            assert refusal(await act(cloud, id, name, body))[0] == 400
        assert refusal(await ask(cloud, "POST", f"/volumes/{id}/action", []))[0] == 400
        assert refusal(await act(cloud, id, "os-nothing"))[1].startswith(
            "There is no such action: os-nothing"
        )

    talk(tmp_path, script)


def test_hints_and_unknown_keys_are_taken_as_upstream_takes_them(tmp_path: Path) -> None:
    async def script(cloud: Cloud) -> None:
        body = {"volume": {"size": "1", "odd": 1}, "OS-SCH-HNT:scheduler_hints": {"same_host": []}}
        assert (await ask(cloud, "POST", "/volumes", body)).status == 202
        assert (await ask(cloud, "POST", "/volumes", {**body, "OS-SCH-HNT:scheduler_hints": 5})).status == 400
        empty = ("imageRef", "snapshot_id", "source_volid", "volume_type", "availability_zone", "metadata")
        nulls = {"size": 1, **dict.fromkeys((*empty, "multiattach", "consistencygroup_id"))}
        assert (await ask(cloud, "POST", "/volumes", {"volume": nulls})).status == 202

    talk(tmp_path, script)


def test_a_volume_is_made_from_an_image_and_remembers_it(tmp_path: Path) -> None:
    async def script(cloud: Cloud) -> None:
        id = await image(cloud, size_gb=2, min_disk=2, visibility="public", hw_disk_bus="virtio")
        found = await volume(cloud, size=2, imageRef=id)
        assert (found["status"], found["bootable"]) == ("available", "true")
        known = found["volume_image_metadata"]
        assert (known["image_id"], known["image_name"], known["hw_disk_bus"]) == (id, "cirros", "virtio")
        assert known["min_disk"] == "2" and known["disk_format"] == "qcow2"
        small = await ask(cloud, "POST", "/volumes", {"volume": {"size": 1, "imageRef": id}})
        assert refusal(small) == (
            400, "Invalid input received: Size of specified image 2GB is larger than volume size 1GB."
        )  # fmt: skip
        link = f"http://cloud/image/v2/images/{id}"
        assert (await ask(cloud, "POST", "/volumes", {"volume": {"size": 2, "image_id": link}})).status == 202
        hidden = await image(cloud, visibility="private")
        body = {"volume": {"size": 1, "imageRef": hidden}}
        other = await ask(cloud, "POST", "/volumes", body, token="stranger")
        assert refusal(other)[1] == "Invalid image identifier or unable to access requested image."

    talk(tmp_path, script)


def test_a_volume_is_made_from_a_snapshot_and_from_a_volume_on_their_host(tmp_path: Path) -> None:
    async def script(cloud: Cloud) -> None:
        origin = await volume(cloud, size=2, name="origin")
        await act(cloud, origin["id"], "os-set_bootable", {"bootable": True})
        snapshot = await made(cloud, "snapshot", volume_id=origin["id"])
        await volume(cloud, size=50)
        for source in ({"snapshot_id": snapshot["id"]}, {"source_volid": origin["id"]}):
            copy = await made(cloud, "volume", **source)
            assert (copy["status"], copy["size"], copy["bootable"]) == ("available", 2, "true")
            assert copy["os-vol-host-attr:host"] == origin["os-vol-host-attr:host"]
            assert {key: copy[key] for key in source} == source
            smaller = await ask(cloud, "POST", "/volumes", {"volume": {"size": 1, **source}})
            assert refusal(smaller)[1].startswith(
                "Invalid input received: Volume size '1'GB cannot be smaller than"
            )
            stolen = await ask(cloud, "POST", "/volumes", {"volume": source}, token="stranger")
            assert stolen.status == 404

    talk(tmp_path, script, hosts=3)


def test_volumes_are_spread_over_hosts_by_room(tmp_path: Path) -> None:
    async def script(cloud: Cloud) -> None:
        hosts = [(await volume(cloud, size=size))["os-vol-host-attr:host"] for size in (10, 1, 1, 5)]
        assert hosts == [f"host-{n}@local#local" for n in (1, 2, 2, 2)] or len(set(hosts[:2])) == 2
        disabled = {"binary": "cinder-volume", "host": "host-2@local"}
        assert (await ask(cloud, "PUT", "/os-services/disable", disabled, token="admin")).status == 200
        assert (await volume(cloud, size=1))["os-vol-host-attr:host"] == "host-1@local#local"

    talk(tmp_path, script, hosts=2)


def test_strangers_and_readers_may_not_touch_a_volume(tmp_path: Path) -> None:
    async def script(cloud: Cloud) -> None:
        id = (await volume(cloud))["id"]
        tries = [("GET", f"/volumes/{id}", None), ("PUT", f"/volumes/{id}", {"volume": {"name": "x"}}),
                 ("DELETE", f"/volumes/{id}", None), ("GET", f"/volumes/{id}/metadata", None),
                 ("POST", f"/volumes/{id}/action", {"os-extend": {"new_size": 2}})]  # fmt: skip
        for method, path, body in tries:
            assert (await ask(cloud, method, path, body, token="stranger")).status == 404, path
            by_reader = await ask(cloud, method, path, body, token="reader")
            assert by_reader.status == (200 if method == "GET" else 403), path
            assert (await ask(cloud, method, path, body, token="nobody")).status == 401
        refused = await act(cloud, id, "os-force_delete", token="member")
        rule = "volume_extension:volume_admin_actions:force_delete"
        assert refusal(refused) == (403, f"Policy doesn't allow {rule} to be performed.")
        elsewhere = await cloud.request("GET", f"{API}/{OTHER_PROJECT}/volumes")
        assert refusal(elsewhere) == (400, "Malformed request url")
        assert (await cloud.request("GET", f"{API}/{PROJECT}/volumes/{id}")).status == 200

    talk(tmp_path, script)


QUERIES = [
    (f"marker={NOBODY}", "3.0", 404),
    ("limit=x", "3.0", 400),
    ("limit=-1", "3.0", 400),
    ("size=x", "3.0", 400),
    ("sort=size&sort_key=name", "3.0", 400),
    ("sort=nothing", "3.0", 400),
    ("odd=1", "3.31", 400),
    ("odd=1", "3.30", 200),
    ("all_tenants=perhaps", "3.0", 400),
    ("created_at=gt:never", "3.60", 400),
    ("created_at=zz:2000-01-01", "3.60", 400),
]


def test_lists_are_filtered_sorted_paged_and_counted(tmp_path: Path, database: str) -> None:
    async def script(cloud: Cloud) -> None:
        for number, name in enumerate(("a", "b", "c"), 1):
            body = {"size": number, "name": name, "metadata": {"n": str(number), "all": "yes"}}
            assert (await ask(cloud, "POST", "/volumes", {"volume": body})).status == 202
        await ask(cloud, "POST", "/volumes", {"volume": {"size": 1, "name": "theirs"}}, token="stranger")
        await cloud.settled()

        async def names(query: str, at: str = "3.0", token: str = "member") -> list[str]:
            answer = await ask(cloud, "GET", f"/volumes/detail?{query}", at=at, token=token)
            assert answer.status == 200, answer
            return [item["name"] for item in answer["volumes"]]

        assert await names("") == ["c", "b", "a"]
        assert await names("sort=size:asc") == ["a", "b", "c"]
        assert await names("sort_key=name&sort_dir=asc") == ["a", "b", "c"]
        assert await names("name=b") == ["b"]
        assert await names("name~=b", at="3.34") == ["b"]
        assert await names("metadata={'n':'2'}") == ["b"]
        assert await names('metadata={"all":"yes","n":"3"}') == ["c"]
        assert await names("metadata=nonsense") == []
        assert await names("bootable=true") == []
        assert await names("status=available&size=3") == ["c"]
        assert await names("created_at=gt:2000-01-01T00:00:00", at="3.60") == ["c", "b", "a"]
        assert await names("all_tenants=1") == ["c", "b", "a"]
        assert await names("", token="admin") == ["c", "b", "a"]
        assert "theirs" in await names("all_tenants=1", token="admin")
        assert await names(f"all_tenants=1&project_id={OTHER_PROJECT}", token="admin") == ["theirs"]
        page = await ask(cloud, "GET", "/volumes?limit=2&with_count=true", at="3.45")
        assert (len(page["volumes"]), page["count"], page["volumes_links"][0]["rel"]) == (2, 3, "next")
        assert await names("sort_key=display_name&sort_dir=asc&offset=1&limit=1") == ["b"]
        full = await ask(cloud, "GET", "/volumes?limit=3", at="3.45")
        assert full["volumes_links"]  # a page that is full has a next one, even an empty one
        for method in ("GET", "DELETE"):
            assert (await ask(cloud, method, "/volumes/")).status == 404  # a volume without a name
        rest = await cloud.request("GET", page["volumes_links"][0]["href"].removeprefix("http://cloud"))
        assert [item["name"] for item in rest["volumes"]] == ["a"]
        for query, at, status in QUERIES:
            assert (await ask(cloud, "GET", f"/volumes?{query}", at=at)).status == status, query
        total = (await ask(cloud, "GET", "/volumes/summary", at="3.36"))["volume-summary"]
        assert (total["total_count"], total["total_size"]) == (3, 6)
        assert total["metadata"] == {"all": ["yes"], "n": ["1", "2", "3"]}
        assert "metadata" not in (await ask(cloud, "GET", "/volumes/summary", at="3.12"))["volume-summary"]

    talk(tmp_path, script, database=database)


def test_a_volume_with_snapshots_goes_only_with_them(tmp_path: Path) -> None:
    async def script(cloud: Cloud) -> None:
        id = (await volume(cloud))["id"]
        snapshot = await made(cloud, "snapshot", volume_id=id)
        refused = await ask(cloud, "DELETE", f"/volumes/{id}")
        assert refusal(refused)[1].startswith("Invalid volume: Volume status must be available, error")
        assert (await ask(cloud, "DELETE", f"/volumes/{id}?cascade=perhaps")).status == 400
        assert (await ask(cloud, "DELETE", f"/volumes/{id}?cascade=True")).status == 202
        await cloud.settled()
        assert (await ask(cloud, "GET", f"/snapshots/{snapshot['id']}")).status == 404
        assert (await ask(cloud, "GET", f"/volumes/{id}")).status == 404

    talk(tmp_path, script)


def test_a_volume_that_no_host_can_make_is_in_error_and_says_why(tmp_path: Path) -> None:
    async def script(cloud: Cloud) -> None:
        cloud.worlds["host-1"].faults.refuse("volume")
        body = {"volume": {"size": 1}}
        id = (await ask(cloud, "POST", "/volumes", body))["volume"]["id"]
        await cloud.settled()
        found = await shown(cloud, "volume", id)
        assert (found["status"], found["os-vol-host-attr:host"]) == ("error", None)
        cloud.worlds["host-1"].faults.heal()
        assert (await ask(cloud, "DELETE", f"/volumes/{id}")).status == 202

    talk(tmp_path, script)


def test_another_host_is_tried_when_one_fails(tmp_path: Path) -> None:
    async def script(cloud: Cloud) -> None:
        cloud.worlds["host-1"].faults.refuse("volume")
        found = await volume(cloud)
        assert (found["status"], found["os-vol-host-attr:host"]) == ("available", "host-2@local#local")

    talk(tmp_path, script, hosts=2)
