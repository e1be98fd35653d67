# SPDX-License-Identifier: Apache-2.0
"""What a list of images may be narrowed by: operators before values, tags, visibilities, any property."""

import re
from collections.abc import Callable, Sequence
from typing import Any

import sqlalchemy as sa

from cumulet.kernel.auth.context import Context
from cumulet.kernel.db import Tx
from cumulet.kernel.errors import BadRequest
from cumulet.kernel.http.messages import Query, Request
from cumulet.kernel.resource.listing import Filter
from cumulet.lib import timestamps
from cumulet.services.glance.images.model import Image, ImageProperty, ImageTag, shared_with

SORT_KEYS = ("name", "status", "container_format", "disk_format", "size", "id", "created_at", "updated_at")
MEMBER_STATUSES = ("pending", "accepted", "rejected", "all")
_NO_PROPERTIES = frozenset({"limit", "marker", "sort", "sort_key", "sort_dir", "member_status"})

_COMPARE: dict[str, Callable[[Any, Any], Any]] = {
    "gt": lambda column, value: column > value,
    "gte": lambda column, value: column >= value,
    "lt": lambda column, value: column < value,
    "lte": lambda column, value: column <= value,
    "eq": lambda column, value: column == value,
    "neq": lambda column, value: column != value,
}


def listed(tx: Tx, ctx: Context, request: Request) -> Sequence[Any]:
    """The conditions that hold for every list: who sees what in it, what is hidden, and custom properties."""
    query = request.query
    _check(query)
    conditions = [Image.c.os_hidden == _flag(query, "os_hidden", "false"), *_properties(query)]
    if "visibility" not in query:
        own = Image.c.project_id == ctx.project_id if ctx.project_id else sa.false()
        conditions.append(sa.or_(own, Image.c.visibility != "community"))
    if not ctx.is_admin:
        conditions.append(_reachable(ctx, query.get("member_status") or "accepted"))
    return conditions


def _reachable(ctx: Context, member_status: str) -> Any:
    """Own and open images, and those shared with the caller under this membership."""
    open_to_all = Image.c.visibility.in_(("public", "community"))
    if not ctx.project_id:
        return open_to_all
    return sa.or_(Image.c.project_id == ctx.project_id, open_to_all, shared_with(ctx, member_status))


def _check(query: Query) -> None:
    """Raise BadRequest, in upstream's words, for paging and sorting that make no sense."""
    if (limit := query.get("limit")) is not None:
        if not re.fullmatch(r"\s*[+-]?\d+\s*", limit, re.ASCII):
            raise BadRequest("limit param must be an integer")
        if int(limit) < 0:
            raise BadRequest("limit param must be positive")
    if "changes-since" in query:
        raise BadRequest('The "changes-since" filter is no longer available on v2.')
    status = query.get("member_status")
    if status is not None and status not in MEMBER_STATUSES:
        raise BadRequest(f"Invalid status: {status}")
    _check_sorting(query)


def _check_sorting(query: Query) -> None:
    keys, ways = query.all("sort_key"), query.all("sort_dir")
    if (text := query.get("sort")) is not None:
        if keys or ways:
            raise BadRequest("Old and new sorting syntax cannot be combined")
        parts = [part.partition(":") for part in text.strip().split(",")]
        keys, ways = [key for key, _, _ in parts], [way or "desc" for _, _, way in parts]
    for key in keys:
        if key.strip() not in SORT_KEYS:
            available = ", ".join(SORT_KEYS)
            raise BadRequest(f"Invalid sort key: {key}. It must be one of the following: {available}.")
    for way in ways:
        if way.strip() not in ("asc", "desc"):
            raise BadRequest(f"Invalid sort direction: {way}")
    if len(ways) > 1 and len(ways) != len(keys):
        raise BadRequest("Number of sort dirs does not match the number of sort keys")


def _flag(query: Query, name: str, default: str) -> bool:
    return _strict_flag(name, query.get(name) or default)


def _strict_flag(name: str, value: str) -> bool:
    word = value.lower()
    if word not in ("true", "false"):
        raise BadRequest(f"Invalid value '{value}' for '{name}' filter. Valid values are 'true' or 'false'.")
    return word == "true"


def _properties(query: Query) -> list[Any]:
    """A custom property is meant by every key that means nothing else."""
    known = _NO_PROPERTIES | set(FILTERS) | {spec.on_wire for spec in Image.fields.values() if spec.filter}
    return [
        sa.exists().where(
            ImageProperty.c.image_id == Image.c.id,
            ImageProperty.c.name == name,
            ImageProperty.c.value == query.get(name),
        )
        for name in query.names()
        if name not in known
    ]


# -- one filter each ------------------------------------------------------------------------------------


def _word(name: str) -> Filter:
    """`name=value`, `name=eq:value` or `name=in:a,b,"c,d"`."""
    column = Image.c[name]

    def condition(ctx: Context, values: list[str]) -> Any:
        operator, colon, rest = values[-1].partition(":")
        if not colon:
            return column == values[-1]
        if operator == "in":
            return column.in_(split_list(rest))
        if operator == "eq":
            return column == rest
        raise BadRequest(f"Unable to filter by unknown operator '{operator}'.")

    return condition


_ITEM = re.compile(r'"([^"\\]*(?:\\.[^"\\]*)*)",?|([^,]+),?|,')


def split_list(text: str) -> list[str]:
    """The values of an `in:` list; those in double quotes may hold commas."""
    _check_quotes(text)
    return [quoted or bare for quoted, bare in _ITEM.findall(text)]


def _check_quotes(text: str) -> None:
    inside = False
    for i, letter in enumerate(text):
        if letter != '"' or (i and text[i - 1] == "\\"):
            continue
        if not inside and i and text[i - 1] != ",":
            raise BadRequest(f"Invalid filter value {text}. There is no comma before opening quotation mark.")
        if inside and i + 1 != len(text) and text[i + 1] != ",":
            raise BadRequest(f"Invalid filter value {text}. There is no comma after closing quotation mark.")
        inside = not inside
    if inside:
        raise BadRequest(f"Invalid filter value {text}. The quote is not closed.")


def _moment(name: str) -> Filter:
    """`created_at=gte:2026-11-20T10:00:00Z`; without an operator it must be that moment."""
    column = Image.c[name]

    def condition(ctx: Context, values: list[str]) -> Any:
        operator, text = _split_moment(values[-1])
        try:
            moment = timestamps.parse(text)
        except ValueError:
            raise BadRequest(f'Bad "{name}" query filter format. Use ISO 8601 DateTime notation.') from None
        if operator not in _COMPARE:
            raise BadRequest("Unable to filter on a unknown operator.")
        # What is shown has no fraction, so a second is compared as a whole.
        return _COMPARE[operator](sa.func.substr(column, 1, 19), moment[:19])

    return condition


def _split_moment(value: str) -> tuple[str, str]:
    operator, colon, rest = value.partition(":")
    return (operator, rest) if colon and operator.isalpha() else ("eq", value)


def _bound(name: str, operator: str) -> Filter:
    column = Image.c[name]

    def condition(ctx: Context, values: list[str]) -> Any:
        try:
            number = int(values[-1])
        except ValueError:
            raise BadRequest("Unable to filter on a range with a non-numeric value.") from None
        return _COMPARE[operator](column, max(-(2**63), min(number, 2**63 - 1)))

    return condition


def _tags(ctx: Context, values: list[str]) -> Any:
    """Every tag that is asked for."""
    return sa.and_(
        *(
            sa.exists().where(ImageTag.c.image_id == Image.c.id, ImageTag.c.value == value.strip())
            for value in values
        )
    )


def _visibility(ctx: Context, values: list[str]) -> Any:
    wanted = values[-1]
    if wanted in ("", "all"):
        return None
    if wanted not in ("community", "public", "private", "shared"):
        raise BadRequest(f"Invalid visibility value: {wanted}")
    return Image.c.visibility == wanted


def _protected(ctx: Context, values: list[str]) -> Any:
    return Image.c.protected == _strict_flag("protected", values[-1])


def _elsewhere(ctx: Context, values: list[str]) -> None:
    """Seen to by `listed`."""


FILTERS: dict[str, Filter] = {
    **{name: _word(name) for name in ("name", "id", "status", "container_format", "disk_format")},
    **{name: _moment(name) for name in ("created_at", "updated_at")},
    **{
        f"{name}_{end}": _bound(name, operator)
        for name in ("size", "min_disk", "min_ram", "virtual_size")
        for end, operator in (("min", "gte"), ("max", "lte"))
    },
    "tag": _tags,
    "visibility": _visibility,
    "protected": _protected,
    "os_hidden": _elsewhere,
    "member_status": _elsewhere,
}
