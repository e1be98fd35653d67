# SPDX-License-Identifier: Apache-2.0
"""The operations on credentials, and the older routes for the keys of EC2."""

import hashlib
from collections.abc import Sequence
from typing import Any

import msgspec
import sqlalchemy as sa

from cumulet.kernel import ids
from cumulet.kernel.auth.context import Context
from cumulet.kernel.db import Tx
from cumulet.kernel.errors import BadRequest
from cumulet.kernel.http.endpoint import body_of, route
from cumulet.kernel.http.messages import Reply, Request
from cumulet.kernel.resource import Delete, Resource, Show, expose
from cumulet.kernel.resource.views import render
from cumulet.services.keystone.credentials.model import Credential, seal, unseal
from cumulet.services.keystone.entity import Create, List, Update, named, need
from cumulet.services.keystone.errors import not_allowed, not_found
from cumulet.services.keystone.people import User
from cumulet.services.keystone.projects.model import Project
from cumulet.services.keystone.storing import unique
from cumulet.services.keystone.tokens.authority import Authority
from cumulet.services.keystone.wire import list_links, self_link

_EC2 = "ec2"


def _content(blob: str) -> dict[str, Any]:
    """The blob of an EC2 credential. Raises BadRequest when it is no JSON object."""
    try:
        found = msgspec.json.decode(blob)
    except msgspec.DecodeError:
        found = None
    if not isinstance(found, dict):
        raise BadRequest("Invalid blob in credential")
    return found


def _is_delegated(ctx: Context) -> bool:
    return bool(ctx.identity.application_credential_id or ctx.identity.trust_id)


def _require_primary(ctx: Context) -> None:
    """Raise Forbidden for a token that was narrowed on purpose: it must not reach other secrets."""
    if _is_delegated(ctx):
        raise not_allowed("Delegated tokens cannot access credentials directly")


def create_credential(tx: Tx, ctx: Context, given: dict[str, Any]) -> Credential:
    """A credential; one for EC2 has an id that its access key gives, and needs a project."""
    _require_primary(ctx)
    values = dict(given)
    if given["type"] == _EC2:
        content = _content(given["blob"])
        if not content.get("access"):
            raise BadRequest("Invalid blob in credential")
        if not given.get("project_id"):
            raise BadRequest("Expecting to find project_id in credential.")
        values["id"] = hashlib.sha256(str(content["access"]).encode()).hexdigest()
    values["blob"] = seal(ctx.app.contract(Authority), values["blob"])
    with unique("credential", f"Duplicate entry found with ID {values.get('id')}"):
        return tx.insert(Credential(**values))


def update_credential(tx: Tx, ctx: Context, row: Credential, given: dict[str, Any]) -> Credential:
    """The credential with its changes; the rule is asked again for the user it would belong to."""
    ctx.require("identity:update_credential", named("credential", {**row.__dict__, **given}))
    _require_primary(ctx)
    authority = ctx.app.contract(Authority)
    kind = given.get("type", row.type)
    blob = given.get("blob")
    if kind == _EC2:
        _content(blob if blob is not None else unseal(authority, row.blob))
        if not given.get("project_id", row.project_id):
            raise BadRequest("Expecting to find project_id in credential.")
    if blob is not None:
        given["blob"] = seal(authority, blob)
    return tx.update(row, **given)


def delete_credential(tx: Tx, ctx: Context, row: Credential) -> None:
    _require_primary(ctx)
    tx.delete(row)


class _ShowMine(Show):
    """One credential; delegated tokens see none."""

    def answer(self, cls: type[Resource], tx: Tx, ctx: Context, request: Request) -> Reply:
        reply = super().answer(cls, tx, ctx, request)
        _require_primary(ctx)
        return reply


class _ListMine(List):
    """All credentials, or for who may not see them all their own."""

    def answer(self, cls: type[Resource], tx: Tx, ctx: Context, request: Request) -> Reply:
        where: list[Any] = []
        c = Credential.c
        if not ctx.can(self.policy, {}):
            ctx.require(self.policy, {"target.credential.user_id": ctx.user_id})
            where.append(c.user_id == ctx.user_id)
        if _is_delegated(ctx):
            where.append(sa.false())
        for key in ("user_id", "type"):
            if (value := request.query.get(key)) is not None:
                where.append(c[key] == value)
        rows: Sequence[Credential] = tx.all(Credential, *where, order_by=[c.id])
        links = list_links(ctx, request.path, request.query.pairs)
        return Reply(200, {"credentials": render(tx, ctx, Credential, rows), "links": links})


CREDENTIALS = expose(
    Credential,
    _ListMine(policy="identity:list_credentials"),
    _ShowMine(policy="identity:get_credential"),
    Create(policy="identity:create_credential", run=create_credential),
    Update(policy="identity:update_credential", run=update_credential),
    Delete(policy="identity:delete_credential", run=delete_credential),
)


# -- keys of EC2 ----------------------------------------------------------------------------------------

_KEYS = "/users/{user_id}/credentials/OS-EC2"
_KEY = _KEYS + "/{access}"


def _key(ctx: Context, row: Credential) -> dict[str, Any]:
    content = _content(unseal(ctx.app.contract(Authority), row.blob))
    access = content.get("access")
    return {
        "user_id": row.user_id,
        "tenant_id": row.project_id,
        "access": access,
        "secret": content.get("secret"),
        "trust_id": content.get("trust_id"),
        "links": self_link(ctx, f"/users/{row.user_id}/credentials/OS-EC2/{access}"),
    }


def _require(ctx: Context, policy: str, user_id: str) -> None:
    ctx.require(policy, {"user_id": user_id, "target.credential.user_id": user_id})
    _require_primary(ctx)


@route("GET", _KEYS, policy="identity:ec2_list_credentials")
def list_keys(tx: Tx, ctx: Context, request: Request) -> Any:
    """A user's EC2 keys."""
    user_id = request.params["user_id"]
    _require(ctx, "identity:ec2_list_credentials", user_id)
    need(tx, User, user_id)
    c = Credential.c
    rows = tx.all(Credential, c.user_id == user_id, c.type == _EC2, order_by=[c.id])
    return {"credentials": [_key(ctx, row) for row in rows], "links": list_links(ctx, request.path)}


@route(
    "POST",
    _KEYS,
    policy="identity:ec2_create_credential",
    schema=body_of(tenant_id={"type": "string"}),
    status=201,
)
def create_key(tx: Tx, ctx: Context, request: Request) -> Reply:
    """A new access key and its secret for a user on a project."""
    user_id = request.params["user_id"]
    _require(ctx, "identity:ec2_create_credential", user_id)
    need(tx, User, user_id)
    project_id = request.body.get("tenant_id") if isinstance(request.body, dict) else None
    need(tx, Project, str(project_id or ""))
    blob = {"access": ids.plain(), "secret": ids.plain(), "trust_id": None}
    given = {"user_id": user_id, "type": _EC2, "project_id": project_id}
    row = create_credential(tx, ctx, {**given, "blob": msgspec.json.encode(blob).decode()})
    return Reply(201, {"credential": _key(ctx, row)})


@route("GET", _KEY, policy="identity:ec2_get_credential")
def show_key(tx: Tx, ctx: Context, request: Request) -> Any:
    """One EC2 key, by its access key."""
    return {"credential": _key(ctx, _need_key(tx, ctx, request, "identity:ec2_get_credential"))}


@route("DELETE", _KEY, policy="identity:ec2_delete_credential", status=204)
def delete_key(tx: Tx, ctx: Context, request: Request) -> None:
    """The EC2 key is gone."""
    tx.delete(_need_key(tx, ctx, request, "identity:ec2_delete_credential"))


def _need_key(tx: Tx, ctx: Context, request: Request, policy: str) -> Credential:
    user_id, access = request.params["user_id"], request.params["access"]
    _require(ctx, policy, user_id)
    row = tx.get(Credential, hashlib.sha256(access.encode()).hexdigest())
    if row is None or row.user_id != user_id or row.type != _EC2:
        raise not_found("credential", access)
    return row


ROUTES = (list_keys, create_key, show_key, delete_key)
