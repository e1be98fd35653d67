# SPDX-License-Identifier: Apache-2.0
"""os-aggregates: the operations on host aggregates."""

import re
from collections.abc import Sequence
from typing import Any

from cumulet.contracts.placement import Allocator
from cumulet.kernel import events
from cumulet.kernel.auth.context import Context
from cumulet.kernel.db import Tx
from cumulet.kernel.errors import BadRequest, Conflict, Duplicate, Error, Invalid, NotFound
from cumulet.kernel.http.endpoint import route
from cumulet.kernel.http.messages import LEAST, MOST, Request
from cumulet.kernel.resource.schema import Checked
from cumulet.kernel.resource.shapes import array, keys, since
from cumulet.services.nova.aggregates import model, zones
from cumulet.services.nova.aggregates.model import ZONE, Aggregate, AggregateHost
from cumulet.services.nova.compute.model import Hypervisor, computes
from cumulet.services.nova.names import check_name, is_printable
from cumulet.services.nova.servers.schemas import FQDN, METADATA, NAME, Schema, obj

_RULE = "os_compute_api:os-aggregates"
_PATH = "/os-aggregates"
_ONE = f"{_PATH}/{{aggregate_id}}"
_ZONE: Schema = {"type": ["string", "null"], "minLength": 1, "maxLength": 255}
_INNER = obj({"name": NAME, ZONE: _ZONE}, "name")
_CHANGE = {**obj({"name": NAME, ZONE: _ZONE}), "minProperties": 1}
_VALUE: Schema = {"type": ["string", "null"], "maxLength": 255}
_WORDS = {**METADATA, "patternProperties": dict.fromkeys(METADATA["patternProperties"], _VALUE)}

CREATE = Checked(obj({"aggregate": _INNER}, "aggregate"))
UPDATE = Checked(obj({"aggregate": _CHANGE}, "aggregate"))
ADD_HOST = Checked(obj({"add_host": obj({"host": FQDN}, "host")}, "add_host"))
REMOVE_HOST = Checked(obj({"remove_host": obj({"host": FQDN}, "host")}, "remove_host"))
SET_METADATA = Checked(obj({"set_metadata": obj({"metadata": _WORDS}, "metadata")}, "set_metadata"))

_MADE = {
    "id": int,
    "name": str,
    "uuid": since("2.41", str),
    "availability_zone": str | None,
    "created_at": str,
    "updated_at": str | None,
    "deleted": bool,
    "deleted_at": None,
}
_WHOLE = keys(_MADE, hosts=list[str], metadata=dict[str, str])
SHOWN = keys(aggregate=_WHOLE)


def _made(ctx: Context, row: Aggregate) -> dict[str, Any]:
    body: dict[str, Any] = {
        "id": row.number,
        "name": row.name,
        "availability_zone": row.zone,
        "created_at": row.created_at,
        "updated_at": row.changed_at,
        "deleted": False,
        "deleted_at": None,
    }
    return body | ({"uuid": row.id} if ctx.at("2.41") else {})


def _whole(tx: Tx, ctx: Context, rows: Sequence[Aggregate]) -> list[dict[str, Any]]:
    hosts = model.hosts_of(tx, [row.id for row in rows])
    return [_made(ctx, row) | {"hosts": hosts[row.id], "metadata": row.metadata} for row in rows]


def _shown(tx: Tx, ctx: Context, row: Aggregate) -> dict[str, Any]:
    return {"aggregate": _whole(tx, ctx, [row])[0]}


def find(tx: Tx, request: Request) -> Aggregate:
    """The aggregate that the path names by its number."""
    text = request.params["aggregate_id"]
    if not re.fullmatch(r"[-+]?\d+", text) or not LEAST <= int(text) <= MOST:
        raise BadRequest("Invalid input received: id must be an integer")
    row = tx.first(Aggregate, Aggregate.c.number == int(text))
    if row is None:
        raise NotFound(f"Aggregate {text} could not be found.")
    return row


def _check_zone(zone: str | None) -> None:
    if zone is None:
        return
    if zone != zone.strip() or not is_printable(zone) or ":" in zone:
        raise Invalid(
            f"Invalid input for field/attribute availability_zone. Value: {zone}. "
            "An invalid 'name' value was provided. The name must be: printable characters except :."
            "Can not start or end with whitespace."
        )


def _taken(name: str) -> Error:
    return Conflict(f"Aggregate {name} already exists.")


# -- the aggregates -----------------------------------------------------------------------------------


@route("GET", _PATH, policy=f"{_RULE}:index", answer=keys(aggregates=array(_WHOLE)))
def list_aggregates(tx: Tx, ctx: Context, request: Request) -> dict[str, Any]:
    """Every aggregate with its hosts and metadata."""
    ctx.require(f"{_RULE}:index")
    return {"aggregates": _whole(tx, ctx, tx.all(Aggregate, order_by=(Aggregate.c.number,)))}


@route("POST", _PATH, policy=f"{_RULE}:create", schema=CREATE.at, answer=keys(aggregate=keys(_MADE)))
def create_aggregate(tx: Tx, ctx: Context, request: Request) -> dict[str, Any]:
    """A new aggregate without hosts, for a zone if one is named."""
    ctx.require(f"{_RULE}:create")
    given = CREATE(ctx, request.body)["aggregate"]
    name, zone = check_name(given["name"]), given.get(ZONE)
    _check_zone(zone)
    if tx.exists(Aggregate, Aggregate.c.name == name):
        raise _taken(name)
    metadata = {ZONE: zone} if zone else {}
    row = tx.insert(Aggregate(number=model.next_number(tx), name=name, metadata=metadata), retry=True)
    events.emit(tx, ctx, "aggregate.create", row)
    return {"aggregate": _made(ctx, row)}


@route("GET", _ONE, policy=f"{_RULE}:show", answer=SHOWN)
def show_aggregate(tx: Tx, ctx: Context, request: Request) -> dict[str, Any]:
    """One aggregate."""
    ctx.require(f"{_RULE}:show")
    return _shown(tx, ctx, find(tx, request))


@route("PUT", _ONE, policy=f"{_RULE}:update", schema=UPDATE.at, answer=SHOWN)
def update_aggregate(tx: Tx, ctx: Context, request: Request) -> dict[str, Any]:
    """Another name, or another zone, which is refused while its hosts have servers."""
    ctx.require(f"{_RULE}:update")
    given = UPDATE(ctx, request.body)["aggregate"]
    row = find(tx, request)
    changes: dict[str, Any] = {}
    if "name" in given:
        changes["name"] = check_name(given["name"].strip())
    if ZONE in given:
        _check_zone(given[ZONE])
        _change_zone(tx, row, given[ZONE], "update")
        changes["metadata"] = {**row.metadata, ZONE: given[ZONE]}
    try:
        row = model.touched(tx, row, **changes)
    except Duplicate as error:
        raise _taken(changes["name"]) from error
    events.emit(tx, ctx, "aggregate.update", row)
    return _shown(tx, ctx, row)


def _change_zone(tx: Tx, row: Aggregate, zone: str | None, verb: str) -> None:
    hosts = model.hosts_of(tx, [row.id])[row.id]
    zones.hold(tx, hosts)
    zones.check_change(tx, row, hosts, zone, verb)


@route("DELETE", _ONE, policy=f"{_RULE}:delete")
def delete_aggregate(tx: Tx, ctx: Context, request: Request) -> None:
    """An aggregate without hosts is gone."""
    ctx.require(f"{_RULE}:delete")
    row = find(tx, request)
    if tx.exists(AggregateHost, AggregateHost.c.aggregate_id == row.id):
        raise BadRequest(
            f"Cannot remove host from aggregate {row.number}. Reason: Host aggregate is not empty."
        )
    tx.delete(row)
    events.emit(tx, ctx, "aggregate.delete", row)


# -- actions ------------------------------------------------------------------------------------------


@route(
    "POST",
    f"{_ONE}/action",
    action="add_host",
    policy=f"{_RULE}:add_host",
    schema=ADD_HOST.at,
    answer=SHOWN,
)
def add_host(tx: Tx, ctx: Context, request: Request) -> dict[str, Any]:
    """The host is in the aggregate, and its provider in Placement's of the same id."""
    ctx.require(f"{_RULE}:add_host")
    host = ADD_HOST(ctx, request.body)["add_host"]["host"]
    row = find(tx, request)
    if host not in computes(tx, [host]):
        raise NotFound(f"Compute host {host} could not be found.")
    zones.hold(tx, [host])
    zones.check_entry(tx, row, host)
    if _membership(tx, row, host) is not None:
        raise Conflict(f"Aggregate {row.number} already has host {host}.")
    tx.insert(AggregateHost(aggregate_id=row.id, host=host))
    tx.app.contract(Allocator).join_aggregate(tx, _provider(tx, host), row.id)
    row = model.touched(tx, row)
    events.emit(tx, ctx, "aggregate.add_host", row)
    return _shown(tx, ctx, row)


@route(
    "POST",
    f"{_ONE}/action",
    action="remove_host",
    policy=f"{_RULE}:remove_host",
    schema=REMOVE_HOST.at,
    answer=SHOWN,
)
def remove_host(tx: Tx, ctx: Context, request: Request) -> dict[str, Any]:
    """The host is no longer in the aggregate, here and in Placement."""
    ctx.require(f"{_RULE}:remove_host")
    host = REMOVE_HOST(ctx, request.body)["remove_host"]["host"]
    row = find(tx, request)
    membership = _membership(tx, row, host)
    if membership is None:
        raise NotFound(f"Cannot remove host {host} in aggregate {row.number}")
    zones.hold(tx, [host])
    zones.check_exit(tx, row, host)
    leave(tx, membership)
    row = model.touched(tx, row)
    events.emit(tx, ctx, "aggregate.remove_host", row)
    return _shown(tx, ctx, row)


def leave_all(tx: Tx, host: str) -> None:
    """The host is in no aggregate any more."""
    for membership in tx.all(AggregateHost, AggregateHost.c.host == host):
        leave(tx, membership)


def leave(tx: Tx, membership: AggregateHost) -> None:
    tx.delete(membership)
    tx.app.contract(Allocator).leave_aggregate(tx, _provider(tx, membership.host), membership.aggregate_id)


def _membership(tx: Tx, row: Aggregate, host: str) -> AggregateHost | None:
    c = AggregateHost.c
    return tx.first(AggregateHost, c.aggregate_id == row.id, c.host == host)


def _provider(tx: Tx, host: str) -> str:
    hypervisor = tx.first(Hypervisor, Hypervisor.c.host == host)
    if hypervisor is None:
        raise NotFound(f"Compute host {host} could not be found.")
    return hypervisor.id


@route(
    "POST",
    f"{_ONE}/action",
    action="set_metadata",
    policy=f"{_RULE}:set_metadata",
    schema=SET_METADATA.at,
    answer=SHOWN,
)
def set_metadata(tx: Tx, ctx: Context, request: Request) -> dict[str, Any]:
    """Some keys have other values, and those with null are gone; the others stay."""
    ctx.require(f"{_RULE}:set_metadata")
    given = SET_METADATA(ctx, request.body)["set_metadata"]["metadata"]
    row = find(tx, request)
    if ZONE in given:
        _change_zone(tx, row, given[ZONE], "update metadata of")
    merged = {**row.metadata, **given}
    row = model.touched(tx, row, metadata={key: value for key, value in merged.items() if value is not None})
    events.emit(tx, ctx, "aggregate.update", row)
    return _shown(tx, ctx, row)


ROUTES = (
    list_aggregates,
    create_aggregate,
    show_aggregate,
    update_aggregate,
    delete_aggregate,
    add_host,
    remove_host,
    set_metadata,
)
