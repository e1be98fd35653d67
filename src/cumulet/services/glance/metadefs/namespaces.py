# SPDX-License-Identifier: Apache-2.0
"""Namespaces: made and shown with all that is in them."""

from typing import Any

import sqlalchemy as sa

from cumulet.kernel import events
from cumulet.kernel.auth.context import Context
from cumulet.kernel.db import Tx
from cumulet.kernel.errors import BadRequest, Conflict, Duplicate, NotFound
from cumulet.kernel.http.endpoint import route
from cumulet.kernel.http.messages import Reply, Request
from cumulet.kernel.resource.listing import Listing, find
from cumulet.kernel.resource.shapes import array, keys, maybe
from cumulet.services.glance.metadefs import objects, properties, resource_types, tags
from cumulet.services.glance.metadefs.access import (
    SHOW,
    moments,
    named,
    namespace_of,
    require,
    require_unprotected,
    target_of,
    without_nothing,
)
from cumulet.services.glance.metadefs.forms import ASSOCIATION, NAMESPACE, OBJECT, TAG
from cumulet.services.glance.metadefs.model import (
    CONTENTS,
    Association,
    MetadefObject,
    MetadefProperty,
    MetadefTag,
    Namespace,
)

PATH = "/metadefs/namespaces"
ONE = f"{PATH}/{{namespace}}"
_SAID = ("namespace", "display_name", "description", "visibility", "protected")
_RULES_OF_CONTENT = {
    "resource_type_associations": "add_metadef_resource_type_association",
    "objects": "add_metadef_object",
    "properties": "add_metadef_property",
    "tags": "add_metadef_tag",
}


def view(namespace: Namespace, **contents: Any) -> dict[str, Any]:
    """A namespace with those of its contents that there are."""
    body = {name: namespace.__dict__[name] for name in _SAID}
    return {
        **without_nothing({**body, "owner": namespace.project_id}),
        **{name: value for name, value in contents.items() if value},
        **moments(namespace),
        "self": f"/v2/metadefs/namespaces/{namespace.namespace}",
        "schema": "/v2/schemas/metadefs/namespace",
    }


@route(
    "GET",
    PATH,
    answer=keys(namespaces=array(NAMESPACE.shape), first=str, schema=str, next=maybe(str)),
    query=("visibility", "resource_types", "limit", "marker", "sort_key", "sort_dir"),
)
def list_namespaces(tx: Tx, ctx: Context, request: Request) -> dict[str, Any]:
    """A page of the namespaces that the caller may know of, each with the types that it is about."""
    for rule in ("get_metadef_namespaces", "list_metadef_resource_types"):
        require(ctx, rule)
    if marker := request.query.get("marker"):
        _require_marker(tx, ctx, marker)
    visible = Namespace.visible(ctx)
    where = () if visible is None else (visible,)
    filters = {"visibility": _visibility, "resource_types": _about}
    found = find(tx, ctx, Listing(resource=Namespace, where=where, markers=(), filters=filters), request)
    rows = [row for row in found.rows if ctx.can(SHOW, target_of(ctx, row))]
    about = resource_types.associations_of(tx, *rows)
    return {
        "namespaces": [view(row, resource_type_associations=about.get(row.id)) for row in rows],
        **ctx.service.api.wire.page_links(ctx, Namespace, found.page),
    }


def _require_marker(tx: Tx, ctx: Context, marker: str) -> None:
    if named(tx, ctx, marker) is None:
        raise NotFound(f"Metadata definition namespace={marker} was not found.")


def _visibility(ctx: Context, values: list[str]) -> Any:
    wanted = values[-1]
    if wanted and wanted not in ("public", "private"):
        raise BadRequest(f"Invalid visibility value: {wanted}")
    return Namespace.c.visibility == wanted if wanted else None


def _about(ctx: Context, values: list[str]) -> Any:
    """About any of the types."""
    named = Association.c.resource_type.in_(values[-1].split(","))
    return sa.exists().where(Association.c.namespace_id == Namespace.c.id, named)


@route("POST", PATH, status=201, schema=NAMESPACE.told, answer=NAMESPACE.shape)
def create_namespace(tx: Tx, ctx: Context, request: Request) -> Reply:
    """A namespace, with what the body puts into it."""
    given = NAMESPACE.parse(request.body)
    require(ctx, "add_metadef_namespace")
    contents = _contents(given)
    for name in contents:
        require(ctx, _RULES_OF_CONTENT[name])
    said = {name: given[name] for name in _SAID if name in given}
    try:
        namespace = tx.insert(Namespace(**said, project_id=given.get("owner", ctx.project_id)))
    except Duplicate:
        raise _taken(given["namespace"]) from None
    _fill(tx, namespace, contents)
    events.emit(tx, ctx, "metadef_namespace.create", namespace)
    body = view(namespace, **contents)
    return Reply(201, body, headers={"Location": body["self"]})


def _contents(given: dict[str, Any]) -> dict[str, Any]:
    """What a body puts into its namespace; when that was made elsewhere is not looked at."""
    found = {name: given[name] for name in _RULES_OF_CONTENT if given.get(name)}
    for name, form in (("resource_type_associations", ASSOCIATION), ("objects", OBJECT), ("tags", TAG)):
        if name in found:
            found[name] = [form.given(item) for item in found[name]]
    return found


def _fill(tx: Tx, namespace: Namespace, contents: dict[str, Any]) -> None:
    for association in contents.get("resource_type_associations", ()):
        resource_types.associate(tx, namespace, association)
    for item in contents.get("objects", ()):
        objects.add_object(tx, namespace, item)
    for tag in contents.get("tags", ()):
        tags.add_tag(tx, namespace, tag["name"])
    for name, definition in contents.get("properties", {}).items():
        properties.add_property(tx, namespace, name, definition)


def _taken(name: str) -> Conflict:
    return Conflict(f"The metadata definition namespace={name} already exists.")


@route("GET", ONE, answer=NAMESPACE.shape, query=("resource_type",))
def show_namespace(tx: Tx, ctx: Context, request: Request) -> dict[str, Any]:
    """All that is in a namespace; with `resource_type` its properties bear the prefix of that type."""
    namespace = namespace_of(
        tx, ctx, request, SHOW, "list_metadef_resource_types", "get_metadef_objects",
        "get_metadef_properties", "get_metadef_tags",
    )  # fmt: skip
    about = resource_types.associations_of(tx, namespace).get(namespace.id, [])
    prefixes = {item["name"]: item.get("prefix") or "" for item in about}
    prefix = prefixes.get(request.query.get("resource_type") or "", "")
    return view(
        namespace,
        resource_type_associations=about,
        objects=[
            _prefixed(objects.view(namespace, row), prefix) for row in objects.objects_of(tx, namespace)
        ],
        properties=_with(prefix, properties.definitions_of(tx, namespace)),
        tags=tags.names_of(tx, namespace),
    )


def _prefixed(item: dict[str, Any], prefix: str) -> dict[str, Any]:
    """An object whose properties bear the prefix."""
    if "properties" in item:
        item = {**item, "properties": _with(prefix, item["properties"])}
    if "required" in item:
        item = {**item, "required": [prefix + name for name in item["required"]]}
    return item


def _with(prefix: str, definitions: dict[str, Any]) -> dict[str, Any]:
    return {prefix + name: definition for name, definition in definitions.items()}


@route("PUT", ONE, schema=NAMESPACE.told, answer=NAMESPACE.shape)
def update_namespace(tx: Tx, ctx: Context, request: Request) -> dict[str, Any]:
    """The namespace is called and described as the body says; what is in it stays as it is."""
    given = NAMESPACE.parse(request.body)
    namespace = namespace_of(tx, ctx, request, "modify_metadef_namespace")
    changes = {"display_name": None, "description": None, "visibility": "private", "protected": False}
    changes |= {name: given[name] for name in _SAID if name in given}
    try:
        namespace = tx.update(namespace, **changes, project_id=given.get("owner") or ctx.project_id)
    except Duplicate:
        raise _taken(given["namespace"]) from None
    events.emit(tx, ctx, "metadef_namespace.update", namespace)
    return view(namespace)


@route("DELETE", ONE, status=204)
def delete_namespace(tx: Tx, ctx: Context, request: Request) -> None:
    """The namespace is gone, with all that was in it."""
    namespace = _deletable(tx, ctx, request)
    for cls in CONTENTS:
        tx.delete_where(cls, cls.c.namespace_id == namespace.id)
    tx.delete(namespace)
    events.emit(tx, ctx, "metadef_namespace.delete", namespace)


@route("DELETE", objects.PATH, status=204)
def delete_objects(tx: Tx, ctx: Context, request: Request) -> None:
    """The namespace has no objects."""
    namespace = _deletable(tx, ctx, request)
    tx.delete_where(MetadefObject, MetadefObject.c.namespace_id == namespace.id)
    events.emit(tx, ctx, "metadef_namespace.delete_objects", namespace)


@route("DELETE", properties.PATH, status=204)
def delete_properties(tx: Tx, ctx: Context, request: Request) -> None:
    """The namespace has no properties."""
    namespace = _deletable(tx, ctx, request)
    tx.delete_where(MetadefProperty, MetadefProperty.c.namespace_id == namespace.id)
    events.emit(tx, ctx, "metadef_namespace.delete_properties", namespace)


@route("DELETE", tags.PATH, status=204)
def delete_tags(tx: Tx, ctx: Context, request: Request) -> None:
    """The namespace has no tags."""
    namespace = _deletable(tx, ctx, request, "delete_metadef_tags")
    tx.delete_where(MetadefTag, MetadefTag.c.namespace_id == namespace.id)
    events.emit(tx, ctx, "metadef_namespace.delete_tags", namespace)


def _deletable(tx: Tx, ctx: Context, request: Request, *rules: str) -> Namespace:
    """Upstream asks for the right to delete the namespace also where only something in it is deleted."""
    namespace = namespace_of(tx, ctx, request, "delete_metadef_namespace", *rules)
    require_unprotected(namespace, "namespace", namespace.namespace)
    return namespace


ROUTES = (
    list_namespaces,
    create_namespace,
    show_namespace,
    update_namespace,
    delete_namespace,
    delete_objects,
    delete_properties,
    delete_tags,
)
