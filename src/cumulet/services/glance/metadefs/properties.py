# SPDX-License-Identifier: Apache-2.0
"""Properties: what a key may hold, said as a JSON schema."""

from typing import Any

from cumulet.kernel import events
from cumulet.kernel.auth.context import Context
from cumulet.kernel.db import Tx
from cumulet.kernel.errors import NotFound
from cumulet.kernel.http.endpoint import route
from cumulet.kernel.http.messages import Request
from cumulet.kernel.resource.shapes import keys
from cumulet.services.glance.metadefs.access import (
    add,
    change,
    item_of,
    namespace_of,
    require,
    require_unprotected,
)
from cumulet.services.glance.metadefs.forms import PROPERTIES, PROPERTY
from cumulet.services.glance.metadefs.model import Association, MetadefProperty, Namespace

PATH = "/metadefs/namespaces/{namespace}/properties"
ONE = f"{PATH}/{{property_name}}"


def view(row: MetadefProperty) -> dict[str, Any]:
    return {**row.definition, "name": row.name}


def definitions_of(tx: Tx, namespace: Namespace) -> dict[str, Any]:
    """The properties of a namespace by name."""
    c = MetadefProperty.c
    rows = tx.all(MetadefProperty, c.namespace_id == namespace.id, order_by=(c.created_at, c.name))
    return {row.name: row.definition for row in rows}


def add_property(tx: Tx, namespace: Namespace, name: str, given: dict[str, Any]) -> MetadefProperty:
    row = MetadefProperty(namespace_id=namespace.id, name=name, definition=_nameless(given))
    return add(tx, namespace, row)


def _nameless(given: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in given.items() if name != "name"}


@route("GET", PATH, answer=keys(properties=PROPERTIES))
def list_properties(tx: Tx, ctx: Context, request: Request) -> dict[str, Any]:
    """The properties of a namespace, by name."""
    namespace = namespace_of(tx, ctx, request, "get_metadef_properties")
    return {"properties": definitions_of(tx, namespace)}


@route("POST", PATH, status=201, schema=PROPERTY.told, answer=PROPERTY.shape)
def create_property(tx: Tx, ctx: Context, request: Request) -> dict[str, Any]:
    """The namespace has one more property."""
    given = PROPERTY.parse(request.body)
    namespace = namespace_of(tx, ctx, request, "add_metadef_property")
    row = add_property(tx, namespace, given["name"], given)
    events.emit(tx, ctx, "metadef_property.create", row)
    return view(row)


@route("GET", ONE, answer=PROPERTY.shape, query=("resource_type",))
def show_property(tx: Tx, ctx: Context, request: Request) -> dict[str, Any]:
    """One property; with `resource_type` by the name that it has on resources of that type."""
    namespace = namespace_of(tx, ctx, request, "get_metadef_property")
    name = request.params["property_name"]
    if resource_type := request.query.get("resource_type"):
        require(ctx, "get_metadef_resource_type", namespace)
        name = _unprefixed(tx, namespace, resource_type, name)
    return view(item_of(tx, MetadefProperty, namespace, name))


def _unprefixed(tx: Tx, namespace: Namespace, resource_type: str, name: str) -> str:
    found = tx.first_by(Association, namespace_id=namespace.id, resource_type=resource_type)
    if found is None:
        raise NotFound(
            f"The metadata definition resource-type association of resource-type={resource_type} to "
            f"namespace={namespace.namespace}, was not found."
        )
    if not found.prefix or not name.startswith(found.prefix):
        raise NotFound(
            f"Property {name} does not start with the expected resource type association prefix of "
            f"'{found.prefix}'."
        )
    return name.removeprefix(found.prefix)


@route("PUT", ONE, schema=PROPERTY.told, answer=PROPERTY.shape)
def update_property(tx: Tx, ctx: Context, request: Request) -> dict[str, Any]:
    """The property is as the body says."""
    given = PROPERTY.parse(request.body)
    namespace = namespace_of(tx, ctx, request, "modify_metadef_property")
    row = item_of(tx, MetadefProperty, namespace, request.params["property_name"])
    row = change(tx, namespace, row, name=given["name"], definition=_nameless(given))
    events.emit(tx, ctx, "metadef_property.update", row)
    return view(row)


@route("DELETE", ONE, status=204)
def delete_property(tx: Tx, ctx: Context, request: Request) -> None:
    """The namespace has lost the property."""
    namespace = namespace_of(tx, ctx, request, "remove_metadef_property")
    row = item_of(tx, MetadefProperty, namespace, request.params["property_name"])
    require_unprotected(namespace, "property", row.name)
    tx.delete(row)
    events.emit(tx, ctx, "metadef_property.delete", row)


ROUTES = (list_properties, create_property, show_property, update_property, delete_property)
