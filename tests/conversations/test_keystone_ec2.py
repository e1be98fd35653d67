# SPDX-License-Identifier: Apache-2.0
"""Keys of EC2, and tokens for the requests that were signed with them."""

import base64
import json
from pathlib import Path
from typing import Any

import pytest
from keystoneclient.contrib.ec2.utils import Ec2Signer

from cumulet.kernel.clock import ManualClock
from cumulet.lib import aws_signatures
from cumulet.testing.asgi import Answer
from cumulet.testing.identity import Person, Talk, converse, rescope

Key = dict[str, Any]


def signed(key: Key, **changes: Any) -> dict[str, Any]:
    """What a service that got a request of version 2 asks Keystone about it."""
    request = {
        "verb": "GET",
        "host": "cloud.example:8773",
        "path": "/",
        "params": {"SignatureVersion": "2", "Action": "DescribeInstances", **changes.pop("params", {})},
        "headers": {},
        "body_hash": "",
    }
    signature = Ec2Signer(key["secret"]).generate({**request, **changes.pop("sign", {})})
    return {"credentials": {**request, "access": key["access"], "signature": signature, **changes}}


def text_for_s3(key: Key, service: str = "s3") -> dict[str, Any]:
    text = f"AWS4-HMAC-SHA256\n20261120T100000Z\n20261120/region/{service}/aws4_request\n{'0' * 64}".encode()
    signature = aws_signatures.s3(key["secret"], text) if service == "s3" else "0" * 64
    words = {
        "access": key["access"],
        "token": base64.urlsafe_b64encode(text).decode(),
        "signature": signature,
    }
    return {"credentials": words}


async def make_key(person: Person, token: str = "", **fields: Any) -> Key:
    path = f"/users/{person.id}/credentials/OS-EC2"
    body = {"tenant_id": person.project["id"], **fields}
    answer = await person.talk("POST", path, body, token=token or await person.login())
    assert answer.status == 201, answer
    key: Key = answer["credential"]
    return key


async def ask(keystone: Talk, body: Any, kind: str = "ec2", token: str | None = None) -> Answer:
    """A question of the service that received a request."""
    return await keystone("POST", f"/{kind}tokens", body, token=token)


async def application_credential(person: Person, **fields: Any) -> tuple[dict[str, Any], str]:
    """A new one, and a token by it."""
    path = f"/users/{person.id}/application_credentials"
    body = {"application_credential": {"name": "robot", **fields}}
    made = (await person.talk("POST", path, body, token=await person.login()))["application_credential"]
    words = {"id": made["id"], "secret": made["secret"]}
    identity = {"methods": ["application_credential"], "application_credential": words}
    answer = await person.talk.ask_token({"auth": {"identity": identity}})
    return made, answer.headers["x-subject-token"]


def test_who_signed_a_request_is_known_by_their_key(tmp_path: Path, database: str) -> None:
    async def talk(keystone: Talk) -> None:
        ada = await keystone.person("ada")
        key = await make_key(ada)
        answer = await ask(keystone, signed(key))
        assert answer.status == 200, answer
        token = answer["token"]
        assert (token["methods"], token["user"]["id"]) == (["ec2credential"], ada.id)
        assert (token["project"]["id"], bool(token["catalog"])) == (ada.project["id"], True)
        bearer = answer.headers["x-subject-token"]
        subject = {"X-Subject-Token": bearer}
        assert (await keystone("GET", "/auth/tokens", headers=subject)).status == 200
        assert (await keystone("GET", "/auth/projects", token=bearer)).status == 403
        without_port = signed(key, sign={"host": "cloud.example"})
        assert (await ask(keystone, without_port)).status == 200
        for name in ("credential", "ec2Credentials"):
            assert (await ask(keystone, {name: signed(key)["credentials"]})).status == 200
        told = await ask(keystone, text_for_s3(key), "s3")
        assert (told["token"]["user"]["name"], "x-subject-token" in told.headers) == ("ada", False)

    converse(tmp_path, talk, database=database)


@pytest.mark.parametrize("version", ["0", "1"])
def test_a_client_of_the_first_years_is_known_by_its_signature(tmp_path: Path, version: str) -> None:
    async def talk(keystone: Talk) -> None:
        key = await make_key(await keystone.person("ada"))
        moment = {"SignatureVersion": version, "Timestamp": "2026-11-20T10:00:00Z"}
        assert (await ask(keystone, signed(key, params=moment)))["token"]["user"]["name"] == "ada"
        late = signed(key, params={**moment, "Timestamp": "2026-11-20T09:40:00Z"})
        assert (await ask(keystone, late)).status == 401
        other = signed(key, params=moment)
        other["credentials"]["params"]["Action"] = "TerminateInstances"
        assert (await ask(keystone, other)).status == 401
        timeless = signed(key, params={"SignatureVersion": version}, sign={"params": moment | {"Action": ""}})
        assert (await ask(keystone, timeless)).status == 401

    converse(tmp_path, talk, clock=ManualClock())


def test_only_services_and_administrators_ask_who_signed(tmp_path: Path) -> None:
    async def talk(keystone: Talk) -> None:
        ada, swift = await keystone.person("ada"), await keystone.person("swift", role="service")
        key = await make_key(ada)
        for kind, body in (("ec2", signed(key)), ("s3", text_for_s3(key))):
            assert (await ask(keystone, body, kind, await swift.login())).status == 200
            assert (await ask(keystone, body, kind, await ada.login())).status == 403
            assert (await ask(keystone, body, kind, "")).status == 401
            assert (await keystone("GET", f"/{kind}tokens")).status == 405

    converse(tmp_path, talk)


@pytest.mark.parametrize(
    ("changes", "status"),
    [
        ({"signature": ""}, 401),
        ({"signature": "wrong"}, 401),
        ({"signature": 5}, 400),
        ({"path": "/elsewhere"}, 401),
        ({"access": "unknown"}, 404),
        ({"params": {"SignatureVersion": "0"}, "sign": {"params": {"SignatureVersion": "2"}}}, 401),
        ({"params": {"Timestamp": "2026-11-20T09:50:00Z"}}, 200),
        ({"params": {"Timestamp": "2026-11-20T09:40:00Z"}}, 401),
        ({"params": {"Timestamp": "once"}}, 401),
        ({"headers": {"X-Amz-Date": "20261120T094000Z"}}, 401),
    ],
)
def test_a_signature_that_does_not_fit_proves_nothing(
    tmp_path: Path, changes: dict[str, Any], status: int
) -> None:
    async def talk(keystone: Talk) -> None:
        answer = await ask(keystone, signed(await make_key(await keystone.person("ada")), **changes))
        assert answer.status == status, answer

    converse(tmp_path, talk, clock=ManualClock())


def test_a_body_that_tells_of_no_request_is_refused(tmp_path: Path) -> None:
    async def talk(keystone: Talk) -> None:
        key = await make_key(await keystone.person("ada"))
        bad = {"token": "!", "access": key["access"], "signature": "x"}
        for kind in ("ec2", "s3"):
            assert (await ask(keystone, {}, kind)).status == 400
            assert (await ask(keystone, [], kind)).status == 400
            assert (await ask(keystone, {"credentials": {}}, kind)).status == 401
            assert (await ask(keystone, {"credentials": "text"}, kind)).status == 400
            assert (await ask(keystone, {"credentials": bad}, kind)).status == 401
        assert (await ask(keystone, text_for_s3(key, service="ec2"), "s3")).status == 401

    converse(tmp_path, talk)


def test_a_key_ends_with_what_it_rests_on(tmp_path: Path) -> None:
    async def talk(keystone: Talk) -> None:
        ada, bob = await keystone.person("ada"), await keystone.person("bob")
        key = await make_key(ada)
        grant = f"/projects/{ada.project['id']}/users/{ada.id}/roles/{await keystone.role('member')}"
        await keystone("DELETE", grant)
        assert (await ask(keystone, signed(key))).status == 401
        await keystone("PUT", grant)
        disabled = {"enabled": False}
        await keystone("PATCH", f"/projects/{ada.project['id']}", {"project": disabled})
        assert (await ask(keystone, signed(key))).status == 401
        await keystone("DELETE", f"/projects/{ada.project['id']}")
        assert (await ask(keystone, signed(key))).status == 404
        key = await make_key(bob)
        await keystone("PATCH", f"/users/{bob.id}", {"user": disabled})
        assert (await ask(keystone, signed(key))).status == 401
        await keystone("DELETE", f"/users/{bob.id}")
        assert (await ask(keystone, signed(key))).status == 404

    converse(tmp_path, talk)


def test_a_key_reaches_no_further_than_the_program_that_made_it(tmp_path: Path) -> None:
    async def talk(keystone: Talk) -> None:
        ada = await keystone.person("ada")
        other = await keystone.make("project", name="other")
        await keystone.give("member", ada.id, f"/projects/{other['id']}")
        _, token = await application_credential(ada)
        path = f"/users/{ada.id}/credentials/OS-EC2"
        body = {"tenant_id": ada.project["id"]}
        refused = await keystone("POST", path, body, token=token)
        assert "is not allowed for managing additional" in refused["error"]["message"]
        robot, token = await application_credential(
            ada, name="free", unrestricted=True, roles=[{"name": "member"}]
        )
        beyond = await keystone("POST", path, {"tenant_id": other["id"]}, token=token)
        assert beyond["error"]["message"].endswith("project scope of the delegated token.")
        key = await make_key(ada, token)
        shown = (await ask(keystone, signed(key)))["token"]
        assert shown["application_credential"]["id"] == robot["id"]
        await make_key(ada, tenant_id=other["id"])
        assert len((await keystone("GET", path, token=token))["credentials"]) == 1
        assert len((await keystone("GET", path, token=await ada.login()))["credentials"]) == 2
        await keystone("DELETE", f"/users/{ada.id}/application_credentials/{robot['id']}")
        assert (await ask(keystone, signed(key))).status == 401

    converse(tmp_path, talk)


@pytest.mark.parametrize("impersonation", [True, False])
def test_a_key_that_was_made_by_a_trust_acts_by_it(tmp_path: Path, impersonation: bool) -> None:
    async def talk(keystone: Talk) -> None:
        ada, bob = await keystone.person("ada"), await keystone.person("bob")
        words = {
            "trustor_user_id": ada.id,
            "trustee_user_id": bob.id,
            "project_id": ada.project["id"],
            "impersonation": impersonation,
            "roles": [{"name": "member"}],
        }
        made = (await keystone("POST", "/OS-TRUST/trusts", {"trust": words}, token=await ada.login()))[
            "trust"
        ]
        token = await keystone.login(bob.credentials, {"OS-TRUST:trust": {"id": made["id"]}})
        acting = ada if impersonation else bob
        key = await make_key(acting, token, tenant_id=ada.project["id"])
        assert key["trust_id"] == made["id"]
        shown = (await ask(keystone, signed(key)))["token"]
        assert (shown["OS-TRUST:trust"]["id"], shown["user"]["id"]) == (made["id"], acting.id)
        one = f"/credentials/{(await keystone('GET', '/credentials'))['credentials'][0]['id']}"
        blob = json.loads((await keystone("GET", one))["credential"]["blob"])
        escape = {"credential": {"blob": json.dumps({**blob, "trust_id": None})}}
        refused = await keystone("PATCH", one, escape, token=await acting.login())
        assert refused["error"]["message"] == "trust_id can not be updated for credential"
        await keystone("DELETE", f"/OS-TRUST/trusts/{made['id']}")
        assert (await ask(keystone, signed(key))).status == 404

    converse(tmp_path, talk)


def test_ec2_keys_are_made_and_found_by_their_access_key(tmp_path: Path) -> None:
    async def talk(keystone: Talk) -> None:
        ada, bob = await keystone.person("ada"), await keystone.person("bob")
        token, path = await ada.login(), f"/users/{ada.id}/credentials/OS-EC2"
        key = await make_key(ada)
        assert key["tenant_id"] == ada.project["id"]
        one = f"{path}/{key['access']}"
        assert (await keystone("GET", one, token=token))["credential"] == key
        assert (await keystone("GET", path))["credentials"] == [key]
        of_bob = f"/users/{bob.id}/credentials/OS-EC2/{key['access']}"
        for method in ("GET", "DELETE"):
            assert (await keystone(method, one, token=await bob.login())).status == 403
            assert (await keystone(method, of_bob, token=await bob.login())).status == 403
        assert (await keystone("GET", of_bob))["credential"] == key
        assert (await keystone("DELETE", one, token=token)).status == 204
        assert (await keystone("GET", one, token=token)).status == 404
        assert (await keystone("POST", path, {}, token=token)).status == 404
        other = {"type": "cert", "user_id": ada.id, "blob": "x"}
        assert (await keystone("POST", path, {"tenant_id": "nowhere"}, token=token)).status == 404
        assert (await keystone("POST", "/credentials", {"credential": other}, token=token)).status == 201
        assert (await keystone("GET", path, token=token))["credentials"] == []

    converse(tmp_path, talk)


def test_a_token_by_a_signature_makes_no_other_good_for_keystone(tmp_path: Path) -> None:
    async def talk(keystone: Talk) -> None:
        ada = await keystone.person("ada")
        answer = await ask(keystone, signed(await make_key(ada)))
        again = await keystone.ask_token(rescope(answer.headers["x-subject-token"], ada.scope))
        assert again["token"]["methods"] == ["token", "ec2credential"]
        assert not await ada.holds(again.headers["x-subject-token"])

    converse(tmp_path, talk)
