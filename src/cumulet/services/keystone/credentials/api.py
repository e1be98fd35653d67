# SPDX-License-Identifier: Apache-2.0
"""The operations on credentials."""

from collections.abc import Sequence
from typing import Any

from cumulet.kernel.auth.context import Context
from cumulet.kernel.db import Tx
from cumulet.kernel.errors import BadRequest
from cumulet.kernel.http.messages import Reply, Request
from cumulet.kernel.resource import Delete, Resource, Show, expose
from cumulet.kernel.resource.finding import fetch
from cumulet.kernel.resource.views import render
from cumulet.services.keystone.application_credentials.delegation import require_unrestricted
from cumulet.services.keystone.credentials.delegation import FIXED, acting_by, require_within
from cumulet.services.keystone.credentials.model import (
    EC2,
    Credential,
    content_of,
    insert,
    insert_ec2,
    parsed_content,
    seal,
)
from cumulet.services.keystone.entity import Create, List, Update, named
from cumulet.services.keystone.errors import expecting, not_allowed
from cumulet.services.keystone.tokens.authority import Authority
from cumulet.services.keystone.wire import list_links


def create_credential(tx: Tx, ctx: Context, given: dict[str, Any]) -> Credential:
    """A credential; one for EC2 has an id that its access key gives, needs a project, and keeps by what
    delegation it was made.
    """
    if given["type"].lower() == EC2:
        require_unrestricted(tx, ctx, "credentials")
    require_within(ctx, given.get("project_id"))
    if given["type"].lower() == EC2:
        return insert_ec2(tx, ctx, given)
    return insert(tx, ctx, given)


def update_credential(tx: Tx, ctx: Context, row: Credential, given: dict[str, Any]) -> Credential:
    """The credential with its changes; the rule is asked again for the user it would belong to."""
    require_within(ctx, row.project_id)
    ctx.require("identity:update_credential", named("credential", {**row.__dict__, **given}))
    blob = given.get("blob")
    if row.type.lower() == EC2 and blob is not None:
        before, after = content_of(ctx, row), parsed_content(blob)
        for name in FIXED:
            if before.get(name) != after.get(name):
                raise BadRequest(f"{name} can not be updated for credential")
    if given.get("type", row.type).lower() == EC2:
        if not given.get("project_id", row.project_id):
            raise expecting("project_id", "credential")
        if row.type.lower() != EC2 and acting_by(ctx.identity):
            raise not_allowed("Making an EC2 credential of another with a delegated token")
    if blob is not None:
        given["blob"] = seal(ctx.app.contract(Authority), blob)
    return tx.update(row, **given)


def delete_credential(tx: Tx, ctx: Context, row: Credential) -> None:
    require_within(ctx, row.project_id)
    tx.delete(row)


class _ShowMine(Show):
    """One credential, within the project of a delegation."""

    def answer(self, cls: type[Resource], tx: Tx, ctx: Context, request: Request) -> Reply:
        row: Credential = fetch(tx, ctx, cls, request, self.policy)
        require_within(ctx, row.project_id)
        return super().answer(cls, tx, ctx, request)


class _ListMine(List):
    """All credentials, or for who may not see them all their own."""

    def answer(self, cls: type[Resource], tx: Tx, ctx: Context, request: Request) -> Reply:
        where: list[Any] = []
        c = Credential.c
        if not ctx.can(self.policy, {}):
            ctx.require(self.policy, {"target.credential.user_id": ctx.user_id})
            where.append(c.user_id == ctx.user_id)
        if acting_by(ctx.identity):
            where.append(c.project_id == ctx.project_id)
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
