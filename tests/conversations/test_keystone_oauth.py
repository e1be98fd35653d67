# SPDX-License-Identifier: Apache-2.0
"""OAuth: consumers that act for users (1.0a), and clients that are application credentials (2.0)."""

import asyncio
import base64
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import pytest
from oauthlib.oauth1 import SIGNATURE_PLAINTEXT, Client

from cumulet.kernel.clock import ManualClock
from cumulet.testing.asgi import Answer
from cumulet.testing.identity import V3, Person, Talk, converse, ended, rescope

ORIGIN = "http://cloud"
FORM = {"Content-Type": "application/x-www-form-urlencoded"}


class Consumer:
    """A program that has a key of its own, and the tokens that it was given."""

    def __init__(self, talk: Talk, made: dict[str, Any]) -> None:
        self.talk, self.id, self.secret = talk, made["id"], made["secret"]

    async def post(self, path: str, body: Any = None, headers: Any = None, **keys: Any) -> Answer:
        """A request that the consumer signs."""
        client = Client(self.id, client_secret=keys.pop("client_secret", self.secret), **keys)
        _, signed, _ = client.sign(f"{ORIGIN}{V3}{path}", http_method="POST")
        headers = {"Authorization": signed["Authorization"], **(headers or {})}
        return await self.talk("POST", path, body, token="", headers=headers)

    async def ask(self, project_id: str, **keys: Any) -> Answer:
        headers = {"Requested-Project-Id": project_id}
        return await self.post("/OS-OAUTH1/request_token", headers=headers, callback_uri="oob", **keys)

    async def exchange(self, token: dict[str, str], verifier: str, **keys: Any) -> Answer:
        return await self.post("/OS-OAUTH1/access_token", verifier=verifier, **owner(token), **keys)

    async def log_in(self, token: dict[str, str], **keys: Any) -> Answer:
        body = {"auth": {"identity": {"methods": ["oauth1"], "oauth1": {}}}}
        return await self.post("/auth/tokens", body, **{**owner(token), **keys})


def owner(token: dict[str, str]) -> dict[str, str]:
    return {
        "resource_owner_key": token["oauth_token"],
        "resource_owner_secret": token["oauth_token_secret"],
    }


def told(answer: Answer) -> dict[str, str]:
    """What an answer in the form of OAuth says."""
    assert answer.status == 201, answer
    assert answer.headers["content-type"] == FORM["Content-Type"]
    text = answer.body.decode() if isinstance(answer.body, bytes) else str(answer.body)
    return {name: values[0] for name, values in parse_qs(text).items()}


async def consumer(keystone: Talk) -> Consumer:
    return Consumer(keystone, await keystone.make("consumer", "/OS-OAUTH1/consumers", description="ours"))


async def agree(person: Person, token: dict[str, str], *roles: str, by: str = "") -> Answer:
    """The user lets the consumer have some of their roles."""
    body = {"roles": [{"name": name} for name in roles]}
    path = f"/OS-OAUTH1/authorize/{token['oauth_token']}"
    return await person.talk("PUT", path, body, token=by or await person.login())


async def grant(program: Consumer, person: Person, *roles: str) -> dict[str, str]:
    """An access token of the consumer, which an administrator has granted."""
    asked = told(await program.ask(person.project["id"]))
    verifier = (await agree(person, asked, *roles))["token"]["oauth_verifier"]
    return told(await program.exchange(asked, verifier))


def test_a_consumer_acts_for_a_user_who_has_agreed(tmp_path: Path, database: str) -> None:
    async def talk(keystone: Talk) -> None:
        ada = await keystone.person("ada", role="admin")
        program = await consumer(keystone)
        asked = told(await program.ask(ada.project["id"]))
        assert asked["oauth_expires_at"].endswith("Z")
        early = await program.exchange(asked, "abcdefgh")
        assert early.status == 401
        agreed = await agree(ada, asked, "member")
        verifier = agreed["token"]["oauth_verifier"]
        assert (agreed.status, len(verifier)) == (200, 8)
        assert (await program.exchange(asked, "wrongone")).status == 401
        granted = told(await program.exchange(asked, verifier))
        assert (await program.exchange(asked, verifier)).status == 404
        answer = await program.log_in(granted)
        assert answer.status == 201, answer
        token = answer["token"]
        assert token["methods"] == ["oauth1"]
        assert (token["user"]["id"], token["project"]["id"]) == (ada.id, ada.project["id"])
        assert {role["name"] for role in token["roles"]} == {"member", "reader"}
        assert token["OS-OAUTH1"] == {"access_token_id": granted["oauth_token"], "consumer_id": program.id}
        bearer = answer.headers["x-subject-token"]
        assert await ada.holds(bearer)
        refused = await keystone.ask_token(rescope(bearer, ada.scope))
        assert "OAuth-scoped token to create another token" in refused["error"]["message"]

    converse(tmp_path, talk, database=database)


def test_what_was_agreed_to_is_exchanged_once(tmp_path: Path, database: str) -> None:
    async def talk(keystone: Talk) -> None:
        ada = await keystone.person("ada", role="admin")
        program = await consumer(keystone)
        asked = told(await program.ask(ada.project["id"]))
        verifier = (await agree(ada, asked, "member"))["token"]["oauth_verifier"]
        answers = await asyncio.gather(*(program.exchange(asked, verifier) for _ in range(4)))
        assert sorted(answer.status for answer in answers) == [201, 404, 404, 404]
        path = f"/users/{ada.id}/OS-OAUTH1/access_tokens"
        assert len((await keystone("GET", path))["access_tokens"]) == 1

    converse(tmp_path, talk, database=database)


def test_consumers_are_kept_and_their_secret_is_told_once(tmp_path: Path) -> None:
    async def talk(keystone: Talk) -> None:
        path = "/OS-OAUTH1/consumers"
        made = await keystone("POST", path, {"consumer": {"description": "ours", "colour": "red"}})
        assert made.status == 201
        shown = dict(made["consumer"])
        assert len(shown.pop("secret")) == 32
        one = f"{path}/{shown['id']}"
        assert (await keystone("GET", one))["consumer"] == shown
        assert (await keystone("GET", path))["consumers"] == [shown]
        changed = await keystone("PATCH", one, {"consumer": {"description": "theirs"}})
        assert changed["consumer"] == {**shown, "description": "theirs"}
        for bad in ({"secret": "mine"}, {"id": "other"}, {}):
            assert (await keystone("PATCH", one, {"consumer": bad})).status == 400
        bob = await keystone.person("bob")
        assert (await keystone("GET", path, token=await bob.login())).status == 403
        assert (await keystone("DELETE", one)).status == 204
        missing = await keystone("GET", one)
        assert (missing.status, missing["error"]["message"]) == (404, "Consumer not found")

    converse(tmp_path, talk)


def test_a_signature_that_does_not_fit_is_refused(tmp_path: Path) -> None:
    async def talk(keystone: Talk) -> None:
        ada = await keystone.person("ada", role="admin")
        program, stranger = await consumer(keystone), await consumer(keystone)
        path, place = "/OS-OAUTH1/request_token", {"Requested-Project-Id": ada.project["id"]}
        assert (await program.ask(ada.project["id"], client_secret="wrong")).status == 401
        plain = await program.ask(ada.project["id"], signature_method=SIGNATURE_PLAINTEXT)
        assert (plain.status, "Validation failed" in plain["error"]["message"]) == (400, True)
        old = await program.ask(ada.project["id"], timestamp="1000000000")
        assert old.status == 400
        assert (await program.ask("nowhere")).status == 404
        assert (await program.post(path)).status == 400
        for header in ({}, {"Authorization": "OAuth"}, {"Authorization": "Basic x"}):
            assert (await keystone("POST", path, token="", headers={**place, **header})).status == 400
        unknown = Consumer(keystone, {"id": "0" * 32, "secret": "x"})
        assert (await unknown.ask(ada.project["id"])).status == 404
        asked = told(await program.ask(ada.project["id"]))
        verifier = (await agree(ada, asked, "member"))["token"]["oauth_verifier"]
        assert (await stranger.exchange(asked, verifier)).status == 401
        assert (await program.exchange(asked, verifier, client_secret="wrong")).status == 401
        granted = told(await program.exchange(asked, verifier))
        assert (await stranger.log_in(granted)).status == 401
        assert (await program.log_in(granted, resource_owner_secret="wrong")).status == 401
        assert (await program.log_in(granted, resource_owner_key="0" * 32)).status == 404
        body = {"auth": {"identity": {"methods": ["oauth1"], "oauth1": {}}}}
        assert (await keystone.ask_token(body)).status == 400

    converse(tmp_path, talk)


def test_a_user_grants_no_more_than_they_have(tmp_path: Path) -> None:
    async def talk(keystone: Talk) -> None:
        ada = await keystone.person("ada", role="admin")
        await keystone.make("role", name="rare")
        program = await consumer(keystone)
        asked = told(await program.ask(ada.project["id"]))
        assert (await agree(ada, asked, "rare")).status == 401
        assert (await agree(ada, asked, "unheard of")).status == 404
        assert (await agree(ada, {"oauth_token": "nothing"}, "member")).status == 404
        bearer = (await program.log_in(await grant(program, ada, "admin"))).headers["x-subject-token"]
        assert (await agree(ada, asked, "member", by=bearer)).status == 403
        path = f"/users/{ada.id}"
        for narrow in ("OS-OAUTH1/access_tokens", "application_credentials", "access_rules"):
            assert (await keystone("GET", f"{path}/{narrow}", token=bearer)).status == 403
        trust = {"trustor_user_id": ada.id, "trustee_user_id": ada.id, "impersonation": False}
        refused = await keystone("POST", "/OS-TRUST/trusts", {"trust": trust}, token=bearer)
        assert "delegated by trust only" in refused["error"]["message"]
        bob = await keystone.person("bob")
        assert (await agree(bob, asked, "member")).status == 403

    converse(tmp_path, talk)


def test_grants_are_looked_at_and_taken_back(tmp_path: Path) -> None:
    async def talk(keystone: Talk) -> None:
        ada = await keystone.person("ada", role="admin")
        program = await consumer(keystone)
        granted = await grant(program, ada, "member")
        path = f"/users/{ada.id}/OS-OAUTH1/access_tokens"
        (shown,) = (await keystone("GET", path))["access_tokens"]
        one = f"{path}/{granted['oauth_token']}"
        assert {key: shown[key] for key in ("id", "consumer_id", "project_id", "authorizing_user_id")} == {
            "id": granted["oauth_token"],
            "consumer_id": program.id,
            "project_id": ada.project["id"],
            "authorizing_user_id": ada.id,
        }
        assert shown["links"]["roles"].endswith(f"{one}/roles")
        assert (await keystone("GET", one))["access_token"] == shown
        (role,) = (await keystone("GET", f"{one}/roles"))["roles"]
        assert (await keystone("GET", f"{one}/roles/{role['id']}"))["role"] == role
        assert (role["name"], "description" in role) == ("member", False)
        assert (await keystone("GET", f"{one}/roles/nothing")).status == 404
        elsewhere = f"/users/nobody/OS-OAUTH1/access_tokens/{granted['oauth_token']}"
        assert (await keystone("GET", elsewhere)).status == 404
        assert (await keystone("DELETE", elsewhere)).status == 401
        bearer = (await program.log_in(granted)).headers["x-subject-token"]
        assert await ada.holds(bearer)
        assert (await keystone("DELETE", one)).status == 204
        assert not await ada.holds(bearer)
        assert (await program.log_in(granted)).status == 404
        assert await ended(keystone) == [{"OS-OAUTH1:access_token_id": granted["oauth_token"]}]

    converse(tmp_path, talk)


@pytest.mark.parametrize("ends", ["consumer", "user", "project", "role"])
def test_what_ends_a_grant(tmp_path: Path, ends: str) -> None:
    async def talk(keystone: Talk) -> None:
        ada = await keystone.person("ada", role="admin")
        program = await consumer(keystone)
        granted = await grant(program, ada, "member")
        bearer = (await program.log_in(granted)).headers["x-subject-token"]
        role = f"/projects/{ada.project['id']}/users/{ada.id}/roles/{await keystone.role('admin')}"
        paths = {
            "consumer": f"/OS-OAUTH1/consumers/{program.id}",
            "user": f"/users/{ada.id}",
            "project": f"/projects/{ada.project['id']}",
            "role": role,
        }
        assert (await keystone("DELETE", paths[ends])).status == 204
        assert not await ada.holds(bearer)
        assert (await program.log_in(granted)).status == (401 if ends == "role" else 404)
        told_of = {
            "consumer": [{"OS-OAUTH1:consumer_id": program.id}],
            "user": [{"user_id": ada.id}],
            "project": [{"project_id": ada.project["id"]}],
            "role": [],
        }
        assert await ended(keystone) == told_of[ends]

    converse(tmp_path, talk)


def test_what_was_asked_and_granted_ends_at_its_time(tmp_path: Path) -> None:
    clock = ManualClock()

    async def talk(keystone: Talk) -> None:
        ada = await keystone.person("ada", role="admin")
        program = await consumer(keystone)
        asked = told(await program.ask(ada.project["id"]))
        granted = await grant(program, ada, "member")
        await clock.pass_time(8 * 3600 + 1)
        await keystone.become_admin()
        assert (await agree(ada, asked, "member")).status == 401
        assert (await program.exchange(asked, "abcdefgh")).status == 401
        assert (await program.log_in(granted)).status == 201
        await clock.pass_time(16 * 3600)
        assert (await program.log_in(granted)).status == 401

    converse(tmp_path, talk, clock=clock)


# -- OAuth 2.0 ------------------------------------------------------------------------------------------


def basic(id: str, secret: str) -> dict[str, str]:
    return {"Authorization": "Basic " + base64.b64encode(f"{id}:{secret}".encode()).decode()}


async def client_token(keystone: Talk, form: str, headers: dict[str, str] | None = None) -> Answer:
    headers = {**FORM, **(headers or {})}
    return await keystone("POST", "/OS-OAUTH2/token", form.encode(), token="", headers=headers)


def test_a_client_gets_a_token_by_an_application_credential(tmp_path: Path) -> None:
    async def talk(keystone: Talk) -> None:
        ada = await keystone.person("ada")
        path, words = f"/users/{ada.id}/application_credentials", {"name": "client"}
        answer = await keystone("POST", path, {"application_credential": words}, token=await ada.login())
        made = answer["application_credential"]
        by_header = await client_token(
            keystone, "grant_type=client_credentials", basic(made["id"], made["secret"])
        )
        assert by_header.status == 200, by_header
        assert (by_header["token_type"], by_header["expires_in"]) == ("Bearer", 3600)
        assert await ada.holds(by_header["access_token"])
        form = f"grant_type=client_credentials&client_id={made['id']}&client_secret={made['secret']}"
        assert (await client_token(keystone, form)).status == 200

    converse(tmp_path, talk)


@pytest.mark.parametrize(
    ("form", "headers", "status", "error"),
    [
        ("", {}, 400, "invalid_request"),
        ("grant_type=password", {}, 400, "unsupported_grant_type"),
        ("grant_type=client_credentials", {}, 401, "invalid_client"),
        ("grant_type=client_credentials", basic("", ""), 401, "invalid_client"),
        ("grant_type=client_credentials", basic("unknown", "x"), 401, "invalid_client"),
        ("grant_type=client_credentials", {"Authorization": "Basic !"}, 401, "invalid_client"),
        ("grant_type=client_credentials&client_id=a", {}, 401, "invalid_client"),
    ],
)
def test_a_client_that_proves_nothing_is_refused_in_the_words_of_oauth(
    tmp_path: Path, form: str, headers: dict[str, str], status: int, error: str
) -> None:
    async def talk(keystone: Talk) -> None:
        answer = await client_token(keystone, form, headers)
        assert (answer.status, answer["error"]) == (status, error), answer
        assert ("www-authenticate" in answer.headers) == (status == 401)
        assert (await keystone("GET", "/OS-OAUTH2/token", token="")).status == 405

    converse(tmp_path, talk)
