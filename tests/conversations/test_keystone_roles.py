# SPDX-License-Identifier: Apache-2.0
"""Roles, what they imply, and who has which of them where."""

from pathlib import Path
from typing import Any

from cumulet.testing.identity import Talk, converse


def held(answer: Any) -> list[tuple[str, str]]:
    """Role and place of each assignment, by name."""
    found = []
    for item in answer["role_assignments"]:
        scope = item["scope"]
        place = "system" if "system" in scope else (scope.get("project") or scope["domain"])["name"]
        found.append((item["role"]["name"], place))
    return sorted(found)


def test_the_first_roles_are_immutable(tmp_path: Path) -> None:
    async def talk(keystone: Talk) -> None:
        roles = (await keystone("GET", "/roles"))["roles"]
        assert sorted(role["name"] for role in roles) == ["admin", "manager", "member", "reader", "service"]
        assert all(role["options"] == {"immutable": True} and role["domain_id"] is None for role in roles)
        path = f"/roles/{roles[0]['id']}"
        refused = await keystone("DELETE", path)
        assert refused.status == 403
        assert refused["error"]["message"].startswith("Unable to delete immutable role resource: `")
        assert (await keystone("PATCH", path, {"role": {"name": "x"}})).status == 403

    converse(tmp_path, talk)


def test_a_role_is_made_renamed_and_deleted(tmp_path: Path, database: str) -> None:
    async def talk(keystone: Talk) -> None:
        role = await keystone.make("role", name="singer", description="sings")
        path = f"/roles/{role['id']}"
        assert (await keystone("PATCH", path, {"role": {"name": "tenor"}}))["role"]["name"] == "tenor"
        taken = await keystone("POST", "/roles", {"role": {"name": "tenor"}})
        assert taken["error"]["message"] == (
            "Conflict occurred attempting to store role - Duplicate entry found with name tenor."
        )
        assert (await keystone("POST", "/roles", {"role": {"name": "x" * 256}})).status == 400
        domain = await keystone.make("domain", name="elsewhere")
        own = await keystone.make("role", name="tenor", domain_id=domain["id"])
        assert [r["id"] for r in (await keystone("GET", "/roles?name=tenor"))["roles"]] == [role["id"]]
        of_domain = await keystone("GET", f"/roles?domain_id={domain['id']}")
        assert [r["id"] for r in of_domain["roles"]] == [own["id"]]
        moved = await keystone("PATCH", path, {"role": {"domain_id": domain["id"]}})
        assert moved["error"]["message"] == "Update of `domain_id` is not allowed."
        assert (await keystone("DELETE", path)).status == 204
        assert (await keystone("GET", path)).status == 404

    converse(tmp_path, talk, database=database)


def test_a_role_that_does_not_exist_is_not_found_by_anybody(tmp_path: Path) -> None:
    async def talk(keystone: Talk) -> None:
        member = await (await keystone.person("ada")).login()
        plain = await keystone.make("role", name="plain")
        for method, body in (("GET", None), ("PATCH", {"role": {"name": "x"}}), ("DELETE", None)):
            assert (await keystone(method, f"/roles/{plain['id']}", body, token=member)).status == 403
            assert (await keystone(method, "/roles/nothing", body, token=member)).status == 404

    converse(tmp_path, talk)


def test_a_domains_role_is_given_on_its_projects_and_on_any_domain(tmp_path: Path) -> None:
    async def talk(keystone: Talk) -> None:
        ada = await keystone.person("ada")
        domain = (await keystone.make("domain", name="elsewhere"))["id"]
        project = (await keystone.make("project", name="theirs", domain_id=domain))["id"]
        role = (await keystone.make("role", name="tenor", domain_id=domain))["id"]
        grant = f"/users/{ada.id}/roles/{role}"
        assert (await keystone("PUT", f"/projects/{project}{grant}")).status == 204
        refused = await keystone("PUT", f"/projects/{ada.project['id']}{grant}")
        assert refused["error"]["message"] == (
            f"Project {ada.project['id']} must be in the same domain as the role {role} being assigned."
        )
        for place in (domain, "default"):
            assert (await keystone("PUT", f"/domains/{place}{grant}")).status == 204

    converse(tmp_path, talk)


def test_implications_make_no_circle(tmp_path: Path) -> None:
    async def talk(keystone: Talk) -> None:
        a, b, c = [(await keystone.make("role", name=name))["id"] for name in "abc"]
        assert (await keystone("PUT", f"/roles/{a}/implies/{b}")).status == 201
        assert (await keystone("PUT", f"/roles/{b}/implies/{c}")).status == 201
        assert (await keystone("PUT", f"/roles/{c}/implies/{a}")).status == 403
        assert (await keystone("PUT", f"/roles/{a}/implies/{a}")).status == 403
        admin = await keystone.role("admin")
        assert (await keystone("PUT", f"/roles/{a}/implies/{admin}")).status == 403
        assert (await keystone("PUT", f"/roles/{a}/implies/nothing")).status == 404
        shown = await keystone("GET", f"/roles/{a}/implies/{b}")
        assert shown["role_inference"]["implies"]["name"] == "b"
        assert (await keystone("HEAD", f"/roles/{a}/implies/{b}")).status == 204
        missing = await keystone("GET", f"/roles/{a}/implies/{c}")
        assert missing["error"]["message"] == f"{a} does not imply {c}."
        listed = await keystone("GET", f"/roles/{a}/implies")
        assert [role["id"] for role in listed["role_inference"]["implies"]] == [b]
        inferences = (await keystone("GET", "/role_inferences"))["role_inferences"]
        assert len(inferences) == 5
        assert (await keystone("DELETE", f"/roles/{a}/implies/{b}")).status == 204
        assert (await keystone("DELETE", f"/roles/{a}/implies/{b}")).status == 404

    converse(tmp_path, talk)


def test_an_implied_role_stands_in_the_token_and_a_domains_role_does_not(tmp_path: Path) -> None:
    async def talk(keystone: Talk) -> None:
        own = await keystone.make("role", name="local", domain_id="default")
        ada = await keystone.person("ada")
        grant = f"/projects/{ada.project['id']}/users/{ada.id}/roles/{own['id']}"
        assert (await keystone("PUT", grant)).status == 204
        service = await keystone.role("service")
        assert (await keystone("PUT", f"/roles/{own['id']}/implies/{service}")).status == 201
        token = (await ada.try_to_log_in())["token"]
        assert sorted(role["name"] for role in token["roles"]) == ["member", "reader", "service"]
        asked = f"/role_assignments?include_names&user.id={ada.id}"
        assert "local" in [role for role, _ in held(await keystone("GET", asked))]
        works_out = held(await keystone("GET", f"{asked}&effective"))
        assert [role for role, _ in works_out] == ["member", "reader", "service"]
        elsewhere = await keystone.make("domain", name="elsewhere")
        far = await keystone.make("project", name="far", domain_id=elsewhere["id"])
        refused = await keystone("PUT", f"/projects/{far['id']}/users/{ada.id}/roles/{own['id']}")
        assert refused.status == 403

    converse(tmp_path, talk)


def test_grants_are_given_checked_listed_and_taken_everywhere(tmp_path: Path, database: str) -> None:
    async def talk(keystone: Talk) -> None:
        user = (await keystone.make("user", name="ada"))["id"]
        group = (await keystone.make("group", name="choir"))["id"]
        project = (await keystone.make("project", name="stage"))["id"]
        role = await keystone.role("member")
        places = [f"/projects/{project}", "/domains/default", "/system"]
        for place in places:
            for actor in (f"/users/{user}", f"/groups/{group}"):
                path = f"{place}{actor}/roles"
                assert (await keystone("HEAD", f"{path}/{role}")).status == 404
                assert (await keystone("PUT", f"{path}/{role}")).status == 204
                assert (await keystone("PUT", f"{path}/{role}")).status == 204
                assert (await keystone("HEAD", f"{path}/{role}")).status == 204
                assert (await keystone("GET", f"{path}/{role}")).status == 204
                assert [r["name"] for r in (await keystone("GET", path))["roles"]] == ["member"]
                assert (await keystone("DELETE", f"{path}/{role}")).status == 204
                gone = await keystone("DELETE", f"{path}/{role}")
                assert gone.status == 404
                assert gone["error"]["message"].startswith("Could not find role assignment with role: ")
                assert (await keystone("GET", path))["roles"] == []
        inherited = f"/OS-INHERIT/domains/default/users/{user}/roles/{role}/inherited_to_projects"
        assert (await keystone("PUT", inherited)).status == 204
        assert (await keystone("HEAD", inherited)).status == 204
        listed = f"/OS-INHERIT/domains/default/users/{user}/roles/inherited_to_projects"
        assert len((await keystone("GET", listed))["roles"]) == 1
        assert (await keystone("GET", f"/domains/default/users/{user}/roles"))["roles"] == []
        assert (await keystone("DELETE", inherited)).status == 204
        assert (await keystone("PUT", f"/projects/nothing/users/{user}/roles/{role}")).status == 404
        assert (await keystone("PUT", f"/projects/{project}/users/nobody/roles/{role}")).status == 404
        assert (await keystone("PUT", f"/projects/{project}/users/{user}/roles/nothing")).status == 404

    converse(tmp_path, talk, database=database)


def test_an_inherited_role_holds_below_and_not_at_its_place(tmp_path: Path) -> None:
    async def talk(keystone: Talk) -> None:
        domain = await keystone.make("domain", name="elsewhere")
        ada = await keystone.make("user", name="ada", password="x", domain_id=domain["id"])
        top = await keystone.make("project", name="top", domain_id=domain["id"])
        low = await keystone.make("project", name="low", domain_id=domain["id"], parent_id=top["id"])
        role = await keystone.role("reader")
        path = f"/users/{ada['id']}/roles/{role}/inherited_to_projects"
        assert (await keystone("PUT", f"/OS-INHERIT/projects/{top['id']}{path}")).status == 204

        async def may_go(scope: Any) -> bool:
            identity = {"methods": ["password"], "password": {"user": {"id": ada["id"], "password": "x"}}}
            answer = await keystone.ask_token({"auth": {"identity": identity, "scope": scope}})
            return answer.status == 201

        assert await may_go({"project": {"id": low["id"]}})
        assert not await may_go({"project": {"id": top["id"]}})
        assert (await keystone("PUT", f"/OS-INHERIT/domains/{domain['id']}{path}")).status == 204
        assert await may_go({"project": {"id": top["id"]}})
        assert not await may_go({"domain": {"id": domain["id"]}})
        projects = await keystone("GET", f"/users/{ada['id']}/projects")
        assert sorted(project["name"] for project in projects["projects"]) == ["low", "top"]

    converse(tmp_path, talk)


def test_assignments_are_listed_as_given_and_as_they_work_out(tmp_path: Path, database: str) -> None:
    async def talk(keystone: Talk) -> None:
        group = await keystone.make("group", name="choir")
        ada = await keystone.make("user", name="ada")
        top = await keystone.make("project", name="top")
        low = await keystone.make("project", name="low", parent_id=top["id"])
        role = await keystone.role("member")
        await keystone("PUT", f"/groups/{group['id']}/users/{ada['id']}")
        await keystone("PUT", f"/projects/{top['id']}/groups/{group['id']}/roles/{role}")
        path = f"/OS-INHERIT/projects/{top['id']}/users/{ada['id']}/roles/{role}/inherited_to_projects"
        await keystone("PUT", path)

        async def ask(query: str) -> Any:
            answer = await keystone("GET", f"/role_assignments?include_names&{query}")
            assert answer.status == 200, answer
            return answer

        assert held(await ask(f"group.id={group['id']}")) == [("member", "top")]
        given = await ask(f"user.id={ada['id']}")
        assert held(given) == [("member", "top")]
        (item,) = given["role_assignments"]
        assert item["scope"]["OS-INHERIT:inherited_to"] == "projects"
        assert item["links"]["assignment"] == f"http://cloud/identity/v3{path}"
        assert item["user"] == {
            "id": ada["id"],
            "name": "ada",
            "domain": {"id": "default", "name": "Default"},
        }
        works_out = await ask(f"user.id={ada['id']}&effective")
        assert held(works_out) == [("member", "low"), ("member", "top"), ("reader", "low"), ("reader", "top")]
        assert any("membership" in item["links"] for item in works_out["role_assignments"])
        assert any("prior_role" in item["links"] for item in works_out["role_assignments"])
        assert held(await ask(f"scope.project.id={low['id']}&effective=true")) == [
            ("member", "low"),
            ("reader", "low"),
        ]
        below = await ask(f"scope.project.id={top['id']}&include_subtree=true")
        assert held(below) == [("member", "top"), ("member", "top")]
        assert held(await ask("scope.system=all")) == [("admin", "system")]
        assert held(await ask(f"role.id={role}&scope.OS-INHERIT:inherited_to=projects")) == [
            ("member", "top")
        ]
        plain = await keystone("GET", f"/role_assignments?group.id={group['id']}")
        assert plain["role_assignments"][0]["role"] == {"id": role}
        for query in (
            "user.id=a&group.id=b",
            "scope.project.id=a&scope.domain.id=b",
            "scope.project.id=a&scope.system=all",
            "effective&group.id=a",
            "include_subtree",
        ):
            assert (await keystone("GET", f"/role_assignments?{query}")).status == 400, query

    converse(tmp_path, talk, database=database)
