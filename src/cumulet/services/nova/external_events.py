# SPDX-License-Identifier: Apache-2.0
"""POST /os-server-external-events: what Neutron, Cinder and Ironic tell of a server's ports, volumes and
power.

Within one cloud our own services tell each other through contracts; this is for others that speak the API.
"""

from typing import Any, Literal

from cumulet.kernel.auth.context import Context
from cumulet.kernel.db import Tx
from cumulet.kernel.errors import NotFound
from cumulet.kernel.http.endpoint import route
from cumulet.kernel.http.messages import Reply, Request
from cumulet.kernel.resource.schema import Checked
from cumulet.kernel.resource.shapes import array, keys, maybe
from cumulet.services.nova.servers import actions, growing
from cumulet.services.nova.servers.model import Server
from cumulet.services.nova.servers.schemas import UUID, Schema, obj

_RULE = "os_compute_api:os-server-external-events:create"
NAMES = (
    ("network-changed", 2001),
    ("network-vif-plugged", 2001),
    ("network-vif-unplugged", 2001),
    ("network-vif-deleted", 2001),
    ("volume-extended", 2051),
    ("power-update", 2076),
    ("accelerator-request-bound", 2082),
    ("volume-reimaged", 2093),
)


def _body(version: int) -> Schema:
    event = obj(
        {
            "name": {"enum": [name for name, since in NAMES if version >= since]},
            "server_uuid": UUID,
            "status": {"enum": ["failed", "completed", "in-progress"]},
            "tag": {"type": "string", "maxLength": 255},
        },
        "name",
        "server_uuid",
    )
    return obj({"events": {"type": "array", "items": event, "minItems": 1}}, "events")


_EVENTS = Checked(_body)


TAKEN = keys(
    name=str,
    server_uuid=str,
    status=Literal["failed", "completed", "in-progress"],
    tag=maybe(str),
    code=Literal[200, 404, 422],
)


@route(
    "POST",
    "/os-server-external-events",
    policy=_RULE,
    schema=_EVENTS.at,
    also=(207,),
    answer=keys(events=array(TAKEN)),
)
async def create_events(ctx: Context, request: Request) -> Reply:
    """Take note of events; each is answered with a code, and 207 says that some were not taken."""
    ctx.require(_RULE)
    given = [{"status": "completed", **event} for event in _EVENTS(ctx, request.body)["events"]]
    known = await ctx.read(_servers, [event["server_uuid"] for event in given])
    if not known:
        raise NotFound("No instances found for any event")
    for event in given:
        event["code"] = _code(known.get(event["server_uuid"]))
        if event["code"] == 200:
            await _act(ctx, known[event["server_uuid"]], event)
    status = 200 if all(event["code"] == 200 for event in given) else 207
    return Reply(status, {"events": given})


def _servers(tx: Tx, ids: list[str]) -> dict[str, Server]:
    return {id: row for id, row in tx.get_many(Server, ids).items() if not row.deleted}


def _code(server: Server | None) -> int:
    """404 for no server, 422 for one that is on no host."""
    if server is None:
        return 404
    return 200 if server.host else 422


async def _act(ctx: Context, server: Server, event: dict[str, Any]) -> None:
    if event["name"] == "volume-extended":
        await ctx.transact(growing.begin, ctx, server)
    elif event["name"] == "power-update":
        await ctx.transact(_power, ctx, server.id, event.get("tag", ""))


def _power(tx: Tx, ctx: Context, server_id: str, tag: str) -> None:
    server = tx.need(Server, server_id)
    wanted = {"POWER_ON": ("stopped", "start"), "POWER_OFF": ("active", "stop")}.get(tag)
    if wanted is not None and server.vm_state == wanted[0] and server.task_state is None:
        actions.change_power(tx, ctx.elevate(), server, wanted[1])


ROUTES = (create_events,)
