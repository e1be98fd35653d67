# SPDX-License-Identifier: Apache-2.0
"""Resource classes: what can be counted."""

from typing import Any

from cumulet.kernel.auth.context import Context
from cumulet.kernel.db import Tx
from cumulet.kernel.errors import BadRequest, Conflict, Duplicate
from cumulet.kernel.http.messages import Reply, Request
from cumulet.kernel.resource.shapes import LINKS, array, keys, until
from cumulet.services.placement import names
from cumulet.services.placement.asking import Schema, reads, writes
from cumulet.services.placement.errors import UnknownClass
from cumulet.services.placement.rows import Inventory, ResourceClass
from cumulet.services.placement.schemas import CUSTOM_NAME, obj
from cumulet.services.placement.wire import answer, located, mount

_NAMED = obj({"name": {"type": "string", "pattern": CUSTOM_NAME, "maxLength": 255}}, "name")
CREATE = Schema({"1.2": _NAMED})
CLASS = keys(name=str, links=LINKS)
UPDATE = Schema({"1.2": _NAMED}, until="1.6")


@reads(
    "/resource_classes",
    "placement:resource_classes:list",
    since="1.2",
    answer=keys(resource_classes=array(CLASS)),
)
def list_classes(tx: Tx, ctx: Context, request: Request) -> Reply:
    """All classes, the standard ones first."""
    own = tx.all(ResourceClass, order_by=(ResourceClass.c.created_at, ResourceClass.c.name))
    known = [*names.standard_classes(), *(row.name for row in own)]
    return answer(ctx, {"resource_classes": [_view(ctx, name) for name in known]})


@reads("/resource_classes/{name}", "placement:resource_classes:show", since="1.2", answer=CLASS)
def show_class(tx: Tx, ctx: Context, request: Request) -> Reply:
    """One class."""
    row = _need(tx, request.params["name"])
    return answer(ctx, _view(ctx, request.params["name"]), row.created_at if row else None)


@writes(
    "POST", "/resource_classes", "placement:resource_classes:create", body=CREATE, since="1.2", status=201
)
def create_class(tx: Tx, ctx: Context, request: Request) -> Reply:
    """Make a class of this cloud's own."""
    name = CREATE.body(ctx, request)["name"]
    try:
        tx.insert(ResourceClass(name=name))
    except Duplicate:
        raise Conflict(f"Conflicting resource class already exists: {name}") from None
    return Reply(201, None, located(ctx, _url(ctx, name)))


@writes(
    "PUT",
    "/resource_classes/{name}",
    "placement:resource_classes:update",
    body=UPDATE,
    since="1.2",
    status={"1.2": 200, "1.7": 201},
    also=(204,),
    answer=until("1.6", CLASS),
)
def update_class(tx: Tx, ctx: Context, request: Request) -> Reply:
    """There is a class of this name. Up to 1.6, a class gets another name."""
    name = request.params["name"]
    if not ctx.at("1.7"):
        return _rename(tx, ctx, name, UPDATE.body(ctx, request)["name"])
    UPDATE.check(ctx, {"name": name}, "JSON does not validate")
    tx.lock(f"placement:class:{name}")
    known = tx.get(ResourceClass, name) is not None
    if not known:
        tx.insert(ResourceClass(name=name))
    return Reply(204 if known else 201, None, located(ctx, _url(ctx, name)))


def _rename(tx: Tx, ctx: Context, old: str, new: str) -> Reply:
    """The class has another name; nobody may have any of it, because inventories know it by its name."""
    row = _need(tx, old)
    if row is None:
        raise BadRequest(f"Cannot update standard resource class {old}")
    if old != new:
        tx.lock(f"placement:class:{old}", f"placement:class:{new}")
        if tx.get(ResourceClass, new) is not None:
            raise Conflict(f"Resource class already exists: {new}")
        _require_unused(tx, old, "update")
        tx.delete(row)
        tx.insert(ResourceClass(name=new, created_at=row.created_at))
    return Reply(200, _view(ctx, new))


@writes("DELETE", "/resource_classes/{name}", "placement:resource_classes:delete", since="1.2", status=204)
def delete_class(tx: Tx, ctx: Context, request: Request) -> Reply:
    """There is no class of this name any more."""
    name = request.params["name"]
    tx.lock(f"placement:class:{name}")
    row = _need(tx, name)
    if row is None:
        raise BadRequest(f"Error in delete resource class: Cannot delete standard resource class {name}.")
    _require_unused(tx, name, "delete")
    tx.delete(row)
    return Reply(204)


ROUTES = (list_classes, show_class, create_class, update_class, delete_class)


def _need(tx: Tx, name: str) -> ResourceClass | None:
    """A class of this cloud's own, None for a standard one. Raises NotFound."""
    if name in names.standard_classes():
        return None
    return tx.need(ResourceClass, name, str(UnknownClass(name)))


def _require_unused(tx: Tx, name: str, verb: str) -> None:
    if tx.exists(Inventory, Inventory.c.resource_class == name):
        raise Conflict(
            f"Error in {verb} resource class: Cannot {verb} resource class {name}. "
            "Class is in use in inventory."
        )


def _url(ctx: Context, name: str) -> str:
    return f"{mount(ctx)}/resource_classes/{name}"


def _view(ctx: Context, name: str) -> dict[str, Any]:
    return {"name": name, "links": [{"rel": "self", "href": _url(ctx, name)}]}
