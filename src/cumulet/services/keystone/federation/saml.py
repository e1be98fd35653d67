# SPDX-License-Identifier: Apache-2.0
"""Where Keystone would be an identity provider for other clouds: it has no key to sign assertions with.

Upstream answers 500 where nobody has configured one; here it is 501, in a sentence.
"""

from typing import NoReturn

from cumulet.kernel.auth.context import Context
from cumulet.kernel.db import Tx
from cumulet.kernel.errors import NotFound, NotImplementedHere
from cumulet.kernel.http.endpoint import route, routes
from cumulet.kernel.http.messages import Request
from cumulet.kernel.resource.schema import Checked
from cumulet.services.keystone.errors import forbidden, not_allowed
from cumulet.services.keystone.federation.model import ServiceProvider
from cumulet.services.keystone.tokens.authority import Authority

_ID = {
    "type": "object",
    "properties": {"id": {"type": "string"}},
    "required": ["id"],
    "additionalProperties": False,
}
_AUTH = {
    "type": "object",
    "properties": {
        "identity": {
            "type": "object",
            "properties": {"token": _ID, "methods": {"type": "array"}},
            "required": ["token"],
            "additionalProperties": False,
        },
        "scope": {
            "type": "object",
            "properties": {"service_provider": _ID},
            "required": ["service_provider"],
            "additionalProperties": False,
        },
    },
    "required": ["identity", "scope"],
    "additionalProperties": False,
}
_BODY = Checked({"type": "object", "properties": {"auth": _AUTH}, "required": ["auth"]})


def _not_configured() -> NoReturn:
    raise NotImplementedHere("This cloud is no identity provider for others: it signs no SAML assertions.")


@route("GET", "/OS-FEDERATION/saml2/metadata", public=True, status=501)
def show_metadata(tx: Tx, ctx: Context, request: Request) -> NoReturn:
    """The metadata of this cloud as an identity provider: a file that nobody has made."""
    _not_configured()


@routes(
    "POST",
    "/auth/OS-FEDERATION/saml2",
    "/auth/OS-FEDERATION/saml2/ecp",
    public=True,
    write=False,
    schema=_BODY.at,
    status=501,
)
async def create_assertion(ctx: Context, request: Request) -> NoReturn:
    """An assertion of who somebody is, for a service provider; there is no key to sign one with."""
    auth = _BODY(ctx, request.body)["auth"]
    await ctx.read(_check_service_provider, ctx, auth["scope"]["service_provider"]["id"])
    token = await ctx.read(ctx.app.contract(Authority).look, auth["identity"]["token"]["id"])
    if token is None:
        raise NotFound("Failed to validate token")
    if not token.identity.project_id:
        raise not_allowed("Use a project scoped token when attempting to create a SAML assertion")
    _not_configured()


def _check_service_provider(tx: Tx, ctx: Context, id: str) -> None:
    row = tx.get(ServiceProvider, id)
    if row is None:
        raise ServiceProvider.not_found(ctx, id)
    if not row.enabled:
        raise forbidden()


ROUTES = (show_metadata, create_assertion)
