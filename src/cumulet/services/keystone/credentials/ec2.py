# SPDX-License-Identifier: Apache-2.0
"""The older routes for the keys of EC2."""

import hashlib
from typing import Any

import msgspec

from cumulet.kernel import ids
from cumulet.kernel.auth.context import Context
from cumulet.kernel.db import Tx
from cumulet.kernel.http.endpoint import body_of, route
from cumulet.kernel.http.messages import Reply, Request
from cumulet.kernel.resource.shapes import array, keys
from cumulet.services.keystone.application_credentials.delegation import require_unrestricted
from cumulet.services.keystone.credentials.delegation import reaches, require_within
from cumulet.services.keystone.credentials.model import EC2, Credential, content_of, insert_ec2
from cumulet.services.keystone.entity import need
from cumulet.services.keystone.errors import unauthorized
from cumulet.services.keystone.people import User
from cumulet.services.keystone.projects.model import Project
from cumulet.services.keystone.wire import AROUND, SELF, list_links, self_link

_KEYS = "/users/{user_id}/credentials/OS-EC2"
_KEY = _KEYS + "/{access}"
_NOUN = "EC2 credential"


def _key(ctx: Context, row: Credential) -> dict[str, Any]:
    content = content_of(ctx, row)
    access = content.get("access")
    return {
        "user_id": row.user_id,
        "tenant_id": row.project_id,
        "access": access,
        "secret": content.get("secret"),
        "trust_id": content.get("trust_id"),
        "links": self_link(ctx, f"/users/{row.user_id}/credentials/OS-EC2/{access}"),
    }


KEY = keys(
    user_id=str,
    tenant_id=str | None,
    access=str | None,
    secret=str | None,
    trust_id=str | None,
    links=SELF,
)


@route(
    "GET",
    _KEYS,
    policy="identity:ec2_list_credentials",
    answer=keys(credentials=array(KEY), links=AROUND),
)
def list_keys(tx: Tx, ctx: Context, request: Request) -> Any:
    """A user's EC2 keys."""
    user_id = request.params["user_id"]
    ctx.require("identity:ec2_list_credentials", {"user_id": user_id})
    need(tx, User, user_id)
    c = Credential.c
    rows = tx.all(Credential, c.user_id == user_id, c.type == EC2, order_by=[c.id])
    found = [_key(ctx, row) for row in rows if reaches(ctx, row.project_id)]
    return {"credentials": found, "links": list_links(ctx, request.path)}


@route(
    "POST",
    _KEYS,
    policy="identity:ec2_create_credential",
    schema=body_of(tenant_id={"type": "string"}),
    status=201,
    answer=keys(credential=KEY),
)
def create_key(tx: Tx, ctx: Context, request: Request) -> Reply:
    """A new access key and its secret for a user on a project."""
    user_id = request.params["user_id"]
    ctx.require("identity:ec2_create_credential", {"target.credential.user_id": user_id})
    require_unrestricted(tx, ctx, "application credentials")
    need(tx, User, user_id)
    body = request.body if isinstance(request.body, dict) else {}
    project_id = need(tx, Project, str(body.get("tenant_id"))).id
    require_within(ctx, project_id, _NOUN)
    content = {"access": ids.plain(), "secret": ids.plain(), "trust_id": None}
    given = {"user_id": user_id, "type": EC2, "project_id": project_id}
    row = insert_ec2(tx, ctx, {**given, "blob": msgspec.json.encode(content).decode()})
    return Reply(201, {"credential": _key(ctx, row)})


@route("GET", _KEY, policy="identity:ec2_get_credential", answer=keys(credential=KEY))
def show_key(tx: Tx, ctx: Context, request: Request) -> Any:
    """One EC2 key, by its access key."""
    return {"credential": _key(ctx, _need_key(tx, ctx, request, "identity:ec2_get_credential"))}


@route("DELETE", _KEY, policy="identity:ec2_delete_credential", status=204)
def delete_key(tx: Tx, ctx: Context, request: Request) -> None:
    """The EC2 key is gone."""
    tx.delete(_need_key(tx, ctx, request, "identity:ec2_delete_credential"))


def _need_key(tx: Tx, ctx: Context, request: Request, policy: str) -> Credential:
    """The key of the path. One that is not there is not found before anybody asks who wants to know.

    Policy sees whose key it is; of the user in the path it is enough that there is one.
    """
    row: Credential = need(tx, Credential, hashlib.sha256(request.params["access"].encode()).hexdigest())
    ctx.require(policy, {"user_id": request.params["user_id"], **Credential.target(tx, row)})
    need(tx, User, request.params["user_id"])
    if row.type != EC2:
        raise unauthorized()
    require_within(ctx, row.project_id, _NOUN)
    return row


ROUTES = (list_keys, create_key, show_key, delete_key)
