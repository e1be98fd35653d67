# SPDX-License-Identifier: Apache-2.0
"""os-migrations, and the migrations of one server, of which only those that go on live would be listed."""

from typing import Any

from cumulet.kernel.auth.context import Context
from cumulet.kernel.db import Tx
from cumulet.kernel.errors import BadRequest, NotFound
from cumulet.kernel.http.endpoint import route
from cumulet.kernel.http.messages import Request
from cumulet.kernel.resource.shapes import LINKS, array, keys, maybe, since
from cumulet.lib import timestamps
from cumulet.lib.timestamps import Timestamp
from cumulet.services.nova.servers.finding import server_of
from cumulet.services.nova.servers.resize.model import Migration
from cumulet.services.nova.wire import next_page

_RULE, _OF_SERVER = "os_compute_api:os-migrations:index", "os_compute_api:servers:migrations"
_PATH = "/servers/{server_id}/migrations"
_MOST = 1000
_C = Migration.c
_EQUAL = {
    "status": _C.status,
    "migration_type": _C.type,
    "instance_uuid": _C.server_id,
    "user_id": _C.user_id,
    "project_id": _C.project_id,
}
_FILTERS = (*_EQUAL, "host", "source_compute", "hidden", "limit", "marker", "changes-since", "changes-before")

_HOSTS = dict.fromkeys(
    ("source_compute", "source_node", "dest_compute", "dest_node", "dest_host"), str | None
)
SHOWN = keys(
    {**_HOSTS, **dict.fromkeys(("old_instance_type_id", "new_instance_type_id"), int | None)},
    id=int,
    instance_uuid=str,
    status=str,
    created_at=str,
    updated_at=str | None,
    migration_type=since("2.23", str),
    uuid=since("2.59", str),
    user_id=since("2.80", str),
    project_id=since("2.80", str),
)


def _view(ctx: Context, row: Migration, *, with_hosts: bool) -> dict[str, Any]:
    places = {
        "source_compute": row.source_host,
        "source_node": row.source_host,
        "dest_compute": row.dest_host,
        "dest_node": row.dest_host,
        "dest_host": row.dest_host,
    }
    body: dict[str, Any] = {
        **(places if with_hosts else dict.fromkeys(places)),
        "id": row.number,
        "instance_uuid": row.server_id,
        "status": row.status,
        "old_instance_type_id": _number(row.old_flavor["id"]),
        "new_instance_type_id": _number(row.new_flavor["id"]),
        "created_at": timestamps.without_zone(row.created_at),
        "updated_at": timestamps.without_zone(row.updated_at),
    }
    later = (
        ("2.23", {"migration_type": row.type}),
        ("2.59", {"uuid": row.id}),
        ("2.80", {"user_id": row.user_id, "project_id": row.project_id}),
    )
    for version, more in later:
        if ctx.at(version):
            body |= more
    return body


def _number(flavor_id: str) -> int | None:
    """Flavors have no numbers of their own; the ids of many are some."""
    return int(flavor_id) if flavor_id.isdecimal() else None


@route(
    "GET",
    "/os-migrations",
    policy=_RULE,
    query=_FILTERS,
    answer=keys(migrations=array(SHOWN), migrations_links=since("2.59", maybe(LINKS))),
)
def list_migrations(tx: Tx, ctx: Context, request: Request) -> dict[str, Any]:
    """Resizes and migrations; from 2.59 the newest first, in pages. Those of all projects are for few."""
    own, query = {"project_id": ctx.project_id}, request.query
    ctx.require(_RULE, own)
    if query.get("project_id") is None or query.get("project_id") != ctx.project_id:
        ctx.require(f"{_RULE}:all_projects", own)
    where, limit = _where(request), None
    order: tuple[Any, ...] = (_C.number,)
    if ctx.at("2.59"):
        asked = query.integer("limit")
        limit = _MOST if asked is None else min(_MOST, asked)
        where += [*_between(ctx, request), *_after(tx, query.get("marker"))]
        order = (_C.created_at.desc(), _C.number.desc())
    rows = tx.all(Migration, *where, order_by=order, limit=limit)
    with_hosts = ctx.can(f"{_RULE}:host", own)
    body: dict[str, Any] = {"migrations": [_view(ctx, row, with_hosts=with_hosts) for row in rows]}
    if limit and len(rows) == limit:
        href = next_page(ctx, request.path, query.pairs, rows[-1].id)
        body["migrations_links"] = [{"rel": "next", "href": href}]
    return body


def _where(request: Request) -> list[Any]:
    query = request.query
    found = [column == query.get(name) for name, column in _EQUAL.items() if query.get(name) is not None]
    if (host := query.get("host")) is not None:
        found.append((_C.source_host == host) | (_C.dest_host == host))
    elif (source := query.get("source_compute")) is not None:
        found.append(_C.source_host == source)
    return found


def _between(ctx: Context, request: Request) -> list[Any]:
    after = _moment(request, "changes-since")
    before = _moment(request, "changes-before") if ctx.at("2.66") else None
    if after and before and after > before:
        raise BadRequest("The value of changes-since must be less than or equal to changes-before.")
    found = [_C.updated_at >= after] if after else []
    return found + ([_C.updated_at <= before] if before else [])


def _moment(request: Request, name: str) -> Timestamp | None:
    value = request.query.get(name)
    try:
        return timestamps.parse(value) if value is not None else None
    except ValueError:
        raise BadRequest(
            f"Invalid input for query parameters {name}. Value: {value}. '{value}' is not a 'date-time'"
        ) from None


def _after(tx: Tx, marker: str | None) -> list[Any]:
    if marker is None:
        return []
    row = tx.get(Migration, marker)
    if row is None:
        raise BadRequest(f"Marker {marker} could not be found.")
    older = (_C.created_at < row.created_at) | ((_C.created_at == row.created_at) & (_C.number < row.number))
    return [older]


@route("GET", _PATH, policy=f"{_OF_SERVER}:index", since="2.23", answer=keys(migrations=array({})))
def list_of_server(tx: Tx, ctx: Context, request: Request) -> dict[str, Any]:
    """The live migrations of a server that go on: none ever does, for guests do not move while they run."""
    server_of(tx, ctx, request, f"{_OF_SERVER}:index")
    return {"migrations": []}


@route("GET", _PATH + "/{migration_id}", policy=f"{_OF_SERVER}:show", since="2.23", answer=keys(migration={}))
def show_of_server(tx: Tx, ctx: Context, request: Request) -> None:
    """A live migration of a server: there is none."""
    server, number = server_of(tx, ctx, request, f"{_OF_SERVER}:show"), request.params["migration_id"]
    where = (_C.server_id == server.id, _C.number == (int(number) if number.isdecimal() else -1))
    if tx.exists(Migration, *where):
        raise NotFound(f"Migration {number} for server {server.id} is not live-migration.")
    raise NotFound(f"In-progress live migration {number} is not found for server {server.id}.")


ROUTES = (list_migrations, list_of_server, show_of_server)
