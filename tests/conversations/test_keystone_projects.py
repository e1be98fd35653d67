# SPDX-License-Identifier: Apache-2.0
"""Projects, domains and tags."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from cumulet.kernel.db import Row, Tx
from cumulet.services.keystone.people import Group, User
from cumulet.services.keystone.projects.model import Project
from cumulet.services.keystone.roles.model import Role
from cumulet.testing.identity import Talk, converse


def names(answer: Any, plural: str = "projects") -> list[str]:
    return sorted(item["name"] for item in answer[plural])


def test_a_project_is_made_shown_changed_and_deleted(tmp_path: Path, database: str) -> None:
    async def talk(keystone: Talk) -> None:
        made = await keystone("POST", "/projects", {"project": {"name": "stage", "colour": "red"}})
        assert made.status == 201
        project = made["project"]
        path = f"/projects/{project['id']}"
        assert project == {
            "id": project["id"],
            "name": "stage",
            "domain_id": "default",
            "parent_id": "default",
            "description": "",
            "enabled": True,
            "is_domain": False,
            "tags": [],
            "options": {},
            "colour": "red",
            "links": {"self": f"http://cloud/identity/v3{path}"},
        }
        changed = await keystone(
            "PATCH", path, {"project": {"description": "x", "size": 3, "tags": ["b", "a"]}}
        )
        assert changed.status == 200
        shown = (await keystone("GET", path))["project"]
        assert shown == changed["project"]
        assert (shown["description"], shown["colour"], shown["size"]) == ("x", "red", 3)
        assert shown["tags"] == ["a", "b"]
        assert (await keystone("HEAD", path)).status == 200
        assert (await keystone("DELETE", path)).status == 204
        gone = await keystone("GET", path)
        assert gone.status == 404
        assert gone["error"]["message"] == f"Could not find project: {project['id']}."

    converse(tmp_path, talk, database=database)


@pytest.mark.parametrize(
    ("project", "message"),
    [
        ({"name": "x" * 65}, "Invalid input for field 'project/name'"),
        ({"name": ""}, "Invalid input for field 'project/name'"),
        ({"name": "  "}, "Invalid input for field 'project/name'"),
        ({"name": None}, "Invalid input for field 'project/name'"),
        ({}, "'name' is a required property"),
        ({"name": "x", "enabled": "maybe"}, "Invalid input for field 'project/enabled'"),
        ({"name": "x", "description": 5}, "Invalid input for field 'project/description'"),
        ({"name": "x", "parent_id": "nowhere"}, "Could not find project: nowhere."),
        ({"name": "x", "domain_id": "nowhere"}, "Could not find domain: nowhere."),
        ({"name": "x", "tags": ["a,b"]}, "Invalid input for field 'project/tags/0'"),
        ({"name": "x", "tags": [str(i) for i in range(81)]}, "Invalid input for field 'project/tags'"),
        ({"name": "x", "options": {"unknown": True}}, "Invalid input for field 'project/options'"),
        ({"name": "x", "is_domain": True, "parent_id": "default"}, "only root projects are allowed"),
    ],
)
def test_a_project_that_makes_no_sense_is_refused(
    tmp_path: Path, project: dict[str, Any], message: str
) -> None:
    async def talk(keystone: Talk) -> None:
        answer = await keystone("POST", "/projects", {"project": project})
        assert answer.status == 400, answer
        assert message in answer["error"]["message"]

    converse(tmp_path, talk)


def test_a_name_is_taken_once_in_a_domain(tmp_path: Path, database: str) -> None:
    async def talk(keystone: Talk) -> None:
        await keystone.make("project", name="stage")
        again = await keystone("POST", "/projects", {"project": {"name": "stage"}})
        assert again.status == 409
        assert again["error"]["message"].startswith(
            "Conflict occurred attempting to store project - it is not permitted to have two projects with "
            "either the same name or same id in the same domain: name is stage, project id "
        )
        domain = await keystone.make("domain", name="elsewhere")
        await keystone.make("project", name="stage", domain_id=domain["id"])
        assert (await keystone("POST", "/domains", {"domain": {"name": "elsewhere"}})).status == 409
        other = await keystone.make("project", name="other")
        taken = await keystone("PATCH", f"/projects/{other['id']}", {"project": {"name": "stage"}})
        assert taken.status == 409

    converse(tmp_path, talk, database=database)


def test_projects_stand_in_a_tree_of_limited_depth(tmp_path: Path) -> None:
    async def talk(keystone: Talk) -> None:
        ids = ["default"]
        for depth in range(5):
            made = await keystone.make("project", name=f"level {depth}", parent_id=ids[-1])
            ids.append(made["id"])
        too_deep = await keystone("POST", "/projects", {"project": {"name": "deep", "parent_id": ids[-1]}})
        assert too_deep.status == 403
        assert too_deep["error"]["message"] == f"Max hierarchy depth reached for {ids[-1]} branch."
        top, leaf = f"/projects/{ids[1]}", f"/projects/{ids[-1]}"
        below = (await keystone("GET", f"{top}?subtree_as_ids"))["project"]["subtree"]
        assert below == {ids[2]: {ids[3]: {ids[4]: {ids[5]: None}}}}
        above = (await keystone("GET", f"{leaf}?parents_as_ids"))["project"]["parents"]
        assert above == {ids[4]: {ids[3]: {ids[2]: {ids[1]: {"default": None}}}}}
        both = await keystone("GET", f"{leaf}?parents_as_ids&parents_as_list")
        assert both.status == 400
        assert (await keystone("DELETE", top)).status == 403
        assert (await keystone("PATCH", top, {"project": {"enabled": False}})).status == 403
        moved = await keystone("PATCH", leaf, {"project": {"parent_id": ids[1]}})
        assert moved["error"]["message"] == "Update of `parent_id` is not allowed."
        for id in reversed(ids[1:]):
            assert (await keystone("PATCH", f"/projects/{id}", {"project": {"enabled": False}})).status == 200
        assert (await keystone("PATCH", leaf, {"project": {"enabled": True}})).status == 403
        born_disabled = await keystone("POST", "/projects", {"project": {"name": "x", "parent_id": ids[1]}})
        assert born_disabled.status == 400

    converse(tmp_path, talk)


def test_a_parent_in_another_domain_is_refused(tmp_path: Path) -> None:
    async def talk(keystone: Talk) -> None:
        domain = await keystone.make("domain", name="elsewhere")
        parent = await keystone.make("project", name="far", domain_id=domain["id"])
        for parent_id in (domain["id"], parent["id"]):
            body = {"project": {"name": "x", "parent_id": parent_id, "domain_id": "default"}}
            assert (await keystone("POST", "/projects", body)).status == 400

    converse(tmp_path, talk)


def test_projects_are_filtered_sorted_into_pages_and_found_by_tags(tmp_path: Path, database: str) -> None:
    async def talk(keystone: Talk) -> None:
        for name, tags in (("Alpha", ["x"]), ("beta", ["x", "y"]), ("gamma", ["z"]), ("al%pine", [])):
            await keystone.make("project", name=name, tags=tags, enabled=name != "gamma")

        async def found(query: str) -> list[str]:
            answer = await keystone("GET", f"/projects?{query}")
            assert answer.status == 200, answer
            return [name for name in names(answer) if name not in ("admin", "service")]

        assert await found("") == ["Alpha", "al%pine", "beta", "gamma"]
        assert await found("name=beta") == ["beta"]
        assert await found("name__contains=alp") == []
        assert await found("name__icontains=alp") == ["Alpha"]
        assert await found("name__startswith=al") == ["al%pine"]
        assert await found("name__istartswith=AL") == ["Alpha", "al%pine"]
        assert await found("name__endswith=ta") == ["beta"]
        assert await found("name__icontains=%25") == ["al%pine"]
        assert await found("enabled=False") == ["gamma"]
        assert await found("enabled") == ["Alpha", "al%pine", "beta"]
        assert await found("domain_id=nowhere") == []
        assert await found("parent_id=default&unknown=1") == ["Alpha", "al%pine", "beta", "gamma"]
        assert await found("tags=x") == ["Alpha", "beta"]
        assert await found("tags=x,y") == ["beta"]
        assert await found("tags-any=y,z") == ["beta", "gamma"]
        assert await found("not-tags=x,y") == ["Alpha", "al%pine", "gamma"]
        assert await found("not-tags-any=y,z") == ["Alpha", "al%pine"]
        assert names(await keystone("GET", "/projects?is_domain=true")) == ["Default"]
        page = await keystone("GET", "/projects?limit=4")
        assert page["truncated"] is True
        rest = await keystone.cloud.request("GET", page["links"]["next"].removeprefix("http://cloud"))
        assert len(rest["projects"]) == 2
        assert rest["links"]["next"] is None
        assert (await keystone("GET", "/projects?marker=nothing")).status == 404
        assert (await keystone("GET", "/projects?limit=many")).status == 400
        assert (await keystone("GET", "/projects?enabled=perhaps")).status == 400

    converse(tmp_path, talk, database=database)


def test_a_list_is_as_long_as_the_settings_say(tmp_path: Path) -> None:
    async def talk(keystone: Talk) -> None:
        for name in ("a", "b", "c"):
            await keystone.make("project", name=name)
        answer = await keystone("GET", "/projects")
        assert len(answer["projects"]) == 2 and answer["truncated"] is True
        rest = await keystone.cloud.request("GET", answer["links"]["next"].removeprefix("http://cloud"))
        assert len(rest["projects"]) == 2 and rest["truncated"] is True
        answer = await keystone("GET", "/projects?limit=10")
        assert len(answer["projects"]) == 5 and "truncated" not in answer.body
        assert "truncated" not in (await keystone("GET", "/domains")).body

    converse(tmp_path, talk, settings={"list_limit": 2})


ROWS: dict[str, Callable[[str], Row]] = {
    "user": lambda name: User(name=name, domain_id="default"),
    "group": lambda name: Group(name=name, domain_id="default"),
    "project": lambda name: Project(name=name, domain_id="default", parent_id="default"),
    "domain": lambda name: Project(name=name, is_domain=True),
    "role": lambda name: Role(name=name),
}


@pytest.mark.parametrize("noun", ROWS)
def test_lists_that_grow_with_the_cloud_come_in_pages_of_a_thousand(tmp_path: Path, noun: str) -> None:
    def fill(tx: Tx) -> None:
        tx.insert_many([ROWS[noun](f"n{number}") for number in range(1001)])

    async def talk(keystone: Talk) -> None:
        await keystone.cloud.app.db.transact(fill)
        answer = await keystone("GET", f"/{noun}s")
        found = len(answer[f"{noun}s"])
        if noun == "role":
            assert found > 1000 and "truncated" not in answer.body
            return
        assert (found, answer["truncated"]) == (1000, True)
        rest = await keystone.cloud.request("GET", answer["links"]["next"].removeprefix("http://cloud"))
        assert rest[f"{noun}s"] and rest["links"]["next"] is None

    converse(tmp_path, talk)


def test_tags_are_put_and_taken_one_by_one(tmp_path: Path) -> None:
    async def talk(keystone: Talk) -> None:
        project = await keystone.make("project", name="stage")
        tags = f"/projects/{project['id']}/tags"
        assert (await keystone("PUT", f"{tags}/red")).status == 201
        assert (await keystone("PUT", f"{tags}/red")).status == 201
        assert (await keystone("GET", f"{tags}/red")).status == 204
        assert (await keystone("GET", f"{tags}/blue")).status == 404
        assert (await keystone("PUT", tags, {"tags": ["blue", "green"]}))["tags"] == ["blue", "green"]
        assert (await keystone("PUT", tags, {"tags": ["a/b"]})).status == 400
        assert (await keystone("PUT", tags, {})).status == 400
        assert (await keystone("DELETE", f"{tags}/blue")).status == 204
        assert (await keystone("GET", tags))["tags"] == ["green"]
        assert (await keystone("DELETE", tags)).status == 204
        assert (await keystone("GET", tags))["tags"] == []

    converse(tmp_path, talk)


def test_an_immutable_project_is_left_alone_until_it_is_mutable(tmp_path: Path) -> None:
    async def talk(keystone: Talk) -> None:
        project = await keystone.make("project", name="stone", options={"immutable": True})
        path = f"/projects/{project['id']}"
        refused = await keystone("PATCH", path, {"project": {"description": "x"}})
        assert refused.status == 403
        assert refused["error"]["message"] == (
            f"Unable to update immutable project resource: `{project['id']}. "
            'Set resource option "immutable" to false first.'
        )
        assert (await keystone("DELETE", path)).status == 403
        assert (await keystone("PUT", f"{path}/tags/red")).status == 400
        mutable = await keystone("PATCH", path, {"project": {"options": {"immutable": None}}})
        assert mutable["project"]["options"] == {}
        assert (await keystone("DELETE", path)).status == 204

    converse(tmp_path, talk)


def test_a_domain_is_disabled_before_it_is_deleted_with_all_that_is_in_it(
    tmp_path: Path, database: str
) -> None:
    async def talk(keystone: Talk) -> None:
        domain = await keystone.make("domain", name="elsewhere", description="far")
        assert "domain_id" not in domain
        ada = await keystone.person("ada", domain_id=domain["id"])
        child = await keystone.make(
            "project", name="child", domain_id=domain["id"], parent_id=ada.project["id"]
        )
        path = f"/domains/{domain['id']}"
        enabled = await keystone("DELETE", path)
        assert enabled.status == 403
        assert (
            enabled["error"]["message"] == "Cannot delete a domain that is enabled, please disable it first."
        )
        assert (await keystone("PATCH", path, {"domain": {"enabled": False}})).status == 200
        assert (await keystone("DELETE", path)).status == 204
        for gone in (path, f"/users/{ada.id}", f"/projects/{child['id']}"):
            assert (await keystone("GET", gone)).status == 404
        assert (await keystone("GET", f"/domains/{ada.project['id']}")).status == 404

    converse(tmp_path, talk, database=database)


def test_a_domain_is_a_project_too(tmp_path: Path) -> None:
    async def talk(keystone: Talk) -> None:
        id = "0123456789abcdef" * 2
        domain = await keystone.make("domain", name="given", explicit_domain_id=id)
        assert domain["id"] == id
        project = (await keystone("GET", f"/projects/{id}"))["project"]
        assert (project["is_domain"], project["domain_id"], project["parent_id"]) == (True, None, None)
        bad = await keystone("POST", "/domains", {"domain": {"name": "b", "explicit_domain_id": "b-d"}})
        assert bad["error"]["message"] == "Domain ID does not conform to required UUID format."
        assert names(await keystone("GET", "/domains"), "domains") == ["Default", "given"]
        assert names(await keystone("GET", "/domains?name=given"), "domains") == ["given"]

    converse(tmp_path, talk)
