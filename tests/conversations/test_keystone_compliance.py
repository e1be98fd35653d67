# SPDX-License-Identifier: Apache-2.0
"""Security compliance: who is locked out or inactive, and passwords that are too old, too new or too weak."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from cumulet.kernel.clock import ManualClock
from cumulet.kernel.db import Tx
from cumulet.services.keystone.people import OldPassword, User
from cumulet.services.keystone.tokens.authority import Authority
from cumulet.testing.asgi import Answer
from cumulet.testing.identity import Person, Talk, converse, password

DAY = 86400
REFUSED = "The request you have made requires authentication."
SELF_SERVICE_ENDED = (
    "You cannot change your password at this time due to password policy disallowing password changes. "
    "Please contact your administrator to reset your password."
)


async def guess(somebody: Person, word: str = "wrong") -> Answer:
    return await somebody.talk.ask_token(password({"id": somebody.id, "password": word}))


async def change(somebody: Person, old: str, new: str) -> Answer:
    """Somebody's own change of their password."""
    words = {"user": {"original_password": old, "password": new}}
    return await somebody.talk("POST", f"/users/{somebody.id}/password", words, token="")


async def update(somebody: Person, **changes: Any) -> Answer:
    """An administrator's change of somebody."""
    await somebody.talk.become_admin()
    return await somebody.talk("PATCH", f"/users/{somebody.id}", {"user": changes})


def message(answer: Answer) -> str:
    text: str = answer["error"]["message"]
    return text


# -- lockout --------------------------------------------------------------------------------------------


def test_who_fails_too_often_is_locked_out_for_a_while_and_told_nothing(
    tmp_path: Path, database: str
) -> None:
    clock = ManualClock()

    async def talk(keystone: Talk) -> None:
        ada = await keystone.person("ada")
        for _ in range(3):
            assert (await guess(ada)).status == 401
        locked = await ada.try_to_log_in()
        assert (locked.status, message(locked)) == (401, REFUSED)
        assert (await change(ada, "ada's", "new")).status == 401
        await clock.pass_time(59)
        assert (await ada.try_to_log_in()).status == 401
        await clock.pass_time(1)
        assert (await ada.try_to_log_in()).status == 201

    settings = {"lockout_failure_attempts": 3, "lockout_duration": 60}
    converse(tmp_path, talk, clock=clock, database=database, settings=settings)


def test_a_right_password_forgives_the_wrong_ones_before_it(tmp_path: Path) -> None:
    async def talk(keystone: Talk) -> None:
        ada = await keystone.person("ada")
        for _ in range(3):
            assert (await guess(ada)).status == 401
            assert (await ada.try_to_log_in()).status == 201

    converse(tmp_path, talk, settings={"lockout_failure_attempts": 2})


def test_after_a_lock_has_lapsed_failures_are_counted_anew(tmp_path: Path) -> None:
    clock = ManualClock()

    async def talk(keystone: Talk) -> None:
        ada = await keystone.person("ada")
        for _ in range(2):
            await guess(ada)
        await clock.pass_time(10)
        await guess(ada)
        assert (await ada.try_to_log_in()).status == 201

    converse(tmp_path, talk, clock=clock, settings={"lockout_failure_attempts": 2, "lockout_duration": 10})


def test_guessing_on_makes_a_lock_no_longer(tmp_path: Path) -> None:
    clock = ManualClock()

    async def talk(keystone: Talk) -> None:
        ada = await keystone.person("ada")
        for _ in range(2):
            await guess(ada)
        await clock.pass_time(9)
        await guess(ada)
        await clock.pass_time(1)
        assert (await ada.try_to_log_in()).status == 201

    converse(tmp_path, talk, clock=clock, settings={"lockout_failure_attempts": 2, "lockout_duration": 10})


def test_a_right_guess_among_many_at_once_counts_only_before_the_lock(tmp_path: Path, database: str) -> None:
    async def talk(keystone: Talk) -> None:
        ada = await keystone.person("ada")
        words = ["wrong"] * 8 + ["ada's"]
        answers = await asyncio.gather(*(guess(ada, word) for word in words))
        assert {answer.status for answer in answers} == {401}
        row = await keystone.cloud.app.db.read(Tx.get, User, ada.id)
        assert row is not None and row.failed_auth_count == 3

    converse(tmp_path, talk, database=database, settings={"lockout_failure_attempts": 3})


def test_many_right_logins_at_once_are_no_failures(tmp_path: Path) -> None:
    async def talk(keystone: Talk) -> None:
        ada = await keystone.person("ada")
        answers = await asyncio.gather(*(ada.try_to_log_in() for _ in range(6)))
        assert {answer.status for answer in answers} == {201}

    converse(tmp_path, talk, settings={"lockout_failure_attempts": 2})


def test_without_a_duration_only_an_administrator_ends_the_lock(tmp_path: Path) -> None:
    clock = ManualClock()

    async def talk(keystone: Talk) -> None:
        ada = await keystone.person("ada")
        await guess(ada)
        clock.advance(365 * DAY)
        assert (await ada.try_to_log_in()).status == 401
        assert (await update(ada, enabled=True)).status == 200
        assert (await ada.try_to_log_in()).status == 201

    converse(tmp_path, talk, clock=clock, settings={"lockout_failure_attempts": 1, "lockout_duration": None})


def test_a_user_can_be_exempt_from_the_lockout(tmp_path: Path) -> None:
    async def talk(keystone: Talk) -> None:
        ada = await keystone.person("ada", options={"ignore_lockout_failure_attempts": True})
        for _ in range(3):
            await guess(ada)
        assert (await ada.try_to_log_in()).status == 201

    converse(tmp_path, talk, settings={"lockout_failure_attempts": 1})


def test_failures_are_not_written_down_where_nobody_is_locked_out(tmp_path: Path) -> None:
    async def talk(keystone: Talk) -> None:
        ada = await keystone.person("ada")
        await guess(ada)
        row = await keystone.cloud.app.db.read(Tx.get, User, ada.id)
        assert row is not None and row.failed_auth_count == 0

    converse(tmp_path, talk)


# -- expiry ---------------------------------------------------------------------------------------------


def test_a_password_that_has_expired_serves_only_to_choose_another(tmp_path: Path) -> None:
    clock = ManualClock()

    async def talk(keystone: Talk) -> None:
        ada = await keystone.person("ada")
        expires = ada.user["password_expires_at"]
        assert expires.endswith(".000000Z")
        shown = await ada.try_to_log_in()
        assert shown["token"]["user"]["password_expires_at"] == expires
        clock.advance(90 * DAY)
        expired = await ada.try_to_log_in()
        why = f"The password is expired and needs to be changed for user: {ada.id}."
        assert (expired.status, message(expired)) == (401, why)
        assert message(await guess(ada)) == REFUSED
        assert (await change(ada, "ada's", "new")).status == 204
        renewed = await guess(ada, "new")
        assert renewed["token"]["user"]["password_expires_at"] > expires

    converse(tmp_path, talk, clock=clock, settings={"password_expires_days": 90})


def test_a_user_can_be_exempt_from_expiry(tmp_path: Path) -> None:
    clock = ManualClock()

    async def talk(keystone: Talk) -> None:
        ada = await keystone.person("ada", options={"ignore_password_expiry": True})
        bob = await keystone.person("bob")
        assert ada.user["password_expires_at"] is None
        assert (await update(bob, options={"ignore_password_expiry": True})).status == 200
        clock.advance(2 * DAY)
        assert (await ada.try_to_log_in()).status == 201
        assert (await bob.try_to_log_in()).status == 201

    converse(tmp_path, talk, clock=clock, settings={"password_expires_days": 1})


def test_users_are_found_by_when_their_password_expires(tmp_path: Path, database: str) -> None:
    clock = ManualClock()

    async def talk(keystone: Talk) -> None:
        group = await keystone.make("group", name="choir")
        people = []
        for name in ("ada", "bob", "cyd"):
            people.append(await keystone.person(name))
            await keystone("PUT", f"/groups/{group['id']}/users/{people[-1].id}")
            await clock.pass_time(100)
        await update(people[2], options={"ignore_password_expiry": True}, password="never")
        moment = people[1].user["password_expires_at"].replace(".000000", "")
        names = {person.id: person.user["name"] for person in people}

        async def found(query: str) -> set[str]:
            everybody = await keystone("GET", f"/users?password_expires_at={query}")
            members = await keystone("GET", f"/groups/{group['id']}/users?password_expires_at={query}")
            assert everybody.status == members.status == 200, everybody
            ids = {user["id"] for user in members["users"]}
            assert ids == {user["id"] for user in everybody["users"]} & names.keys()
            return {names[id] for id in ids}

        assert await found(f"lt:{moment}") == {"ada"}
        assert await found(f"lte:{moment}") == {"ada", "bob"}
        assert await found(f"gt:{moment}") == set()
        assert await found(f"gte:{moment}") == {"bob"}
        assert await found(f"eq:{moment}") == {"bob"}
        assert await found(moment) == {"bob"}
        assert await found(f"neq:{moment}") == {"ada"}

    converse(tmp_path, talk, clock=clock, database=database, settings={"password_expires_days": 30})


@pytest.mark.parametrize(
    ("query", "why"),
    [
        ("lt:yesterday", "Timestamp not in expected format. "),
        ("xx:2026-01-01T00:00:00Z", "The given operator xx is not valid. It must be one of the following: "),
    ],
)
def test_a_moment_of_expiry_that_is_none_is_refused(tmp_path: Path, query: str, why: str) -> None:
    async def talk(keystone: Talk) -> None:
        answer = await keystone("GET", f"/users?password_expires_at={query}")
        assert answer.status == 400
        assert message(answer).startswith(why)

    converse(tmp_path, talk)


# -- first use ------------------------------------------------------------------------------------------


def test_a_password_that_an_administrator_chose_must_be_changed_first(tmp_path: Path) -> None:
    async def talk(keystone: Talk) -> None:
        ada = await keystone.person("ada")
        assert message(await ada.try_to_log_in()).startswith(
            "The password is expired and needs to be changed"
        )
        assert (await change(ada, "ada's", "hers")).status == 204
        assert (await guess(ada, "hers")).status == 201
        assert (await update(ada, password="reset")).status == 200
        assert (await guess(ada, "reset")).status == 401
        service = await keystone.person("robot", options={"ignore_change_password_upon_first_use": True})
        assert (await service.try_to_log_in()).status == 201

    converse(tmp_path, talk, settings={"change_password_upon_first_use": True})


# -- strength, history, age -----------------------------------------------------------------------------


def test_a_weak_password_is_refused_wherever_one_is_chosen(tmp_path: Path) -> None:
    why = "The password does not match the requirements: at least one digit."

    async def talk(keystone: Talk) -> None:
        weak = await keystone("POST", "/users", {"user": {"name": "bob", "password": "letters"}})
        assert (weak.status, message(weak)) == (400, why)
        none = await keystone("POST", "/users", {"user": {"name": "bob", "password": None}})
        assert message(none) == "Password validation error: Password must be a string type."
        ada = await keystone.person("ada2")
        for answer in (await update(ada, password="letters"), await change(ada, "ada2's", "letters")):
            assert (answer.status, message(answer)) == (400, why)
        assert (await change(ada, "ada2's", "letters3")).status == 204

    regex = {"password_regex": r"^(?=.*\d).+$", "password_regex_description": "at least one digit"}
    converse(tmp_path, talk, settings=regex)


def test_a_password_that_keeps_the_rule_thinking_is_refused_soon(tmp_path: Path) -> None:
    async def talk(keystone: Talk) -> None:
        body = {"user": {"name": "bob", "password": "a" * 40 + "!"}}
        assert (await keystone("POST", "/users", body)).status == 400

    converse(tmp_path, talk, settings={"password_regex": r"^(a|aa)+$"})


def test_a_user_may_not_choose_one_of_their_last_passwords_again(tmp_path: Path) -> None:
    clock = ManualClock()

    async def talk(keystone: Talk) -> None:
        ada = await keystone.person("ada")
        await clock.pass_time(1)
        assert (await change(ada, "ada's", "b")).status == 204
        for word in ("b", "ada's"):
            again = await change(ada, "b", word)
            assert again.status == 400
            assert message(again).startswith("The new password cannot be identical to a previous password. ")
            assert message(again).endswith("must be unique is 2.")
        await clock.pass_time(1)
        assert (await change(ada, "b", "c")).status == 204
        await clock.pass_time(1)
        assert (await change(ada, "c", "ada's")).status == 204
        assert await keystone.cloud.app.db.read(Tx.count, OldPassword) == 1
        await keystone.become_admin()
        assert (await update(ada, password="c")).status == 200, "an administrator may"
        assert (await keystone("DELETE", f"/users/{ada.id}")).status == 204
        assert await keystone.cloud.app.db.read(Tx.count, OldPassword) == 0

    converse(tmp_path, talk, clock=clock, settings={"unique_last_password_count": 2})


def test_a_user_keeps_a_password_that_they_chose_for_a_while(tmp_path: Path) -> None:
    clock = ManualClock()

    async def talk(keystone: Talk) -> None:
        ada = await keystone.person("ada")
        assert (await change(ada, "ada's", "b")).status == 204, "an administrator chose the one before"
        clock.advance(DAY // 2)
        early = await change(ada, "b", "c")
        assert early.status == 400
        assert (
            "it must be used for 2 day(s) before it can be changed. Please try again in 1 day(s)"
            in message(early)
        )
        clock.advance(2 * DAY)
        assert (await change(ada, "b", "c")).status == 204

    converse(tmp_path, talk, clock=clock, settings={"minimum_password_age": 2})


def test_a_password_can_be_locked(tmp_path: Path) -> None:
    async def talk(keystone: Talk) -> None:
        ada = await keystone.person("ada", options={"lock_password": True})
        refused = await change(ada, "ada's", "new")
        assert (refused.status, message(refused)) == (400, SELF_SERVICE_ENDED)
        assert (await change(ada, "wrong", "new")).status == 401
        assert (await update(ada, options={"lock_password": None})).status == 200
        assert (await change(ada, "ada's", "new")).status == 204

    converse(tmp_path, talk)


def test_a_disabled_user_who_knows_their_password_is_told_so(tmp_path: Path) -> None:
    async def talk(keystone: Talk) -> None:
        ada = await keystone.person("ada")
        await update(ada, enabled=False)
        refused = await change(ada, "ada's", "new")
        assert (refused.status, message(refused)) == (401, f"The account is disabled for user: {ada.id}.")
        assert message(await change(ada, "wrong", "new")) == REFUSED

    converse(tmp_path, talk)


# -- inactivity -----------------------------------------------------------------------------------------


def test_who_stays_away_too_long_counts_as_disabled_until_enabled_again(tmp_path: Path) -> None:
    clock = ManualClock()

    async def talk(keystone: Talk) -> None:
        ada = await keystone.person("ada")
        bob = await keystone.person("bob", options={"ignore_user_inactivity": True})
        for _ in range(6):
            clock.advance(2 * DAY)
            await keystone.become_admin()
            assert (await ada.try_to_log_in()).status == 201
        for _ in range(3):
            clock.advance(DAY)
            await keystone.become_admin()
        assert (await keystone("GET", f"/users/{ada.id}"))["user"]["enabled"] is False
        assert (await ada.try_to_log_in()).status == 401
        assert (await bob.try_to_log_in()).status == 201
        assert (await update(ada, enabled=True))["user"]["enabled"] is True
        assert (await ada.try_to_log_in()).status == 201

    converse(tmp_path, talk, clock=clock, settings={"disable_user_account_days_inactive": 3})


def test_the_tokens_of_who_stays_away_end_at_midnight(tmp_path: Path) -> None:
    clock = ManualClock()
    at_ten_to_midnight = 13 * 3600 + 50 * 60

    async def talk(keystone: Talk) -> None:
        authority = keystone.cloud.app.contract(Authority)
        clock.advance(at_ten_to_midnight)
        await keystone.become_admin()
        token = await (ada := await keystone.person("ada")).login()
        await clock.pass_time(599)
        assert await ada.holds(token)
        epoch = authority.epoch()
        await clock.pass_time(2)
        while authority.epoch() == epoch:
            await asyncio.sleep(0.01)
        assert not await ada.holds(token)

    converse(tmp_path, talk, clock=clock, settings={"disable_user_account_days_inactive": 1})
