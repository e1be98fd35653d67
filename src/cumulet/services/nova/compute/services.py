# SPDX-License-Identifier: Apache-2.0
"""os-services: which parts of Nova run where, and switching hosts off and on."""

from typing import Any, Literal

from cumulet.contracts.placement import Allocator
from cumulet.kernel.auth.context import Context
from cumulet.kernel.db import Tx
from cumulet.kernel.errors import BadRequest, Conflict, NotFound
from cumulet.kernel.http.endpoint import route
from cumulet.kernel.http.messages import Reply, Request, as_flag
from cumulet.kernel.ids import is_uuid
from cumulet.kernel.resource.schema import Checked
from cumulet.kernel.resource.shapes import array, by_version, keys, maybe, since
from cumulet.services.nova.aggregates.api import leave_all
from cumulet.services.nova.compute.model import (
    COMPUTE,
    Compute,
    Hypervisor,
    ServiceRow,
    all_services,
    computes,
)
from cumulet.services.nova.servers.model import Server
from cumulet.services.nova.servers.schemas import FLAG, FQDN, Schema, obj

_RULE = "os_compute_api:os-services"
_REASON: Schema = {"type": "string", "minLength": 1, "maxLength": 255}


def _old(version: int) -> Schema:
    """Below 2.53: PUT /os-services/{enable, disable, disable-log-reason, force-down}."""
    found: Schema = {"host": FQDN, "binary": _REASON, "disabled_reason": _REASON}
    if version >= 2011:
        found["forced_down"] = FLAG
    return obj(found, "host", "binary")


_OLD = Checked(_old)
_NEW = Checked(
    obj({"status": {"enum": ["enabled", "disabled"]}, "disabled_reason": _REASON, "forced_down": FLAG})
)


STATUS = Literal["enabled", "disabled"]
ID = by_version({"2.1": int, "2.53": str})
SERVICE = keys(
    id=ID,
    binary=str,
    host=str,
    zone=str,
    status=STATUS,
    state=Literal["up", "down"],
    updated_at=str | None,
    disabled_reason=str | None,
    forced_down=since("2.11", bool),
)
CHANGED = keys(
    host=str,
    binary=str,
    status=maybe(STATUS),
    disabled_reason=maybe(str),
    forced_down=since("2.11", maybe(bool)),
)


def view(ctx: Context, service: Compute) -> dict[str, Any]:
    row = service.service
    body: dict[str, Any] = {
        "id": row.id if ctx.at("2.53") else row.number,
        "binary": row.binary,
        "host": row.host,
        "zone": service.zone,
        "status": "disabled" if row.disabled else "enabled",
        "state": "up" if service.up else "down",
        "updated_at": service.seen_at,
        "disabled_reason": row.disabled_reason,
    }
    if row.binary != COMPUTE:
        body["updated_at"] = row.updated_at
    if ctx.at("2.11"):
        body["forced_down"] = row.forced_down
    return body


@route(
    "GET",
    "/os-services",
    policy=f"{_RULE}:list",
    query=("host", "binary"),
    answer=keys(services=array(SERVICE)),
)
def list_services(tx: Tx, ctx: Context, request: Request) -> dict[str, Any]:
    """Every service, or those of a host or a binary."""
    ctx.require(f"{_RULE}:list")
    host, binary = request.query.get("host"), request.query.get("binary")
    found = [s for s in all_services(tx) if host in (None, "", s.host)]
    return {"services": [view(ctx, s) for s in found if binary in (None, "", s.service.binary)]}


@route(
    "PUT",
    "/os-services/{service_id}",
    policy=f"{_RULE}:update",
    schema=lambda version: (_NEW if version >= 2053 else _OLD).at(version),
    answer=keys(service=by_version({"2.1": CHANGED, "2.53": SERVICE})),
)
def update_service(tx: Tx, ctx: Context, request: Request) -> dict[str, Any]:
    """Take a compute host out of use or back in, or say that it is down for certain."""
    ctx.require(f"{_RULE}:update")
    if not ctx.at("2.53"):
        return _update_old(tx, ctx, request)
    row = _by_id(tx, request.params["service_id"])
    given = _NEW(ctx, request.body)
    if row.binary != COMPUTE:
        raise BadRequest(
            f"Updating a {row.binary} service is not supported. Only nova-compute services can be updated."
        )
    if "status" not in given and "forced_down" not in given:
        raise BadRequest("No updates were requested. Fields 'status' or 'forced_down' should be specified.")
    reason = given.get("disabled_reason")
    if reason and given.get("status") != "disabled":
        raise BadRequest("Specifying 'disabled_reason' with status 'enabled' is invalid.")
    changes: dict[str, Any] = {}
    if "status" in given:
        changes |= {"disabled": given["status"] == "disabled", "disabled_reason": reason}
    if "forced_down" in given:
        changes["forced_down"] = as_flag(given["forced_down"])
    tx.update(row, **changes)
    return {"service": view(ctx, computes(tx, [row.host])[row.host])}


def _update_old(tx: Tx, ctx: Context, request: Request) -> dict[str, Any]:
    word, given = request.params["service_id"], _OLD(ctx, request.body)
    if word not in ("enable", "disable", "disable-log-reason") and not (
        word == "force-down" and ctx.at("2.11")
    ):
        raise NotFound("Unknown action")
    host, binary = given["host"], given["binary"]
    c = ServiceRow.c
    row = tx.first(ServiceRow, c.host == host, c.binary == binary)
    if row is None:
        raise NotFound(f"Could not find binary {binary} on host {host}.")
    body = {"host": host, "binary": binary}
    if word == "force-down":
        if "forced_down" not in given:
            raise BadRequest("Missing forced_down field")
        row = tx.update(row, forced_down=as_flag(given["forced_down"]))
        return {"service": body | {"forced_down": row.forced_down}}
    if word == "disable-log-reason" and "disabled_reason" not in given:
        raise BadRequest("Missing disabled reason field")
    reason = given.get("disabled_reason") if word == "disable-log-reason" else None
    tx.update(row, disabled=word != "enable", disabled_reason=reason)
    body["status"] = "enabled" if word == "enable" else "disabled"
    return {"service": body | ({"disabled_reason": reason} if reason else {})}


def _by_id(tx: Tx, id: str) -> ServiceRow:
    if not is_uuid(id):
        raise BadRequest(f"Invalid uuid {id}")
    return tx.need(ServiceRow, id, f"Service {id} could not be found.")


@route("DELETE", "/os-services/{service_id}", policy=f"{_RULE}:delete", status=204)
def delete_service(tx: Tx, ctx: Context, request: Request) -> Reply:
    """Forget a host that has no servers; it is back when it connects again."""
    ctx.require(f"{_RULE}:delete")
    id = request.params["service_id"]
    if ctx.at("2.53"):
        row = _by_id(tx, id)
    else:
        if not id.isdecimal():
            raise BadRequest(f"Invalid input received: {id} is not an integer.")
        found = tx.first(ServiceRow, ServiceRow.c.number == int(id))
        if found is None:
            raise NotFound(f"Service {id} not found.")
        row = found
    if tx.exists(Server, Server.c.host == row.host, Server.c.deleted.is_(False)):
        raise Conflict(
            "Unable to delete compute service that is hosting instances. "
            "Migrate or delete the instances first."
        )
    hypervisor = tx.first(Hypervisor, Hypervisor.c.host == row.host)
    if hypervisor is not None and row.binary == COMPUTE:
        leave_all(tx, row.host)
        tx.app.contract(Allocator).ensure_provider(tx, hypervisor.id, row.host, {})
        tx.delete(hypervisor)
    tx.delete(row)
    return Reply(204)


ROUTES = (list_services, update_service, delete_service)
