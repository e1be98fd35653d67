# SPDX-License-Identifier: Apache-2.0
"""Glance's letter: flat bodies, paths instead of links, errors in the type that the caller accepts."""

from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode

import msgspec

from cumulet.kernel.auth.context import Context
from cumulet.kernel.db.rows import Row
from cumulet.kernel.errors import Error, Forbidden, NotPermitted
from cumulet.kernel.http.wire import ErrorBody, Page, WireProfile, error_as_html, preferred
from cumulet.kernel.resource.shapes import maybe

RESERVED = ("location", "locations", "deleted", "deleted_at")
RESERVED_PREFIX = "os_glance_"
NEVER_SENT = ("direct_url", "self", "file", "schema", "stores")
READ_ONLY = (
    "created_at", "updated_at", "status", "checksum", "size", "virtual_size", "os_hash_algo", "os_hash_value",
)  # fmt: skip

WriteError = Callable[[Error, str], ErrorBody]


def as_html(error: Error, request_id: str) -> ErrorBody:
    return error_as_html(_in_our_words(error), request_id)


def as_json(error: Error, request_id: str) -> ErrorBody:
    """{"message", "code": "404 Not Found", "title"}; the message ends in the breaks of the HTML page."""
    error = _in_our_words(error)
    code = f"{error.status} {error.title}"
    message = f"{error.message}<br /><br />\n\n\n"
    return ErrorBody(msgspec.json.encode({"message": message, "code": code, "title": error.title}))


def as_text(error: Error, request_id: str) -> ErrorBody:
    error = _in_our_words(error)
    text = f"{error.status} {error.title}\n\n{error.message}\n\n   "
    return ErrorBody(text.encode(), "text/plain; charset=UTF-8")


def error_for(accept: str) -> WriteError:
    """HTML or JSON, whichever is preferred, HTML when both are alike; text for who accepts neither."""
    kind = preferred(accept, "text/html", "application/json")
    return _WRITERS.get(kind or "", as_text)


_WRITERS: dict[str, WriteError] = {"text/html": as_html, "application/json": as_json}


def _in_our_words(error: Error) -> Error:
    """A refusal of the policy names the rule as Glance does."""
    if isinstance(error, NotPermitted) and error.rule:
        return Forbidden(f"You are not authorized to complete {error.rule} action.")
    return error


def page_links(ctx: Context, cls: type[Row], page: Page) -> dict[str, Any]:
    """`first`, `schema`, and `next` whenever the page is full."""
    path: str = cls.path  # type: ignore[attr-defined]
    pairs = [(name, value) for name, value in page.query if name != "marker"]
    found = {"first": _address(path, pairs), "schema": f"/v2/schemas{path}"}
    if page.count and page.count == page.limit:
        found["next"] = _address(path, [*pairs, ("marker", str(page.last))])
    return found


def _address(path: str, pairs: list[tuple[str, str]]) -> str:
    return f"/v2{path}" + (f"?{urlencode(pairs)}" if pairs else "")


def sort(query: Any) -> list[tuple[str, str]]:
    """`sort=name:asc,size` or `sort_key` and `sort_dir`; descending unless told otherwise, then by time."""
    if (text := query.get("sort")) is not None:
        parts = [part.partition(":") for part in text.strip().split(",")]
        pairs = [(key.strip(), way.strip() or "desc") for key, _, way in parts]
        return _completed(pairs, "desc")
    keys, ways = query.all("sort_key"), query.all("sort_dir")
    one = ways[0] if len(ways) == 1 else "desc"
    return _completed([(k, ways[i] if i < len(ways) else one) for i, k in enumerate(keys)], one)


def _completed(pairs: list[tuple[str, str]], way: str) -> list[tuple[str, str]]:
    known = {key for key, _ in pairs}
    return [*pairs, *((key, way) for key in ("created_at", "id") if key not in known)]


def prepare(cls: type[Row], verb: str, body: Any) -> Any:
    """A flat body with what is no field of an image gathered under `properties`."""
    if verb != "create" or not isinstance(body, dict):
        return body
    fields = {spec.on_wire for spec in cls.fields.values() if spec.create} - {"properties"}  # type: ignore[attr-defined]
    found: dict[str, Any] = {name: value for name, value in body.items() if name in fields}
    custom = {name: value for name, value in body.items() if name not in fields}
    for name in custom:
        refuse_reserved(name)
    if custom:
        found["properties"] = custom
    return found


def refuse_reserved(name: str) -> None:
    """Raise Forbidden for names that are the service's own."""
    if name in READ_ONLY or name in NEVER_SENT:
        raise Forbidden(f"Attribute '{name}' is read-only.")
    if name in RESERVED or name.startswith(RESERVED_PREFIX):
        raise Forbidden(f"Attribute '{name}' is reserved.")


def invalid(path: str, value: Any, message: str) -> str:
    return f"Provided object does not match schema 'image': {message} (at '{path}')"


WIRE = WireProfile(
    error=as_html,
    error_for=error_for,
    page_links=page_links,
    page_keys=lambda cls: {"first": str, "schema": str, "next": maybe(str)},
    page_limit=1000,
    page_default=25,
    sort=sort,
    default_sort=(("created_at", "desc"),),
    hides=True,
    slash_counts=True,
    invalid=invalid,
    prepare=prepare,
    missing="No image found with ID {id}",
    update_method="PATCH",
)
