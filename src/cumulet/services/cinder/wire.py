# SPDX-License-Identifier: Apache-2.0
"""Cinder's letter: errors by name, self and bookmark links, times without a zone."""

from typing import Any

from cumulet.kernel.auth.context import Context
from cumulet.kernel.db.rows import Row
from cumulet.kernel.errors import Error, OverQuota
from cumulet.kernel.http.wire import Page, WireProfile, error_by_name, page_url, sort_by_key_and_dir
from cumulet.kernel.quota import Shortage
from cumulet.lib import timestamps


def links(ctx: Context, cls: type[Row], row: Row) -> dict[str, Any]:
    """`self` and, without the version, `bookmark`."""
    path = f"{ctx.project_id}{cls.path}/{row.__dict__[cls.key]}"  # type: ignore[attr-defined]
    return {
        "links": [
            {"rel": "self", "href": f"{ctx.base_url}/v3/{path}"},
            {"rel": "bookmark", "href": f"{ctx.base_url}/{path}"},
        ]
    }


def page_links(ctx: Context, cls: type[Row], page: Page) -> dict[str, Any]:
    if not page.more:
        return {}
    href = page_url(ctx, page, page.last)
    return {f"{cls.plural}_links": [{"rel": "next", "href": href}]}  # type: ignore[attr-defined]


class LimitExceeded(OverQuota):
    """A quota of the project would be passed; Cinder answers 413."""

    status = 413
    title = "Request Entity Too Large"


def over_quota(short: list[Shortage]) -> Error:
    """Upstream's sentence for the first shortage."""
    item = short[0]
    if "gigabytes" in item.resource:
        text = (
            f"Requested volume or snapshot exceeds allowed {item.resource} quota. Requested {item.requested}G, "
            f"quota is {item.limit}G and {item.used}G has been consumed."
        )
    else:
        text = f"Maximum number of {item.resource} allowed ({item.limit}) exceeded for quota '{item.resource}'."
    error = LimitExceeded(text, resources=tuple(s.resource for s in short))
    error.headers["Retry-After"] = "0"
    return error


WIRE = WireProfile(
    error=error_by_name,
    time=timestamps.without_zone,
    links=links,
    page_links=page_links,
    sort=sort_by_key_and_dir,
    default_sort=(("created_at", "desc"),),
    loose=True,
)
