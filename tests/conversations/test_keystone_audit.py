# SPDX-License-Identifier: Apache-2.0
"""Events of logins: who has tried to get in, and what became of it."""

import asyncio
import base64
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.hashes import SHA1
from cryptography.hazmat.primitives.twofactor.totp import TOTP

from cumulet.kernel import events
from cumulet.kernel.clock import ManualClock
from cumulet.kernel.events import Event
from cumulet.lib import timestamps
from cumulet.testing.asgi import Answer
from cumulet.testing.identity import Person, Talk, converse, password, rescope

KEY = b"12345678901234567890"
WRONG = {"reasonType": "Invalid user / password", "reasonCode": "401"}


async def logins(keystone: Talk) -> list[Event]:
    """The events of all logins but the administrator's own."""
    found = await keystone.cloud.app.db.read(events.read_after, 0)
    own = [event for event in found if event.type == "keystone.user.authenticate"]
    return [event for event in own if event.payload.get("user_name") != "admin"]


async def guess(somebody: Person, word: str = "wrong") -> Answer:
    return await somebody.talk.ask_token(password({"id": somebody.id, "password": word}))


async def reasons(keystone: Talk) -> list[str]:
    return [event.payload["reason"]["reasonType"] for event in await logins(keystone)]


def test_a_login_is_told_with_its_outcome(tmp_path: Path, database: str) -> None:
    async def talk(keystone: Talk) -> None:
        ada = await keystone.person("ada")
        await ada.login()
        await guess(ada)
        good, bad = await logins(keystone)
        assert good.payload == {
            "outcome": "success",
            "methods": ["password"],
            "user_id": ada.id,
            "user_name": "ada",
            "domain_id": "default",
            "address": "127.0.0.1",
            "left_out": 0,
        }
        assert good.resource_id == ada.id
        assert bad.payload == {
            "outcome": "failure",
            "methods": ["password"],
            "user_id": ada.id,
            "address": "127.0.0.1",
            "left_out": 0,
            "reason": WRONG,
        }
        assert bad.resource_id == ada.id

    converse(tmp_path, talk, database=database)


def test_a_stranger_is_told_by_the_name_that_they_gave(tmp_path: Path) -> None:
    async def talk(keystone: Talk) -> None:
        user = {"name": "n" * 1000, "domain": {"name": "Default"}, "password": "hush"}
        assert (await keystone.ask_token(password(user))).status == 401
        [event] = await logins(keystone)
        assert event.resource_id == ""
        assert (event.payload["user_name"], event.payload["domain_name"]) == ("n" * 64, "Default")
        assert event.payload["reason"]["reasonCode"] == "404"
        assert event.payload["reason"]["reasonType"].startswith("Could not find user: nnn")
        assert "hush" not in str(event)

    converse(tmp_path, talk)


def test_the_rules_of_security_compliance_are_the_reason_where_they_are(tmp_path: Path) -> None:
    clock = ManualClock()

    async def talk(keystone: Talk) -> None:
        [admin] = (await keystone("GET", "/users?name=admin"))["users"]
        lasting = {"options": {"ignore_password_expiry": True}}
        assert (await keystone("PATCH", f"/users/{admin['id']}", {"user": lasting})).status == 200
        ada, bob = await keystone.person("ada"), await keystone.person("bob")
        for word in ("wrong", "wrong", "wrong", "ada's"):
            assert (await guess(ada, word)).status == 401
        clock.advance(2 * 86400)
        assert (await guess(bob, "bob's")).status == 401
        await keystone.become_admin()
        await keystone("PATCH", f"/users/{bob.id}", {"user": {"enabled": False}})
        assert (await guess(bob, "bob's")).status == 401
        assert await reasons(keystone) == [
            "Invalid user / password",
            "Maximum number of 2 login attempts exceeded.",
            f"The account is locked for user: {ada.id}.",
            f"The account is locked for user: {ada.id}.",
            f"The password is expired and needs to be changed for user: {bob.id}.",
            f"The account is disabled for user: {bob.id}.",
        ]

    settings = {"lockout_failure_attempts": 2, "password_expires_days": 1}
    converse(tmp_path, talk, clock=clock, settings=settings)


def test_who_has_shown_one_factor_of_two_is_pending(tmp_path: Path) -> None:
    clock = ManualClock()

    async def talk(keystone: Talk) -> None:
        rules = {"multi_factor_auth_enabled": True, "multi_factor_auth_rules": [["password", "totp"]]}
        ada = await keystone.person("ada", options=rules)
        blob = base64.b32encode(KEY).decode()
        await keystone.make("credential", user_id=ada.id, type="totp", blob=blob)
        first = await ada.try_to_log_in()
        receipt = {"Openstack-Auth-Receipt": first.headers["openstack-auth-receipt"]}
        code = TOTP(KEY, 6, SHA1(), 30).generate(int(timestamps.to_epoch(clock.now())))
        for word in (b"000000", code):
            user = {"id": ada.id, "passcode": word.decode()}
            identity = {"methods": ["totp"], "totp": {"user": user}}
            body = {"auth": {"identity": identity, "scope": ada.scope}}
            last = await keystone("POST", "/auth/tokens", body, token="", headers=receipt)
        assert last.status == 201
        found = [(event.payload["outcome"], event.payload["methods"]) for event in await logins(keystone)]
        assert found == [
            ("pending", ["password"]),
            ("failure", ["totp"]),
            ("success", ["password", "totp"]),
        ]

    converse(tmp_path, talk, clock=clock)


def test_tokens_by_tokens_and_programs_that_succeed_are_not_told(tmp_path: Path) -> None:
    async def talk(keystone: Talk) -> None:
        ada = await keystone.person("ada")
        token = await ada.login()
        assert (await keystone.ask_token(rescope(token))).status == 201
        assert (await keystone.ask_token(rescope("gAAAAnonsense"))).status == 404
        path = f"/users/{ada.id}/application_credentials"
        body = {"application_credential": {"name": "robot"}}
        robot = (await keystone("POST", path, body, token=token))["application_credential"]
        for secret, status in ((robot["secret"], 201), ("wrong", 401)):
            words = {"id": robot["id"], "secret": secret}
            identity = {"methods": ["application_credential"], "application_credential": words}
            assert (await keystone.ask_token({"auth": {"identity": identity}})).status == status
        good, bad = [event.payload for event in await logins(keystone)]
        assert (good["outcome"], good["methods"]) == ("success", ["password"])
        assert (bad["outcome"], bad["application_credential_id"]) == ("failure", robot["id"])

    converse(tmp_path, talk)


def test_a_wrong_old_password_is_told_like_a_wrong_login(tmp_path: Path) -> None:
    async def talk(keystone: Talk) -> None:
        ada = await keystone.person("ada")
        words = {"user": {"original_password": "wrong", "password": "new"}}
        assert (await keystone("POST", f"/users/{ada.id}/password", words, token="")).status == 401
        [event] = await logins(keystone)
        assert (event.payload["outcome"], event.payload["reason"]) == ("failure", WRONG)

    converse(tmp_path, talk)


def test_what_strangers_say_of_themselves_in_a_strange_form_is_no_fault_of_ours(tmp_path: Path) -> None:
    async def talk(keystone: Talk) -> None:
        for method, words in (("external", {"user": "text"}), ("oauth1", {"protocol": [1]})):
            identity: dict[str, Any] = {"methods": [method], method: words}
            assert (await keystone.ask_token({"auth": {"identity": identity}})).status in (400, 401)

    converse(tmp_path, talk)


def test_guessing_on_and_on_fills_no_disk(tmp_path: Path) -> None:
    clock = ManualClock()

    async def talk(keystone: Talk) -> None:
        ada = await keystone.person("ada")
        await asyncio.gather(*(guess(ada) for _ in range(13)))
        assert len(await logins(keystone)) == 10
        strangers = [password({"id": f"u{number}", "password": "x"}) for number in range(55)]
        await asyncio.gather(*map(keystone.ask_token, strangers))
        assert len(await logins(keystone)) == 60
        clock.advance(60)
        await ada.login()
        assert sum(event.payload["left_out"] for event in await logins(keystone)) == 8

    converse(tmp_path, talk, clock=clock)
