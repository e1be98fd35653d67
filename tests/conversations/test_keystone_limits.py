# SPDX-License-Identifier: Apache-2.0
"""Unified limits: what every project may have of a resource, and what some may have instead."""

from pathlib import Path
from typing import Any

import pytest

from cumulet.testing.asgi import Answer
from cumulet.testing.identity import Talk, converse

MODEL = {"limit_model": "strict_two_level"}


async def service(keystone: Talk) -> str:
    """The id of a service whose resources are limited."""
    id: str = (await keystone.make("service", type="music", name="orpheus"))["id"]
    return id


async def register(keystone: Talk, service_id: str, **fields: Any) -> dict[str, Any]:
    """A new registered limit; ten songs unless told otherwise."""
    item = {"service_id": service_id, "resource_name": "songs", "default_limit": 10, **fields}
    answer = await keystone("POST", "/registered_limits", {"registered_limits": [item]})
    assert answer.status == 201, answer
    found: dict[str, Any] = answer["registered_limits"][0]
    return found


async def limit(keystone: Talk, service_id: str, amount: int, **fields: Any) -> Answer:
    item = {"service_id": service_id, "resource_name": "songs", "resource_limit": amount, **fields}
    return await keystone("POST", "/limits", {"limits": [item]})


def test_a_registered_limit_is_made_shown_changed_and_deleted(tmp_path: Path, database: str) -> None:
    async def talk(keystone: Talk) -> None:
        service_id = await service(keystone)
        made = await register(keystone, service_id, region_id="RegionOne", description="enough")
        path = f"/registered_limits/{made['id']}"
        assert made == {
            "id": made["id"],
            "service_id": service_id,
            "region_id": "RegionOne",
            "resource_name": "songs",
            "default_limit": 10,
            "description": "enough",
            "links": {"self": f"http://cloud/identity/v3{path}"},
        }
        everywhere = await register(keystone, service_id)
        assert (everywhere["region_id"], everywhere["description"]) == (None, None)
        found = await keystone("GET", f"/registered_limits?service_id={service_id}&region_id=RegionOne")
        assert found["registered_limits"] == [made]
        assert found["links"]["self"].endswith(f"?service_id={service_id}&region_id=RegionOne")
        changed = await keystone("PATCH", path, {"registered_limit": {"default_limit": 0}})
        assert changed["registered_limit"] == {**made, "default_limit": 0}
        taken = await keystone("PATCH", path, {"registered_limit": {"region_id": None}})
        assert taken.status == 409
        assert (await keystone("DELETE", path)).status == 204
        gone = await keystone("GET", path)
        assert (gone.status, gone["error"]["message"]) == (
            404,
            f"Could not find registered limit for {made['id']}.",
        )

    converse(tmp_path, talk, database=database)


@pytest.mark.parametrize(
    "changes",
    [
        {"default_limit": -2},
        {"default_limit": 2**31},
        {"default_limit": "10"},
        {"default_limit": True},
        {"resource_name": ""},
        {"resource_name": "x" * 256},
        {"service_id": "nothing"},
        {"service_id": None},
        {"region_id": "nowhere"},
        {"region_id": ""},
        {"description": 5},
        {"colour": "red"},
    ],
)
def test_a_registered_limit_that_makes_no_sense_is_refused(tmp_path: Path, changes: dict[str, Any]) -> None:
    async def talk(keystone: Talk) -> None:
        item = {"service_id": await service(keystone), "resource_name": "songs", "default_limit": 10}
        answer = await keystone("POST", "/registered_limits", {"registered_limits": [{**item, **changes}]})
        assert answer.status == 400
        assert (await keystone("GET", "/registered_limits"))["registered_limits"] == []

    converse(tmp_path, talk)


def test_registered_limits_come_together_or_not_at_all(tmp_path: Path, database: str) -> None:
    async def talk(keystone: Talk) -> None:
        item = {"service_id": await service(keystone), "resource_name": "songs", "default_limit": 10}
        for body in ({}, {"registered_limits": []}, {"registered_limit": item}, {"registered_limits": item}):
            assert (await keystone("POST", "/registered_limits", body)).status == 400
        other = {**item, "resource_name": "albums"}
        twice = await keystone("POST", "/registered_limits", {"registered_limits": [other, item, item]})
        assert twice.status == 409
        assert twice["error"]["message"] == (
            "Conflict occurred attempting to store registered_limit - Duplicate entry."
        )
        assert (await keystone("GET", "/registered_limits"))["registered_limits"] == []
        both = await keystone("POST", "/registered_limits", {"registered_limits": [other, item]})
        assert [made["resource_name"] for made in both["registered_limits"]] == ["albums", "songs"]
        missing = await keystone(
            "POST", "/registered_limits", {"registered_limits": [{**item, "service_id": "x"}]}
        )
        assert missing["error"]["message"].startswith("Expecting to find service_id in registered_limit.")

    converse(tmp_path, talk, database=database)


def test_a_limit_rests_on_a_registered_one(tmp_path: Path, database: str) -> None:
    async def talk(keystone: Talk) -> None:
        service_id = await service(keystone)
        project = await keystone.make("project", name="band")
        bare = await limit(keystone, service_id, 5, project_id=project["id"])
        assert (bare.status, bare["error"]["message"]) == (
            403,
            "Unable to create a limit that has no corresponding registered limit.",
        )
        registered = await register(keystone, service_id)
        made = await limit(keystone, service_id, 5, project_id=project["id"])
        assert made.status == 201
        (shown,) = made["limits"]
        path = f"/limits/{shown['id']}"
        assert shown == {
            "id": shown["id"],
            "project_id": project["id"],
            "domain_id": None,
            "service_id": service_id,
            "region_id": None,
            "resource_name": "songs",
            "resource_limit": 5,
            "description": None,
            "links": {"self": f"http://cloud/identity/v3{path}"},
        }
        assert (await limit(keystone, service_id, 6, project_id=project["id"])).status == 409
        of_domain = await limit(keystone, service_id, 50, project_id="default")
        assert (of_domain["limits"][0]["project_id"], of_domain["limits"][0]["domain_id"]) == (
            None,
            "default",
        )
        assert (await limit(keystone, service_id, 50, domain_id="default")).status == 409
        changed = await keystone("PATCH", path, {"limit": {"resource_limit": 0, "description": "none"}})
        assert changed["limit"] == {**shown, "resource_limit": 0, "description": "none"}
        refused = f"/registered_limits/{registered['id']}"
        for method, body in (("DELETE", None), ("PATCH", {"registered_limit": {"default_limit": 3}})):
            answer = await keystone(method, refused, body)
            assert (answer.status, answer["error"]["message"]) == (
                403,
                f"Unable to update or delete registered limit {registered['id']} because there are "
                "project limits associated with it.",
            )
        found = await keystone("GET", f"/limits?project_id={project['id']}&resource_name=songs")
        assert [row["id"] for row in found["limits"]] == [shown["id"]]
        assert (await keystone("DELETE", path)).status == 204
        assert (await keystone("GET", path))["error"]["message"] == f"Could not find limit for {shown['id']}."

    converse(tmp_path, talk, database=database)


@pytest.mark.parametrize(
    "changes",
    [
        {"project_id": "nothing"},
        {"project_id": None},
        {"domain_id": "default"},
        {"resource_limit": -2},
        {"resource_limit": None},
        {"service_id": "nothing"},
        {"region_id": "nowhere"},
        {"colour": "red"},
    ],
)
def test_a_limit_that_makes_no_sense_is_refused(tmp_path: Path, changes: dict[str, Any]) -> None:
    async def talk(keystone: Talk) -> None:
        service_id = await service(keystone)
        await register(keystone, service_id)
        project = await keystone.make("project", name="band")
        answer = await limit(
            keystone, changes.pop("service_id", service_id), 1, **{"project_id": project["id"], **changes}
        )
        assert answer.status == 400
        assert (await limit(keystone, service_id, 1)).status == 400
        assert (await keystone("PATCH", "/limits/x", {"limit": {"project_id": "y"}})).status == 400
        assert (await keystone("PATCH", "/limits/x", {"limit": {}})).status == 404

    converse(tmp_path, talk)


def test_a_limit_goes_with_its_project_and_its_domain(tmp_path: Path, database: str) -> None:
    async def talk(keystone: Talk) -> None:
        service_id = await service(keystone)
        await register(keystone, service_id)
        domain = await keystone.make("domain", name="label")
        project = await keystone.make("project", name="band", domain_id=domain["id"])
        await limit(keystone, service_id, 5, project_id=project["id"])
        await limit(keystone, service_id, 6, domain_id=domain["id"])

        async def left() -> list[int]:
            return [row["resource_limit"] for row in (await keystone("GET", "/limits"))["limits"]]

        assert sorted(await left()) == [5, 6]
        assert (await keystone("DELETE", f"/projects/{project['id']}")).status == 204
        assert await left() == [6]
        await keystone("PATCH", f"/domains/{domain['id']}", {"domain": {"enabled": False}})
        assert (await keystone("DELETE", f"/domains/{domain['id']}")).status == 204
        assert await left() == []

    converse(tmp_path, talk, database=database)


def test_limits_stay_when_their_service_and_region_go(tmp_path: Path, database: str) -> None:
    async def talk(keystone: Talk) -> None:
        service_id = await service(keystone)
        await keystone.make("region", id="North")
        registered = await register(keystone, service_id, region_id="North")
        made = await limit(keystone, service_id, 7, domain_id="default", region_id="North")
        (own,) = made["limits"]
        for path in ("/regions/North", f"/services/{service_id}"):
            assert (await keystone("DELETE", path)).status == 204
        changed = await keystone("PATCH", f"/limits/{own['id']}", {"limit": {"resource_limit": 8}})
        assert changed["limit"] == {**own, "resource_limit": 8}
        assert (await keystone("GET", "/registered_limits"))["registered_limits"] == [registered]
        for path in (f"/limits/{own['id']}", f"/registered_limits/{registered['id']}"):
            assert (await keystone("DELETE", path)).status == 204

    converse(tmp_path, talk, database=database)


def test_people_see_the_limits_that_concern_them(tmp_path: Path, database: str) -> None:
    async def talk(keystone: Talk) -> None:
        service_id = await service(keystone)
        await register(keystone, service_id)
        domain = await keystone.make("domain", name="label")
        alice = await keystone.person("alice", domain_id=domain["id"])
        bob = await keystone.person("bob")
        await keystone.give("reader", alice.id, f"/domains/{domain['id']}")
        made = {
            amount: (await limit(keystone, service_id, amount, **whose))["limits"][0]["id"]
            for amount, whose in (
                (1, {"project_id": alice.project["id"]}),
                (2, {"project_id": bob.project["id"]}),
                (3, {"domain_id": domain["id"]}),
            )
        }
        in_project, of_bob = await alice.login(), await bob.login()
        in_domain = await keystone.login(alice.credentials, {"domain": {"id": domain["id"]}})

        async def seen(token: str) -> list[int]:
            answer = await keystone("GET", "/limits", token=token)
            return sorted(row["resource_limit"] for row in answer["limits"])

        assert await seen(keystone.cloud.token) == [1, 2, 3]
        assert await seen(in_project) == [1]
        assert await seen(in_domain) == [1, 3]
        assert await seen(of_bob) == [2]
        told = ((in_project, 1, 200), (in_project, 3, 403), (in_domain, 3, 200), (in_domain, 1, 200),
                (in_domain, 2, 403), (of_bob, 1, 403))  # fmt: skip
        for token, amount, status in told:
            assert (await keystone("GET", f"/limits/{made[amount]}", token=token)).status == status
        assert len((await keystone("GET", "/registered_limits", token=of_bob))["registered_limits"]) == 1
        assert (await keystone("GET", "/limits/model", token=of_bob)).status == 200
        new = {"registered_limits": [{"service_id": service_id, "resource_name": "x", "default_limit": 1}]}
        for method, path, body in (
            ("POST", "/registered_limits", new),
            ("POST", "/limits", {"limits": [{"service_id": service_id, "resource_name": "songs",
                                             "resource_limit": 9, "project_id": bob.project["id"]}]}),
            ("PATCH", f"/limits/{made[2]}", {"limit": {"resource_limit": 99}}),
            ("DELETE", f"/limits/{made[2]}", None),
        ):  # fmt: skip
            assert (await keystone(method, path, body, token=of_bob)).status == 403

    converse(tmp_path, talk, database=database)


def test_a_project_shows_the_limits_of_its_relatives(tmp_path: Path) -> None:
    async def talk(keystone: Talk) -> None:
        service_id = await service(keystone)
        await register(keystone, service_id)
        admin = (await keystone("GET", "/projects?name=admin"))["projects"][0]
        child = await keystone.make("project", name="child", parent_id=admin["id"])
        await limit(keystone, service_id, 5, project_id=admin["id"])
        answer = await keystone("GET", f"/projects/{child['id']}?parents_as_list&include_limits")
        (parent,) = answer["project"]["parents"]
        (shown,) = parent["project"]["limits"]
        assert (shown["project_id"], shown["resource_limit"]) == (admin["id"], 5)
        assert "links" not in shown
        plain = await keystone("GET", f"/projects/{child['id']}?parents_as_list")
        assert "limits" not in plain["project"]["parents"][0]["project"]

    converse(tmp_path, talk)


def test_the_model_is_flat_unless_the_operator_says_otherwise(tmp_path: Path) -> None:
    async def talk(keystone: Talk) -> None:
        assert (await keystone("GET", "/limits/model"))["model"] == {
            "name": "flat",
            "description": (
                "Limit enforcement and validation does not take project hierarchy into consideration."
            ),
        }

    converse(tmp_path, talk)


def test_no_project_may_have_more_than_its_domain_in_the_strict_model(tmp_path: Path, database: str) -> None:
    async def talk(keystone: Talk) -> None:
        assert (await keystone("GET", "/limits/model"))["model"] == {
            "name": "strict_two_level",
            "description": "This model requires project hierarchy never exceeds a depth of two",
        }
        service_id = await service(keystone)
        await register(keystone, service_id)
        domain_id = (await keystone.make("domain", name="label"))["id"]
        project_id = (await keystone.make("project", name="band", domain_id=domain_id))["id"]
        refused = await limit(keystone, service_id, 11, project_id=project_id)
        assert (refused.status, refused["error"]["message"]) == (
            403,
            f"Invalid resource limit: The resource limit (project_id: {project_id}, resource_name: songs, "
            f"resource_limit: 11, service_id: {service_id}, region_id: None) doesn't satisfy current "
            "hierarchy model..",
        )
        assert (await limit(keystone, service_id, -1, project_id=project_id)).status == 403
        item = {"service_id": service_id, "resource_name": "songs"}
        above = {**item, "domain_id": domain_id, "resource_limit": 20}
        below = {**item, "project_id": project_id, "resource_limit": 15}
        both = await keystone("POST", "/limits", {"limits": [below, {**above, "resource_limit": 14}]})
        assert both.status == 403
        both = await keystone("POST", "/limits", {"limits": [below, above]})
        assert both.status == 201
        of_project, of_domain = (row["id"] for row in both["limits"])
        for id, amount, status in ((of_project, 21, 403), (of_project, 20, 200),
                                   (of_domain, 19, 403), (of_domain, 30, 200), (of_domain, -1, 200),
                                   (of_project, -1, 200), (of_domain, 30, 403)):  # fmt: skip
            answer = await keystone("PATCH", f"/limits/{id}", {"limit": {"resource_limit": amount}})
            assert answer.status == status, (id, amount)

    converse(tmp_path, talk, database=database, **MODEL)


def test_projects_stand_no_deeper_than_the_strict_model_knows(tmp_path: Path) -> None:
    async def talk(keystone: Talk) -> None:
        parent = await keystone.make("project", name="one")
        child = await keystone.make("project", name="two", parent_id=parent["id"])
        answer = await keystone("POST", "/projects", {"project": {"name": "three", "parent_id": child["id"]}})
        assert (answer.status, answer["error"]["message"]) == (
            403,
            f"Max hierarchy depth reached for {child['id']} branch.",
        )

    converse(tmp_path, talk, **MODEL)
