# SPDX-License-Identifier: Apache-2.0
"""Keystone's letter: errors in an envelope, a self link in all that is shown, links around lists."""

import dataclasses
from typing import Any
from urllib.parse import quote, urlencode

from cumulet.kernel.auth.context import Context
from cumulet.kernel.db.rows import Row
from cumulet.kernel.errors import Error, NotPermitted
from cumulet.kernel.http.wire import ErrorBody, Page, WireProfile, encode, page_url, sort_by_key_and_dir
from cumulet.kernel.resource.shapes import keys, maybe
from cumulet.lib import timestamps
from cumulet.services.keystone.errors import MethodRefused, MethodsMissing

SELF = keys({...: str}, self=str)
"""The link to a thing itself, and to what is related to it."""
AROUND = keys(self=str, next=str | None, previous=str | None)


def error(error: Error, request_id: str) -> ErrorBody:
    """{"error": {"code", "message", "title"}}; what policy refuses is named by its rule."""
    if isinstance(error, MethodsMissing):
        return ErrorBody(encode(error.body))
    message = error.message
    if isinstance(error, NotPermitted) and error.rule:
        message = f"You are not authorized to perform the requested action: {error.rule}."
    said = {"code": error.status, "message": message, "title": error.title}
    if isinstance(error, MethodRefused):
        said["identity"] = error.identity
    return ErrorBody(encode({"error": said}))


def self_link(ctx: Context, path: str) -> dict[str, Any]:
    return {"self": f"{ctx.base_url}/v3{path}"}


def links(ctx: Context, cls: type[Row], row: Row) -> dict[str, Any]:
    """The self link, and beside it every key that a client once sent and no field knows."""
    values = row.__dict__
    path = cls.path.format(**values)  # type: ignore[attr-defined]
    id = quote(str(values[cls.key]), safe="")  # type: ignore[attr-defined]
    own = self_link(ctx, f"{path}/{id}")
    for name in getattr(cls, "related", ()):
        own[name] = f"{own['self']}/{name}"
    return {**values.get("extra", {}), "links": own}


def page_links(ctx: Context, cls: type[Row], page: Page) -> dict[str, Any]:
    query = f"?{urlencode(page.query)}" if page.query else ""
    around: dict[str, Any] = {"next": None, "self": f"{ctx.base_url}{page.path}{query}", "previous": None}
    if not page.more:
        return {"links": around}
    around["next"] = page_url(ctx, page, page.last)
    return {"links": around, "truncated": True}


def list_links(ctx: Context, path: str, query: list[tuple[str, str]] | None = None) -> dict[str, Any]:
    """The links around a list that has no pages; `path` with its version."""
    text = f"?{urlencode(query)}" if query else ""
    return {"next": None, "self": f"{ctx.base_url}{path}{text}", "previous": None}


WIRE = WireProfile(
    error=error,
    time=timestamps.zulu_with_microseconds,
    links=links,
    page_links=page_links,
    item_keys=lambda cls: {"links": SELF, **({...: Any} if "extra" in cls.columns else {})},
    page_keys=lambda cls: {"links": AROUND, "truncated": maybe(bool)},
    page_limit=1000,
    sort=sort_by_key_and_dir,
    hides=False,
    denies_missing=True,
    extra_keys="allow",
    loose=True,
    update_method="PATCH",
    missing="Could not find {noun}: {id}.",
    invalid=lambda path, value, message: f"Invalid input for field '{path.replace('.', '/')}': {message}",
)

STRICT = dataclasses.replace(WIRE, extra_keys="refuse")
"""The same for bodies in which a key that no field knows is refused."""
