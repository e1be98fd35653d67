# SPDX-License-Identifier: Apache-2.0
"""What all of Cinder's lists have in common: whose things they show, and which filters they take.

An administrator sees every project's with `all_tenants` only. From 3.31 on a filter that is not on the
resource's list is refused, except to administrators; before it is ignored.
"""

from collections.abc import Callable, Collection
from typing import Any

import msgspec
import sqlalchemy as sa

from cumulet.kernel.auth.context import Context
from cumulet.kernel.db import Tx
from cumulet.kernel.errors import BadRequest
from cumulet.kernel.http.messages import Query, Request, strict_flag
from cumulet.kernel.resource import Resource
from cumulet.kernel.resource.listing import PAGING, Filter
from cumulet.lib import timestamps
from cumulet.services.cinder import metadata

FILTERS: dict[str, tuple[str, ...]] = {
    "volume": (
        *("name", "status", "metadata", "bootable", "migration_status", "availability_zone", "group_id"),
        *("size", "created_at", "updated_at", "consumes_quota"),
    ),
    "snapshot": ("name", "status", "volume_id", "metadata", "availability_zone", "consumes_quota"),
    "attachment": ("volume_id", "status", "instance_id", "attach_status"),
    "message": ("resource_uuid", "resource_type", "event_id", "request_id", "message_level"),
    "pool": ("name", "volume_type"),
    "volume_type": ("is_public", "extra_specs"),
}
"""The filters that everybody may use, as /resource_filters tells them."""
NO_FILTERS = PAGING | {"all_tenants", "with_count", "project_id", "detail"}


def of_project(resource: type[Resource]) -> Callable[[Tx, Context, Request], list[Any]]:
    """`where` of a list: the caller's own, or everybody's to an administrator who says so."""

    def where(tx: Tx, ctx: Context, request: Request) -> list[Any]:
        query = request.query
        check_paging(query)
        check_filters(ctx, query, resource.member)
        if marker := query.get("marker"):
            _check_marker(tx, ctx, resource, marker)
        everybody = strict_flag_of(query, "all_tenants")
        if ctx.is_admin and everybody:
            asked = query.get("project_id")
            return [resource.c.project_id == asked] if asked else []
        return [resource.c.project_id == ctx.project_id]

    return where


def strict_flag_of(query: Query, name: str) -> bool:
    """A boolean of the query, false when it is not there. Raises BadRequest for anything else."""
    value = query.get(name)
    try:
        return strict_flag(value, name) if value is not None else False
    except BadRequest:
        raise BadRequest(f"Value '{value}' for '{name}' is not a boolean.") from None


def check_paging(query: Query) -> None:
    for name in ("limit", "offset"):
        value = query.get(name)
        if value is None:
            continue
        try:
            negative = int(value) < 0
        except ValueError:
            raise BadRequest(f"{name} param must be an integer") from None
        if negative:
            raise BadRequest(f"{name} param must be positive")


def check_filters(ctx: Context, query: Query, kind: str) -> None:
    """Raise BadRequest for filters that do not exist, from the microversion on that tells which do."""
    if ctx.is_admin or not ctx.at("3.31"):
        return
    known: Collection[str] = FILTERS.get(kind, ())
    asked = [name for name in query.names() if name not in NO_FILTERS]
    if wrong := [name for name in asked if name.removesuffix("~") not in known]:
        raise BadRequest(f"Invalid filters {', '.join(wrong)} are found in query options.")


def _check_marker(tx: Tx, ctx: Context, resource: type[Resource], marker: str) -> None:
    visible = resource.visible(ctx)
    where = [resource.c.id == marker] if visible is None else [resource.c.id == marker, visible]
    if not tx.exists(resource, *where):
        raise resource.not_found(ctx, marker)


# -- filters that are no plain comparison ---------------------------------------------------------------


def like(column: Any) -> Filter:
    """name~=part, from 3.34 on."""

    def condition(ctx: Context, values: list[str]) -> Any:
        return column.contains(values[-1], autoescape=True) if ctx.at("3.34") else None

    return condition


def flag(column: Any) -> Filter:
    def condition(ctx: Context, values: list[str]) -> Any:
        try:
            return column.is_(strict_flag(values[-1], column.name))
        except BadRequest:
            return sa.false()

    return condition


def having(pairs: metadata.Pairs, owner: Any) -> Filter:
    """metadata={'key': 'value'}, in JSON or as Python writes it."""

    def condition(ctx: Context, values: list[str]) -> Any:
        wanted = read_pairs(values[-1])
        return metadata.having(pairs, owner, wanted) if wanted is not None else sa.false()

    return condition


def read_pairs(text: str) -> dict[str, str] | None:
    """A mapping in a query; clients write it with either kind of quotes. None for what is none."""
    for candidate in (text, text.replace("u'", "'").replace("'", '"')):
        try:
            found = msgspec.json.decode(candidate)
        except msgspec.DecodeError:
            continue
        return {str(key): str(value) for key, value in found.items()} if isinstance(found, dict) else None
    return None


def json_pair(key: str, value: str) -> str:
    """A pair as it stands in the text of a stored JSON object."""
    return f"{msgspec.json.encode(key).decode()}:{msgspec.json.encode(value).decode()}"


def moment(column: Any) -> Filter:
    """created_at=gte:2026-01-01T00:00:00,lt:..., from 3.60 on."""

    def condition(ctx: Context, values: list[str]) -> Any:
        if not ctx.at("3.60"):
            return None
        return sa.and_(sa.true(), *(_compared(column, part) for part in ",".join(values).split(",")))

    return condition


def _compared(column: Any, text: str) -> Any:

    word, colon, rest = text.partition(":")
    operator = word if colon and word.isalpha() else "eq"
    written = rest if colon and word.isalpha() else text
    if operator not in _OPERATORS:
        raise BadRequest(f"Invalid {operator} operator")
    try:
        return getattr(column, _OPERATORS[operator])(timestamps.parse(written))
    except ValueError:
        raise BadRequest(f"Invalid {column.name} value") from None


_OPERATORS = {
    "gt": "__gt__",
    "gte": "__ge__",
    "eq": "__eq__",
    "neq": "__ne__",
    "lt": "__lt__",
    "lte": "__le__",
}


def consuming(ctx: Context, values: list[str]) -> Any:
    """Everything counts against a quota."""
    return None if strict_flag(values[-1], "consumes_quota") else sa.false()
