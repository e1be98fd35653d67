# SPDX-License-Identifier: Apache-2.0
"""Lists: filters, sorting and marker paging, all in SQL.

A page is found by its marker, the key of the last item before it: its sort values are read, and the next
rows are those that sort after them. Every sort ends in the primary key, so that no two rows are equal.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from cumulet.kernel.db.tx import Tx
from cumulet.kernel.errors import BadRequest
from cumulet.kernel.http.messages import Query, Request, strict_flag, whole_number
from cumulet.kernel.http.wire import Page
from cumulet.kernel.resource.fields import Field
from cumulet.lib import timestamps
from cumulet.lib.timestamps import Timestamp

if TYPE_CHECKING:
    from cumulet.kernel.auth.context import Context
    from cumulet.kernel.http.wire import WireProfile
    from cumulet.kernel.resource.declaration import Resource

Filter = Callable[["Context", list[str]], Any]
"""A filter that is no plain comparison: from the values sent to a condition, None for no restriction."""

PAGING = frozenset({"limit", "marker", "sort", "sort_key", "sort_dir", "page_reverse", "fields", "offset"})


@dataclass(frozen=True)
class Found:
    """A page. `total` counts the rows of all pages, where that was asked for."""

    rows: list[Any]
    page: Page
    total: int | None = None


@dataclass(frozen=True, kw_only=True)
class Listing:
    """What is being listed, before the request has a say.

    `where` conditions hold whatever is asked. Unknown query keys are ignored unless `strict`. `sortable`
    maps the sort keys of a query to fields, where an API has other names for them than for the fields;
    `order` is the order unless one is asked for, where it is not the family's. `markers` are the conditions
    for a row that a marker may name, where that is not every visible row. `counted` asks for the number of
    rows on all pages. `page_default` is how many rows a page has that asks for no number, where it is not the
    family's.
    """

    resource: "type[Resource]"
    filters: Mapping[str, Filter] = field(default_factory=dict)
    where: Sequence[Any] = ()
    strict: bool = False
    paged: bool = True
    sortable: Mapping[str, str] | None = None
    order: Sequence[tuple[str, str]] = ()
    markers: Sequence[Any] | None = None
    counted: bool = False
    page_default: int | None = None


def find(tx: Tx, ctx: "Context", listing: Listing, request: Request) -> Found:
    """The rows of the asked page, and where it stands in the list."""
    cls, query, wire = listing.resource, request.query, ctx.service.api.wire
    conditions = [*listing.where, *_conditions(ctx, listing, query)]
    total = tx.count(cls, *conditions) if listing.counted else None
    order = _order(listing, query, wire, ctx.version)
    limit = _limit(listing, query, wire) if listing.paged else None
    marker = query.get("marker") if listing.paged else None
    backwards = query.flag("page_reverse")
    order = [(name, descending != backwards) for name, descending in order]
    if marker is not None:
        conditions.append(_after(tx, ctx, listing, order, marker))
    columns = [_direction(cls.c[name], descending) for name, descending in order]
    skipped = query.integer("offset") or 0 if wire.offsets and listing.paged else 0
    most = skipped + limit + 1 if limit is not None else None
    rows = tx.all(cls, *conditions, order_by=columns, limit=most)[skipped:]
    more = limit is not None and len(rows) > limit
    rows = rows[:limit] if limit is not None else rows
    if backwards:
        rows.reverse()
    first, last = (str(row.__dict__[cls.key]) for row in (rows[0], rows[-1])) if rows else (None, None)
    page = Page(request.path, tuple(query.pairs), limit, first, last, more, marker, len(rows))
    return Found(rows, page, total)


def _conditions(ctx: "Context", listing: Listing, query: Query) -> list[Any]:
    cls = listing.resource
    by_wire = {spec.on_wire: spec for spec in cls.fields.values() if spec.filter}
    found = []
    for name in query.names():
        if name in listing.filters:
            condition = listing.filters[name](ctx, query.all(name))
            if condition is not None:
                found.append(condition)
        elif name in by_wire:
            if by_wire[name].known_in(ctx.version):
                found.append(compare(cls, by_wire[name], query.all(name)))
        elif listing.strict and name not in PAGING:
            raise BadRequest(f"Invalid query parameter: {name} is not a filter of {cls.noun} lists.")
    return found


def compare(cls: "type[Resource]", spec: Field, values: list[str]) -> Any:
    """The condition that a stored field equals one of the values as they were sent."""
    column, wanted = cls.c[spec.name], [_typed(spec, value) for value in values]
    if len(wanted) == 1:
        return column.is_(None) if wanted[0] is None else column == wanted[0]
    return column.in_(wanted)


def _typed(spec: Field, value: str) -> Any:
    if spec.type is bool:
        return strict_flag(value, spec.on_wire)
    if spec.type is int:
        return whole_number(value, spec.on_wire)
    if spec.type is Timestamp:
        try:
            return timestamps.parse(value)
        except ValueError as error:
            raise BadRequest(str(error)) from None
    return value


def _order(listing: Listing, query: Query, wire: "WireProfile", version: int) -> list[tuple[str, bool]]:
    """Field names and whether each descends, the primary key last."""
    cls, usual = listing.resource, listing.order or wire.default_sort
    sortable = listing.sortable or {
        spec.on_wire: spec.name for spec in cls.fields.values() if spec.sort and spec.known_in(version)
    }
    asked = wire.sort(query)
    order: list[tuple[str, bool]] = []
    for key, direction in asked or ():
        if not key:
            order += [(name, direction == "desc") for name, _ in usual if name in cls.c]
            continue
        if key not in sortable:
            raise BadRequest(f"Cannot sort by '{key}': it must be one of {', '.join(sorted(sortable))}.")
        if direction not in ("", "asc", "desc"):
            raise BadRequest(f"Unknown sort direction '{direction}', must be 'asc' or 'desc'.")
        order.append((sortable[key], direction == "desc"))
    order = order or [(name, way == "desc") for name, way in usual if name in cls.c]
    if cls.primary not in (name for name, _ in order):
        order.append((cls.primary, order[-1][1] if order else False))
    return order


def _limit(listing: Listing, query: Query, wire: "WireProfile") -> int | None:
    asked = query.integer("limit")
    if asked is None:
        return listing.page_default or wire.page_default
    if asked == 0 and wire.page_limit is None:
        return None
    return asked if wire.page_limit is None else min(asked, wire.page_limit)


def _after(tx: Tx, ctx: "Context", listing: Listing, order: list[tuple[str, bool]], marker: str) -> Any:
    """The condition for rows that sort after the marker's row."""
    cls = listing.resource
    where = [cls.c[cls.key] == marker]
    if listing.markers is not None:
        where += listing.markers
    elif (visible := cls.visible(ctx)) is not None:
        where.append(visible)
    last = tx.first(cls, *where)
    if last is None:
        raise BadRequest(f"marker [{marker}] not found", kind="InvalidInput")
    alternatives: list[Any] = []
    equal: list[Any] = []
    for name, descending in order:
        column, value = cls.c[name], last.__dict__[name]
        alternatives.append(sa.and_(*equal, _beyond(column, value, descending)))
        equal.append(column.is_(None) if value is None else column == value)
    return sa.or_(*alternatives)


def _beyond(column: Any, value: Any, descending: bool) -> Any:
    """Nulls sort first when ascending and last when descending, on both databases."""
    if value is None:
        return sa.false() if descending else column.is_not(None)
    return sa.or_(column < value, column.is_(None)) if descending else column > value


def _direction(column: Any, descending: bool) -> Any:
    if not column.nullable:
        return column.desc() if descending else column.asc()
    return column.desc().nulls_last() if descending else column.asc().nulls_first()
