# SPDX-License-Identifier: Apache-2.0
"""Types of resources, and the namespaces that are about them."""

from typing import Any

from cumulet.kernel import events
from cumulet.kernel.auth.context import Context
from cumulet.kernel.db import Tx
from cumulet.kernel.errors import Conflict, Duplicate, NotFound
from cumulet.kernel.http.endpoint import route
from cumulet.kernel.http.messages import Request
from cumulet.kernel.resource.shapes import array, keys
from cumulet.services.glance.metadefs.access import (
    moments,
    namespace_of,
    require,
    require_unprotected,
    target_of,
    without_nothing,
)
from cumulet.services.glance.metadefs.forms import ASSOCIATION
from cumulet.services.glance.metadefs.model import Association, Namespace, ResourceType

PATH = "/metadefs/namespaces/{namespace}/resource_types"
KNOWN = (
    "OS::Cinder::Volume",
    "OS::Glance::Image",
    "OS::Nova::Aggregate",
    "OS::Nova::Flavor",
    "OS::Nova::Server",
)
"""The types that there are in every cloud."""


def know_types(tx: Tx) -> None:
    """The types of every cloud are there."""
    known = tx.get_many(ResourceType, KNOWN)
    for name in KNOWN:
        if name not in known:
            tx.insert(ResourceType(name=name), retry=True)


def view(row: Association) -> dict[str, Any]:
    body = {"name": row.resource_type, "prefix": row.prefix, "properties_target": row.properties_target}
    return without_nothing({**body, **moments(row)})


def associations_of(tx: Tx, *namespaces: Namespace) -> dict[str, list[dict[str, Any]]]:
    """What namespaces are about, by their ids."""
    found: dict[str, list[dict[str, Any]]] = {}
    ids = [namespace.id for namespace in namespaces]
    for row in tx.all_in(Association, "namespace_id", ids, order=("created_at", "resource_type")):
        found.setdefault(row.namespace_id, []).append(view(row))
    return found


def associate(tx: Tx, namespace: Namespace, given: dict[str, Any]) -> Association:
    """The namespace is about the type, which comes to be when it is new."""
    name = given["name"]
    if tx.get(ResourceType, name) is None:
        tx.insert(ResourceType(name=name), retry=True)
    target = given.get("properties_target")
    try:
        return tx.insert(
            Association(
                namespace_id=namespace.id,
                resource_type=name,
                prefix=given.get("prefix"),
                properties_target=target,
            )
        )
    except Duplicate:
        raise Conflict(
            f"The metadata definition resource-type association of resource-type={name} to "
            f"namespace={namespace.namespace}, already exists."
        ) from None


@route(
    "GET",
    "/metadefs/resource_types",
    answer=keys(resource_types=array(keys(name=str, created_at=str, updated_at=str))),
)
def list_resource_types(tx: Tx, ctx: Context, request: Request) -> dict[str, Any]:
    """Every type that definitions can be for."""
    require(ctx, "list_metadef_resource_types")
    rows = tx.all(ResourceType, order_by=(ResourceType.c.name,))
    return {"resource_types": [{"name": row.name, **moments(row)} for row in rows]}


@route("GET", PATH, answer=keys(resource_type_associations=array(ASSOCIATION.shape)))
def list_associations(tx: Tx, ctx: Context, request: Request) -> dict[str, Any]:
    """The types that a namespace is about."""
    namespace = namespace_of(tx, ctx, request, "list_metadef_resource_types")
    allowed = ctx.can("get_metadef_resource_type", target_of(ctx, namespace))
    found = associations_of(tx, namespace).get(namespace.id, []) if allowed else []
    return {"resource_type_associations": found}


@route("POST", PATH, status=201, schema=ASSOCIATION.told, answer=ASSOCIATION.shape)
def create_association(tx: Tx, ctx: Context, request: Request) -> dict[str, Any]:
    """The namespace is about one more type."""
    given = ASSOCIATION.parse(request.body)
    namespace = namespace_of(tx, ctx, request, "add_metadef_resource_type_association")
    row = associate(tx, namespace, given)
    events.emit(tx, ctx, "metadef_resource_type.create", row)
    return view(row)


@route("DELETE", f"{PATH}/{{resource_type}}", status=204)
def delete_association(tx: Tx, ctx: Context, request: Request) -> None:
    """The namespace is no longer about the type."""
    namespace = namespace_of(tx, ctx, request, "remove_metadef_resource_type_association")
    name = request.params["resource_type"]
    row = tx.first_by(Association, namespace_id=namespace.id, resource_type=name)
    if row is None:
        raise NotFound(f"Failed to find resource type {name} to delete")
    require_unprotected(namespace, "resource-type-association", name)
    tx.delete(row)
    events.emit(tx, ctx, "metadef_resource_type.delete", row)


ROUTES = (list_resource_types, list_associations, create_association, delete_association)
