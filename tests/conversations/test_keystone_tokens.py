# SPDX-License-Identifier: Apache-2.0
"""Tokens: how they are got, what they say, and what ends them."""

from pathlib import Path
from typing import Any

import pytest

from cumulet.kernel.clock import ManualClock
from cumulet.testing.cloud import ADMIN_PASSWORD
from cumulet.testing.identity import ADMIN_PROJECT, DEFAULT, SYSTEM, Talk, converse, password, rescope

UNAUTHORIZED = {
    "error": {
        "code": 401,
        "message": "The request you have made requires authentication.",
        "title": "Unauthorized",
    }
}
ADMIN = {"name": "admin", "domain": DEFAULT, "password": ADMIN_PASSWORD}


def test_the_administrator_of_a_new_cloud_gets_a_token_with_roles_and_catalog(
    tmp_path: Path, database: str
) -> None:
    async def talk(keystone: Talk) -> None:
        answer = await keystone.ask_token(password(ADMIN, ADMIN_PROJECT))
        token = answer["token"]
        assert answer.status == 201
        assert answer.headers["vary"] == "X-Auth-Token"
        assert token["methods"] == ["password"]
        assert token["user"]["domain"] == {"id": "default", "name": "Default"}
        assert token["project"]["name"] == "admin"
        assert token["is_domain"] is False
        assert {role["name"] for role in token["roles"]} == {"admin", "manager", "member", "reader"}
        assert len(token["audit_ids"]) == 1
        (service,) = token["catalog"]
        assert (service["type"], service["name"]) == ("identity", "keystone")
        assert {e["interface"] for e in service["endpoints"]} == {"public", "internal", "admin"}
        assert {e["url"] for e in service["endpoints"]} == {"http://cloud/identity"}

    converse(tmp_path, talk, database=database)


def test_the_catalog_can_be_left_out(tmp_path: Path) -> None:
    async def talk(keystone: Talk) -> None:
        answer = await keystone("POST", "/auth/tokens?nocatalog", password(ADMIN, ADMIN_PROJECT), token="")
        assert "catalog" not in answer["token"]

    converse(tmp_path, talk)


def test_tokens_of_every_scope_say_what_they_are_for(tmp_path: Path) -> None:
    async def talk(keystone: Talk) -> None:
        unscoped = (await keystone.ask_token(password(ADMIN)))["token"]
        assert not {"project", "roles", "catalog", "system", "domain"} & unscoped.keys()
        system = (await keystone.ask_token(password(ADMIN, SYSTEM)))["token"]
        assert system["system"] == {"all": True}
        assert "is_domain" not in system
        user = (await keystone("GET", "/users?name=admin"))["users"][0]
        await keystone.give("reader", user["id"], "/domains/default")
        domain = (await keystone.ask_token(password(ADMIN, {"domain": {"name": "Default"}})))["token"]
        assert domain["domain"] == {"id": "default", "name": "Default"}
        assert [role["name"] for role in domain["roles"]] == ["reader"]

    converse(tmp_path, talk)


@pytest.mark.parametrize(
    "user",
    [
        {"name": "admin", "domain": DEFAULT, "password": "wrong"},
        {"name": "nobody", "domain": DEFAULT, "password": "wrong"},
        {"id": "nobody", "password": "wrong"},
        {"name": "admin", "domain": {"name": "nowhere"}, "password": ADMIN_PASSWORD},
        {"name": "admin", "domain": DEFAULT},
    ],
)
def test_who_is_not_known_learns_nothing(tmp_path: Path, user: dict[str, Any]) -> None:
    async def talk(keystone: Talk) -> None:
        answer = await keystone.ask_token(password(user, ADMIN_PROJECT))
        assert (answer.status, answer.body) == (401, UNAUTHORIZED)

    converse(tmp_path, talk)


@pytest.mark.parametrize(
    ("body", "status", "message"),
    [
        ({}, 400, "is a required property"),
        ({"auth": {}}, 400, "is a required property"),
        ([], 400, "is not of type"),
        (None, 400, "is not of type"),
        ({"auth": {"identity": {"methods": ["password"]}}}, 400, "Expecting to find password in identity."),
        ({"auth": {"identity": {"methods": ["magic"], "magic": {}}}}, 401, "unsupported method"),
        ({"auth": {"identity": {"methods": []}}}, 401, "requires authentication"),
        (password({"name": "admin", "password": "x"}), 400, "Expecting to find domain in user."),
        (password({"password": "x"}), 400, "field identity/password/user: id or name must be present."),
        (password({"id": "", "password": "x"}), 400, "Expecting to find id or name in user."),
        (password({**ADMIN, "domain": {}}), 400, "field identity/password/user/domain: id or name must"),
        (password(ADMIN, {"project": {}}), 400, "field scope/project: id or name must be present."),
        (password(ADMIN, {"domain": {}}), 400, "Invalid input for field scope/domain: id or name must"),
        (password(ADMIN, {"project": {"name": "admin"}}), 400, "Expecting to find domain in project."),
        (password(ADMIN, {"project": {"id": "x"}, "system": {"all": True}}), 400, "in scope."),
        (password(ADMIN, {"project": {"id": "x"}}), 401, "requires authentication"),
        (password(ADMIN, {"domain": {"id": "default"}}), 401, "requires authentication"),
        (password(ADMIN, {"project": {"id": "default"}}), 401, "requires authentication"),
        (rescope("gAAAAAnonsense"), 404, "Could not find token: gAAAAAnonsense."),
        (password({**ADMIN, "name": 5}), 400, "Invalid input for field 'auth/identity/password/user/name'"),
    ],
)
def test_a_request_that_makes_no_sense_is_told_why(
    tmp_path: Path, body: Any, status: int, message: str
) -> None:
    async def talk(keystone: Talk) -> None:
        answer = await keystone.ask_token(body)
        assert answer.status == status, answer
        assert message in answer["error"]["message"]

    converse(tmp_path, talk)


def test_who_is_refused_is_told_where_to_prove_themselves_and_by_what(tmp_path: Path) -> None:
    async def talk(keystone: Talk) -> None:
        unspoken = {"auth": {"identity": {"methods": ["magic"], "magic": {}}}}
        for body in (unspoken, password({**ADMIN, "password": "wrong"})):
            refused = await keystone.ask_token(body)
            assert refused.status == 401
            assert refused.headers["www-authenticate"] == 'Keystone uri="http://cloud/identity"'
        methods = (await keystone.ask_token(unspoken))["error"]["identity"]["methods"]
        assert {"password", "token", "totp", "application_credential"} <= set(methods)

    converse(tmp_path, talk)


def test_a_default_project_is_the_scope_of_who_asks_for_none(tmp_path: Path) -> None:
    async def talk(keystone: Talk) -> None:
        ada = await keystone.person("ada")
        changes = {"user": {"default_project_id": ada.project["id"]}}
        assert (await keystone("PATCH", f"/users/{ada.id}", changes)).status == 200
        scoped = await keystone.ask_token(password(ada.credentials))
        assert scoped["token"]["project"]["id"] == ada.project["id"]
        unscoped = await keystone.ask_token(password(ada.credentials, {"unscoped": {}}))
        assert "project" not in unscoped["token"]
        await keystone("PATCH", f"/projects/{ada.project['id']}", {"project": {"enabled": False}})
        fallen_back = await keystone.ask_token(password(ada.credentials))
        assert fallen_back.status == 201
        assert "project" not in fallen_back["token"]

    converse(tmp_path, talk)


def test_a_token_made_from_a_token_ends_with_it_and_belongs_to_its_chain(tmp_path: Path) -> None:
    clock = ManualClock()

    async def talk(keystone: Talk) -> None:
        first = await keystone.ask_token(password(ADMIN))
        await clock.pass_time(100)
        second = await keystone.ask_token(rescope(first.headers["x-subject-token"], ADMIN_PROJECT))
        assert second.status == 201, second
        assert set(second["token"]["methods"]) == {"password", "token"}
        assert second["token"]["expires_at"] == first["token"]["expires_at"]
        assert second["token"]["audit_ids"][1] == first["token"]["audit_ids"][0]
        third = await keystone.ask_token(rescope(second.headers["x-subject-token"], ADMIN_PROJECT))
        assert third["token"]["audit_ids"][1] == first["token"]["audit_ids"][0]

    converse(tmp_path, talk, clock=clock)


def test_a_scope_is_what_its_name_means_now(tmp_path: Path, database: str) -> None:
    async def talk(keystone: Talk) -> None:
        ada = await keystone.person("ada")
        by_name = {"project": {"name": "ada's", "domain": {"id": "default"}}}
        token = await keystone.login(ada.credentials, by_name)
        assert (await keystone.ask_token(rescope(token, by_name))).status == 201

        path = f"/projects/{ada.project['id']}"
        await keystone("PATCH", path, {"project": {"name": "once ada's"}})
        assert (await keystone.ask_token(rescope(token, by_name))).status == 401
        successor = await keystone.make("project", name="ada's", domain_id="default")
        await keystone.give("member", ada.id, f"/projects/{successor['id']}")
        found = await keystone.ask_token(rescope(token, by_name))
        assert found["token"]["project"]["id"] == successor["id"]

    converse(tmp_path, talk, database=database)


def test_a_token_of_the_system_makes_none_for_projects(tmp_path: Path) -> None:
    async def talk(keystone: Talk) -> None:
        system = await keystone.login(ADMIN, SYSTEM)
        answer = await keystone.ask_token(rescope(system, ADMIN_PROJECT))
        assert answer.status == 403
        assert "Using a system-scoped token" in answer["error"]["message"]
        assert (await keystone.ask_token(rescope(system, SYSTEM))).status == 201

    converse(tmp_path, talk)


def test_a_token_ends_after_an_hour_but_serves_a_service_a_while_longer(tmp_path: Path) -> None:
    clock = ManualClock()

    async def talk(keystone: Talk) -> None:
        ada = await keystone.person("ada")
        token = await ada.login()
        subject = {"X-Subject-Token": token}
        await clock.pass_time(3599)
        assert await ada.holds(token)
        await clock.pass_time(1)
        assert not await ada.holds(token)
        await keystone.become_admin()
        assert (await keystone("GET", "/auth/tokens", headers=subject)).status == 404
        late = await keystone("GET", "/auth/tokens?allow_expired=1", headers=subject)
        assert late.status == 200
        assert late["token"]["user"]["id"] == ada.id
        assert (await keystone("HEAD", "/auth/tokens?allow_expired=1", headers=subject)).status == 200
        assert (await keystone("GET", "/auth/tokens?allow_expired=perhaps", headers=subject)).status == 404
        assert (await keystone("DELETE", "/auth/tokens?allow_expired=1", headers=subject)).status == 404
        clock.advance(172800)
        await keystone.become_admin()
        assert (await keystone("GET", "/auth/tokens?allow_expired=1", headers=subject)).status == 404

    converse(tmp_path, talk, clock=clock)


def test_a_token_is_shown_to_its_owner_and_to_who_may_ask(tmp_path: Path) -> None:
    async def talk(keystone: Talk) -> None:
        ada, bob = await keystone.person("ada"), await keystone.person("bob")
        token, other = await ada.login(), await bob.login()
        subject = {"X-Subject-Token": token}
        shown = await keystone("GET", "/auth/tokens", token=token, headers=subject)
        assert (shown.status, shown.headers["x-subject-token"]) == (200, token)
        assert (await keystone("GET", "/auth/tokens", headers=subject)).body == shown.body
        refused = await keystone("GET", "/auth/tokens", token=other, headers=subject)
        assert refused.status == 403
        action = "You are not authorized to perform the requested action: identity:validate_token."
        assert refused["error"]["message"] == action
        head = await keystone("HEAD", "/auth/tokens", headers=subject)
        assert (head.status, head.body) == (200, None)
        assert (await keystone("GET", "/auth/tokens", token="rubbish", headers=subject)).status == 401
        unknown = await keystone("GET", "/auth/tokens", headers={"X-Subject-Token": "unknown"})
        assert unknown.status == 404
        assert unknown["error"]["message"] == "Could not find token: unknown."
        missing = await keystone("GET", "/auth/tokens")
        assert (missing.status, missing["error"]["message"]) == (404, "No token in the request")

    converse(tmp_path, talk)


def test_a_revoked_token_holds_no_longer_and_those_made_from_it_do(tmp_path: Path, database: str) -> None:
    async def talk(keystone: Talk) -> None:
        ada = await keystone.person("ada")
        token = await ada.login()
        child = (await keystone.ask_token(rescope(token, ada.scope))).headers["x-subject-token"]
        revoked = await keystone("DELETE", "/auth/tokens", token=token, headers={"X-Subject-Token": token})
        assert revoked.status == 204
        assert not await ada.holds(token)
        assert await ada.holds(child)
        for query in ("", "?allow_expired=1"):
            gone = await keystone("GET", f"/auth/tokens{query}", headers={"X-Subject-Token": token})
            assert gone.status == 404
            assert gone["error"]["message"] == "Failed to validate token"
        asked = await keystone("GET", "/auth/tokens", token=child, headers={"X-Subject-Token": token})
        assert asked.status == 404  # whoever asks: there is no owner to be

    converse(tmp_path, talk, database=database)


@pytest.mark.parametrize(
    "end",
    [
        "disable the user",
        "delete the user",
        "set another password",
        "disable the project",
        "delete the project",
        "disable the domain",
        "take the role away",
        "delete the role",
        "revoke them all",
    ],
)
def test_what_takes_a_right_away_ends_its_tokens_at_once(tmp_path: Path, end: str) -> None:
    async def talk(keystone: Talk) -> None:
        domain = await keystone.make("domain", name="elsewhere")
        role = await keystone.make("role", name="singer")
        ada = await keystone.person("ada", "singer", domain_id=domain["id"])
        token, unscoped = await ada.login(), await keystone.login(ada.credentials)
        user, project = f"/users/{ada.id}", f"/projects/{ada.project['id']}"
        assert await ada.holds(token)
        method, path, body = {
            "disable the user": ("PATCH", user, {"user": {"enabled": False}}),
            "delete the user": ("DELETE", user, None),
            "set another password": ("PATCH", user, {"user": {"password": "new"}}),
            "disable the project": ("PATCH", project, {"project": {"enabled": False}}),
            "delete the project": ("DELETE", project, None),
            "disable the domain": ("PATCH", f"/domains/{domain['id']}", {"domain": {"enabled": False}}),
            "take the role away": ("DELETE", f"{project}/users/{ada.id}/roles/{role['id']}", None),
            "revoke them all": ("DELETE", f"{user}/tokens", None),
            "delete the role": ("DELETE", f"/roles/{role['id']}", None),
        }[end]
        answer = await keystone(method, path, body)
        assert answer.status in (200, 204), answer
        assert not await ada.holds(token)
        assert await ada.holds(unscoped) == ("project" in end or "role" in end)
        assert (await ada.try_to_log_in()).status == (201 if end == "revoke them all" else 401)

    converse(tmp_path, talk)


@pytest.mark.parametrize("kind", ["user", "project", "domain"])
def test_tokens_that_ended_stay_ended_when_all_is_enabled_again(tmp_path: Path, kind: str) -> None:
    async def talk(keystone: Talk) -> None:
        domain = await keystone.make("domain", name="elsewhere")
        ada = await keystone.person("ada", domain_id=domain["id"])
        token = await ada.login()
        path = {
            "user": f"/users/{ada.id}",
            "project": f"/projects/{ada.project['id']}",
            "domain": f"/domains/{domain['id']}",
        }[kind]
        for enabled in (False, True):
            assert (await keystone("PATCH", path, {kind: {"enabled": enabled}})).status == 200
        assert not await ada.holds(token)
        assert await ada.holds(await ada.login())

    converse(tmp_path, talk)


def test_a_disabled_domain_ends_tokens_for_its_projects_of_people_from_elsewhere(tmp_path: Path) -> None:
    async def talk(keystone: Talk) -> None:
        domain = await keystone.make("domain", name="elsewhere")
        stage = await keystone.make("project", name="stage", domain_id=domain["id"])
        ada = await keystone.person("ada")
        await keystone.give("member", ada.id, f"/projects/{stage['id']}")
        there = await keystone.login(ada.credentials, {"project": {"id": stage["id"]}})
        here = await ada.login()
        for enabled in (False, True):
            changes = {"domain": {"enabled": enabled}}
            assert (await keystone("PATCH", f"/domains/{domain['id']}", changes)).status == 200
            assert not await ada.holds(there)
        assert await ada.holds(here)

    converse(tmp_path, talk)


def test_a_role_that_is_implied_no_longer_is_lost_at_once(tmp_path: Path) -> None:
    async def talk(keystone: Talk) -> None:
        singer, guest = await keystone.make("role", name="singer"), await keystone.make("role", name="guest")
        implied = f"/roles/{singer['id']}/implies/{guest['id']}"
        assert (await keystone("PUT", implied)).status == 201
        ada = await keystone.person("ada", "singer")
        subject = {"X-Subject-Token": await ada.login()}

        async def roles() -> set[str]:
            shown = await keystone("GET", "/auth/tokens", headers=subject)
            return {role["name"] for role in shown["token"]["roles"]}

        assert await roles() == {"singer", "guest"}
        assert (await keystone("DELETE", implied)).status == 204
        assert await roles() == {"singer"}

    converse(tmp_path, talk)


def test_who_leaves_a_group_loses_its_roles(tmp_path: Path) -> None:
    async def talk(keystone: Talk) -> None:
        group = await keystone.make("group", name="choir")
        ada = await keystone.person("ada")
        stage = await keystone.make("project", name="stage")
        role = await keystone.role("member")
        member = f"/groups/{group['id']}/users/{ada.id}"
        assert (await keystone("PUT", member)).status == 204
        given = await keystone("PUT", f"/projects/{stage['id']}/groups/{group['id']}/roles/{role}")
        assert given.status == 204
        token = await keystone.login(ada.credentials, {"project": {"id": stage["id"]}})
        assert await ada.holds(token)
        assert (await keystone("DELETE", member)).status == 204
        assert not await ada.holds(token)
        assert (await ada.try_to_log_in({"project": {"id": stage["id"]}})).status == 401

    converse(tmp_path, talk)


def test_a_user_changes_their_own_password_with_the_old_one(tmp_path: Path) -> None:
    async def talk(keystone: Talk) -> None:
        ada = await keystone.person("ada")
        token = await ada.login()
        path = f"/users/{ada.id}/password"
        wrong = {"user": {"original_password": "wrong", "password": "new"}}
        assert (await keystone("POST", path, wrong, token=token)).status == 401
        right = {"user": {"original_password": "ada's", "password": "new"}}
        assert (await keystone("POST", path, right, token="")).status == 204
        assert not await ada.holds(token)
        assert (await ada.try_to_log_in()).status == 401
        await keystone.login({"id": ada.id, "password": "new"})
        assert (await keystone("POST", path, {"user": {"password": "x"}}, token="")).status == 400
        assert (await keystone("POST", "/users/nobody/password", right, token="")).status == 401

    converse(tmp_path, talk)


def test_bearers_are_told_where_they_may_go(tmp_path: Path) -> None:
    async def talk(keystone: Talk) -> None:
        ada = await keystone.person("ada")
        unscoped = await keystone.login(ada.credentials)
        projects = await keystone("GET", "/auth/projects", token=unscoped)
        assert [project["id"] for project in projects["projects"]] == [ada.project["id"]]
        assert (await keystone("GET", "/auth/domains", token=unscoped))["domains"] == []
        assert (await keystone("GET", "/auth/system", token=unscoped))["system"] == []
        assert (await keystone("GET", "/auth/system"))["system"] == [{"all": True}]
        assert (await keystone("GET", "/auth/catalog", token=unscoped)).status == 403
        catalog = await keystone("GET", "/auth/catalog", token=await ada.login())
        assert [service["type"] for service in catalog["catalog"]] == ["identity"]

    converse(tmp_path, talk)


def test_version_documents_carry_the_address_by_which_the_client_came(tmp_path: Path) -> None:
    async def talk(keystone: Talk) -> None:
        ask = keystone.cloud.request
        headers = {"X-Forwarded-Proto": "https", "X-Forwarded-Host": "api.example"}
        root = await ask("GET", "/identity", token="", headers=headers)
        assert root.status == 300
        assert root.headers["location"] == "https://api.example/identity/v3/"
        (version,) = root["versions"]["values"]
        assert (version["id"], version["status"]) == ("v3.14", "stable")
        assert version["links"] == [{"rel": "self", "href": "https://api.example/identity/v3/"}]
        for path in ("/identity/v3", "/identity/v3/"):
            shown = await ask("GET", path, token="")
            assert (shown.status, shown["version"]["id"]) == (200, "v3.14")

    converse(tmp_path, talk)
