# SPDX-License-Identifier: Apache-2.0
"""The operations on servers."""

from typing import Any

from cumulet.kernel import events
from cumulet.kernel.auth.context import Context
from cumulet.kernel.db import Tx
from cumulet.kernel.errors import BadRequest
from cumulet.kernel.http.endpoint import route
from cumulet.kernel.http.messages import Reply, Request
from cumulet.kernel.resource import Action, Delete, Show, expose
from cumulet.kernel.resource.schema import Checked
from cumulet.kernel.resource.shapes import keys
from cumulet.services.nova.names import check_name, is_printable
from cumulet.services.nova.servers import actions, schemas
from cumulet.services.nova.servers.answers import changed, changed_view
from cumulet.services.nova.servers.deleting import delete_server, force_delete, restore_server
from cumulet.services.nova.servers.finding import server_of
from cumulet.services.nova.servers.model import Server
from cumulet.services.nova.servers.rescue import api as rescue
from cumulet.services.nova.servers.resize import api as resize
from cumulet.services.nova.servers.shelve import api as shelve

_RULE, _DEFERRED = "os_compute_api:servers", "os_compute_api:os-deferred-delete"
_UPDATE = Checked(schemas.update)


@route(
    "PUT",
    "/servers/{server_id}",
    policy=f"{_RULE}:update",
    schema=_UPDATE.at,
    answer=keys(server=changed()),
)
def update_server(tx: Tx, ctx: Context, request: Request) -> Reply:
    """Change what is written of a server; its guest does not notice."""
    given = _UPDATE(ctx, request.body)["server"]
    server = server_of(tx, ctx, request, f"{_RULE}:update")
    changes: dict[str, Any] = {}
    if "name" in given:
        changes["name"] = check_name(given["name"])
    for key, column in _AS_IT_IS.items():
        if key in given:
            changes[column] = given[key]
    if (text := given.get("description")) is not None and not is_printable(text.replace("\n", "")):
        raise BadRequest(f"Invalid input for field/attribute description. Value: {text}.")
    if "pinned_availability_zone" in given:
        changes["pinned_zone"] = _pin(server, given["pinned_availability_zone"])
        changes["wanted_zone"] = changes["pinned_zone"]
    if changes:
        server = tx.update(server, **changes)
        events.emit(tx, ctx, "server.update", server)
    return Reply(200, {"server": changed_view(tx, ctx, server)})


_AS_IT_IS = {
    "description": "description",
    "hostname": "hostname",
    "accessIPv4": "access_ipv4",
    "accessIPv6": "access_ipv6",
    "OS-DCF:diskConfig": "disk_config",
}


def _pin(server: Server, zone: str | None) -> str | None:
    if zone is None or zone == server.pinned_zone:
        return zone
    if server.pinned_zone is not None:
        raise BadRequest(
            "Cannot change pinned availability zone directly. Unpin first by setting "
            "pinned_availability_zone to null."
        )
    if zone != server.host_zone:
        raise BadRequest(
            f"Server can only be pinned to its current availability zone '{server.host_zone}', but '{zone}' "
            "was requested."
        )
    return zone


SERVERS = expose(
    Server,
    Show(policy=f"{_RULE}:show"),
    Delete(policy=f"{_RULE}:delete", run=delete_server),
    Action(name="forceDelete", policy=f"{_DEFERRED}:force", run=force_delete, status=202),
    Action(name="restore", policy=f"{_DEFERRED}:restore", run=restore_server, status=202),
    *actions.ACTIONS,
    *rescue.ACTIONS,
    *resize.ACTIONS,
    *shelve.ACTIONS,
)
ROUTES = (update_server,)
