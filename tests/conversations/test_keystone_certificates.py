# SPDX-License-Identifier: Apache-2.0
"""OAuth 2.0 with mutual TLS: tokens by a certificate that the web server in front has seen, bound to it."""

import base64
import datetime
import hashlib
import ssl
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from cumulet.kernel import events
from cumulet.testing.asgi import Answer
from cumulet.testing.identity import Person, Talk, converse, rescope

SECRET = "a secret of the front proxy"
SETTINGS = {"front_proxy_secret": SECRET}
ADA = {"CN": "ada", "EMAILADDRESS": "ada@example.org", "O": "Default"}
_OIDS = {"CN": NameOID.COMMON_NAME, "EMAILADDRESS": NameOID.EMAIL_ADDRESS, "O": NameOID.ORGANIZATION_NAME}
RULES = [
    {
        "remote": [
            {"type": "SSL_CLIENT_SUBJECT_DN_CN"},
            {"type": "SSL_CLIENT_SUBJECT_DN_EMAILADDRESS"},
            {"type": "SSL_CLIENT_SUBJECT_DN_O"},
            {"type": "SSL_CLIENT_ISSUER_DN_CN", "any_one_of": ["root"]},
        ],
        "local": [{"user": {"name": "{0}", "email": "{1}", "domain": {"name": "{2}"}}}],
    }
]


@cache
def _key() -> ec.EllipticCurvePrivateKey:
    return ec.generate_private_key(ec.SECP256R1())


def certificate(names: Mapping[str, str], issuer: str = "root") -> str:
    """A certificate (PEM) of who has these names."""
    now = datetime.datetime.now(datetime.UTC)
    subject = x509.Name([x509.NameAttribute(_OIDS[name], value) for name, value in names.items()])
    builder = (
        x509.CertificateBuilder(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, issuer)]), subject)
        .public_key(_key().public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now)
        .not_valid_after(now + datetime.timedelta(days=1))
    )
    return builder.sign(_key(), SHA256()).public_bytes(Encoding.PEM).decode()


def shown(pem: str, **instead: str) -> dict[str, str]:
    """What the web server in front sends along."""
    return {"X-Front-Proxy-Secret": SECRET, "SSL-Client-Cert": quote(pem), **instead}


async def ask(keystone: Talk, client_id: str, headers: Mapping[str, str], **form: str) -> Answer:
    body = urlencode({"grant_type": "client_credentials", "client_id": client_id, **form}).encode()
    sent = {"Content-Type": "application/x-www-form-urlencoded", **headers}
    return await keystone("POST", "/OS-OAUTH2/token", body, token="", headers=sent)


async def prepared(keystone: Talk, **fields: Any) -> Person:
    """Ada, who may come by a certificate."""
    mapping = {"mapping": {"rules": RULES}}
    assert (await keystone("PUT", "/OS-FEDERATION/mappings/oauth2_mapping", mapping)).status == 201
    ada = await keystone.person("ada", email="ada@example.org", **fields)
    change = {"user": {"default_project_id": ada.project["id"]}}
    assert (await keystone("PATCH", f"/users/{ada.id}", change)).status == 200
    return ada


@pytest.mark.parametrize("provider", ["fernet", "jws"])
def test_a_certificate_gives_a_token_that_is_good_only_with_it(tmp_path: Path, provider: str) -> None:
    async def talk(keystone: Talk) -> None:
        ada = await prepared(keystone)
        pem = certificate(ADA)
        answer = await ask(keystone, ada.id, shown(pem))
        assert answer.status == 200, answer
        assert (answer["token_type"], answer["expires_in"]) == ("Bearer", 3600)
        bearer = answer["access_token"]
        if provider == "fernet":
            assert len(bearer) <= 255
        told = (await keystone("GET", "/auth/tokens", headers={"X-Subject-Token": bearer}))["token"]
        assert (told["methods"], told["user"]["id"]) == (["oauth2_credential"], ada.id)
        assert told["project"]["id"] == ada.project["id"]
        digest = hashlib.sha256(ssl.DER_cert_to_PEM_cert(ssl.PEM_cert_to_DER_cert(pem)).encode()).digest()
        thumbprint = base64.urlsafe_b64encode(digest).decode()
        assert told["oauth2_credential"] == {"x5t#S256": thumbprint}, "as keystonemiddleware computes it"

        async def status(headers: Mapping[str, str]) -> int:
            return (await keystone("GET", "/auth/projects", token=bearer, headers=headers)).status

        assert await status(shown(pem)) == 200
        assert await status(shown(pem, **{"SSL-Client-Cert": pem.replace("\n", " ")})) == 200
        assert await status({}) == 401
        assert await status({"SSL-Client-Cert": quote(pem)}) == 401
        assert await status(shown(pem, **{"X-Front-Proxy-Secret": "guessed"})) == 401
        assert await status(shown(certificate(ADA))) == 401, "another one of the same names"
        assert await status(shown("nonsense")) == 401
        refused = await keystone("POST", "/auth/tokens", rescope(bearer), token="", headers=shown(pem))
        assert refused.status == 403

    converse(tmp_path, talk, settings={**SETTINGS, "token_provider": provider})


@pytest.mark.parametrize(
    ("names", "issuer"),
    [
        ({**ADA, "CN": "bob"}, "root"),
        ({**ADA, "EMAILADDRESS": "eve@example.org"}, "root"),
        ({**ADA, "O": "Elsewhere"}, "root"),
        ({**ADA, "CN": "ada;bob"}, "root"),
        ({"CN": "ada"}, "root"),
        (ADA, "anybody"),
    ],
)
def test_a_certificate_of_another_proves_nothing(tmp_path: Path, names: dict[str, str], issuer: str) -> None:
    async def talk(keystone: Talk) -> None:
        ada = await prepared(keystone)
        answer = await ask(keystone, ada.id, shown(certificate(names, issuer)))
        assert (answer.status, answer.body) == (
            401,
            {"error": "invalid_client", "error_description": "Client authentication failed."},
        )
        found = await keystone.cloud.app.db.read(events.read_after, 0)
        told = [event.payload for event in found if event.type == "keystone.user.authenticate"][-1]
        assert (told["outcome"], told["methods"]) == ("failure", ["oauth2_credential"])
        assert told["user_id"] == ada.id

    converse(tmp_path, talk, settings=SETTINGS)


def test_without_the_front_proxy_a_certificate_is_anybodys_word(tmp_path: Path) -> None:
    async def talk(keystone: Talk) -> None:
        ada = await prepared(keystone)
        headers = {"SSL-Client-Cert": quote(certificate(ADA))}
        assert (await ask(keystone, ada.id, headers)).status == 401
        assert (await ask(keystone, "", shown(certificate(ADA)))).status == 401
        assert (await ask(keystone, "nobody", shown(certificate(ADA)))).status == 401

    converse(tmp_path, talk, settings=SETTINGS)


def test_who_may_not_come_by_a_certificate_is_refused(tmp_path: Path) -> None:
    async def talk(keystone: Talk) -> None:
        ada = await prepared(keystone)
        headers = shown(certificate(ADA))

        async def after(**changes: Any) -> int:
            assert (await keystone("PATCH", f"/users/{ada.id}", {"user": changes})).status == 200
            return (await ask(keystone, ada.id, headers)).status

        assert await after(name="ada") == 200
        rules = {"multi_factor_auth_enabled": True, "multi_factor_auth_rules": [["password", "totp"]]}
        assert await after(options=rules) == 401
        assert await after(options={"multi_factor_auth_enabled": False}) == 200
        assert await after(default_project_id=None) == 401
        assert await after(default_project_id=ada.project["id"]) == 200
        assert await after(enabled=False) == 401
        assert await after(enabled=True) == 200
        assert (await keystone("DELETE", "/OS-FEDERATION/mappings/oauth2_mapping")).status == 204
        assert (await ask(keystone, ada.id, headers)).status == 401

    converse(tmp_path, talk, settings=SETTINGS)


def test_a_mapping_that_names_nobody_lets_nobody_in(tmp_path: Path) -> None:
    async def talk(keystone: Talk) -> None:
        ada = await prepared(keystone)
        local = [{"user": {"domain": {"name": "{2}"}}}]
        changed = {"mapping": {"rules": [{**RULES[0], "local": local}]}}
        assert (await keystone("PATCH", "/OS-FEDERATION/mappings/oauth2_mapping", changed)).status == 200
        assert (await ask(keystone, ada.id, shown(certificate(ADA)))).status == 401

    converse(tmp_path, talk, settings=SETTINGS)
