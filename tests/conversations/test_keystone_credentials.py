# SPDX-License-Identifier: Apache-2.0
"""Application credentials with their access rules, and the credentials that Keystone keeps for users."""

import json
from pathlib import Path
from typing import Any

import pytest

from cumulet.kernel.clock import ManualClock
from cumulet.services.keystone.credentials.model import Credential
from cumulet.testing.asgi import Answer
from cumulet.testing.identity import Person, Talk, converse, rescope


def log_in(credential: dict[str, Any], **more: Any) -> dict[str, Any]:
    words = {"id": credential["id"], "secret": credential["secret"]}
    identity = {"methods": ["application_credential"], "application_credential": words}
    return {"auth": {"identity": identity, **more}}


async def ask(person: Person, token: str, **fields: Any) -> Answer:
    path = f"/users/{person.id}/application_credentials"
    return await person.talk("POST", path, {"application_credential": fields}, token=token)


async def make(person: Person, **fields: Any) -> dict[str, Any]:
    answer = await ask(person, await person.login(), **fields)
    assert answer.status == 201, answer
    made: dict[str, Any] = answer["application_credential"]
    return made


def test_what_is_told_once_is_told_again_to_who_has_the_idempotency_key(tmp_path: Path) -> None:
    async def talk(keystone: Talk) -> None:
        ada = await keystone.person("ada")
        token, key = await ada.login(), {"Idempotency-Key": "robot-1"}
        path = f"/users/{ada.id}/application_credentials"
        body = {"application_credential": {"name": "robot"}}
        first = await keystone("POST", path, body, token=token, headers=key)
        again = await keystone("POST", path, body, token=token, headers=key)
        assert (first.status, again.status) == (201, 201)
        assert again.body == first.body
        assert (await keystone.ask_token(log_in(again["application_credential"]))).status == 201
        assert (await keystone("POST", path, body, token=token)).status == 409

    converse(tmp_path, talk)


def test_a_user_is_rehearsed_without_being_made(tmp_path: Path) -> None:
    async def talk(keystone: Talk) -> None:
        body = {"user": {"name": "ada", "password": "secret"}}
        rehearsed = await keystone("POST", "/users", body, headers={"Cumulet-Dry-Run": "1"})
        assert rehearsed.status == 201
        assert (await keystone("GET", "/users?name=ada"))["users"] == []
        refused = await keystone("POST", "/auth/tokens", {"auth": {}}, headers={"Cumulet-Dry-Run": "1"})
        assert refused.status == 400

    converse(tmp_path, talk)


def test_a_program_logs_in_with_a_credential_of_its_own(tmp_path: Path, database: str) -> None:
    async def talk(keystone: Talk) -> None:
        ada = await keystone.person("ada")
        made = await make(ada, name="robot", roles=[{"name": "reader"}])
        assert len(made["secret"]) == 86
        assert (made["unrestricted"], made["project_id"]) == (False, ada.project["id"])
        assert [role["name"] for role in made["roles"]] == ["reader"]
        whole = await make(ada, name="whole", roles=[{"name": "member"}])
        assert {role["name"] for role in whole["roles"]} == {"member", "reader"}
        answer = await keystone.ask_token(log_in(made))
        assert answer.status == 201
        token = answer["token"]
        assert token["methods"] == ["application_credential"]
        assert token["application_credential"] == {"id": made["id"], "name": "robot", "restricted": True}
        assert [role["name"] for role in token["roles"]] == ["reader"]
        path = f"/users/{ada.id}/application_credentials"
        shown = (await keystone("GET", f"{path}/{made['id']}"))["application_credential"]
        assert "secret" not in shown and "access_rules" not in shown
        assert len((await keystone("GET", path))["application_credentials"]) == 2
        assert (await keystone("GET", f"{path}?name=other"))["application_credentials"] == []
        wrong = {**made, "secret": "wrong"}
        assert (await keystone.ask_token(log_in(wrong))).status == 401
        scoped = await keystone.ask_token(log_in(made, scope={"project": {"id": ada.project["id"]}}))
        assert scoped["error"]["message"] == (
            "Error authenticating with application credential: "
            "Application credentials cannot request a scope."
        )
        by_name = {"name": "robot", "user": {"id": ada.id}, "secret": made["secret"]}
        identity = {"methods": ["application_credential"], "application_credential": by_name}
        assert (await keystone.ask_token({"auth": {"identity": identity}})).status == 201
        bearer = answer.headers["x-subject-token"]
        assert await ada.holds(bearer)
        again = await keystone.ask_token(rescope(bearer))
        assert again["token"]["methods"] == ["token", "application_credential"]
        assert again["token"]["application_credential"]["id"] == made["id"]
        wider = rescope(bearer, {"project": {"id": ada.project["id"]}})
        assert (await keystone.ask_token(wider)).status == 403
        assert (await ask(ada, bearer, name="child")).status == 403
        assert (await keystone("DELETE", f"{path}/{made['id']}")).status == 204
        assert not await ada.holds(bearer)

    converse(tmp_path, talk, database=database)


@pytest.mark.parametrize(
    ("fields", "status"),
    [
        ({}, 400),
        ({"name": ""}, 400),
        ({"name": "x", "expires_at": "yesterday"}, 400),
        ({"name": "x", "expires_at": "2000-01-01T00:00:00"}, 400),
        ({"name": "x", "roles": [{"name": "admin"}]}, 400),
        ({"name": "x", "roles": [{"name": "unheard of"}]}, 404),
        ({"name": "x", "roles": [{"id": "nothing"}]}, 400),
        ({"name": "x", "roles": ["member"]}, 400),
        ({"name": "x", "unrestricted": "yes"}, 400),
        ({"name": "x", "access_rules": [{"path": "/v3", "method": "GET"}]}, 400),
        ({"name": "x", "access_rules": [{"path": "v3", "method": "GET", "service": "a"}]}, 400),
        ({"name": "x", "access_rules": [{"path": "/v3", "method": "DANCE", "service": "a"}]}, 400),
        ({"name": "x", "access_rules": [{"id": "nothing"}]}, 404),
        ({"name": "taken"}, 409),
    ],
)
def test_a_credential_that_makes_no_sense_is_refused(
    tmp_path: Path, fields: dict[str, Any], status: int
) -> None:
    async def talk(keystone: Talk) -> None:
        ada = await keystone.person("ada")
        await make(ada, name="taken", secret="own")
        answer = await ask(ada, await ada.login(), **fields)
        assert answer.status == status, answer

    converse(tmp_path, talk)


def test_a_credential_loses_its_right_with_its_user(tmp_path: Path) -> None:
    async def talk(keystone: Talk) -> None:
        ada, bob = await keystone.person("ada"), await keystone.person("bob")
        made = await make(ada, name="robot", secret="own secret")
        assert made["secret"] == "own secret"
        assert (await ask(ada, await bob.login(), name="stolen")).status == 403
        token = (await keystone.ask_token(log_in(made))).headers["x-subject-token"]
        role = await keystone.role("member")
        grant = f"/projects/{ada.project['id']}/users/{ada.id}/roles/{role}"
        assert (await keystone("DELETE", grant)).status == 204
        assert not await ada.holds(token)
        assert (await keystone.ask_token(log_in(made))).status == 401

    converse(tmp_path, talk)


def test_who_is_disabled_loses_their_programs_for_good(tmp_path: Path) -> None:
    async def talk(keystone: Talk) -> None:
        ada = await keystone.person("ada")
        rule = {"service": "identity", "method": "GET", "path": "/v3/auth/*"}
        made = await make(ada, name="robot", access_rules=[rule])
        for enabled in (False, True):
            await keystone("PATCH", f"/users/{ada.id}", {"user": {"enabled": enabled}})
        path = f"/users/{ada.id}"
        assert (await keystone("GET", f"{path}/application_credentials"))["application_credentials"] == []
        assert (await keystone("GET", f"{path}/access_rules", token=await ada.login()))["access_rules"] == []
        assert (await keystone.ask_token(log_in(made))).status == 401

    converse(tmp_path, talk)


def test_a_token_ends_with_its_credential(tmp_path: Path) -> None:
    clock = ManualClock()

    async def talk(keystone: Talk) -> None:
        ada = await keystone.person("ada")
        made = await make(ada, name="robot", expires_at="2026-11-20T10:10:00Z")
        assert made["expires_at"] == "2026-11-20T10:10:00.000000"  # without a zone, as nowhere else
        answer = await keystone.ask_token(log_in(made))
        assert answer["token"]["expires_at"] == "2026-11-20T10:10:00.000000Z"
        await clock.pass_time(600)
        assert not await ada.holds(answer.headers["x-subject-token"])
        assert (await keystone.ask_token(log_in(made))).status == 401

    converse(tmp_path, talk, clock=clock)


def test_access_rules_bound_what_a_token_may_ask(tmp_path: Path) -> None:
    async def talk(keystone: Talk) -> None:
        ada = await keystone.person("ada")
        rule = {"service": "identity", "method": "GET", "path": "/v3/auth/*"}
        made = await make(ada, name="robot", access_rules=[rule])
        (kept,) = made["access_rules"]
        assert {key: kept[key] for key in rule} == rule
        answer = await keystone.ask_token(log_in(made))
        assert answer["token"]["application_credential"]["access_rules"] == [kept]
        token = answer.headers["x-subject-token"]
        assert (await keystone("GET", "/auth/projects", token=token)).status == 200
        refused = await keystone("GET", f"/users/{ada.id}", token=token)
        assert (refused.status, refused.headers["www-authenticate"][:12]) == (401, "Keystone uri")
        subject = {"X-Subject-Token": token}
        assert (await keystone("GET", "/auth/tokens", headers=subject)).status == 404
        knowing = {**subject, "OpenStack-Identity-Access-Rules": "1.0"}
        assert (await keystone("GET", "/auth/tokens", headers=knowing)).status == 200
        own, path = await ada.login(), f"/users/{ada.id}/access_rules"
        listed = await keystone("GET", path, token=own)
        assert [rule["id"] for rule in listed["access_rules"]] == [kept["id"]]
        assert (await keystone("GET", f"{path}/{kept['id']}", token=own)).status == 200
        assert (await keystone("DELETE", f"{path}/{kept['id']}", token=own)).status == 403
        credential = f"/users/{ada.id}/application_credentials/{made['id']}"
        assert (await keystone("DELETE", credential, token=own)).status == 204
        assert (await keystone("DELETE", f"{path}/{kept['id']}", token=own)).status == 204
        nothing = await make(ada, name="nothing", access_rules=[])
        helpless = (await keystone.ask_token(log_in(nothing))).headers["x-subject-token"]
        assert (await keystone("GET", "/auth/projects", token=helpless)).status == 401

    converse(tmp_path, talk)


def test_the_user_of_the_path_opens_nobodys_application_credential(tmp_path: Path) -> None:
    async def talk(keystone: Talk) -> None:
        ada, bob = await keystone.person("ada"), await keystone.person("bob")
        made, stranger = await make(ada, name="robot"), await bob.login()
        for method in ("GET", "DELETE"):
            for user in (ada, bob):
                path = f"/users/{user.id}/application_credentials/{made['id']}"
                assert (await keystone(method, path, token=stranger)).status == 403
            own, others = (f"/users/{user.id}/application_credentials/nothing" for user in (bob, ada))
            assert (await keystone(method, own, token=stranger)).status == 404
            assert (await keystone(method, others, token=stranger)).status == 403
        path = f"/users/{ada.id}/application_credentials/{made['id']}"
        assert (await keystone("GET", path, token=await ada.login())).status == 200

    converse(tmp_path, talk)


def test_a_credential_is_kept_sealed_and_shown_to_its_user(tmp_path: Path, database: str) -> None:
    async def talk(keystone: Talk) -> None:
        ada, bob = await keystone.person("ada"), await keystone.person("bob")
        token, blob = await ada.login(), json.dumps({"access": "key", "secret": "hush"})
        fields = {"type": "ec2", "blob": blob, "user_id": ada.id, "project_id": ada.project["id"]}
        made = await keystone("POST", "/credentials", {"credential": fields}, token=token)
        assert made.status == 201, made
        assert made["credential"]["blob"] == blob
        path = f"/credentials/{made['credential']['id']}"
        rows = await keystone.cloud.app.db.read(lambda tx: tx.all(Credential))
        assert "hush" not in rows[0].blob
        assert (await keystone("GET", path, token=token)).status == 200
        assert (await keystone("GET", path, token=await bob.login())).status == 403
        assert (await keystone("GET", "/credentials", token=await bob.login()))["credentials"] == []
        assert len((await keystone("GET", "/credentials?type=ec2"))["credentials"]) == 1
        theft = {"credential": {"user_id": bob.id}}
        assert (await keystone("PATCH", path, theft, token=token)).status == 403
        for change in ({"type": "cert"}, {"blob": "x"}):
            changed = await keystone("PATCH", path, {"credential": change}, token=token)
        assert changed["credential"]["blob"] == "x"
        for bad in ({"blob": "no json"}, {"project_id": None}, {"blob": "{}"}):
            body = {"credential": {**fields, **bad}}
            assert (await keystone("POST", "/credentials", body, token=token)).status == 400
        assert (await keystone("DELETE", path, token=token)).status == 204

    converse(tmp_path, talk, database=database)


def test_a_program_reaches_only_credentials_of_its_project(tmp_path: Path) -> None:
    async def talk(keystone: Talk) -> None:
        ada = await keystone.person("ada")
        fields = {"type": "cert", "blob": "x", "user_id": ada.id}
        made = (await keystone("POST", "/credentials", {"credential": fields}))["credential"]
        robot = await make(ada, name="robot")
        token = (await keystone.ask_token(log_in(robot))).headers["x-subject-token"]
        refused = await keystone("GET", f"/credentials/{made['id']}", token=token)
        assert refused.status == 403
        assert refused["error"]["message"] == (
            "You are not authorized to perform the requested action: "
            "Credential project does not match the project scope of the delegated token."
        )
        change = {"credential": {"blob": "y"}}
        assert (await keystone("PATCH", f"/credentials/{made['id']}", change, token=token)).status == 403
        assert (await keystone("DELETE", f"/credentials/{made['id']}", token=token)).status == 403
        assert (await keystone("POST", "/credentials", {"credential": fields}, token=token)).status == 403
        within = {**fields, "project_id": ada.project["id"]}
        own = await keystone("POST", "/credentials", {"credential": within}, token=token)
        assert own.status == 201
        listed = await keystone("GET", "/credentials", token=token)
        assert [found["id"] for found in listed["credentials"]] == [own["credential"]["id"]]
        key = {**within, "type": "ec2", "blob": json.dumps({"access": "a", "secret": "s"})}
        assert (await keystone("POST", "/credentials", {"credential": key}, token=token)).status == 403
        free = await make(ada, name="free", unrestricted=True)
        token = (await keystone.ask_token(log_in(free))).headers["x-subject-token"]
        kept = await keystone("POST", "/credentials", {"credential": key}, token=token)
        assert json.loads(kept["credential"]["blob"])["app_cred_id"] == free["id"]
        one = f"/credentials/{kept['credential']['id']}"
        for change in ({"type": "cert"}, {"blob": key["blob"]}):
            assert (await keystone("PATCH", one, {"credential": change}, token=token)).status == 200
        back = await keystone("PATCH", one, {"credential": {"type": "ec2"}}, token=token)
        assert (back.status, "with a delegated token" in back["error"]["message"]) == (403, True)

    converse(tmp_path, talk)
