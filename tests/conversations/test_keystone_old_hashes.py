# SPDX-License-Identifier: Apache-2.0
"""Passwords that an older Keystone has hashed: they serve, and are hashed anew when they are shown."""

import asyncio
from pathlib import Path

import argon2
import bcrypt
import pytest

from cumulet.kernel.db import Tx
from cumulet.services.keystone.people import OldPassword, User
from cumulet.testing.identity import Person, Talk, converse, password

BCRYPT = "$2b$04$KBpZU6dCORh1hixc4T45c.iZSwmXUCe3V3.dIV6ycXIHigqyuiNuq"
OLD = {
    "bcrypt": BCRYPT,
    "sha512_crypt": "$6$rounds=10000$oldkeystone$IV/UluLfLEVZphX67DjTewv01cVXYjifH8Py5sSUqNMRgXxzGLmn6v0OET1C"
    "nj5zTETuxNO4XYI3E5yD5KV4/1",
    "argon2 with little memory": argon2.PasswordHasher(1, 64, 1).hash("secret"),
}
"""Of the password `secret`."""


async def take_over(somebody: Person, hash: str) -> User:
    """The user as a database of an older Keystone has them."""

    def store(tx: Tx) -> User:
        return tx.update(tx.need(User, somebody.id), password_hash=hash)

    return await somebody.talk.cloud.app.db.transact(store)


async def row(somebody: Person) -> User:
    return await somebody.talk.cloud.app.db.read(Tx.need, User, somebody.id)


@pytest.mark.parametrize("kind", OLD)
def test_an_old_hash_is_replaced_at_the_next_login_and_nothing_else_is(tmp_path: Path, kind: str) -> None:
    async def talk(keystone: Talk) -> None:
        ada = await keystone.person("ada")
        token = await ada.login()
        before = await take_over(ada, OLD[kind])
        ada.credentials["password"] = "wrong"
        assert (await ada.try_to_log_in()).status == 401
        assert (await row(ada)).password_hash == OLD[kind]
        ada.credentials["password"] = "secret"
        assert (await ada.try_to_log_in()).status == 201
        after = await row(ada)
        assert after.password_hash is not None
        assert after.password_hash.startswith("$argon2id$v=19$m=19456,")
        assert after == before.but(password_hash=after.password_hash, revision=after.revision)
        assert await ada.holds(token)
        assert await keystone.cloud.app.db.read(Tx.count, OldPassword) == 0
        assert (await ada.try_to_log_in()).status == 201
        assert (await row(ada)).password_hash == after.password_hash

    converse(tmp_path, talk, settings={"unique_last_password_count": 3, "password_expires_days": 7})


@pytest.mark.parametrize("attempts", [None, 2])
def test_many_logins_at_once_by_an_old_hash_are_all_let_in(
    tmp_path: Path, database: str, attempts: int | None
) -> None:
    async def talk(keystone: Talk) -> None:
        ada = await keystone.person("ada")
        await take_over(ada, BCRYPT)
        ada.credentials["password"] = "secret"
        answers = await asyncio.gather(*(ada.try_to_log_in() for _ in range(6)))
        assert {answer.status for answer in answers} == {201}

    converse(tmp_path, talk, database=database, settings={"lockout_failure_attempts": attempts})


def test_a_user_changes_a_password_that_was_hashed_long_ago(tmp_path: Path) -> None:
    async def talk(keystone: Talk) -> None:
        ada = await keystone.person("ada")
        await take_over(ada, BCRYPT)
        words = {"user": {"original_password": "secret", "password": "new"}}
        assert (await keystone("POST", f"/users/{ada.id}/password", words, token="")).status == 204
        assert (await keystone.ask_token(password({"id": ada.id, "password": "new"}))).status == 201

    converse(tmp_path, talk)


def test_a_hash_of_the_beginning_of_a_password_stays(tmp_path: Path) -> None:
    """Else a slip behind the 72nd byte, which bcrypt does not see, would become part of the password."""

    async def talk(keystone: Talk) -> None:
        ada = await keystone.person("ada")
        long = "a" * 72
        hash = bcrypt.hashpw(long.encode(), bcrypt.gensalt(4)).decode()
        await take_over(ada, hash)
        ada.credentials["password"] = long + "slip"
        assert (await ada.try_to_log_in()).status == 201
        assert (await row(ada)).password_hash == hash
        ada.credentials["password"] = long
        assert (await ada.try_to_log_in()).status == 201
        assert (await row(ada)).password_hash != hash

    converse(tmp_path, talk)
