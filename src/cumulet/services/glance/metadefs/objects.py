# SPDX-License-Identifier: Apache-2.0
"""Objects: properties that belong together."""

from typing import Any

from cumulet.kernel import events
from cumulet.kernel.auth.context import Context
from cumulet.kernel.db import Tx
from cumulet.kernel.errors import BadRequest
from cumulet.kernel.http.endpoint import route
from cumulet.kernel.http.messages import Request
from cumulet.kernel.resource.shapes import array, keys
from cumulet.services.glance.metadefs.access import (
    add,
    change,
    item_of,
    moments,
    namespace_of,
    require_unprotected,
    target_of,
    without_nothing,
)
from cumulet.services.glance.metadefs.forms import OBJECT
from cumulet.services.glance.metadefs.model import MetadefObject, Namespace

PATH = "/metadefs/namespaces/{namespace}/objects"
ONE = f"{PATH}/{{object_name}}"


def view(namespace: Namespace, row: MetadefObject) -> dict[str, Any]:
    body = {name: row.__dict__[name] for name in ("name", "description", "required", "properties")}
    path = f"/v2/metadefs/namespaces/{namespace.namespace}/objects/{row.name}"
    return without_nothing({**body, **moments(row), "self": path, "schema": "/v2/schemas/metadefs/object"})


def objects_of(tx: Tx, namespace: Namespace) -> list[MetadefObject]:
    c = MetadefObject.c
    return tx.all(MetadefObject, c.namespace_id == namespace.id, order_by=(c.created_at, c.name))


def add_object(tx: Tx, namespace: Namespace, given: dict[str, Any]) -> MetadefObject:
    return add(tx, namespace, MetadefObject(namespace_id=namespace.id, **given))


@route("GET", PATH, answer=keys(objects=array(OBJECT.shape), schema=str), query=("limit",))
def list_objects(tx: Tx, ctx: Context, request: Request) -> dict[str, Any]:
    """The objects of a namespace, all of them: upstream looks at a limit and does not keep to it."""
    if request.query.integer("limit") == 0:
        raise BadRequest("limit param must be positive")
    namespace = namespace_of(tx, ctx, request, "get_metadef_objects")
    allowed = ctx.can("get_metadef_object", target_of(ctx, namespace))
    found = [view(namespace, row) for row in objects_of(tx, namespace)] if allowed else []
    return {"objects": found, "schema": "v2/schemas/metadefs/objects"}


@route("POST", PATH, status=201, schema=OBJECT.told, answer=OBJECT.shape)
def create_object(tx: Tx, ctx: Context, request: Request) -> dict[str, Any]:
    """The namespace has one more object."""
    given = OBJECT.parse(request.body)
    namespace = namespace_of(tx, ctx, request, "add_metadef_object")
    row = add_object(tx, namespace, given)
    events.emit(tx, ctx, "metadef_object.create", row)
    return view(namespace, row)


@route("GET", ONE, answer=OBJECT.shape)
def show_object(tx: Tx, ctx: Context, request: Request) -> dict[str, Any]:
    """One object."""
    namespace = namespace_of(tx, ctx, request, "get_metadef_object")
    return view(namespace, item_of(tx, MetadefObject, namespace, request.params["object_name"]))


@route("PUT", ONE, schema=OBJECT.told, answer=OBJECT.shape)
def update_object(tx: Tx, ctx: Context, request: Request) -> dict[str, Any]:
    """The object is as the body says, without what the body does not name."""
    given = OBJECT.parse(request.body)
    namespace = namespace_of(tx, ctx, request, "modify_metadef_object")
    row = item_of(tx, MetadefObject, namespace, request.params["object_name"])
    nothing = dict.fromkeys(("description", "required", "properties"))
    row = change(tx, namespace, row, **{**nothing, **given})
    events.emit(tx, ctx, "metadef_object.update", row)
    return view(namespace, row)


@route("DELETE", ONE, status=204)
def delete_object(tx: Tx, ctx: Context, request: Request) -> None:
    """The namespace has lost the object."""
    namespace = namespace_of(tx, ctx, request, "delete_metadef_object")
    row = item_of(tx, MetadefObject, namespace, request.params["object_name"])
    require_unprotected(namespace, "object", row.name)
    tx.delete(row)
    events.emit(tx, ctx, "metadef_object.delete", row)


ROUTES = (list_objects, create_object, show_object, update_object, delete_object)
