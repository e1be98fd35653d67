# SPDX-License-Identifier: Apache-2.0
"""Cinder's letter: errors by name, self and bookmark links, times without a zone."""

from typing import Any

from cumulet.kernel.auth.context import Context
from cumulet.kernel.db.rows import Row
from cumulet.kernel.errors import BadRequest
from cumulet.kernel.http.messages import Query
from cumulet.kernel.http.wire import Page, WireProfile, error_by_name, page_url, sort_by_key_and_dir
from cumulet.kernel.resource.shapes import LINKS, maybe
from cumulet.lib import timestamps


def links(ctx: Context, cls: type[Row], row: Row) -> dict[str, Any]:
    """`self` and, without the version, `bookmark`, for the resources that have them."""
    if not getattr(cls, "linked", False):
        return {}
    path = f"{ctx.project_id}{cls.path}/{row.__dict__['id']}"  # type: ignore[attr-defined]
    return {
        "links": [
            {"rel": "self", "href": f"{ctx.base_url}/v3/{path}"},
            {"rel": "bookmark", "href": f"{ctx.base_url}/{path}"},
        ]
    }


def page_links(ctx: Context, cls: type[Row], page: Page) -> dict[str, Any]:
    """A link to the next page when this one is full, whether or not there is more."""
    if not page.count or page.count != page.limit:
        return {}
    return {page_links_key(cls): [{"rel": "next", "href": page_url(ctx, page, page.last)}]}


def page_links_key(cls: Any) -> str:
    return getattr(cls, "page_links_name", "") or f"{cls.plural}_links"


def sort_order(query: Query) -> list[tuple[str, str]]:
    """sort=name:asc,size or sort_key and sort_dir, never both; what has no direction descends."""
    if "sort" in query and ("sort_key" in query or "sort_dir" in query):
        raise BadRequest(
            "The 'sort_key' and 'sort_dir' parameters are deprecated and cannot be used with the "
            "'sort' parameter."
        )
    asked = sort_by_key_and_dir(query)
    return [("name" if key == "display_name" else key, direction or "desc") for key, direction in asked]


WIRE = WireProfile(
    error=error_by_name,
    time=timestamps.without_zone,
    links=links,
    page_links=page_links,
    item_keys=lambda cls: {"links": LINKS} if getattr(cls, "linked", False) else {},
    page_keys=lambda cls: {page_links_key(cls): maybe(LINKS)},
    sort=sort_order,
    default_sort=(("created_at", "desc"),),
    loose=True,
    slash_counts=True,
    offsets=True,
)
