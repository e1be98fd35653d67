# SPDX-License-Identifier: Apache-2.0
"""The routes by which somebody comes from an identity provider: for programs, and for browsers."""

from html import escape
from urllib.parse import unquote_plus

from cumulet.kernel.auth.context import Context
from cumulet.kernel.db import Tx
from cumulet.kernel.errors import BadRequest
from cumulet.kernel.http.endpoint import routes
from cumulet.kernel.http.messages import Reply, Request
from cumulet.services.keystone.errors import not_found, unauthorized
from cumulet.services.keystone.federation.front_proxy import Asserted, asserted
from cumulet.services.keystone.federation.logins import remote_id_attribute
from cumulet.services.keystone.federation.model import Protocol, RemoteId
from cumulet.services.keystone.settings import KeystoneSettings
from cumulet.services.keystone.tokens.api import issue, shown
from cumulet.services.keystone.tokens.authentication import authenticate
from cumulet.services.keystone.tokens.authority import Token
from cumulet.services.keystone.tokens.methods import mapped
from cumulet.services.keystone.tokens.proof import Asked
from cumulet.services.keystone.tokens.shapes import TOKEN

_PROTOCOL = "/identity_providers/{identity_provider_id}/protocols/{protocol_id}"
_AUTH = f"/OS-FEDERATION{_PROTOCOL}/auth"
_WEBSSO = f"/auth/OS-FEDERATION{_PROTOCOL}/websso"
_WEBSSO_OF_ANY = "/auth/OS-FEDERATION/websso/{protocol_id}"


@routes("GET", _AUTH, public=True, status=201, answer=TOKEN)
@routes("POST", _AUTH, public=True, status=201, answer=TOKEN)
async def authenticate_by_assertion(ctx: Context, request: Request) -> Reply:
    """A token of who the front proxy says has come, in the header X-Subject-Token."""
    params = request.params
    said = _said(ctx, request)
    return shown(await _token(ctx, params["identity_provider_id"], params["protocol_id"], said), request, 201)


@routes("GET", _WEBSSO, public=True, query=("origin",), returns="text/html")
@routes("POST", _WEBSSO, public=True, query=("origin",), returns="text/html")
async def sign_on(ctx: Context, request: Request) -> Reply:
    """A page that brings such a token to the dashboard from which a browser came."""
    dashboard = _dashboard(ctx, request)
    params = request.params
    said = _said(ctx, request)
    return _page(dashboard, await _token(ctx, params["identity_provider_id"], params["protocol_id"], said))


@routes("GET", _WEBSSO_OF_ANY, public=True, query=("origin",), returns="text/html")
@routes("POST", _WEBSSO_OF_ANY, public=True, query=("origin",), returns="text/html")
async def sign_on_by_any(ctx: Context, request: Request) -> Reply:
    """The same; which identity provider it was is told by its remote id."""
    said = _said(ctx, request)
    protocol_id = request.params["protocol_id"]
    remote_id = await ctx.read(_remote_id, protocol_id, said)
    if not remote_id:
        raise unauthorized()
    dashboard = _dashboard(ctx, request)
    known = await ctx.read(Tx.get, RemoteId, remote_id)
    if known is None:
        raise not_found("Identity Provider", remote_id)
    return _page(dashboard, await _token(ctx, known.idp_id, protocol_id, said))


def _said(ctx: Context, request: Request) -> Asserted:
    return asserted(ctx.app.contract(KeystoneSettings), request.headers)


async def _token(ctx: Context, idp_id: str, protocol_id: str, said: Asserted) -> Token:
    method = protocol_id if protocol_id in mapped.NAMES else "mapped"
    words = {"identity_provider": idp_id, "protocol": protocol_id}
    wanted = Asked({method: words}, None, asserted=said)
    proof = await authenticate(ctx, wanted)
    return await ctx.read(issue, proof, wanted)


def _remote_id(tx: Tx, protocol_id: str, said: Asserted) -> str:
    """What the assertion calls its identity provider, by the first protocol of this name that tells how."""
    settings = tx.app.contract(KeystoneSettings)
    names = [
        remote_id_attribute(settings, row)
        for row in tx.all(Protocol, Protocol.c.name == protocol_id, order_by=[Protocol.c.idp_id])
    ]
    return next((said.attributes[name] for name in names if said.attributes.get(name)), "")


# -- browsers -------------------------------------------------------------------------------------------


def _dashboard(ctx: Context, request: Request) -> str:
    """The dashboard that the request names. Raises BadRequest, and Unauthorized for a stranger."""
    origin = request.query.get("origin")
    if not origin:
        raise BadRequest("Request must have an origin query parameter")
    host = unquote_plus(origin)
    if host not in map(_lower_host, ctx.app.contract(KeystoneSettings).trusted_dashboards):
        raise unauthorized()
    return host


def _lower_host(url: str) -> str:
    scheme, mark, rest = url.partition("://")
    host, slash, path = rest.partition("/")
    return f"{scheme}{mark}{host.lower()}{slash}{path}"


_PAGE = """<!DOCTYPE html>
<html>
  <head><meta charset="utf-8"><title>Signing on</title></head>
  <body>
    <form id="sso" name="sso" action="{host}" method="post">
      Please wait...
      <br>
      <input type="hidden" name="token" id="token" value="{token}">
      <noscript><input type="submit" name="submit_no_javascript" id="submit_no_javascript" value="Continue">
      </noscript>
    </form>
    <script type="text/javascript">window.onload = function() {{ document.forms['sso'].submit(); }}</script>
  </body>
</html>
"""


def _page(host: str, token: Token) -> Reply:
    """A form with the token that sends itself to the dashboard."""
    body = _PAGE.format(host=escape(host), token=escape(token.text)).encode()
    return Reply(200, body, {"Cache-Control": "no-store"}, content_type="text/html; charset=utf-8")


ROUTES = (authenticate_by_assertion, sign_on, sign_on_by_any)
