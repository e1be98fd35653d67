# SPDX-License-Identifier: Apache-2.0
"""Server groups: which servers should share a host, and which must not."""

from collections.abc import Sequence
from typing import Any

from cumulet.kernel import events, quota
from cumulet.kernel.auth.context import Context
from cumulet.kernel.db import Tx
from cumulet.kernel.errors import BadRequest, Error, Forbidden
from cumulet.kernel.http.endpoint import route
from cumulet.kernel.http.messages import Request, as_flag
from cumulet.kernel.resource import Delete, Resource, Show, expose, field, ident, loaded, owner
from cumulet.kernel.resource.schema import Checked
from cumulet.kernel.resource.shapes import one, several
from cumulet.kernel.resource.views import render
from cumulet.kernel.resource.writing import row_from
from cumulet.lib.timestamps import Timestamp
from cumulet.services.nova.names import check_name

_RULE = "os_compute_api:os-server-groups"
SOFT = ("soft-affinity", "soft-anti-affinity")
POLICIES = ("anti-affinity", "affinity", *SOFT)


def _members(tx: Tx, ctx: Context, rows: Sequence["ServerGroup"]) -> dict[str, list[str]]:
    from cumulet.services.nova.servers.model import Server

    found: dict[str, list[str]] = {row.id: [] for row in rows}
    where = (Server.c.group_id.in_(list(found)), Server.c.deleted.is_(False))
    for server in tx.all(Server, *where, order_by=(Server.c.created_at, Server.c.id)):
        found[str(server.group_id)].append(server.id)
    return found


class ServerGroup(Resource, service="nova", path="/os-server-groups", member="server_group"):
    """Servers that belong together, and the policy by which they are placed."""

    missing = "Instance group {id} could not be found."

    id: str = ident()
    name: str = field()
    policy: str = field(since="2.64")
    rules: dict[str, int] = field(default_factory=dict, since="2.64")
    policies: list[str] = field(default_factory=list, until="2.63")
    members: list[str] = loaded(_members, default=[])
    metadata: dict[str, str] = field(default_factory=dict, until="2.63")
    project_id: str = owner(since="2.13")
    user_id: str = field(since="2.13")
    created_at: Timestamp = field(default=Timestamp(""), hidden=True)

    @property
    def max_per_host(self) -> int:
        """How many of its servers a host may have under anti-affinity."""
        return int(self.rules.get("max_server_per_host", 1))


def _body(version: int) -> dict[str, Any]:
    properties: dict[str, Any] = {"name": {"type": "string", "minLength": 1, "maxLength": 255}}
    if version >= 2064:
        properties["policy"] = {"type": "string", "enum": list(POLICIES)}
        most = {"type": ["integer", "string"], "minimum": 1, "pattern": "^[1-9][0-9]*$"}
        properties["rules"] = {
            "type": "object",
            "properties": {"max_server_per_host": most},
            "additionalProperties": False,
        }
    else:
        names = list(POLICIES if version >= 2015 else POLICIES[:2])
        one = {"type": "array", "prefixItems": [{"enum": names}], "minItems": 1, "maxItems": 1}
        properties["policies"] = {**one, "uniqueItems": True}
    wanted = ["name", "policy" if version >= 2064 else "policies"]
    return {
        "type": "object",
        "properties": {
            "server_group": {
                "type": "object",
                "properties": properties,
                "required": wanted,
                "additionalProperties": False,
            }
        },
        "required": ["server_group"],
        "additionalProperties": False,
    }


_CREATE = Checked(_body)


@route("POST", "/os-server-groups", policy=f"{_RULE}:create", schema=_CREATE.at, answer=one(ServerGroup))
def create_server_group(tx: Tx, ctx: Context, request: Request) -> dict[str, Any]:
    """A new, empty group."""
    given = dict(_CREATE(ctx, request.body)["server_group"])
    ctx.require(f"{_RULE}:create")
    check_name(given["name"])
    policy = given.pop("policy", None) or given.pop("policies")[0]
    rules = {name: int(value) for name, value in given.pop("rules", {}).items()}
    if rules and policy != "anti-affinity":
        raise BadRequest("Only anti-affinity policy supports rules.")
    _charge(tx, ctx)
    values = {**given, "policy": policy, "policies": [policy], "rules": rules}
    group: ServerGroup = tx.insert(row_from(ServerGroup, ctx, values))
    events.emit(tx, ctx, "server_group.create", group)
    return {"server_group": render(tx, ctx, ServerGroup, [group])[0]}


def _charge(tx: Tx, ctx: Context) -> None:
    try:
        quota.charge(tx, ctx, ctx.project_id or "", {"server_groups": 1})
    except Error as error:
        raise Forbidden("Quota exceeded, too many server groups.") from error


@route(
    "GET",
    "/os-server-groups",
    policy=f"{_RULE}:index",
    query=("all_projects", "limit", "offset"),
    answer=several(ServerGroup),
)
def list_server_groups(tx: Tx, ctx: Context, request: Request) -> dict[str, Any]:
    """The groups of the project, or an administrator's of all; `limit` and `offset` cut a part out."""
    ctx.require(f"{_RULE}:index")
    where = [ServerGroup.c.project_id == ctx.project_id]
    if as_flag(request.query.get("all_projects", ""), bare=False):
        ctx.require(f"{_RULE}:index:all_projects")
        where = []
    rows = tx.all(ServerGroup, *where, order_by=(ServerGroup.c.created_at, ServerGroup.c.id))
    offset = request.query.integer("offset") or 0
    limit = request.query.integer("limit")
    rows = rows[offset : offset + min(1000, limit if limit is not None else 1000)]
    return {"server_groups": render(tx, ctx, ServerGroup, rows)}


SERVER_GROUPS = expose(
    ServerGroup,
    Show(policy=f"{_RULE}:show"),
    Delete(policy=f"{_RULE}:delete"),
)
ROUTES = (create_server_group, list_server_groups)
