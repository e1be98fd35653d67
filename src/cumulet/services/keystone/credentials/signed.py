# SPDX-License-Identifier: Apache-2.0
"""Tokens for requests that were signed with the key of an EC2 credential, for services that received such.

Whoever asks must be such a service: what is told here is another's token.
"""

import base64
import binascii
import hashlib
import hmac
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from cumulet.kernel.auth.context import Context, Identity
from cumulet.kernel.db import Tx
from cumulet.kernel.errors import BadRequest, NotFound, Unauthorized
from cumulet.kernel.http.endpoint import route, told
from cumulet.kernel.http.messages import Reply, Request
from cumulet.kernel.resource import schema
from cumulet.kernel.service import own_context
from cumulet.lib import aws_signatures, timestamps
from cumulet.lib.aws_signatures import SignedRequest
from cumulet.services.keystone import compliance
from cumulet.services.keystone.credentials.delegation import made_by
from cumulet.services.keystone.credentials.model import EC2, Credential, content_of
from cumulet.services.keystone.entity import need
from cumulet.services.keystone.errors import forbidden, unauthorized
from cumulet.services.keystone.people import User
from cumulet.services.keystone.projects.model import Project
from cumulet.services.keystone.roles.effective import Scope
from cumulet.services.keystone.settings import KeystoneSettings
from cumulet.services.keystone.tokens.authority import Authority, Token
from cumulet.services.keystone.tokens.proof import Proof
from cumulet.services.keystone.tokens.shapes import TOKEN
from cumulet.services.keystone.trusts.model import need_usable
from cumulet.services.keystone.wire import WIRE

METHOD = "ec2credential"
_TEXT = {"type": "string"}
_TEXTS = {"type": "object", "additionalProperties": _TEXT}
_CREDENTIALS = {
    "type": "object",
    "properties": {
        **dict.fromkeys(("access", "signature", "host", "verb", "path", "body_hash", "token"), _TEXT),
        "params": _TEXTS,
        "headers": _TEXTS,
    },
}
_NAMES = ("credentials", "credential", "ec2Credentials")
_SCHEMA = {"type": "object", "properties": dict.fromkeys(_NAMES, _CREDENTIALS)}
_body = schema.compile_schema(_SCHEMA)

_Words = Mapping[str, Any]
_Check = Callable[[str, _Words], bool]
"""Whether the owner of a secret has signed what a request tells of."""


def admit(ctx: Context) -> None:
    """Raise Forbidden for a token by a signature: it is for other services, and nothing of Keystone's."""
    if METHOD in ctx.identity.methods:
        raise forbidden()


@route(
    "POST",
    "/ec2tokens",
    policy="identity:ec2tokens_validate",
    schema=told(_SCHEMA),
    write=False,
    answer=TOKEN,
)
def ec2_token(tx: Tx, ctx: Context, request: Request) -> Reply:
    """The token of who signed a request to an interface of EC2."""
    ctx.require("identity:ec2tokens_validate", {})
    token = _authenticate(tx, ctx, request, _signed_ec2)
    return Reply(200, token.body(catalog=True), {"X-Subject-Token": token.text})


@route(
    "POST",
    "/s3tokens",
    policy="identity:s3tokens_validate",
    schema=told(_SCHEMA),
    write=False,
    answer=TOKEN,
)
def s3_token(tx: Tx, ctx: Context, request: Request) -> Reply:
    """What the token of who signed a request to an interface of S3 says; the token itself stays here."""
    ctx.require("identity:s3tokens_validate", {})
    return Reply(200, _authenticate(tx, ctx, request, _signed_s3).body(catalog=True))


def _authenticate(tx: Tx, ctx: Context, request: Request, has_signed: _Check) -> Token:
    """The token of who signed, on the project and by the delegation of their credential."""
    epoch = ctx.app.contract(Authority).epoch()
    if not request.body:
        raise BadRequest("request must include a request body")
    schema.check(_body, request.body, WIRE)
    words: _Words = next((request.body[name] for name in _NAMES if request.body.get(name)), {})
    return _token_of(tx, ctx, words, has_signed, epoch)


def _token_of(tx: Tx, ctx: Context, words: _Words, has_signed: _Check, epoch: int) -> Token:
    if "access" not in words:
        raise unauthorized()
    row = tx.get(Credential, hashlib.sha256(words["access"].encode()).hexdigest())
    if row is None or row.type != EC2:
        raise NotFound("EC2 access key not found.")
    content = content_of(ctx, row)
    if not has_signed(str(content.get("secret")), words):
        raise unauthorized()
    project, user = need(tx, Project, str(row.project_id)), need(tx, User, row.user_id)
    if not (project.enabled and compliance.is_enabled(tx.app.contract(KeystoneSettings), user, tx.now)):
        raise unauthorized()
    _require_in_time(tx, words)
    token = ctx.app.contract(Authority).issue(
        tx, epoch, _proof(tx, row, content), Scope("project", project.id)
    )
    if token is None:
        raise unauthorized()
    return token


def signer(tx: Tx, access: str, text: bytes, signature: str) -> Identity | None:
    """Who has signed this text with this key, None when nobody has, or may not any more."""
    words = {"access": access, "token": base64.urlsafe_b64encode(text).decode(), "signature": signature}
    epoch = tx.app.contract(Authority).epoch()
    try:
        return _token_of(tx, own_context(tx.app, "keystone"), words, _signed_s3, epoch).identity
    except (NotFound, Unauthorized):
        return None


def _proof(tx: Tx, row: Credential, content: Mapping[str, Any]) -> Proof:
    """Who has signed: by a trust that lets them act as its trustor, the trustee."""
    delegation = made_by(content)
    user_id = row.user_id
    if delegation is not None and delegation.kind == "trust":
        trust = need_usable(tx, delegation.id)
        user_id = trust.trustee_user_id if trust.impersonation else user_id
    return Proof(user_id=user_id, methods=(METHOD,), delegation=delegation)


def _require_in_time(tx: Tx, words: _Words) -> None:
    """Raise Unauthorized for what says when it was signed, and that is too long ago."""
    moment = _request(words).moment
    if not moment:
        return
    try:
        ends = timestamps.add(timestamps.parse(moment), tx.app.contract(KeystoneSettings).signature_lifetime)
    except ValueError:
        raise unauthorized() from None
    if tx.now > ends:
        raise unauthorized()


def _request(words: _Words, **instead: str) -> SignedRequest:
    texts = {name: words.get(name, "") for name in ("verb", "host", "path", "body_hash")}
    return SignedRequest(
        **{**texts, **instead}, params=words.get("params", {}), headers=words.get("headers", {})
    )


def _signed_ec2(secret: str, words: _Words) -> bool:
    """Some clients leave the port out of the host that they sign."""
    host = words.get("host", "")
    requests = [_request(words, host=name) for name in dict.fromkeys((host, host.partition(":")[0]))]
    return any(_same(words, partial(aws_signatures.ec2, secret, request)) for request in requests)


def _signed_s3(secret: str, words: _Words) -> bool:
    return _same(words, lambda: aws_signatures.s3(secret, base64.urlsafe_b64decode(words.get("token", ""))))


def _same(words: _Words, made: Callable[[], str]) -> bool:
    """Whether this is the signature of a request; not for what cannot have been signed."""
    try:
        return hmac.compare_digest(made().encode(), words.get("signature", "").encode())
    except (ValueError, binascii.Error):
        return False


ROUTES = (ec2_token, s3_token)
