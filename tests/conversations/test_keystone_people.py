# SPDX-License-Identifier: Apache-2.0
"""Users, groups, and what their domain's people may do with them."""

from pathlib import Path
from typing import Any

import pytest

from cumulet.testing.identity import Talk, converse


def test_a_user_is_made_shown_changed_and_deleted(tmp_path: Path, database: str) -> None:
    async def talk(keystone: Talk) -> None:
        wanted = {
            "name": "ada",
            "password": "secret",
            "email": "ada@example.org",
            "options": {"lock_password": True},
        }
        user = await keystone.make("user", **wanted)
        path = f"/users/{user['id']}"
        assert user == {
            "id": user["id"],
            "name": "ada",
            "domain_id": "default",
            "enabled": True,
            "password_expires_at": None,
            "options": {"lock_password": True},
            "email": "ada@example.org",
            "links": {"self": f"http://cloud/identity/v3{path}"},
        }
        body = {"user": {"name": "lovelace", "default_project_id": "x", "options": {"lock_password": None}}}
        changed = await keystone("PATCH", path, body)
        assert changed.status == 200
        shown = (await keystone("GET", path))["user"]
        assert shown == changed["user"]
        assert (shown["name"], shown["email"]) == ("lovelace", "ada@example.org")
        assert (shown["default_project_id"], shown["options"]) == ("x", {})
        assert (await keystone("DELETE", path)).status == 204
        assert (await keystone("GET", path))["error"]["message"] == f"Could not find user: {user['id']}."

    converse(tmp_path, talk, database=database)


@pytest.mark.parametrize(
    ("user", "status"),
    [
        ({"name": "x" * 256}, 400),
        ({"name": ""}, 400),
        ({}, 400),
        ({"name": "x", "enabled": 5}, 400),
        ({"name": "x", "password": 5}, 400),
        ({"name": "x", "domain_id": "nowhere"}, 404),
        ({"name": "x", "domain_id": ""}, 400),
        ({"name": "x", "default_project_id": "default"}, 400),
        ({"name": "x", "options": {"lock_password": "yes"}}, 400),
        ({"name": "x", "password": "p" * 5000}, 403),
        ({"name": "admin"}, 409),
    ],
)
def test_a_user_that_makes_no_sense_is_refused(tmp_path: Path, user: dict[str, Any], status: int) -> None:
    async def talk(keystone: Talk) -> None:
        answer = await keystone("POST", "/users", {"user": user})
        assert answer.status == status, answer

    converse(tmp_path, talk)


def test_a_taken_name_is_told(tmp_path: Path) -> None:
    async def talk(keystone: Talk) -> None:
        answer = await keystone("POST", "/users", {"user": {"name": "admin"}})
        assert answer["error"]["message"] == (
            "Conflict occurred attempting to store user - "
            "Duplicate entry found with name admin at domain ID default."
        )

    converse(tmp_path, talk)


def test_an_update_says_something_and_no_other_domain(tmp_path: Path) -> None:
    async def talk(keystone: Talk) -> None:
        user = await keystone.make("user", name="ada")
        path = f"/users/{user['id']}"
        assert (await keystone("PATCH", path, {"user": {}})).status == 400
        assert (await keystone("PATCH", path, {"user": {"domain_id": "other"}})).status == 400
        assert (await keystone("PATCH", "/users/nobody", {"user": {"name": "x"}})).status == 404
        assert (await keystone("PATCH", path, b"{nonsense")).status == 400

    converse(tmp_path, talk)


def test_groups_have_members(tmp_path: Path, database: str) -> None:
    async def talk(keystone: Talk) -> None:
        group = await keystone.make("group", name="choir")
        assert group["description"] == ""
        ada = await keystone.make("user", name="ada")
        members = f"/groups/{group['id']}/users"
        assert (await keystone("PUT", f"{members}/{ada['id']}")).status == 204
        assert (await keystone("HEAD", f"{members}/{ada['id']}")).status == 204
        assert [user["name"] for user in (await keystone("GET", members))["users"]] == ["ada"]
        assert (await keystone("GET", f"{members}?name=bob"))["users"] == []
        groups = await keystone("GET", f"/users/{ada['id']}/groups")
        assert [group["name"] for group in groups["groups"]] == ["choir"]
        assert (await keystone("PUT", f"{members}/nobody")).status == 404
        assert (await keystone("DELETE", f"{members}/{ada['id']}")).status == 204
        assert (await keystone("GET", f"{members}/{ada['id']}")).status == 404
        assert (await keystone("POST", "/groups", {"group": {"name": "choir"}})).status == 409
        renamed = await keystone("PATCH", f"/groups/{group['id']}", {"group": {"name": "band"}})
        assert renamed["group"]["name"] == "band"
        assert (await keystone("DELETE", f"/groups/{group['id']}")).status == 204

    converse(tmp_path, talk, database=database)


def test_a_user_sees_themselves_and_nobody_else(tmp_path: Path) -> None:
    async def talk(keystone: Talk) -> None:
        ada, bob = await keystone.person("ada"), await keystone.person("bob")
        token = await ada.login()
        assert (await keystone("GET", f"/users/{ada.id}", token=token)).status == 200
        other = await keystone("GET", f"/users/{bob.id}", token=token)
        assert other.status == 403
        assert other["error"]["message"] == (
            "You are not authorized to perform the requested action: identity:get_user."
        )
        assert (await keystone("GET", "/users/nobody", token=token)).status == 403
        assert (await keystone("GET", "/users", token=token)).status == 403
        assert (await keystone("GET", f"/users/{ada.id}/projects", token=token)).status == 200
        assert (await keystone("GET", f"/users/{bob.id}/projects", token=token)).status == 403
        assert (await keystone("DELETE", f"/users/{bob.id}", token=token)).status == 403
        assert (await keystone("POST", "/users", {"user": {"name": "eve"}}, token=token)).status == 403
        assert (await keystone("GET", f"/projects/{ada.project['id']}", token=token)).status == 200
        assert (await keystone("GET", f"/projects/{bob.project['id']}", token=token)).status == 403
        assert (await keystone("GET", "/users", token="")).status == 401

    converse(tmp_path, talk)


def test_a_domains_manager_rules_their_domain_only(tmp_path: Path) -> None:
    async def talk(keystone: Talk) -> None:
        domain = await keystone.make("domain", name="elsewhere")
        place = f"/domains/{domain['id']}"
        ada = await keystone.person("ada", domain_id=domain["id"])
        await keystone.give("manager", ada.id, place)
        token = await keystone.login(ada.credentials, {"domain": {"id": domain["id"]}})

        async def ask(method: str, path: str, body: Any = None) -> Any:
            return await keystone(method, path, body, token=token)

        users = await ask("GET", "/users")
        assert [user["name"] for user in users["users"]] == ["ada"]
        assert [p["name"] for p in (await ask("GET", "/projects"))["projects"]] == ["ada's"]
        assert (await ask("GET", "/groups"))["groups"] == []
        assert [d["name"] for d in (await ask("GET", "/domains"))["domains"]] == ["elsewhere"]
        assert (await ask("GET", place)).status == 200
        assert (await ask("GET", "/domains/default")).status == 403
        made = await ask("POST", "/users", {"user": {"name": "eve", "domain_id": domain["id"]}})
        assert made.status == 201, made
        assert (await ask("POST", "/users", {"user": {"name": "eve", "domain_id": "default"}})).status == 403
        eve, project = made["user"]["id"], ada.project["id"]
        member, admin = await keystone.role("member"), await keystone.role("admin")
        grants = f"/projects/{project}/users/{eve}/roles"
        assert (await ask("PUT", f"{grants}/{member}")).status == 204
        assert (await ask("PUT", f"{grants}/{admin}")).status == 403
        assert (await ask("GET", grants)).status == 200
        roles = [role["name"] for role in (await ask("GET", "/roles"))["roles"]]
        assert sorted(roles) == ["manager", "member", "reader"]
        held = (await ask("GET", "/role_assignments"))["role_assignments"]
        assert {item["user"]["id"] for item in held} == {ada.id, eve}

    converse(tmp_path, talk)


def test_a_reader_of_the_system_sees_all_and_changes_nothing(tmp_path: Path) -> None:
    async def talk(keystone: Talk) -> None:
        ada = await keystone.person("ada")
        await keystone.give("reader", ada.id, "/system")
        token = await keystone.login(ada.credentials, {"system": {"all": True}})
        for path in ("users", "projects", "domains", "groups", "roles", "services", "role_assignments"):
            assert (await keystone("GET", f"/{path}", token=token)).status == 200, path
        assert (await keystone("POST", "/domains", {"domain": {"name": "x"}}, token=token)).status == 403
        assert (await keystone("GET", "/projects/nothing", token=token)).status == 404

    converse(tmp_path, talk)


def test_who_has_a_token_of_a_domain_sees_of_members_and_memberships_those_of_the_domain(
    tmp_path: Path,
) -> None:
    async def talk(keystone: Talk) -> None:
        music = await keystone.make("domain", name="music")
        rita = await keystone.make("user", name="rita", domain_id=music["id"], password="p")
        await keystone.give("reader", rita["id"], f"/domains/{music['id']}")
        scope = {"domain": {"id": music["id"]}}
        token = await keystone.login({"id": rita["id"], "password": "p"}, scope)
        ada = await keystone.make("user", name="ada")
        mine = await keystone.make("group", name="mine", domain_id=music["id"])
        theirs = await keystone.make("group", name="theirs")
        for group in (mine, theirs):
            for user in (rita, ada):
                path = f"/groups/{group['id']}/users/{user['id']}"
                assert (await keystone("PUT", path)).status == 204
        groups = await keystone("GET", f"/users/{rita['id']}/groups", token=token)
        assert [group["name"] for group in groups["groups"]] == ["mine"]
        users = await keystone("GET", f"/groups/{mine['id']}/users", token=token)
        assert [user["name"] for user in users["users"]] == ["rita"]
        assert len((await keystone("GET", f"/groups/{mine['id']}/users"))["users"]) == 2
        assert (await keystone("DELETE", f"/groups/{mine['id']}", token=token)).status == 403
        for path in ("/groups/nothing", "/domains/nothing"):
            assert (await keystone("DELETE", path, token=token)).status == 404
        change = {"domain": {"description": "x"}}
        assert (await keystone("PATCH", "/domains/nothing", change, token=token)).status == 404
        assert (await keystone("PATCH", "/domains/default", change, token=token)).status == 403

    converse(tmp_path, talk)
