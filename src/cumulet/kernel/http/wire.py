# SPDX-License-Identifier: Apache-2.0
"""Wire profiles: how one API family writes errors, links, times and lists.

A service names its family's profile and overrides what is its own. Everything that clients match on and
that is alike across a family stands here; nothing here knows a resource.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import falcon
import msgspec

from cumulet.kernel.errors import Error
from cumulet.lib import timestamps

if TYPE_CHECKING:
    from cumulet.kernel.auth.context import Context
    from cumulet.kernel.db.rows import Row

encode = msgspec.json.encode


@dataclass(frozen=True)
class ErrorBody:
    """A refusal as a body: JSON, or text of another type."""

    content: bytes
    content_type: str = "application/json"


def error_by_name(error: Error, request_id: str) -> ErrorBody:
    """Nova, Cinder, Manila: {"itemNotFound": {"code": 404, "message": "..."}}."""
    name = _FAULTS.get(error.status, "computeFault")
    body: dict[str, Any] = {"code": error.status, "message": error.message}
    if retry := error.headers.get("Retry-After"):
        body["retryAfter"] = retry
    return ErrorBody(encode({name: body}))


_FAULTS = {
    400: "badRequest",
    401: "unauthorized",
    403: "forbidden",
    404: "itemNotFound",
    405: "badMethod",
    409: "conflictingRequest",
    413: "overLimit",
    415: "badMediaType",
    429: "overLimit",
    501: "notImplemented",
    503: "serviceUnavailable",
}


def error_in_envelope(error: Error, request_id: str) -> ErrorBody:
    """Keystone: {"error": {"code", "message", "title"}}."""
    return ErrorBody(
        encode({"error": {"code": error.status, "message": error.message, "title": error.title}})
    )


def error_as_html(error: Error, request_id: str) -> ErrorBody:
    """Glance: a small page."""
    page = (
        f"<html>\n <head>\n  <title>{error.status} {error.title}</title>\n </head>\n <body>\n"
        f"  <h1>{error.status} {error.title}</h1>\n"
        f"  {_escape(error.message)}<br /><br />\n\n\n </body>\n</html>"
    )
    return ErrorBody(page.encode(), "text/html; charset=UTF-8")


def _escape(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def preferred(accept: str, *kinds: str) -> str | None:
    """The media type of these that an Accept header likes best, the first of equals; None when it
    takes none.
    """
    try:
        likes = {kind: falcon.mediatypes.quality(kind, accept) for kind in kinds} if accept else {}
    except ValueError:
        return None
    best = max(likes, key=lambda kind: likes[kind], default=None)
    return best if best is not None and likes[best] > 0 else None


def no_links(ctx: "Context", cls: type["Row"], row: "Row") -> dict[str, Any]:
    return {}


def no_page_links(ctx: "Context", cls: type["Row"], page: "Page") -> dict[str, Any]:
    return {}


def no_keys(cls: type["Row"]) -> Mapping[Any, Any]:
    return {}


@dataclass(frozen=True)
class Page:
    """One page of a list: where it was asked for, what it holds, and the markers around it."""

    path: str
    query: Sequence[tuple[str, str]]
    limit: int | None
    first: str | None
    last: str | None
    more: bool
    marker: str | None
    count: int = 0
    """How many items the page has."""


def page_url(ctx: "Context", page: Page, marker: str | None, **changes: str) -> str:
    """The address of another page of the same list."""
    from urllib.parse import urlencode

    kept = [(k, v) for k, v in page.query if k not in ("marker", *changes)]
    pairs = [*kept, *changes.items(), *([("marker", marker)] if marker is not None else [])]
    return f"{ctx.base_url}{page.path}" + (f"?{urlencode(pairs)}" if pairs else "")


@dataclass(frozen=True, kw_only=True)
class WireProfile:
    """The letter of one API family.

    `hides` answers 404 rather than 403 to who may not even see a thing. `denies_missing` answers 403 rather
    than 404 to who may not know whether it exists. `extra_keys` lets bodies hold keys that no field knows
    ("allow"), or refuses them with 400 ("refuse"). `loose` takes "true" for a boolean and "5" for a number
    in bodies. `sifts` leaves out of a list what its reader may not see, where others refuse the list. With
    `slash_counts` a path that ends with a slash names a thing without a name: 404. With `raw_headers` a
    header of an answer may hold any bytes, as the text that has a character for each of them.
    """

    error: Callable[[Error, str], ErrorBody]
    time: Callable[[timestamps.Timestamp], str] = timestamps.zulu
    links: Callable[["Context", type["Row"], "Row"], dict[str, Any]] = no_links
    page_links: Callable[["Context", type["Row"], Page], dict[str, Any]] = no_page_links
    item_keys: Callable[[type["Row"]], Mapping[Any, Any]] = no_keys
    page_keys: Callable[[type["Row"]], Mapping[Any, Any]] = no_keys
    """What `links` and `page_links` add, as parts of kernel/resource/shapes.py."""
    page_limit: int | None = 1000
    page_default: int | None = None
    sort: Callable[[Any], list[tuple[str, str]]] = field(default=lambda query: [])
    default_sort: tuple[tuple[str, str], ...] = (("id", "asc"),)
    hides: bool = True
    denies_missing: bool = False
    extra_keys: str = "refuse"
    loose: bool = False
    sifts: bool = False
    offsets: bool = False
    """Whether `offset` in a query skips so many rows."""
    slash_counts: bool = False
    raw_headers: bool = False
    unauthorized: str = "The request you have made requires authentication."
    invalid: Callable[[str, Any, str], str] = field(
        default=lambda path, value, message: (
            f"Invalid input for field/attribute {path}. Value: {value}. {message}"
        )
    )
    renames: Mapping[str, str] = field(default_factory=dict)
    update_method: str = "PUT"
    missing: str = "{Noun} {id} could not be found."
    other_forms: tuple[str, ...] = ()
    """Media types in which routes that speak by another standard write their refusals, as texts."""
    error_for: Callable[[str], Callable[[Error, str], ErrorBody]] | None = None
    """From a request's Accept header to how its errors are written, in place of `error`."""
    error_at: Callable[[Error, "Context"], ErrorBody] | None = None
    """How errors are written where that depends on the microversion, in place of `error`."""
    prepare: Callable[[type["Row"], str, Any], Any] | None = None
    """`prepare(cls, verb, body)`: a body as the schema should see it, or the family's own refusal of it."""


def sort_by_key_and_dir(query: Any) -> list[tuple[str, str]]:
    """Nova, Neutron, Glance: sort_key=name&sort_dir=desc, each as often as wanted; glance's sort=a:b too."""
    keys, directions = query.all("sort_key"), query.all("sort_dir")
    pairs = [(key, directions[i] if i < len(directions) else "") for i, key in enumerate(keys)]
    for part in query.get("sort", "").split(","):
        if part:
            key, _, direction = part.partition(":")
            pairs.append((key.strip(), direction.strip()))
    if directions and not pairs:
        pairs = [("", directions[0])]
    return pairs
