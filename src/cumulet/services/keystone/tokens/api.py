# SPDX-License-Identifier: Apache-2.0
"""The routes below /auth.

Tokens are issued, shown, checked and revoked, and tell where their bearers may go.
"""

from collections.abc import Sequence
from typing import Any

from cumulet.kernel.auth.context import Context
from cumulet.kernel.db import Tx
from cumulet.kernel.errors import NotFound
from cumulet.kernel.http.endpoint import route, routes, told
from cumulet.kernel.http.messages import Reply, Request
from cumulet.kernel.resource.shapes import array, keys, page
from cumulet.kernel.resource.views import render
from cumulet.services.keystone.errors import forbidden, unauthorized
from cumulet.services.keystone.federation.front_proxy import asserted
from cumulet.services.keystone.federation.identities import Assertion
from cumulet.services.keystone.people import User
from cumulet.services.keystone.projects.model import Domain, Project
from cumulet.services.keystone.roles import effective
from cumulet.services.keystone.roles.effective import UNSCOPED, Scope
from cumulet.services.keystone.settings import KeystoneSettings
from cumulet.services.keystone.tokens import revocation
from cumulet.services.keystone.tokens.authentication import authenticate, judge, proved
from cumulet.services.keystone.tokens.authority import Authority, Token
from cumulet.services.keystone.tokens.keyring import DOES_NOT_HOLD
from cumulet.services.keystone.tokens.proof import TRUST, Asked, Proof
from cumulet.services.keystone.tokens.request import SCHEMA, asked
from cumulet.services.keystone.tokens.shapes import CATALOG, TOKEN
from cumulet.services.keystone.trusts.issuing import issue_by_trust
from cumulet.services.keystone.wire import SELF, list_links, self_link

_VARY = {"Vary": "X-Auth-Token"}
_RULES_HEADER = "openstack-identity-access-rules"


# -- issuing --------------------------------------------------------------------------------------------


@route(
    "POST",
    "/auth/tokens",
    schema=told(SCHEMA),
    public=True,
    status=201,
    query=("nocatalog",),
    answer=TOKEN,
)
async def issue_token(ctx: Context, request: Request) -> Reply:
    """A new token, in the header X-Subject-Token."""
    said = asserted(ctx.app.contract(KeystoneSettings), request.headers)
    wanted = asked(request.body, request.headers, said)
    by_trust = wanted.scope is not None and wanted.scope[0] == TRUST
    if wanted.methods.keys() == {"token"} and not by_trust:
        token = await ctx.read(_issue_by_token, await proved(ctx, wanted), wanted)
        return shown(token, request, 201)
    proof = await authenticate(ctx, wanted)
    if wanted.scope is not None and by_trust and proof.scope is None:
        token = await issue_by_trust(ctx, proof, wanted.scope[1])
    else:
        token = await ctx.read(issue, proof, wanted)
    return shown(token, request, 201)


def issue(tx: Tx, proof: Proof, wanted: Asked) -> Token:
    """A token for who has proved themselves, of the scope that they want. Raises Unauthorized."""
    return _issue(tx, tx.app.contract(Authority).epoch(), proof, wanted)


def _issue_by_token(tx: Tx, proof: Proof, wanted: Asked) -> Token:
    """The same for who has only shown a token: the most frequent way, in one transaction."""
    epoch = tx.app.contract(Authority).epoch()
    _, judged = judge(tx, proof, wanted.receipt)
    return _issue(tx, epoch, judged, wanted)


def _issue(tx: Tx, epoch: int, proof: Proof, wanted: Asked) -> Token:
    authority = tx.app.contract(Authority)
    if proof.scope is not None:
        scope = proof.scope
    elif wanted.scope is not None:
        scope = authority.scope(tx, epoch, *wanted.scope)
    else:
        return _issue_by_default(tx, authority, epoch, proof)
    token = authority.issue(tx, epoch, proof, scope)
    if token is None:
        raise unauthorized()
    return token


def _issue_by_default(tx: Tx, authority: Authority, epoch: int, proof: Proof) -> Token:
    """A token for the user's default project if there is one and they may go there, unscoped else."""
    user = tx.get(User, proof.user_id)
    token = None
    if user is not None and user.default_project_id and not proof.federation_id:
        token = authority.issue(tx, epoch, proof, Scope("project", user.default_project_id))
    token = token or authority.issue(tx, epoch, proof, UNSCOPED)
    if token is None:
        raise unauthorized()
    return token


def shown(token: Token, request: Request, status: int) -> Reply:
    """The answer that shows a token."""
    body = token.body(catalog="nocatalog" not in request.query)
    return Reply(status, body, {"X-Subject-Token": token.text, **_VARY})


# -- showing and revoking -------------------------------------------------------------------------------


@route(
    "GET",
    "/auth/tokens",
    policy="identity:validate_token",
    query=("nocatalog", "allow_expired"),
    answer=TOKEN,
)
async def validate_token(ctx: Context, request: Request) -> Reply:
    """What a token says, if it holds."""
    return shown(await _subject(ctx, request, "identity:validate_token"), request, 200)


@route("HEAD", "/auth/tokens", policy="identity:check_token")
async def check_token(ctx: Context, request: Request) -> Reply:
    """Whether a token holds."""
    token = await _subject(ctx, request, "identity:check_token")
    return Reply(200, None, {"X-Subject-Token": token.text, **_VARY})


@route("DELETE", "/auth/tokens", policy="identity:revoke_token", status=204)
async def revoke_token(ctx: Context, request: Request) -> Reply:
    """The token holds no longer."""
    token = await _subject(ctx, request, "identity:revoke_token", may_have_expired=False)
    await ctx.transact(revocation.revoke, token)
    return Reply(204, None, _VARY)


async def _subject(ctx: Context, request: Request, rule: str, *, may_have_expired: bool = True) -> Token:
    """The token that a request is about, if the caller may ask."""
    text = request.headers.get("x-subject-token", "")
    token = await _found(ctx, text, may_have_expired and request.query.flag("allow_expired"))
    if token is None:
        raise NotFound(ctx.app.contract(Authority).keyring.why_unknown(text))
    ctx.require(rule, {"target.token.user_id": token.identity.user_id})
    if token.identity.access_rules is not None and not _knows_rules(request):
        raise NotFound(DOES_NOT_HOLD)
    return token


def _knows_rules(request: Request) -> bool:
    """Whether who asks says that they hold bearers of tokens to their access rules."""
    try:
        return float(request.headers.get(_RULES_HEADER, "0")) >= 1
    except ValueError:
        return False


async def _found(ctx: Context, text: str, allow_expired: bool) -> Token | None:
    if not text:
        return None
    authority = ctx.app.contract(Authority)
    known = authority.known(text, ctx.app.clock.now())
    if known is not None:
        return known
    return await ctx.read(authority.look, text, allow_expired=allow_expired)


# -- where one may go -----------------------------------------------------------------------------------


@routes(
    "GET",
    "/auth/projects",
    "/OS-FEDERATION/projects",
    policy="identity:get_auth_projects",
    answer=page(Project),
)
def auth_projects(tx: Tx, ctx: Context, request: Request) -> Any:
    """The projects that the caller may ask a token for."""
    ctx.require("identity:get_auth_projects", {})
    rows = [row for row in effective.projects_of(tx, ctx.user_id, _groups(tx, ctx)) if row.enabled]
    domains = tx.get_many(Project, [row.domain_id for row in rows])
    rows = [row for row in rows if row.domain_id in domains and domains[row.domain_id].enabled]
    return {"projects": render(tx, ctx, Project, rows), "links": _links(ctx, request)}


@routes(
    "GET",
    "/auth/domains",
    "/OS-FEDERATION/domains",
    policy="identity:get_auth_domains",
    answer=page(Domain),
)
def auth_domains(tx: Tx, ctx: Context, request: Request) -> Any:
    """The domains that the caller may ask a token for."""
    ctx.require("identity:get_auth_domains", {})
    rows = [row for row in effective.domains_of(tx, ctx.user_id, _groups(tx, ctx)) if row.enabled]
    return {"domains": render(tx, ctx, Domain, rows), "links": _links(ctx, request)}


@route(
    "GET",
    "/auth/system",
    policy="identity:get_auth_system",
    answer=keys(system=array(keys(all=bool)), links=SELF),
)
def auth_system(tx: Tx, ctx: Context, request: Request) -> Any:
    """Whether the caller may ask for a token of the system."""
    ctx.require("identity:get_auth_system", {})
    roles = effective.role_ids(tx, ctx.user_id, Scope("system", "all"), groups=_groups(tx, ctx))
    return {"system": [{"all": True}] if roles else [], "links": self_link(ctx, "/auth/system")}


@route(
    "GET",
    "/auth/catalog",
    policy="identity:get_auth_catalog",
    answer=keys(catalog=CATALOG, links=SELF),
)
def auth_catalog(tx: Tx, ctx: Context, request: Request) -> Any:
    """The catalog of the caller's token."""
    ctx.require("identity:get_auth_catalog", {})
    if not ctx.project_id:
        raise forbidden()
    authority = ctx.app.contract(Authority)
    catalog = authority.catalog(tx, authority.epoch()).for_project(tx, ctx.project_id)
    return {"catalog": catalog.body(ctx.user_id, ctx.project_id), "links": self_link(ctx, "/auth/catalog")}


def _groups(tx: Tx, ctx: Context) -> Sequence[str]:
    """The groups in which the caller is by the assertion that their token rests on."""
    claims = ctx.app.contract(Authority).keyring.unpack(ctx.identity.token)
    federation_id = claims.subject.federation_id if claims is not None else ""
    row = tx.get(Assertion, federation_id) if federation_id else None
    return row.group_ids if row is not None else ()


def _links(ctx: Context, request: Request) -> dict[str, Any]:
    return list_links(ctx, request.path, request.query.pairs)


ROUTES = (
    issue_token,
    validate_token,
    check_token,
    revoke_token,
    auth_projects,
    auth_domains,
    auth_system,
    auth_catalog,
)
