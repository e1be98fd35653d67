# SPDX-License-Identifier: Apache-2.0
"""The steps by which a consumer comes to act for a user: it asks, the user agrees, it gets its token."""

import secrets
import string
from typing import Any
from urllib.parse import urlencode

from cumulet.kernel import events, ids
from cumulet.kernel.auth.context import Context
from cumulet.kernel.db import Tx
from cumulet.kernel.http.endpoint import route, told
from cumulet.kernel.http.messages import Reply, Request
from cumulet.kernel.resource import schema
from cumulet.kernel.resource.shapes import keys
from cumulet.lib import timestamps
from cumulet.lib.timestamps import Timestamp
from cumulet.services.keystone.credentials.delegation import acting_by
from cumulet.services.keystone.credentials.model import seal, unseal
from cumulet.services.keystone.entity import need
from cumulet.services.keystone.errors import expecting, forbidden, unauthorized
from cumulet.services.keystone.oauth1.model import AccessToken, Consumer, RequestToken, need_request_token
from cumulet.services.keystone.oauth1.signing import Signed, check_consumer, check_exchange
from cumulet.services.keystone.projects.model import Project
from cumulet.services.keystone.roles import effective
from cumulet.services.keystone.roles.effective import Scope
from cumulet.services.keystone.roles.naming import NAMED_ROLES, role_ids_of
from cumulet.services.keystone.settings import KeystoneSettings
from cumulet.services.keystone.tokens.authority import Authority
from cumulet.services.keystone.wire import WIRE

FORM = "application/x-www-form-urlencoded"
_VERIFIER_LETTERS = "".join(c for c in string.ascii_letters + string.digits if c not in "jiIl1oO0")
"""Users may have to type it."""
_AGREED = {"type": "object", "properties": {"roles": NAMED_ROLES}}
_agreed = schema.compile_schema(_AGREED)


@route("POST", "/OS-OAUTH1/request_token", public=True, parsed=False, status=201, accepts=FORM, returns=FORM)
def ask(tx: Tx, ctx: Context, request: Request) -> Reply:
    """A request token, with which a user may be asked for rights on a project."""
    signed = signed_by(ctx, request)
    consumer_id = signed.need("oauth_consumer_key")
    project_id = request.headers.get("requested-project-id")
    if not project_id:
        raise expecting("Requested-Project-Id", "request")
    need(tx, Project, project_id)
    consumer = tx.get(Consumer, consumer_id)
    if consumer is None:
        raise Consumer.not_found(ctx, consumer_id)
    authority = ctx.app.contract(Authority)
    check_consumer(signed, unseal(authority, consumer.secret))
    secret = ids.plain()
    row = RequestToken(
        consumer_id=consumer.id,
        project_id=project_id,
        secret=seal(authority, secret),
        expires_at=_end(tx, tx.app.contract(KeystoneSettings).request_token_lifetime),
    )
    return _told(tx.insert(row), secret)


@route(
    "PUT",
    "/OS-OAUTH1/authorize/{request_token_id}",
    policy="identity:authorize_request_token",
    schema=told(_AGREED),
    answer=keys(token=keys(oauth_verifier=str)),
)
def agree(tx: Tx, ctx: Context, request: Request) -> Any:
    """The user gives a consumer some of their roles; the verifier that they tell it is its proof."""
    ctx.require("identity:authorize_request_token", {})
    schema.check(_agreed, request.body or {}, WIRE)
    if acting_by(ctx.identity):
        raise forbidden()
    row = need_request_token(tx, request.params["request_token_id"])
    _require_in_time(tx, row)
    role_ids = role_ids_of(tx, (request.body or {}).get("roles") or [])
    project = need(tx, Project, row.project_id)
    held = effective.roles(tx, ctx.user_id, Scope("project", project.id), project)
    if not {role.id for role in held}.issuperset(role_ids):
        raise unauthorized()
    verifier = "".join(secrets.choice(_VERIFIER_LETTERS) for _ in range(8))
    tx.update(row, authorizing_user_id=ctx.user_id, verifier=verifier, role_ids=role_ids)
    return {"token": {"oauth_verifier": verifier}}


@route("POST", "/OS-OAUTH1/access_token", public=True, parsed=False, status=201, accepts=FORM, returns=FORM)
def exchange(tx: Tx, ctx: Context, request: Request) -> Reply:
    """An access token in the place of a request token that its user has agreed to; never two."""
    signed = signed_by(ctx, request)
    consumer_id = signed.need("oauth_consumer_key")
    row = need_request_token(tx, signed.need("oauth_token"))
    signed.need("oauth_verifier")
    _require_in_time(tx, row)
    consumer = tx.get(Consumer, consumer_id)
    if consumer is None or row.consumer_id != consumer_id:
        raise unauthorized()
    authority = ctx.app.contract(Authority)
    check_exchange(signed, unseal(authority, consumer.secret), unseal(authority, row.secret), row.verifier)
    if row.authorizing_user_id is None:
        raise unauthorized()
    secret = ids.plain()
    made = AccessToken(
        consumer_id=consumer.id,
        authorizing_user_id=row.authorizing_user_id,
        project_id=row.project_id,
        role_ids=row.role_ids,
        secret=seal(authority, secret),
        expires_at=_end(tx, tx.app.contract(KeystoneSettings).access_token_lifetime),
    )
    tx.delete(tx.update(row, verifier=None))
    tx.insert(made)
    events.emit(tx, ctx, "access_token.create", made)
    return _told(made, secret)


def signed_by(ctx: Context, request: Request) -> Signed:
    """The request as its consumer has signed it."""
    query = f"?{urlencode(request.query.pairs)}" if request.query.pairs else ""
    return Signed(f"{ctx.base_url}{request.path}{query}", request.headers.get("authorization", ""))


def _end(tx: Tx, lifetime: int) -> Timestamp | None:
    return timestamps.add(tx.now, lifetime) if lifetime else None


def _require_in_time(tx: Tx, row: RequestToken) -> None:
    if row.expires_at is not None and row.expires_at < tx.now:
        raise unauthorized()


def _told(row: RequestToken | AccessToken, secret: str) -> Reply:
    """A token and its secret as OAuth tells them: as a form."""
    text = f"oauth_token={row.id}&oauth_token_secret={secret}"
    if row.expires_at is not None:
        text += f"&oauth_expires_at={timestamps.zulu_with_microseconds(row.expires_at)}"
    return Reply(201, text.encode(), content_type=FORM)


ROUTES = (ask, agree, exchange)
