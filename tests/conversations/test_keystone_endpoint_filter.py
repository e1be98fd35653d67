# SPDX-License-Identifier: Apache-2.0
"""OS-EP-FILTER: projects whose catalog shows some endpoints only."""

from pathlib import Path
from typing import Any

import pytest

from cumulet.testing.identity import Person, Talk, converse

FILTER = "/OS-EP-FILTER"
GROUPS = f"{FILTER}/endpoint_groups"


async def music(keystone: Talk) -> dict[str, str]:
    """A service with two endpoints in two regions, by what they are called here."""
    service = await keystone.make("service", type="music", name="orpheus")
    found = {"service": service["id"]}
    for region in ("North", "South"):
        endpoint = await keystone.make(
            "endpoint", interface="public", service_id=service["id"], url=f"http://{region}", region=region
        )
        found[region] = endpoint["id"]
    return found


async def catalog(keystone: Talk, person: Person) -> dict[str, list[str]]:
    """The public addresses of each kind of service in a token, in the token's body and by asking."""
    answer = await person.try_to_log_in()
    told = await keystone("GET", "/auth/catalog", token=answer.headers["x-subject-token"])
    assert told["catalog"] == answer["token"]["catalog"]
    return {
        item["type"]: sorted(e["url"] for e in item["endpoints"] if e["interface"] == "public")
        for item in told["catalog"]
    }


def test_an_endpoint_group_is_made_shown_changed_and_deleted(tmp_path: Path, database: str) -> None:
    async def talk(keystone: Talk) -> None:
        made = await keystone.make("endpoint_group", GROUPS, name="north", filters={"region_id": "North"})
        path = f"{GROUPS}/{made['id']}"
        assert made == {
            "id": made["id"],
            "name": "north",
            "description": None,
            "filters": {"region_id": "North"},
            "links": {"self": f"http://cloud/identity/v3{path}"},
        }
        await keystone.make("endpoint_group", GROUPS, name="others", filters={"interface": "admin"})
        found = await keystone("GET", f"{GROUPS}?name=north")
        assert found["endpoint_groups"] == [made]
        changed = await keystone(
            "PATCH", path, {"endpoint_group": {"filters": {"interface": "public"}, "description": "x"}}
        )
        same = await keystone("PATCH", path, {"endpoint_group": {"filters": None, "name": "north"}})
        assert same["endpoint_group"] == changed["endpoint_group"]
        assert changed["endpoint_group"] == {
            **made, "filters": {"interface": "public"}, "description": "x"
        }  # fmt: skip
        assert (await keystone("HEAD", path)).status == 200
        assert (await keystone("DELETE", path)).status == 204
        gone = await keystone("GET", path)
        assert (gone.status, gone["error"]["message"]) == (
            404,
            f"Could not find Endpoint Group: {made['id']}.",
        )

    converse(tmp_path, talk, database=database)


@pytest.mark.parametrize(
    "changes",
    [
        {"filters": {}},
        {"filters": None},
        {"filters": {"enabled": True}},
        {"filters": {"interface": "secret"}},
        {"filters": {"colour": "red"}},
        {"filters": "all"},
        {"name": ""},
        {"name": None},
        {"description": 5},
        {"colour": "red"},
    ],
)
def test_an_endpoint_group_that_makes_no_sense_is_refused(tmp_path: Path, changes: dict[str, Any]) -> None:
    async def talk(keystone: Talk) -> None:
        group = {"name": "x", "filters": {"interface": "public"}, **changes}
        assert (await keystone("POST", GROUPS, {"endpoint_group": group})).status == 400
        assert (await keystone("GET", GROUPS))["endpoint_groups"] == []

    converse(tmp_path, talk)


def test_a_project_that_was_given_endpoints_sees_no_others(tmp_path: Path, database: str) -> None:
    async def talk(keystone: Talk) -> None:
        ids, alice = await music(keystone), await keystone.person("alice")
        everything = await catalog(keystone, alice)
        assert everything["music"] == ["http://North", "http://South"]
        assert "identity" in everything
        endpoints = f"{FILTER}/projects/{alice.project['id']}/endpoints"
        path = f"{endpoints}/{ids['North']}"
        assert (await keystone("HEAD", path)).status == 404
        assert (await keystone("PUT", path)).status == 204
        assert (await keystone("PUT", path)).status == 409
        assert await catalog(keystone, alice) == {"music": ["http://North"]}
        assert (await keystone("HEAD", path)).status == 204
        assert (await keystone("GET", path)).status == 204
        found = await keystone("GET", endpoints)
        assert [endpoint["id"] for endpoint in found["endpoints"]] == [ids["North"]]
        projects = await keystone("GET", f"{FILTER}/endpoints/{ids['North']}/projects")
        assert [project["id"] for project in projects["projects"]] == [alice.project["id"]]
        bob = await keystone.person("bob")
        assert await catalog(keystone, bob) == everything
        await keystone("PATCH", f"/endpoints/{ids['North']}", {"endpoint": {"enabled": False}})
        assert await catalog(keystone, alice) == {}
        assert (await keystone("DELETE", path)).status == 204
        gone = await keystone("DELETE", path)
        assert (gone.status, gone["error"]["message"]) == (
            404,
            f"Endpoint {ids['North']} not found in project {alice.project['id']}",
        )
        assert (await catalog(keystone, alice))["music"] == ["http://South"]

    converse(tmp_path, talk, database=database)


def test_a_project_sees_what_its_endpoint_groups_hold(tmp_path: Path, database: str) -> None:
    async def talk(keystone: Talk) -> None:
        ids, alice = await music(keystone), await keystone.person("alice")
        group = await keystone.make(
            "endpoint_group", GROUPS, name="north", filters={"region_id": "North", "interface": "public"}
        )
        path = f"{GROUPS}/{group['id']}"
        held = await keystone("GET", f"{path}/endpoints")
        assert [endpoint["id"] for endpoint in held["endpoints"]] == [ids["North"]]
        member = f"{path}/projects/{alice.project['id']}"
        missing = await keystone("GET", member)
        assert (missing.status, missing["error"]["message"]) == (
            404,
            "Endpoint Group Project Association not found",
        )
        assert (await keystone("PUT", member)).status == 204
        assert (await keystone("PUT", member)).status == 409
        assert (await keystone("GET", member))["project_endpoint_group"] == {
            "endpoint_group_id": group["id"],
            "project_id": alice.project["id"],
            "links": {"self": f"http://cloud/identity/v3{member}"},
        }
        assert await catalog(keystone, alice) == {"music": ["http://North"]}
        groups = await keystone("GET", f"{FILTER}/projects/{alice.project['id']}/endpoint_groups")
        assert groups["endpoint_groups"] == [group]
        projects = await keystone("GET", f"{path}/projects")
        assert [project["id"] for project in projects["projects"]] == [alice.project["id"]]
        await keystone("PUT", f"{FILTER}/projects/{alice.project['id']}/endpoints/{ids['South']}")
        assert await catalog(keystone, alice) == {"music": ["http://North", "http://South"]}
        filters = {"service_id": ids["service"]}
        await keystone("PATCH", path, {"endpoint_group": {"filters": filters}})
        found = await keystone("GET", f"{FILTER}/projects/{alice.project['id']}/endpoints")
        assert len(found["endpoints"]) == 2
        assert (await keystone("DELETE", path)).status == 204
        assert await catalog(keystone, alice) == {"music": ["http://South"]}

    converse(tmp_path, talk, database=database)


def test_what_was_given_goes_with_its_endpoint_and_its_project(tmp_path: Path, database: str) -> None:
    async def talk(keystone: Talk) -> None:
        ids, alice = await music(keystone), await keystone.person("alice")
        endpoints = f"{FILTER}/projects/{alice.project['id']}/endpoints"
        assert (await keystone("PUT", f"{endpoints}/{ids['North']}")).status == 204
        assert (await keystone("DELETE", f"/endpoints/{ids['North']}")).status == 204
        assert (await catalog(keystone, alice))["music"] == ["http://South"]
        assert (await keystone("PUT", f"{endpoints}/{ids['South']}")).status == 204
        assert (await keystone("DELETE", f"/projects/{alice.project['id']}")).status == 204
        found = await keystone("GET", f"{FILTER}/endpoints/{ids['South']}/projects")
        assert found["projects"] == []
        for path in (f"endpoints/{ids['North']}/projects", f"projects/{alice.project['id']}/endpoints",
                     f"projects/{alice.project['id']}/endpoint_groups"):  # fmt: skip
            assert (await keystone("GET", f"{FILTER}/{path}")).status == 404
        assert (await keystone("PUT", f"{endpoints}/{ids['South']}")).status == 404

    converse(tmp_path, talk, database=database)


def test_only_administrators_say_what_projects_see(tmp_path: Path) -> None:
    async def talk(keystone: Talk) -> None:
        ids, alice = await music(keystone), await keystone.person("alice")
        token = await alice.login()
        project = f"{FILTER}/projects/{alice.project['id']}"
        for method, path in (
            ("GET", GROUPS),
            ("GET", f"{GROUPS}/x/projects"),
            ("GET", f"{project}/endpoints"),
            ("PUT", f"{project}/endpoints/{ids['North']}"),
            ("DELETE", f"{project}/endpoints/{ids['North']}"),
            ("PUT", f"{GROUPS}/x/projects/{alice.project['id']}"),
        ):
            assert (await keystone(method, path, token=token)).status == 403, path

    converse(tmp_path, talk)


def test_an_operator_may_have_projects_see_nothing_that_they_were_not_given(tmp_path: Path) -> None:
    async def talk(keystone: Talk) -> None:
        ids, alice = await music(keystone), await keystone.person("alice")
        assert await catalog(keystone, alice) == {}
        await keystone("PUT", f"{FILTER}/projects/{alice.project['id']}/endpoints/{ids['North']}")
        assert await catalog(keystone, alice) == {"music": ["http://North"]}

    converse(tmp_path, talk, settings={"return_all_endpoints_if_no_filter": False})
