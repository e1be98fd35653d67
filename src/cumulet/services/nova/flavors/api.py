# SPDX-License-Identifier: Apache-2.0
"""The operations on flavors."""

from typing import Any

from cumulet.kernel import events
from cumulet.kernel.auth.context import Context
from cumulet.kernel.db import Tx
from cumulet.kernel.errors import BadRequest, Conflict
from cumulet.kernel.http.messages import Request, strict_flag
from cumulet.kernel.resource import Create, Delete, List, Show, Update, expose
from cumulet.kernel.resource.writing import row_from
from cumulet.services.nova.flavors.model import Flavor
from cumulet.services.nova.names import check_name

LARGEST_FACTOR = 3.40282e38
SORTABLE = {
    "created_at": "created_at",
    "description": "description",
    "disabled": "disabled",
    "ephemeral_gb": "ephemeral",
    "flavorid": "id",
    "id": "id",
    "is_public": "is_public",
    "memory_mb": "ram",
    "name": "name",
    "root_gb": "disk",
    "rxtx_factor": "rxtx_factor",
    "swap": "swap_mb",
    "updated_at": "updated_at",
    "vcpus": "vcpus",
}


def listed(tx: Tx, ctx: Context, request: Request) -> list[Any]:
    """The conditions that a list's filters make."""
    query, where = request.query, []
    where.append(Flavor.c.disabled.is_(False) if not ctx.is_admin else None)
    where.append(_public(ctx, query.get("is_public")))
    if (ram := query.get("minRam")) is not None:
        where.append(Flavor.c.ram >= _number("minRam", ram))
    if (disk := query.get("minDisk")) is not None:
        where.append(Flavor.c.disk >= _number("minDisk", disk))
    if ctx.at("2.102") and (name := query.get("name")) is not None:
        where.append(Flavor.c.name == name)
    return [condition for condition in where if condition is not None]


def _public(ctx: Context, asked: str | None) -> Any:
    """An administrator sees public flavors unless they ask for others; `none` asks for all."""
    if not ctx.is_admin:
        return None
    if asked is None:
        return Flavor.c.is_public.is_(True)
    if asked.lower() == "none":
        return None
    try:
        return Flavor.c.is_public.is_(strict_flag(asked, "is_public"))
    except BadRequest:
        raise BadRequest(f"Invalid is_public filter [{asked}]") from None


def _number(name: str, value: str) -> int:
    try:
        return int(value)
    except ValueError:
        raise BadRequest(f"Invalid {name} filter [{value}]") from None


def _factor(value: Any) -> float:
    factor = float(value)
    if not 0 < factor <= LARGEST_FACTOR:
        raise BadRequest(f"'rxtx_factor' argument must be a float between 0 and {LARGEST_FACTOR:g}")
    return factor


def create_flavor(tx: Tx, ctx: Context, given: dict[str, Any]) -> Flavor:
    """A new flavor; one that is not public may be used by nobody yet."""
    check_name(given["name"])
    if given.get("id") in (None, "auto"):
        given.pop("id", None)
    else:
        given["id"] = str(given["id"])
    if tx.exists(Flavor, Flavor.c.name == given["name"]):
        raise Conflict(f"Flavor with name {given['name']} already exists.")
    if "id" in given and tx.exists(Flavor, Flavor.c.id == given["id"]):
        raise Conflict(f"Flavor with ID {given['id']} already exists.")
    given["rxtx_factor"] = _factor(given.get("rxtx_factor", 1.0))
    flavor: Flavor = tx.insert(row_from(Flavor, ctx, given))
    return flavor


def delete_flavor(tx: Tx, ctx: Context, flavor: Flavor) -> None:
    """Servers that were made with it keep a copy of what it said."""
    tx.delete(flavor)
    events.emit(tx, ctx, "flavor.delete", flavor)


_LISTS: dict[str, Any] = {
    "where": listed,
    "sortable": SORTABLE,
    "order": (("id", "asc"),),
    "filters": dict.fromkeys(("is_public", "minRam", "minDisk", "name"), lambda ctx, values: None),
    "strict_since": "2.75",
}

FLAVORS = expose(
    Flavor,
    List(brief=True, **_LISTS),
    List(detail=True, **_LISTS),
    Show(),
    Create(policy="os_compute_api:os-flavor-manage:create", run=create_flavor, status=200),
    Update(policy="os_compute_api:os-flavor-manage:update", since="2.55"),
    Delete(policy="os_compute_api:os-flavor-manage:delete", run=delete_flavor, status=202),
)
