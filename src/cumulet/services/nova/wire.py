# SPDX-License-Identifier: Apache-2.0
"""Nova's letter: errors by name, self and bookmark links, next links on full pages, over-quota refusals."""

from collections.abc import Sequence
from typing import Any, cast
from urllib.parse import urlencode

from cumulet.kernel.auth.context import Context
from cumulet.kernel.db.rows import Row
from cumulet.kernel.errors import Error, OverQuota
from cumulet.kernel.http.wire import Page, WireProfile, error_by_name, sort_by_key_and_dir
from cumulet.kernel.quota import Shortage, over_limit
from cumulet.kernel.resource import Resource
from cumulet.kernel.resource.shapes import LINKS, maybe

LINKED = frozenset({"/servers", "/flavors"})
"""The collections whose items carry links."""


def item_links(ctx: Context, path: str) -> list[dict[str, str]]:
    """`self` and, without the version, `bookmark` of the thing at this path."""
    return [
        {"rel": "self", "href": f"{ctx.base_url}/v2.1{path}"},
        {"rel": "bookmark", "href": f"{ctx.base_url}{path}"},
    ]


def bookmark(ctx: Context, path: str) -> list[dict[str, str]]:
    return [{"rel": "bookmark", "href": f"{ctx.base_url}{path}"}]


def links(ctx: Context, cls: type[Row], row: Row) -> dict[str, Any]:
    resource = cast(type[Resource], cls)
    if resource.path not in LINKED:
        return {}
    return {"links": item_links(ctx, f"{resource.path}/{row.__dict__[resource.key]}")}


def page_links(ctx: Context, cls: type[Row], page: Page) -> dict[str, Any]:
    """A link to the next page when this one is full, whether or not there is more."""
    if not page.count or page.count != page.limit:
        return {}
    href = next_page(ctx, page.path, page.query, str(page.last))
    return {f"{cast(type[Resource], cls).plural}_links": [{"rel": "next", "href": href}]}


def next_page(ctx: Context, path: str, query: Sequence[tuple[str, str]], marker: str) -> str:
    """The address of a page that begins after the marker; the query's keys are sorted."""
    pairs = sorted([*((key, value) for key, value in query if key != "marker"), ("marker", marker)])
    return f"{ctx.base_url}{path}?{urlencode(pairs)}"


def invalid(path: str, value: Any, message: str) -> str:
    return f"Invalid input for field/attribute {path.rpartition('.')[2]}. Value: {value}. {message}"


def over_quota(short: list[Shortage]) -> Error:
    """Upstream's sentence for all shortages together, in the order of their names."""
    if short[0].project_id:
        return OverQuota(over_limit(short), resources=tuple(item.resource for item in short))
    items = sorted(short, key=lambda item: item.resource)
    names = ", ".join(item.resource for item in items)
    asked = ", ".join(str(item.requested) for item in items)
    used = ", ".join(str(item.used) for item in items)
    limits = ", ".join(str(item.limit) for item in items)
    return OverQuota(
        f"Quota exceeded for {names}: Requested {asked}, but already used {used} of {limits} {names}",
        resources=tuple(item.resource for item in items),
    )


WIRE = WireProfile(
    error=error_by_name,
    links=links,
    page_links=page_links,
    item_keys=lambda cls: {"links": LINKS} if cast(type[Resource], cls).path in LINKED else {},
    page_keys=lambda cls: {f"{cast(type[Resource], cls).plural}_links": maybe(LINKS)},
    page_default=1000,
    sort=sort_by_key_and_dir,
    default_sort=(("created_at", "desc"),),
    loose=True,
    slash_counts=True,
    invalid=invalid,
)
