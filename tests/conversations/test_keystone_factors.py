# SPDX-License-Identifier: Apache-2.0
"""Passcodes (TOTP), rules of several factors, and receipts for who has proved only some of them."""

import asyncio
import base64
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.hashes import SHA1
from cryptography.hazmat.primitives.twofactor.totp import TOTP

from cumulet.kernel.clock import ManualClock
from cumulet.kernel.db import Tx
from cumulet.lib import timestamps
from cumulet.services.keystone.people import User
from cumulet.testing.asgi import Answer
from cumulet.testing.identity import Person, Talk, converse

KEY = b"12345678901234567890"
SECRET = base64.b32encode(KEY).decode().rstrip("=")
REFUSED = "The request you have made requires authentication."
TWO_FACTORS = {"multi_factor_auth_enabled": True, "multi_factor_auth_rules": [["password", "totp"]]}


def passcode(clock: ManualClock, earlier: int = 0) -> str:
    """What an app shows, some seconds earlier."""
    now = int(timestamps.to_epoch(clock.now())) - earlier
    return TOTP(KEY, 6, SHA1(), 30).generate(now).decode()


async def with_secret(keystone: Talk, name: str = "ada", secret: str = SECRET, **fields: Any) -> Person:
    """Somebody whose app makes passcodes."""
    person = await keystone.person(name, **fields)
    credential = {"user_id": person.id, "type": "totp", "blob": secret}
    assert (await keystone("POST", "/credentials", {"credential": credential})).status == 201
    return person


async def prove(
    somebody: Person, code: Any = None, *, password: str | None = None, receipt: str = ""
) -> Answer:
    """Ask for a token by a passcode, a password, or both."""
    identity: dict[str, Any] = {"methods": []}
    for method, word, secret in (("password", "password", password), ("totp", "passcode", code)):
        if secret is not None:
            identity["methods"].append(method)
            identity[method] = {"user": {"id": somebody.id, word: secret}}
    body = {"auth": {"identity": identity, "scope": somebody.scope}}
    headers = {"Openstack-Auth-Receipt": receipt} if receipt else {}
    return await somebody.talk("POST", "/auth/tokens", body, token="", headers=headers)


# -- passcodes ------------------------------------------------------------------------------------------


def test_a_passcode_is_as_good_as_a_password_and_serves_once(tmp_path: Path, database: str) -> None:
    clock = ManualClock()

    async def talk(keystone: Talk) -> None:
        ada = await with_secret(keystone)
        code = passcode(clock)
        first = await prove(ada, code)
        assert first.status == 201, first
        assert first["token"]["methods"] == ["totp"]
        again = await prove(ada, code)
        assert (again.status, again["error"]["message"]) == (401, REFUSED)
        await clock.pass_time(30)
        assert (await prove(ada, passcode(clock))).status == 201

    converse(tmp_path, talk, clock=clock, database=database)


def test_one_passcode_shown_many_times_at_once_serves_once(tmp_path: Path, database: str) -> None:
    clock = ManualClock()

    async def talk(keystone: Talk) -> None:
        ada = await with_secret(keystone)
        answers = await asyncio.gather(*(prove(ada, passcode(clock)) for _ in range(8)))
        assert sorted(answer.status for answer in answers) == [201, *[401] * 7]

    converse(tmp_path, talk, clock=clock, database=database)


def test_the_passcode_before_the_present_one_is_taken_unless_a_later_one_was(tmp_path: Path) -> None:
    clock = ManualClock()

    async def talk(keystone: Talk) -> None:
        ada, bob = await with_secret(keystone), await with_secret(keystone, "bob")
        assert (await prove(ada, passcode(clock, 60))).status == 401
        assert (await prove(ada, passcode(clock, 30))).status == 201
        assert (await prove(bob, passcode(clock))).status == 201
        assert (await prove(bob, passcode(clock, 30))).status == 401

    converse(tmp_path, talk, clock=clock)


def test_no_earlier_passcode_is_taken_where_an_operator_wants_none(tmp_path: Path) -> None:
    clock = ManualClock()

    async def talk(keystone: Talk) -> None:
        ada = await with_secret(keystone)
        assert (await prove(ada, passcode(clock, 30))).status == 401
        assert (await prove(ada, passcode(clock))).status == 201

    converse(tmp_path, talk, clock=clock, settings={"totp_included_previous_windows": 0})


def test_a_passcode_is_used_up_even_when_the_rest_of_the_request_is_refused(tmp_path: Path) -> None:
    clock = ManualClock()

    async def talk(keystone: Talk) -> None:
        ada = await with_secret(keystone)
        body = {
            "identity": {
                "methods": ["totp", "password"],
                "totp": {"user": {"id": ada.id, "passcode": passcode(clock)}},
                "password": {"user": {"id": ada.id, "password": "wrong"}},
            }
        }
        assert (await keystone.ask_token({"auth": body})).status == 401
        assert (await prove(ada, passcode(clock))).status == 401

    converse(tmp_path, talk, clock=clock)


@pytest.mark.parametrize("code", ["000000", "", "no digits", 5, None, ["1"], "\u0661\u0662\u0663"])
def test_what_is_no_passcode_is_refused_like_a_wrong_one(tmp_path: Path, code: Any) -> None:
    clock = ManualClock()

    async def talk(keystone: Talk) -> None:
        ada = await with_secret(keystone)
        await with_secret(keystone, "bob", secret="no base32 at all")
        bob = (await keystone("GET", "/users?name=bob"))["users"][0]
        for user in ({"id": ada.id}, {"id": bob["id"]}, {"id": "nobody"}):
            identity = {"methods": ["totp"], "totp": {"user": {**user, "passcode": code}}}
            answer = await keystone.ask_token({"auth": {"identity": identity}})
            assert (answer.status, answer["error"]["message"]) == (401, REFUSED)

    converse(tmp_path, talk, clock=clock)


def test_a_secret_that_was_taken_away_makes_no_passcodes(tmp_path: Path) -> None:
    clock = ManualClock()

    async def talk(keystone: Talk) -> None:
        ada = await with_secret(keystone)
        assert (await prove(ada, passcode(clock))).status == 201
        (credential,) = (await keystone("GET", f"/credentials?user_id={ada.id}"))["credentials"]
        assert (await keystone("DELETE", f"/credentials/{credential['id']}")).status == 204
        await clock.pass_time(30)
        assert (await prove(ada, passcode(clock))).status == 401

    converse(tmp_path, talk, clock=clock)


# -- rules ----------------------------------------------------------------------------------------------


def test_both_factors_in_one_request_are_enough_and_one_is_not(tmp_path: Path) -> None:
    clock = ManualClock()

    async def talk(keystone: Talk) -> None:
        ada = await with_secret(keystone, options=TWO_FACTORS)
        both = await prove(ada, passcode(clock), password="ada's")
        assert both.status == 201, both
        assert set(both["token"]["methods"]) == {"password", "totp"}
        await clock.pass_time(30)
        for answer in (await prove(ada, password="ada's"), await prove(ada, passcode(clock))):
            assert answer.status == 401
            assert "openstack-auth-receipt" in answer.headers

    converse(tmp_path, talk, clock=clock)


@pytest.mark.parametrize(
    "options",
    [
        {"multi_factor_auth_enabled": False, "multi_factor_auth_rules": [["password", "totp"]]},
        {"multi_factor_auth_enabled": True},
        {"multi_factor_auth_enabled": True, "multi_factor_auth_rules": []},
        {"multi_factor_auth_rules": [["retina", "voice"]]},
        {"multi_factor_auth_rules": [["password", "totp"], ["password"]]},
        {"multi_factor_auth_rules": [["password", "retina"]]},
    ],
    ids=[
        "not in force",
        "none",
        "empty",
        "unknown methods only",
        "one is met",
        "an unknown one is not asked",
    ],
)
def test_rules_that_ask_for_no_second_factor_let_the_first_one_in(
    tmp_path: Path, options: dict[str, Any]
) -> None:
    async def talk(keystone: Talk) -> None:
        ada = await keystone.person("ada", options=options)
        assert (await ada.try_to_log_in()).status == 201

    converse(tmp_path, talk)


def test_rules_are_in_force_where_nobody_says_otherwise(tmp_path: Path) -> None:
    async def talk(keystone: Talk) -> None:
        ada = await keystone.person("ada", options={"multi_factor_auth_rules": [["password", "totp"]]})
        assert (await ada.try_to_log_in()).status == 401

    converse(tmp_path, talk)


def test_a_token_by_a_token_keeps_the_factors_and_an_old_one_lacks_them(tmp_path: Path) -> None:
    clock = ManualClock()

    async def talk(keystone: Talk) -> None:
        ada = await with_secret(keystone)
        old = await ada.login()
        assert (await keystone("PATCH", f"/users/{ada.id}", {"user": {"options": TWO_FACTORS}})).status == 200
        strong = (await prove(ada, passcode(clock), password="ada's")).headers["x-subject-token"]
        for token, status in ((strong, 201), (old, 401)):
            identity = {"methods": ["token"], "token": {"id": token}}
            answer = await keystone.ask_token({"auth": {"identity": identity, "scope": ada.scope}})
            assert answer.status == status, answer

    converse(tmp_path, talk, clock=clock)


# -- receipts -------------------------------------------------------------------------------------------


def test_a_receipt_says_what_was_proved_and_what_is_missing(tmp_path: Path) -> None:
    clock = ManualClock()

    async def talk(keystone: Talk) -> None:
        rules = [["password", "totp"], ["token"], ["password", "application_credential", "retina"]]
        ada = await with_secret(keystone, options={"multi_factor_auth_rules": rules})
        answer = await prove(ada, password="ada's")
        assert answer.status == 401
        assert answer.headers["vary"] == "X-Auth-Token"
        receipt = answer["receipt"]
        assert receipt["methods"] == ["password"]
        assert receipt["user"] == {
            "id": ada.id,
            "name": "ada",
            "domain": {"id": "default", "name": "Default"},
        }
        assert timestamps.seconds_between(receipt["issued_at"][:-1], receipt["expires_at"][:-1]) == 300
        required = [set(rule) for rule in answer["required_auth_methods"]]
        assert required == [{"password", "totp"}, {"password", "application_credential"}]

    converse(tmp_path, talk, clock=clock)


def test_with_a_receipt_only_what_is_missing_must_be_shown(tmp_path: Path, database: str) -> None:
    clock = ManualClock()

    async def talk(keystone: Talk) -> None:
        ada = await with_secret(keystone, options=TWO_FACTORS)
        receipt = (await prove(ada, password="ada's")).headers["openstack-auth-receipt"]
        await clock.pass_time(299)
        wrong = await prove(ada, "000000", receipt=receipt)
        assert (wrong.status, wrong["error"]["message"]) == (401, REFUSED)
        right = await prove(ada, passcode(clock), receipt=receipt)
        assert right.status == 201, right
        assert set(right["token"]["methods"]) == {"password", "totp"}

    converse(tmp_path, talk, clock=clock, database=database)


@pytest.mark.parametrize("kind", ["old", "somebody else's", "rubbish", "a token"])
def test_a_receipt_that_does_not_hold_is_refused(tmp_path: Path, kind: str) -> None:
    clock = ManualClock()

    async def talk(keystone: Talk) -> None:
        ada = await with_secret(keystone, options=TWO_FACTORS)
        bob = await with_secret(keystone, "bob", options=TWO_FACTORS)
        whose = bob if kind == "somebody else's" else ada
        receipt = (await prove(whose, password=whose.credentials["password"])).headers[
            "openstack-auth-receipt"
        ]
        if kind == "old":
            await clock.pass_time(300)
        receipt = {"rubbish": "gAAAArubbish", "a token": keystone.cloud.token}.get(kind, receipt)
        answer = await prove(ada, passcode(clock), receipt=receipt)
        assert answer.status == 401
        assert answer["error"]["message"] == f"Could not find auth receipt: {receipt}."
        assert "openstack-auth-receipt" not in answer.headers

    converse(tmp_path, talk, clock=clock)


def test_a_receipt_is_no_token(tmp_path: Path) -> None:
    async def talk(keystone: Talk) -> None:
        ada = await keystone.person("ada", options=TWO_FACTORS)
        receipt = (await prove(ada, password="ada's")).headers["openstack-auth-receipt"]
        assert not await ada.holds(receipt)

    converse(tmp_path, talk)


# -- guessing -------------------------------------------------------------------------------------------


def test_guessing_passcodes_locks_out_even_who_knows_the_password(tmp_path: Path) -> None:
    clock = ManualClock()

    async def talk(keystone: Talk) -> None:
        ada = await with_secret(keystone, options=TWO_FACTORS)
        for _ in range(3):
            assert (await prove(ada, "000000", password="ada's")).status == 401
        assert "receipt" not in (await prove(ada, password="ada's")).body
        assert (await prove(ada, passcode(clock), password="ada's")).status == 401
        await clock.pass_time(60)
        assert (await prove(ada, passcode(clock), password="ada's")).status == 201
        row = await keystone.cloud.app.db.read(Tx.get, User, ada.id)
        assert row is not None and row.failed_auth_count == 0

    settings = {"lockout_failure_attempts": 3, "lockout_duration": 60}
    converse(tmp_path, talk, clock=clock, settings=settings)
