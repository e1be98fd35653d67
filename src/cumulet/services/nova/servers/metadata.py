# SPDX-License-Identifier: Apache-2.0
"""The metadata that users write on servers."""

from typing import Any

from cumulet.kernel.auth.context import Context
from cumulet.kernel.db import Tx
from cumulet.kernel.errors import BadRequest, NotFound
from cumulet.kernel.http.endpoint import route
from cumulet.kernel.http.messages import Reply, Request
from cumulet.kernel.resource.schema import Checked
from cumulet.kernel.resource.shapes import keys
from cumulet.services.nova.servers import guards
from cumulet.services.nova.servers.creating import check_metadata_count
from cumulet.services.nova.servers.finding import server_of
from cumulet.services.nova.servers.model import Server
from cumulet.services.nova.servers.schemas import METADATA, obj

_RULE = "os_compute_api:server-metadata"
_PATH = "/servers/{server_id}/metadata"
_ALL = Checked(obj({"metadata": METADATA}, "metadata"))
_ONE = Checked(obj({"meta": {**METADATA, "minProperties": 1, "maxProperties": 1}}, "meta"))

ALL, ONE = keys(metadata=dict[str, str]), keys(meta=dict[str, str])


def _put(tx: Tx, ctx: Context, server: Server, metadata: dict[str, str]) -> dict[str, str]:
    guards.allow(ctx, server, "update metadata")
    check_metadata_count(tx, ctx, len(metadata))
    tx.update(server, metadata=metadata)
    return metadata


@route("GET", _PATH, policy=f"{_RULE}:index", answer=ALL)
def list_metadata(tx: Tx, ctx: Context, request: Request) -> dict[str, Any]:
    """All metadata of a server."""
    return {"metadata": server_of(tx, ctx, request, f"{_RULE}:index").metadata}


@route("POST", _PATH, policy=f"{_RULE}:create", schema=_ALL.at, answer=ALL)
def add_metadata(tx: Tx, ctx: Context, request: Request) -> dict[str, Any]:
    """Write some items; others stay."""
    server = server_of(tx, ctx, request, f"{_RULE}:create")
    given = _ALL(ctx, request.body)["metadata"]
    return {"metadata": _put(tx, ctx, server, {**server.metadata, **given})}


@route("PUT", _PATH, policy=f"{_RULE}:update_all", schema=_ALL.at, answer=ALL)
def replace_metadata(tx: Tx, ctx: Context, request: Request) -> dict[str, Any]:
    """Write exactly these items."""
    server = server_of(tx, ctx, request, f"{_RULE}:update_all")
    return {"metadata": _put(tx, ctx, server, _ALL(ctx, request.body)["metadata"])}


@route("GET", _PATH + "/{key}", policy=f"{_RULE}:show", answer=ONE)
def show_item(tx: Tx, ctx: Context, request: Request) -> dict[str, Any]:
    """One item."""
    server, key = server_of(tx, ctx, request, f"{_RULE}:show"), request.params["key"]
    return {"meta": {key: _value(server, key)}}


@route("PUT", _PATH + "/{key}", policy=f"{_RULE}:update", schema=_ONE.at, answer=ONE)
def update_item(tx: Tx, ctx: Context, request: Request) -> dict[str, Any]:
    """Write one item."""
    server, key = server_of(tx, ctx, request, f"{_RULE}:update"), request.params["key"]
    given = _ONE(ctx, request.body)["meta"]
    if key not in given:
        raise BadRequest("Request body and URI mismatch")
    _put(tx, ctx, server, {**server.metadata, **given})
    return {"meta": given}


@route("DELETE", _PATH + "/{key}", policy=f"{_RULE}:delete", status=204)
def delete_item(tx: Tx, ctx: Context, request: Request) -> Reply:
    """Remove one item."""
    server, key = server_of(tx, ctx, request, f"{_RULE}:delete"), request.params["key"]
    _value(server, key)
    guards.allow(ctx, server, "delete metadata")
    tx.update(server, metadata={k: v for k, v in server.metadata.items() if k != key})
    return Reply(204)


def _value(server: Server, key: str) -> str:
    if key not in server.metadata:
        raise NotFound("Metadata item was not found")
    return server.metadata[key]


ROUTES = (list_metadata, add_metadata, replace_metadata, show_item, update_item, delete_item)
