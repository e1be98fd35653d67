# SPDX-License-Identifier: Apache-2.0
"""Key pairs: public keys of users, which servers let in."""

import asyncio
import base64
import binascii
import hashlib
import re
from datetime import UTC, datetime, timedelta
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import ExtendedKeyUsageOID

from cumulet.kernel import events, quota
from cumulet.kernel.auth.context import Context
from cumulet.kernel.db import Tx
from cumulet.kernel.errors import BadRequest, Conflict, Forbidden, NotFound
from cumulet.kernel.http.endpoint import route
from cumulet.kernel.http.messages import Request
from cumulet.kernel.resource import Resource, field, ident
from cumulet.kernel.resource.listing import Listing, find
from cumulet.kernel.resource.schema import Checked
from cumulet.kernel.resource.shapes import maybe, one, page
from cumulet.kernel.resource.views import render
from cumulet.lib.timestamps import Timestamp
from cumulet.services.nova.names import check_name

_RULE = "os_compute_api:os-keypairs"
_CERTIFICATE_DAYS = 3650


class Keypair(
    Resource, service="nova", path="/os-keypairs", member="keypair", key="name", envelop_items=True
):
    """An SSH or X.509 public key owned by one user; its id is the user and the name."""

    id: str = ident(hidden=True)
    name: str = field(brief=True)
    type: str = field(default="ssh", since="2.2")
    public_key: str = field()
    fingerprint: str = field()
    user_id: str = field(index=True, hidden=True)
    created_at: Timestamp = field(default=Timestamp(""), hidden=True)


def _body(version: int) -> dict[str, Any]:
    letters = r"^[_\-\@\. a-zA-Z0-9]+$" if version >= 2092 else r"^[_\- a-zA-Z0-9]+$"
    name = {"type": "string", "minLength": 1, "maxLength": 255, "pattern": letters}
    properties: dict[str, Any] = {"name": name, "public_key": {"type": "string"}}
    if version >= 2002:
        properties["type"] = {"enum": ["ssh", "x509"]}
    if version >= 2010:
        properties["user_id"] = {"type": "string"}
    required = ["name", "public_key"] if version >= 2092 else ["name"]
    inner = {"type": "object", "properties": properties, "required": required, "additionalProperties": False}
    return {
        "type": "object",
        "properties": {"keypair": inner},
        "required": ["keypair"],
        "additionalProperties": False,
    }


_CREATE = Checked(_body)


def key_id(user_id: str, name: str) -> str:
    return f"{user_id}/{name}"


def of_user(tx: Tx, user_id: str, name: str) -> Keypair | None:
    """The key that a user calls by this name."""
    return tx.get(Keypair, key_id(user_id, name))


# -- operations ---------------------------------------------------------------------------------------


async def _prepare(ctx: Context, request: Request) -> tuple[Keypair, str | None]:
    """The key as it will be, and the private key of a pair that was made."""
    given = _CREATE(ctx, request.body)["keypair"]
    check_name(given["name"])
    user_id = given.get("user_id", ctx.user_id)
    ctx.require(f"{_RULE}:create", {"user_id": user_id, "project_id": ctx.project_id})
    kind, public_key = given.get("type", "ssh"), given.get("public_key")
    if public_key is not None and not public_key.strip():
        raise BadRequest("Keypair data is invalid: failed to generate fingerprint")
    private_key = None
    if public_key is None:
        public_key, private_key = await asyncio.to_thread(generate, kind, user_id)
    prints = fingerprint(kind, public_key)
    row = Keypair(
        id=key_id(user_id, given["name"]),
        name=given["name"],
        type=kind,
        public_key=public_key,
        fingerprint=prints,
        user_id=user_id,
    )
    return row, private_key


@route(
    "POST",
    "/os-keypairs",
    policy=f"{_RULE}:create",
    schema=_CREATE.at,
    prepare=_prepare,
    status={"2.1": 200, "2.2": 201},
    answer=one(Keypair, user_id=str, private_key=maybe(str)),
)
def create_keypair(tx: Tx, ctx: Context, request: Request) -> dict[str, Any]:
    """Import a public key, or have a pair made and get its private key, once.

    From 2.92 a public key must be given.
    """
    row, private_key = request.prepared
    tx.lock(quota.lock_key("nova", row.user_id))
    if of_user(tx, row.user_id, row.name) is not None:
        raise Conflict(f"Key pair '{row.name}' already exists.")
    allowed = quota.limits(tx, "nova", ctx.service.api.quotas, ctx.project_id or "")["key_pairs"]
    if 0 <= allowed <= tx.count(Keypair, Keypair.c.user_id == row.user_id):
        raise Forbidden("Quota exceeded, too many key pairs.")
    row = tx.insert(row)
    events.emit(tx, ctx, "keypair.create", row)
    body = {**render(tx, ctx, Keypair, [row])[0], "user_id": row.user_id}
    if private_key is not None:
        body["private_key"] = private_key
    return {"keypair": body}


@route(
    "GET",
    "/os-keypairs",
    policy=f"{_RULE}:index",
    query=("user_id", "limit", "marker"),
    answer=page(Keypair),
)
def list_keypairs(tx: Tx, ctx: Context, request: Request) -> dict[str, Any]:
    """The keys of the caller, or of the user that an administrator names."""
    user_id = _whose(ctx, request, "index")
    mine = [Keypair.c.user_id == user_id]
    listing = Listing(
        resource=Keypair,
        where=mine,
        markers=mine,
        order=(("name", "asc"),),
        paged=ctx.at("2.35"),
        strict=ctx.at("2.75"),
        filters={"user_id": lambda ctx, values: None},
    )
    found = find(tx, ctx, listing, request)
    bodies = [{"keypair": body} for body in render(tx, ctx, Keypair, found.rows)]
    more = ctx.service.api.wire.page_links(ctx, Keypair, found.page) if ctx.at("2.35") else {}
    return {"keypairs": bodies, **more}


SHOWN = one(Keypair, id=int, user_id=str, created_at=str, updated_at=None, deleted=bool, deleted_at=None)


@route("GET", "/os-keypairs/{keypair_id}", policy=f"{_RULE}:show", query=("user_id",), answer=SHOWN)
def show_keypair(tx: Tx, ctx: Context, request: Request) -> dict[str, Any]:
    """One key."""
    row = _find(tx, ctx, request, "show")
    body = render(tx, ctx, Keypair, [row])[0]
    more = {
        "id": _number(row),
        "user_id": row.user_id,
        "created_at": row.created_at,
        "updated_at": None,
        "deleted": False,
        "deleted_at": None,
    }
    return {"keypair": {**body, **more}}


@route(
    "DELETE",
    "/os-keypairs/{keypair_id}",
    policy=f"{_RULE}:delete",
    query=("user_id",),
    status={"2.1": 202, "2.2": 204},
)
def delete_keypair(tx: Tx, ctx: Context, request: Request) -> None:
    """Forget a key; servers that were made with it keep it."""
    row = _find(tx, ctx, request, "delete")
    tx.delete(row)
    events.emit(tx, ctx, "keypair.delete", row)


def _whose(ctx: Context, request: Request, verb: str) -> str:
    """The user whose keys are meant; `user_id` counts from 2.10."""
    asked = request.query.get("user_id") if ctx.at("2.10") else None
    user_id = asked or ctx.user_id
    ctx.require(f"{_RULE}:{verb}", {"user_id": user_id, "project_id": ctx.project_id})
    return user_id


def _find(tx: Tx, ctx: Context, request: Request, verb: str) -> Keypair:
    user_id, name = _whose(ctx, request, verb), request.params["keypair_id"]
    row = of_user(tx, user_id, name)
    if row is None:
        raise NotFound(f"Keypair {name} not found for user {user_id}")
    return row


def _number(row: Keypair) -> int:
    """A number for clients that expect one, the same each time; nothing is found by it."""
    return int.from_bytes(hashlib.blake2b(row.id.encode(), digest_size=4).digest(), "big") >> 1


# -- keys ---------------------------------------------------------------------------------------------


def fingerprint(kind: str, public_key: str) -> str:
    """MD5 of an SSH key or SHA-1 of a certificate, in hex with colons. Raises BadRequest for neither."""
    try:
        return _certificate_print(public_key) if kind == "x509" else _ssh_print(public_key)
    except (ValueError, binascii.Error, IndexError) as error:
        raise BadRequest("Keypair data is invalid: failed to generate fingerprint") from error


def _ssh_print(public_key: str) -> str:
    parts = public_key.split()
    blob = base64.b64decode(parts[1], validate=True)
    serialization.load_ssh_public_key(" ".join(parts[:2]).encode())
    return _with_colons(hashlib.md5(blob, usedforsecurity=False).hexdigest())


def _certificate_print(text: str) -> str:
    certificate = x509.load_pem_x509_certificate(text.encode())
    return _with_colons(certificate.fingerprint(hashes.SHA1()).hex())


def _with_colons(digits: str) -> str:
    return ":".join(re.findall("..", digits))


def generate(kind: str, user_id: str) -> tuple[str, str]:
    """A new key of 2048 bits as (public, private); it costs about 100 ms."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    pem = serialization.Encoding.PEM
    if kind == "x509":
        form, public = serialization.PrivateFormat.PKCS8, _certificate(key, user_id)
    else:
        form = serialization.PrivateFormat.TraditionalOpenSSL
        ssh = key.public_key().public_bytes(
            serialization.Encoding.OpenSSH, serialization.PublicFormat.OpenSSH
        )
        public = f"{ssh.decode()} Generated-by-Nova"
    return public, key.private_bytes(pem, form, serialization.NoEncryption()).decode()


def _certificate(key: rsa.RSAPrivateKey, user_id: str) -> str:
    """A self-signed certificate for WinRM logins of the user."""
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, user_id[:64])])
    now = datetime.now(UTC)
    upn = x509.OtherName(x509.ObjectIdentifier("1.3.6.1.4.1.311.20.2.3"), _utf8(f"{user_id}@localhost"))
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(minutes=5))
        .not_valid_after(now + timedelta(days=_CERTIFICATE_DAYS))
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH]), critical=False)
        .add_extension(x509.SubjectAlternativeName([upn]), critical=False)
        .sign(key, hashes.SHA256())
    )
    return made.public_bytes(serialization.Encoding.PEM).decode()


def _utf8(text: str) -> bytes:
    """The text as a DER UTF8String."""
    raw = text.encode()[:120]
    return bytes((0x0C, len(raw))) + raw


ROUTES = (create_keypair, list_keypairs, show_keypair, delete_keypair)
