# SPDX-License-Identifier: Apache-2.0
"""The operations on the protocols of an identity provider."""

from typing import Any

from cumulet.kernel import events
from cumulet.kernel.auth.context import Context
from cumulet.kernel.db import Tx
from cumulet.kernel.errors import BadRequest, NotFound
from cumulet.kernel.http.endpoint import route
from cumulet.kernel.http.messages import Reply, Request
from cumulet.kernel.resource.schema import body_schema
from cumulet.kernel.resource.shapes import keys, page
from cumulet.kernel.resource.views import render
from cumulet.services.keystone.entity import parsed
from cumulet.services.keystone.federation.identities import forget_ways
from cumulet.services.keystone.federation.model import IdentityProvider, Mapping, Protocol, protocol_id
from cumulet.services.keystone.federation.operations import check_length
from cumulet.services.keystone.federation.visitors import only_known_by
from cumulet.services.keystone.projects.changes import forget_users
from cumulet.services.keystone.storing import unique
from cumulet.services.keystone.tokens.revocation import rights_changed
from cumulet.services.keystone.wire import SELF, STRICT, list_links

_ALL = "/OS-FEDERATION/identity_providers/{identity_provider_id}/protocols"
_ONE = f"{_ALL}/{{protocol_id}}"
_SHOWN = ("id", "mapping_id", "links")


def need_provider(tx: Tx, ctx: Context, idp_id: str) -> IdentityProvider:
    found = tx.get(IdentityProvider, idp_id)
    if found is None:
        raise IdentityProvider.not_found(ctx, idp_id)
    return found


def need_protocol(tx: Tx, idp_id: str, name: str) -> Protocol:
    """The protocol of this name. Raises NotFound in upstream's sentence."""
    found = tx.get(Protocol, protocol_id(idp_id, name))
    if found is None:
        raise NotFound(f"Could not find federated protocol {name} for Identity Provider: {idp_id}.")
    return found


def _bodies(tx: Tx, ctx: Context, rows: list[Protocol]) -> list[dict[str, Any]]:
    """The protocols, with a link to whose they are."""
    bodies = render(tx, ctx, Protocol, rows)
    for body in bodies:
        body["links"]["identity_provider"] = body["links"]["self"].rsplit("/", 2)[0]
    return bodies


def _one(tx: Tx, ctx: Context, row: Protocol) -> dict[str, Any]:
    body = _bodies(tx, ctx, [row])[0]
    return {"protocol": {name: body[name] for name in _SHOWN}}


def _check_mapping(tx: Tx, mapping_id: str) -> None:
    if tx.get(Mapping, mapping_id) is None:
        raise BadRequest(f"Invalid mapping id: {mapping_id}")


SHOWN = keys(protocol=keys(id=str, mapping_id=str, links=SELF))


@route("GET", _ALL, policy="identity:list_protocols", answer=page(Protocol))
def list_protocols(tx: Tx, ctx: Context, request: Request) -> Any:
    """The protocols of an identity provider."""
    ctx.require("identity:list_protocols", {})
    c = Protocol.c
    rows = tx.all(Protocol, c.idp_id == request.params["identity_provider_id"], order_by=[c.name])
    return {"protocols": _bodies(tx, ctx, rows), "links": list_links(ctx, request.path, request.query.pairs)}


@route("GET", _ONE, policy="identity:get_protocol", answer=SHOWN)
def show_protocol(tx: Tx, ctx: Context, request: Request) -> Any:
    """A protocol."""
    ctx.require("identity:get_protocol", {})
    return _one(
        tx, ctx, need_protocol(tx, request.params["identity_provider_id"], request.params["protocol_id"])
    )


@route(
    "PUT",
    _ONE,
    policy="identity:create_protocol",
    schema=lambda version: body_schema(Protocol, "create", version, STRICT),
    status=201,
    answer=SHOWN,
)
def create_protocol(tx: Tx, ctx: Context, request: Request) -> Reply:
    """The identity provider speaks this protocol too."""
    given = parsed(Protocol, "create", request.body, STRICT)
    ctx.require("identity:create_protocol", {})
    _check_mapping(tx, given["mapping_id"])
    idp = need_provider(tx, ctx, request.params["identity_provider_id"])
    name = check_length(request.params["protocol_id"])
    row = Protocol(row_id=protocol_id(idp.id, name), idp_id=idp.id, name=name, **given)
    with unique("federation_protocol", f"Duplicate entry found with ID {name}"):
        tx.insert(row)
    events.emit(tx, ctx, "protocol.create", row)
    return Reply(201, _one(tx, ctx, row))


@route(
    "PATCH",
    _ONE,
    policy="identity:update_protocol",
    schema=lambda version: body_schema(Protocol, "update", version, STRICT),
    answer=SHOWN,
)
def update_protocol(tx: Tx, ctx: Context, request: Request) -> Any:
    """The protocol with another mapping."""
    given = parsed(Protocol, "update", request.body, STRICT)
    ctx.require("identity:update_protocol", {})
    if "mapping_id" in given:
        _check_mapping(tx, given["mapping_id"])
    row = need_protocol(tx, request.params["identity_provider_id"], request.params["protocol_id"])
    row = tx.update(row, **given)
    events.emit(tx, ctx, "protocol.update", row)
    return _one(tx, ctx, row)


@route("DELETE", _ONE, policy="identity:delete_protocol", status=204)
def delete_protocol(tx: Tx, ctx: Context, request: Request) -> None:
    """The protocol is gone, and with it the tokens of who came by it."""
    ctx.require("identity:delete_protocol", {})
    row = need_protocol(tx, request.params["identity_provider_id"], request.params["protocol_id"])
    forget_users(tx, only_known_by(tx, [row.idp_id], row.name))
    forget_ways(tx, row.idp_id, row.name)
    tx.delete(row)
    rights_changed(tx)
    events.emit(tx, ctx, "protocol.delete", row)


ROUTES = (list_protocols, show_protocol, create_protocol, update_protocol, delete_protocol)
