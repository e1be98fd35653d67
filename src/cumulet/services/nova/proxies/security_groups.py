# SPDX-License-Identifier: Apache-2.0
"""os-security-groups until 2.35: Neutron's security groups, with the rules for what comes in."""

from typing import Any

from cumulet.kernel.auth.context import Context
from cumulet.kernel.db import Tx
from cumulet.kernel.errors import BadRequest, Forbidden, NotFound
from cumulet.kernel.http.endpoint import route
from cumulet.kernel.http.messages import Request
from cumulet.kernel.http.peers import Asked, ask, ask_apart
from cumulet.kernel.ids import is_uuid
from cumulet.kernel.resource.schema import Checked
from cumulet.kernel.resource.shapes import array, keys
from cumulet.services.nova.proxies.security_group_rules import RULE, ingress, rule_views
from cumulet.services.nova.proxies.words import LAST, limited, retold
from cumulet.services.nova.servers.schemas import Schema, obj

_RULE = "os_compute_api:os-security-groups"
_ONE = "/os-security-groups/{security_group_id}"
_TEXT: Schema = {"type": "string", "maxLength": 255}
_GROUP = obj({"name": _TEXT, "description": _TEXT}, "name", "description", more=True)
BODY = Checked(obj({"security_group": _GROUP}, "security_group", more=True))
GROUP = keys(id=str, name=str, description=str, tenant_id=str, rules=array(RULE))


def there(method: str, security_group_id: str, body: Any = None) -> Asked:
    """A request about one group to Neutron. Raises BadRequest for what is no id."""
    if not is_uuid(security_group_id):
        raise BadRequest("Security group id should be uuid")
    path, params = "/security-groups/{security_group_id}", {"security_group_id": security_group_id}
    return Asked(service="neutron", method=method, path=path, params=params, body=body)


def group_of(tx: Tx, ctx: Context, security_group_id: str) -> dict[str, Any]:
    """A group as Neutron shows it."""
    with retold((404, NotFound), message=f"Security group {security_group_id} does not exist"):
        return dict(ask(tx, ctx, there("GET", security_group_id))["security_group"])


def view(tx: Tx, ctx: Context, group: dict[str, Any]) -> dict[str, Any]:
    return {
        "id": group["id"],
        "name": group["name"],
        "description": group["description"],
        "tenant_id": group["project_id"],
        "rules": rule_views(tx, ctx, ingress(group)),
    }


@route(
    "GET",
    "/os-security-groups",
    until=LAST,
    policy=f"{_RULE}:get",
    query=("all_tenants", "limit", "offset"),
    answer=keys(security_groups=array(GROUP)),
)
async def list_groups(ctx: Context, request: Request) -> dict[str, Any]:
    """The groups of the project, or an administrator's of all; `limit` and `offset` cut a part out."""
    ctx.require(f"{_RULE}:get")
    everyone = ctx.is_admin and "all_tenants" in request.query
    query = {} if everyone else {"project_id": ctx.project_id}
    asked = Asked(service="neutron", method="GET", path="/security-groups", query=query)
    found = limited(request.query, (await ask_apart(ctx, asked))["security_groups"])
    views = await ctx.read(_views, ctx, found)
    return {"security_groups": sorted(views, key=lambda view: (view["tenant_id"], view["name"]))}


def _views(tx: Tx, ctx: Context, groups: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [view(tx, ctx, group) for group in groups]


@route("GET", _ONE, until=LAST, policy=f"{_RULE}:show", answer=keys(security_group=GROUP))
def show_group(tx: Tx, ctx: Context, request: Request) -> dict[str, Any]:
    """One group."""
    ctx.require(f"{_RULE}:show")
    return {"security_group": view(tx, ctx, group_of(tx, ctx, request.params["security_group_id"]))}


@route(
    "POST",
    "/os-security-groups",
    until=LAST,
    policy=f"{_RULE}:create",
    schema=BODY.at,
    answer=keys(security_group=GROUP),
)
def create_group(tx: Tx, ctx: Context, request: Request) -> dict[str, Any]:
    """A new group, which lets nothing in."""
    ctx.require(f"{_RULE}:create")
    asked = Asked(service="neutron", method="POST", path="/security-groups", body=_body(ctx, request))
    with retold((409, Forbidden)):
        made = ask(tx, ctx, asked)
    return {"security_group": view(tx, ctx, made["security_group"])}


@route("PUT", _ONE, until=LAST, policy=f"{_RULE}:update", schema=BODY.at, answer=keys(security_group=GROUP))
def update_group(tx: Tx, ctx: Context, request: Request) -> dict[str, Any]:
    """Another name and description."""
    ctx.require(f"{_RULE}:update")
    group = group_of(tx, ctx, request.params["security_group_id"])
    with retold((409, BadRequest)):
        changed = ask(tx, ctx, there("PUT", group["id"], _body(ctx, request)))
    return {"security_group": view(tx, ctx, changed["security_group"])}


def _body(ctx: Context, request: Request) -> dict[str, Any]:
    given = BODY(ctx, request.body)["security_group"]
    return {"security_group": {"name": given["name"], "description": given["description"]}}


@route("DELETE", _ONE, until=LAST, policy=f"{_RULE}:delete", status=202)
def delete_group(tx: Tx, ctx: Context, request: Request) -> None:
    """A group that no port has is gone."""
    ctx.require(f"{_RULE}:delete")
    group = group_of(tx, ctx, request.params["security_group_id"])
    with retold((409, BadRequest)):
        ask(tx, ctx, there("DELETE", group["id"]))


ROUTES = (list_groups, show_group, create_group, update_group, delete_group)
