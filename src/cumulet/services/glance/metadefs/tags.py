# SPDX-License-Identifier: Apache-2.0
"""Tags: words that a namespace offers."""

from typing import Any

from cumulet.kernel import events
from cumulet.kernel.auth.context import Context
from cumulet.kernel.db import Tx
from cumulet.kernel.http.endpoint import route
from cumulet.kernel.http.messages import Request, as_flag
from cumulet.kernel.resource.listing import Listing, find
from cumulet.kernel.resource.shapes import array, keys
from cumulet.services.glance.metadefs.access import (
    add,
    change,
    item_of,
    moments,
    namespace_of,
    require_unprotected,
)
from cumulet.services.glance.metadefs.forms import TAG, TAGS
from cumulet.services.glance.metadefs.model import MetadefTag, Namespace

PATH = "/metadefs/namespaces/{namespace}/tags"
ONE = f"{PATH}/{{tag_name}}"
LISTED = keys(tags=array(keys(name=str)))


def view(row: MetadefTag) -> dict[str, Any]:
    return {"name": row.name, **moments(row)}


def names_of(tx: Tx, namespace: Namespace) -> list[dict[str, Any]]:
    """The tags of a namespace as lists show them, the newest first."""
    c = MetadefTag.c
    rows = tx.all(MetadefTag, c.namespace_id == namespace.id, order_by=(c.created_at.desc(), c.id.desc()))
    return [{"name": row.name} for row in rows]


def add_tag(tx: Tx, namespace: Namespace, name: str) -> MetadefTag:
    return add(tx, namespace, MetadefTag(namespace_id=namespace.id, name=name))


@route("GET", PATH, answer=LISTED, query=("limit", "marker", "sort_key", "sort_dir"))
def list_tags(tx: Tx, ctx: Context, request: Request) -> dict[str, Any]:
    """The tags of a namespace; all of them, unless a limit is given."""
    namespace = namespace_of(tx, ctx, request, "get_metadef_tags")
    if marker := request.query.get("marker"):
        item_of(tx, MetadefTag, namespace, marker)
    own = MetadefTag.c.namespace_id == namespace.id
    paged = "limit" in request.query or "marker" in request.query
    listing = Listing(resource=MetadefTag, where=(own,), markers=(own,), paged=paged)
    return {"tags": [{"name": row.name} for row in find(tx, ctx, listing, request).rows]}


@route("POST", PATH, status=201, schema=TAGS.told, answer=LISTED)
def create_tags(tx: Tx, ctx: Context, request: Request) -> dict[str, Any]:
    """The namespace has these tags and no others; with X-Openstack-Append it has these too."""
    given = TAGS.parse(request.body).get("tags", [])
    namespace = namespace_of(tx, ctx, request, "add_metadef_tags")
    if given and not as_flag(request.headers.get("x-openstack-append", "")):
        tx.delete_where(MetadefTag, MetadefTag.c.namespace_id == namespace.id)
    for tag in given:
        events.emit(tx, ctx, "metadef_tag.create", add_tag(tx, namespace, tag["name"]))
    return {"tags": given}


@route("POST", ONE, status=201, answer=TAG.shape)
def create_tag(tx: Tx, ctx: Context, request: Request) -> dict[str, Any]:
    """The namespace has one more tag."""
    given = TAG.parse({"name": request.params["tag_name"]})
    namespace = namespace_of(tx, ctx, request, "add_metadef_tag")
    row = add_tag(tx, namespace, given["name"])
    events.emit(tx, ctx, "metadef_tag.create", row)
    return view(row)


@route("GET", ONE, answer=TAG.shape)
def show_tag(tx: Tx, ctx: Context, request: Request) -> dict[str, Any]:
    """One tag."""
    namespace = namespace_of(tx, ctx, request, "get_metadef_tag")
    return view(item_of(tx, MetadefTag, namespace, request.params["tag_name"]))


@route("PUT", ONE, schema=TAG.told, answer=TAG.shape)
def update_tag(tx: Tx, ctx: Context, request: Request) -> dict[str, Any]:
    """The tag has another name."""
    given = TAG.parse(request.body)
    namespace = namespace_of(tx, ctx, request, "modify_metadef_tag")
    row = item_of(tx, MetadefTag, namespace, request.params["tag_name"])
    row = change(tx, namespace, row, name=given["name"])
    events.emit(tx, ctx, "metadef_tag.update", row)
    return view(row)


@route("DELETE", ONE, status=204)
def delete_tag(tx: Tx, ctx: Context, request: Request) -> None:
    """The namespace has lost the tag."""
    namespace = namespace_of(tx, ctx, request, "delete_metadef_tag")
    row = item_of(tx, MetadefTag, namespace, request.params["tag_name"])
    require_unprotected(namespace, "tag", row.name)
    tx.delete(row)
    events.emit(tx, ctx, "metadef_tag.delete", row)


ROUTES = (list_tags, create_tags, create_tag, show_tag, update_tag, delete_tag)
