# SPDX-License-Identifier: Apache-2.0
"""OAuth 2.0: a token for client credentials.

They are an application credential's id and secret, or a user's id and the certificate that the client has
shown in TLS; then the token is good only together with it.
"""

import base64
import binascii
from collections.abc import Mapping
from urllib.parse import parse_qsl

from cumulet.kernel.auth.context import Context
from cumulet.kernel.errors import Error, Unauthorized
from cumulet.kernel.http.endpoint import route, told
from cumulet.kernel.http.messages import Reply, Request
from cumulet.kernel.resource.shapes import keys
from cumulet.services.keystone import certificates
from cumulet.services.keystone.settings import KeystoneSettings
from cumulet.services.keystone.tokens import audit
from cumulet.services.keystone.tokens.api import issue
from cumulet.services.keystone.tokens.authentication import authenticate
from cumulet.services.keystone.tokens.authority import Token
from cumulet.services.keystone.tokens.certified import issue_by_certificate
from cumulet.services.keystone.tokens.payload import CERTIFIED
from cumulet.services.keystone.tokens.proof import Asked

_FORM = "application/x-www-form-urlencoded"
_TEXT = {"type": "string"}
_SCHEMA = {
    "type": "object",
    "required": ["grant_type"],
    "properties": {"grant_type": _TEXT, "client_id": _TEXT, "client_secret": _TEXT},
}


@route(
    "POST",
    "/OS-OAUTH2/token",
    public=True,
    parsed=False,
    schema=told(_SCHEMA),
    accepts=_FORM,
    answer=keys(access_token=str, token_type=str, expires_in=int),
)
async def client_credentials(ctx: Context, request: Request) -> Reply:
    """A token of the application credential, or of the user, that the client has proved to be."""
    form = dict(parse_qsl(request.raw.decode(errors="replace"), keep_blank_values=True))
    grant = form.get("grant_type")
    if grant is None:
        return _refusal(ctx, 400, "invalid_request", "The parameter grant_type is required.")
    if grant != "client_credentials":
        text = f"The parameter grant_type {grant} is not supported."
        return _refusal(ctx, 400, "unsupported_grant_type", text)
    certificate = certificates.shown(ctx.app.contract(KeystoneSettings), request.headers)
    authorization = request.headers.get("authorization", "") if not certificate else ""
    id, secret = _client(authorization, form)
    if not id or not (secret or certificate):
        return _refusal(ctx, 401, "invalid_client", _FAILED)
    try:
        token = await (_by_certificate(ctx, id, certificate) if certificate else _by_secret(ctx, id, secret))
    except Error as error:
        if error.status not in _KINDS:
            text = "An unknown error occurred and failed to get an OAuth2.0 access token."
            return _refusal(ctx, error.status, "other_error", text)
        return _refusal(ctx, error.status, _KINDS[error.status], error.message)
    lifetime = token.claims.expires_at - token.claims.issued_at
    return Reply(200, {"access_token": token.text, "token_type": "Bearer", "expires_in": lifetime})


_KINDS = {400: "invalid_request", 401: "invalid_client"}
_FAILED = "Client authentication failed."


async def _by_secret(ctx: Context, id: str, secret: str) -> Token:
    wanted = Asked({"application_credential": {"id": id, "secret": secret}}, None)
    return await ctx.read(issue, await authenticate(ctx, wanted), wanted)


async def _by_certificate(ctx: Context, user_id: str, certificate: bytes) -> Token:
    try:
        return await issue_by_certificate(ctx, user_id, certificate)
    except Unauthorized as error:
        await audit.refuse(ctx, {CERTIFIED: {"user": {"id": user_id}}}, error)
        raise Unauthorized(_FAILED) from None


def _client(authorization: str, form: Mapping[str, str]) -> tuple[str, str]:
    """Id and secret of the client, from its header or from the form; empty where neither tells."""
    scheme, _, encoded = authorization.partition(" ")
    if scheme.lower() != "basic":
        return form.get("client_id", ""), form.get("client_secret", "")
    try:
        id, _, secret = base64.b64decode(encoded, validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        return "", ""
    return id, secret


def _refusal(ctx: Context, status: int, kind: str, description: str) -> Reply:
    headers = {"WWW-Authenticate": f'Keystone uri="{ctx.app.identity_url}"'} if status == 401 else {}
    return Reply(status, {"error": kind, "error_description": description}, headers)


ROUTES = (client_credentials,)
