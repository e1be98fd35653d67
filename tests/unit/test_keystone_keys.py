# SPDX-License-Identifier: Apache-2.0
"""Keys that are rotated under a running cloud, and tokens that are signed instead of encrypted."""

import asyncio
import json
import os
import uuid
from base64 import urlsafe_b64decode
from collections.abc import Callable
from pathlib import Path

import jwt
import pytest
from click.testing import CliRunner, Result
from cryptography.hazmat.primitives.asymmetric import ec
from hypothesis import given
from hypothesis import strategies as st

from cumulet import main
from cumulet.cli import commands
from cumulet.cli.state import CONTROL_UID
from cumulet.kernel.clock import ManualClock
from cumulet.kernel.db import Tx
from cumulet.services.keystone import renewal
from cumulet.services.keystone.credentials.model import Credential, seal
from cumulet.services.keystone.domain_config.model import DomainOption, store
from cumulet.services.keystone.oauth1.model import AccessToken, Consumer, RequestToken
from cumulet.services.keystone.roles.effective import UNSCOPED, Scope
from cumulet.services.keystone.tokens.authority import Authority
from cumulet.services.keystone.tokens.jws import JwsKeys
from cumulet.services.keystone.tokens.keys import KeyFolder
from cumulet.services.keystone.tokens.payload import Claims, new_audit_id
from cumulet.services.keystone.tokens.subject import Delegation, Subject
from cumulet.testing.identity import Talk, converse


@pytest.fixture
def control(tmp_path: Path) -> Path:
    """Where the control process keeps what is its own."""
    (tmp_path / "control").mkdir()
    return tmp_path / "control"


@pytest.fixture
def keys(tmp_path: Path) -> JwsKeys:
    folder = JwsKeys(tmp_path / "keys")
    folder.open()
    return folder


def claims(**who: object) -> Claims:
    values = {"user_id": uuid.uuid4().hex, "scope": Scope("project", uuid.uuid4().hex), **who}
    return Claims(
        subject=Subject(**values),  # type: ignore[arg-type]
        methods=("password", "totp"),
        issued_at=1_800_000_000,
        expires_at=1_800_003_600,
        audit_ids=(new_audit_id(), new_audit_id()),
        user_generation=3,
        scope_generation=4,
    )


def rotate(place: Path, kind: str) -> Result:
    words = ["keystone", "rotate", "--state", str(place), "--keys", kind]
    return CliRunner().invoke(commands(main._Launcher()), words)


async def until(true: Callable[[], bool]) -> None:
    for _ in range(200):
        if true():
            return
        await asyncio.sleep(0.01)
    raise AssertionError("it did not come true")


# -- signed tokens --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "who",
    [
        {"scope": UNSCOPED},
        {"scope": Scope("system", "all")},
        {"scope": Scope("domain", "default")},
        {"delegation": Delegation("trust", uuid.uuid4().hex)},
        {"delegation": Delegation("application_credential", uuid.uuid4().hex)},
        {"federation_id": uuid.uuid4().hex},
    ],
)
def test_a_signed_token_says_what_was_put_into_it(keys: JwsKeys, who: dict[str, object]) -> None:
    wanted = claims(**who)

    assert keys.unpack(keys.pack(wanted)) == wanted


def test_whoever_has_the_public_key_can_read_a_signed_token(keys: JwsKeys) -> None:
    wanted = claims()
    public = next(key.read_bytes() for key in sorted(keys.public.iterdir()))

    read = jwt.decode(
        keys.pack(wanted), public, ["ES256"], options={"verify_exp": False, "verify_iat": False}
    )

    assert read["sub"] == wanted.subject.user_id
    assert read["openstack_project_id"] == wanted.subject.scope.id
    assert read["openstack_methods"] == ["password", "totp"]
    assert read["openstack_audit_ids"] == list(wanted.audit_ids)
    assert "openstack_domain_id" not in read


@given(
    st.text(max_size=100),
    st.dictionaries(st.text(max_size=5), st.integers() | st.text() | st.lists(st.text())),
)
def test_rubbish_is_no_signed_token(text: str, header: dict[str, object]) -> None:
    keys = JwsKeys(Path("/nonexistent"))
    key = ec.generate_private_key(ec.SECP256R1())
    keys.verifying = {"1": ec.generate_private_key(ec.SECP256R1()).public_key()}

    assert keys.unpack(text) is None
    assert keys.unpack(f"{text}.{text}.{text}") is None
    assert keys.unpack(jwt.encode({"sub": "somebody"}, key, "ES256", headers={"kid": "1"})) is None
    assert keys.unpack(jwt.encode({"sub": "somebody"}, None, "none")) is None
    secret = "x" * 32
    assert keys.unpack(jwt.encode({"sub": "x"}, secret, "HS256", headers={"x": json.dumps(header)})) is None


def test_a_signed_token_outlives_rotations_until_its_key_is_dropped(keys: JwsKeys) -> None:
    other = JwsKeys(keys.private.parent)
    other.open()
    first = keys.pack(claims())
    keys.rotate()
    assert sorted(os.listdir(keys.public)) == ["1.pem", "2.pem", "3.pem"]
    assert other.unpack(keys.pack(claims())) is not None, "the next key was known before it signed"
    assert keys.unpack(first) is not None
    keys.rotate()
    assert sorted(os.listdir(keys.public)) == ["2.pem", "3.pem", "4.pem"]
    assert keys.unpack(first) is None
    assert other.reload() and not other.reload()
    assert (keys.private / "private.pem").stat().st_mode & 0o777 == 0o600


def test_a_rotation_that_was_interrupted_is_made_good(keys: JwsKeys) -> None:
    (keys.private / "next.pem").unlink()

    keys.rotate()

    assert keys.unpack(keys.pack(claims())) is not None
    assert (keys.private / "next.pem").exists()


def test_a_cloud_with_signed_tokens_takes_and_revokes_them(tmp_path: Path) -> None:
    async def talk(keystone: Talk) -> None:
        ada = await keystone.person("ada")
        token = await ada.login()
        header, _, _ = token.split(".")
        assert json.loads(urlsafe_b64decode(header + "=="))["alg"] == "ES256"
        assert await ada.holds(token)
        subject = {"X-Subject-Token": token}
        assert (await keystone("DELETE", "/auth/tokens", headers=subject)).status == 204
        assert not await ada.holds(token)
        gone = await keystone("GET", "/auth/tokens", headers=subject)
        assert gone["error"]["message"] == "Failed to validate token"

    converse(tmp_path, talk, settings={"token_provider": "jws"})


# -- rotation -------------------------------------------------------------------------------------------


def test_a_key_that_was_written_within_one_tick_of_the_clock_is_noticed(tmp_path: Path) -> None:
    folder = KeyFolder(tmp_path / "keys")
    folder.open()
    other = KeyFolder(tmp_path / "keys")
    other.open()
    for _ in range(20):
        folder.rotate()
        assert other.reload()
        assert other.fingerprint == folder.fingerprint


@pytest.mark.parametrize("kind", ["fernet", "jws"])
def test_a_running_cloud_notices_a_rotation_and_old_tokens_hold_on_for_a_while(
    tmp_path: Path, control: Path, kind: str
) -> None:
    clock = ManualClock()

    async def talk(keystone: Talk) -> None:
        ada = await keystone.person("ada")
        authority = keystone.cloud.app.contract(Authority)
        first = await ada.login()

        async def rotated() -> None:
            epoch = authority.epoch()
            assert rotate(tmp_path, kind).output == f"The {kind} keys were rotated.\n"
            await clock.pass_time(1)
            await until(lambda: authority.epoch() > epoch)

        await rotated()
        assert await ada.holds(first)
        second = await ada.login()
        await rotated()
        assert not await ada.holds(first)
        assert await ada.holds(second)

    converse(control, talk, clock=clock, settings={"token_provider": kind})


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")
def test_keys_that_root_rotates_belong_to_whom_the_folder_belongs(tmp_path: Path) -> None:
    folder = KeyFolder(tmp_path / "keys")
    folder.open()
    for path in (folder.path, *folder.path.iterdir()):
        os.chown(path, CONTROL_UID, CONTROL_UID)

    folder.rotate()

    assert {path.stat().st_uid for path in folder.path.iterdir()} == {CONTROL_UID}


def stored(tx: Tx) -> list[str]:
    (credential,), (option,) = tx.all(Credential), tx.all(DomainOption)
    signing = [row.secret for cls in (Consumer, RequestToken, AccessToken) for row in tx.all(cls)]
    return [credential.blob, option.value, *signing]


def act_for(tx: Tx, authority: Authority, consumer_id: str, user_id: str) -> None:
    """The consumer has asked the user, and once before has been heard."""
    common = {"consumer_id": consumer_id, "project_id": "p", "secret": seal(authority, "secret")}
    tx.insert(RequestToken(**common))
    tx.insert(AccessToken(authorizing_user_id=user_id, **common))


def test_what_is_stored_is_encrypted_with_the_new_key_after_a_rotation(tmp_path: Path, control: Path) -> None:
    clock = ManualClock()

    async def talk(keystone: Talk) -> None:
        ada = await keystone.person("ada")
        app = keystone.cloud.app
        keys = app.contract(Authority).keyring.credential
        secret = {"user_id": ada.id, "type": "cert", "blob": "secret"}
        credential = await keystone.make("credential", **secret)
        await app.db.transact(store, "default", "ldap", "password", "hidden")
        consumer = await keystone.make("consumer", "/OS-OAUTH1/consumers")
        await app.db.transact(act_for, app.contract(Authority), consumer["id"], ada.id)
        before = await app.db.read(stored)
        assert len(before) == 5
        await renewal.renew(app)
        assert await app.db.read(stored) == before, "nothing was to be done"

        old = keys.fingerprint
        assert rotate(tmp_path, "credential").exit_code == 0
        await clock.pass_time(1)
        await until(lambda: keys.fingerprint != old)
        for _ in range(2):
            await renewal.renew(app)
        after = await app.db.read(stored)
        assert all(keys.renewed(text.encode()) is None for text in after)
        assert not {*before} & {*after}
        assert (await keystone("GET", f"/credentials/{credential['id']}"))["credential"]["blob"] == "secret"

    converse(control, talk, clock=clock)


def test_keys_that_there_are_not_are_not_rotated(tmp_path: Path, control: Path) -> None:
    async def talk(keystone: Talk) -> None:
        result = rotate(tmp_path, "jws")
        assert result.exit_code == 1
        assert "There are no jws keys in" in result.output

    converse(control, talk)
