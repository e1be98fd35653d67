# SPDX-License-Identifier: Apache-2.0
"""Keys, payloads and passwords of Keystone, and how one process hears of what another has changed."""

import asyncio
import base64
import os
import uuid
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cumulet.contracts.keystone import Directory
from cumulet.kernel.clock import ManualClock
from cumulet.kernel.db import Tx
from cumulet.kernel.service import missing_rules
from cumulet.services.keystone.hashing import Passwords, hash_generated
from cumulet.services.keystone.roles.effective import UNSCOPED, Scope
from cumulet.services.keystone.service import SERVICE as KEYSTONE
from cumulet.services.keystone.service import api
from cumulet.services.keystone.settings import KeystoneSettings
from cumulet.services.keystone.tokens import revocation
from cumulet.services.keystone.tokens.authority import Authority
from cumulet.services.keystone.tokens.keys import KeyFolder
from cumulet.services.keystone.tokens.model import RevokedToken
from cumulet.services.keystone.tokens.payload import (
    CERTIFIED,
    METHOD_NAMES,
    Claims,
    new_audit_id,
    pack,
    unpack,
)
from cumulet.services.keystone.tokens.subject import Delegation, Subject
from cumulet.testing.cloud import Cloud
from cumulet.testing.identity import Talk, converse, rescope


@pytest.fixture
def keys(tmp_path: Path) -> KeyFolder:
    folder = KeyFolder(tmp_path / "keys")
    folder.open()
    return folder


def subject(**changes: object) -> Subject:
    values = {"user_id": uuid.uuid4().hex, "scope": Scope("project", uuid.uuid4().hex), **changes}
    return Subject(**values)  # type: ignore[arg-type]


def claims(**changes: object) -> Claims:
    values: dict[str, object] = {
        "subject": subject(),
        "methods": ("password",),
        "issued_at": 1_800_000_000,
        "expires_at": 1_800_003_600,
        "audit_ids": (new_audit_id(),),
    }
    return Claims(**(values | changes))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "scope",
    [UNSCOPED, Scope("system", "all"), Scope("domain", "default"), Scope("project", uuid.uuid4().hex)],
)
def test_a_token_says_what_was_put_into_it(keys: KeyFolder, scope: Scope) -> None:
    wanted = claims(subject=subject(scope=scope), user_generation=3, scope_generation=70000)
    assert unpack(keys, pack(keys, wanted)) == wanted


@pytest.mark.parametrize(
    "who",
    [
        {"user_id": os.urandom(32).hex(), "delegation": Delegation("trust", uuid.uuid4().hex)},
        {
            "delegation": Delegation("application_credential", uuid.uuid4().hex),
            "federation_id": uuid.uuid4().hex,
        },
    ],
    ids=["from another directory", "federated"],
)
def test_the_longest_token_fits_255_characters(keys: KeyFolder, who: dict[str, object]) -> None:
    longest = claims(
        subject=subject(**who),
        methods=tuple(name for name in METHOD_NAMES if name != CERTIFIED),
        audit_ids=(new_audit_id(), new_audit_id()),
        user_generation=2**31,
        scope_generation=2**31,
    )
    token = pack(keys, longest)
    assert len(token) <= 255
    assert unpack(keys, token) == longest
    assert len(pack(keys, claims())) < 200


def test_a_token_that_is_bound_to_a_certificate_fits_too(keys: KeyFolder) -> None:
    thumbprint = base64.urlsafe_b64encode(os.urandom(32)).decode()
    bound = claims(
        subject=subject(user_id=os.urandom(32).hex()),
        methods=(CERTIFIED,),
        user_generation=2**31,
        scope_generation=2**31,
        thumbprint=thumbprint,
    )
    token = pack(keys, bound)
    assert len(token) <= 255
    assert unpack(keys, token) == bound


@given(st.text(max_size=300))
def test_rubbish_is_no_token(text: str) -> None:
    folder = KeyFolder(Path("/nonexistent"))
    assert unpack(folder, text) is None
    assert unpack(folder, "gAAAA" + text) is None


def test_the_keys_are_for_their_owner_only(keys: KeyFolder) -> None:
    assert sorted(os.listdir(keys.path)) == ["0", "1"]
    assert keys.path.stat().st_mode & 0o777 == 0o700
    assert all((keys.path / name).stat().st_mode & 0o777 == 0o600 for name in ("0", "1"))


def test_a_token_outlives_rotations_until_its_key_is_dropped(keys: KeyFolder) -> None:
    other = KeyFolder(keys.path)
    other.open()
    first = pack(keys, claims())
    keys.rotate()
    assert sorted(os.listdir(keys.path)) == ["0", "1", "2"]
    assert unpack(other, pack(keys, claims())) is not None, (
        "the staged key was known before it became primary"
    )
    keys.rotate()
    assert sorted(os.listdir(keys.path)) == ["0", "2", "3"]
    assert unpack(keys, first) is None
    assert other.reload()
    assert unpack(other, pack(keys, claims())) is not None
    assert not other.reload()


def test_passwords_match_their_hash_and_no_other() -> None:
    async def run() -> None:
        passwords = Passwords()
        stored = await passwords.hash("secret")
        assert stored.startswith("$argon2id$")
        assert await passwords.matches("secret", stored)
        assert not await passwords.matches("Secret", stored)
        assert await passwords.matches("drawn", hash_generated("drawn"))
        assert not await passwords.matches("", None)
        assert not await passwords.matches("secret", "no hash at all")
        passwords.close()

    asyncio.run(run())


def test_every_rule_that_is_asked_exists() -> None:
    assert missing_rules(api()) == []


def test_a_revoked_chain_ends_all_that_came_from_one_proof(tmp_path: Path) -> None:
    async def talk(keystone: Talk) -> None:
        ada = await keystone.person("ada")
        token, other = await ada.login(), await ada.login()
        child = (await keystone.ask_token(rescope(token, ada.scope))).headers["x-subject-token"]
        app = keystone.cloud.app
        authority = app.contract(Authority)
        found = await app.db.read(authority.look, child)
        assert found is not None
        await app.db.transact(revocation.revoke_chain, found)
        assert not await ada.holds(child)
        assert not await ada.holds(token)
        assert await ada.holds(other)

    converse(tmp_path, talk)


def test_revocations_are_forgotten_when_their_tokens_could_serve_nobody(tmp_path: Path) -> None:
    clock = ManualClock()

    async def talk(keystone: Talk) -> None:
        token = await keystone.become_admin()
        await keystone("DELETE", "/auth/tokens", headers={"X-Subject-Token": token})
        db = keystone.cloud.app.db
        await clock.pass_time(3600 + KeystoneSettings().allow_expired_window)
        assert await db.transact(revocation.trim) == 0
        await clock.pass_time(1)
        assert await db.transact(revocation.trim) == 1
        assert await db.read(Tx.count, RevokedToken) == 0

    converse(tmp_path, talk, clock=clock)


def test_a_refused_change_does_not_move_the_epoch(tmp_path: Path) -> None:
    async def talk(keystone: Talk) -> None:
        authority = keystone.cloud.app.contract(Authority)
        ada = await keystone.person("ada")
        before = authority.epoch()
        assert (await keystone("PATCH", f"/users/{ada.id}", {"user": {"name": "admin"}})).status == 409
        assert (await keystone("PATCH", f"/users/{ada.id}", {"user": {"email": "x"}})).status == 200
        assert authority.epoch() == before
        assert (await keystone("PATCH", f"/users/{ada.id}", {"user": {"enabled": False}})).status == 200
        assert authority.epoch() > before

    converse(tmp_path, talk)


def test_another_process_hears_of_a_revocation_within_a_second(
    tmp_path: Path, postgresql_server: str
) -> None:
    from cumulet.kernel.app import App
    from cumulet.kernel.db import Database
    from cumulet.testing import asgi, postgres

    async def run(url: str) -> None:
        clock = ManualClock()
        async with Cloud.running(tmp_path, [KEYSTONE], hosts=0, clock=clock, database=url) as cloud:
            keystone = Talk(cloud)
            await keystone.become_admin()
            ada = await keystone.person("ada")
            token = await ada.login()
            other = App(cloud.app.settings, [KEYSTONE], Database(url, clock), clock)
            await other.start()

            async def holds_there() -> bool:
                address = "http://cloud/identity/v3/auth/projects"
                answer = await asgi.request(other.root, "GET", address, headers={"X-Auth-Token": token})
                return answer.status == 200

            try:
                assert await holds_there()
                changes = {"user": {"enabled": False}}
                assert (await keystone("PATCH", f"/users/{ada.id}", changes)).status == 200
                assert await holds_there(), "it has not heard of it yet"
                epoch = other.contract(Authority).epoch()
                await clock.pass_time(1)
                for _ in range(100):
                    if other.contract(Authority).epoch() > epoch:
                        break
                    await asyncio.sleep(0.01)
                assert not await holds_there()
            finally:
                await other.stop()
                other.db.close()

    with postgres.database(postgresql_server, f"test-{uuid.uuid4().hex}") as url:
        asyncio.run(run(url))


def test_other_services_find_projects_and_act_on_their_own(tmp_path: Path) -> None:
    async def talk(keystone: Talk) -> None:
        app = keystone.cloud.app
        directory: Directory = app.contract(Directory)  # type: ignore[type-abstract]
        project = await app.db.read(directory.find_project, "admin")
        assert project is not None and project.enabled
        assert await app.db.read(directory.project, project.id) == project
        assert await app.db.read(directory.project_names, [project.id, "nothing"]) == {project.id: "admin"}
        assert not await app.db.read(directory.user_exists, "nobody")
        identity = await app.db.read(directory.service_identity)
        assert identity.project_name == "service"
        assert {"admin", "service"} <= set(identity.roles)

    converse(tmp_path, talk)
