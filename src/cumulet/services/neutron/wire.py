# SPDX-License-Identifier: Apache-2.0
"""Neutron's letter: typed errors, page links with next and previous, and what bodies may hold."""

from collections.abc import Mapping
from typing import Any, cast

from cumulet.kernel.auth.context import Context
from cumulet.kernel.db.rows import Row
from cumulet.kernel.errors import BadRequest, Error, NotPermitted, Unauthorized
from cumulet.kernel.http.messages import Query
from cumulet.kernel.http.wire import (
    ErrorBody,
    Page,
    WireProfile,
    encode,
    error_in_envelope,
    page_url,
    sort_by_key_and_dir,
)
from cumulet.kernel.resource import Resource
from cumulet.kernel.resource.shapes import LINKS, maybe

_HTTP_KINDS = {
    "BadRequest": "HTTPBadRequest",
    "Invalid": "HTTPBadRequest",
    "Forbidden": "HTTPForbidden",
    "NotFound": "HTTPNotFound",
    "MethodNotAllowed": "HTTPMethodNotAllowed",
    "Conflict": "HTTPConflict",
    "TooLarge": "HTTPRequestEntityTooLarge",
    "UnsupportedMediaType": "HTTPUnsupportedMediaType",
    "Unavailable": "HTTPServiceUnavailable",
    "Error": "HTTPInternalServerError",
}


def error_body(error: Error, request_id: str) -> ErrorBody:
    """{"NeutronError": {"type", "message", "detail"}}; a missing token as keystonemiddleware tells it."""
    if isinstance(error, Unauthorized):
        return error_in_envelope(error, request_id)
    kind, message = error.kind, error.message
    if isinstance(error, NotPermitted):
        kind = "PolicyNotAuthorized"
        message = f"rule:{error.rule} is disallowed by policy" if error.rule else message
    elif kind == type(error).__name__:
        kind = _HTTP_KINDS.get(kind, kind)
    return ErrorBody(encode({"NeutronError": {"type": kind, "message": message, "detail": ""}}))


def page_links(ctx: Context, cls: type[Row], page: Page) -> dict[str, Any]:
    """Next and previous, when a limit was given: a full page has a next one, even if that may be empty."""
    if page.limit is None:
        return {}
    backwards = Query(_query_text(page)).flag("page_reverse")
    full, links = page.count >= page.limit, []
    forward = Page(page.path, [p for p in page.query if p[0] != "page_reverse"], *_rest(page))
    if full or backwards:
        links.append({"rel": "next", "href": page_url(ctx, forward, page.last)})
    if full or not backwards:
        links.append({"rel": "previous", "href": page_url(ctx, forward, page.first, page_reverse="True")})
    return {f"{cls.plural}_links": links} if links else {}  # type: ignore[attr-defined]


def _query_text(page: Page) -> str:
    return "&".join(f"{key}={value}" for key, value in page.query if key == "page_reverse")


def _rest(page: Page) -> tuple[Any, ...]:
    return page.limit, page.first, page.last, page.more, page.marker, page.count


def sort(query: Any) -> list[tuple[str, str]]:
    return [("project_id" if key == "tenant_id" else key, way) for key, way in sort_by_key_and_dir(query)]


def prepare(cls: Any, verb: str, body: Any) -> Any:
    """A body with its project under one name; refuses what upstream refuses before it looks at values."""
    if not isinstance(body, Mapping):
        raise BadRequest("Resource body required")
    if cls.member not in body:
        raise BadRequest(f"Unable to find '{cls.member}' in request body")
    values = body[cls.member]
    if not isinstance(values, Mapping):
        raise BadRequest(f"Object '{values}' contains invalid data")
    return {cls.member: _settable(cls, verb, _with_project(values))}


def _with_project(values: Mapping[str, Any]) -> dict[str, Any]:
    found = dict(values)
    if "tenant_id" in found:
        tenant = found.pop("tenant_id")
        if found.setdefault("project_id", tenant) != tenant:
            raise BadRequest("'project_id' and 'tenant_id' do not match")
    return found


def _settable(cls: Any, verb: str, values: dict[str, Any]) -> dict[str, Any]:
    known = {spec.on_wire: spec for spec in cls.fields.values()}
    unknown = [name for name in values if name not in known]
    if unknown:
        raise BadRequest(f"Unrecognized attribute(s) '{', '.join(unknown)}'")
    for name in values:
        if verb == "create" and not known[name].create:
            raise BadRequest(f"Attribute '{name}' not allowed in POST")
        if verb == "update" and not known[name].update:
            raise BadRequest(f"Cannot update read-only attribute {name}")
    if verb == "create":
        for name, spec in known.items():
            if spec.required and name not in values:
                raise BadRequest(f"Failed to parse request. Required attribute '{name}' not specified")
    return values


WIRE = WireProfile(
    error=error_body,
    page_links=page_links,
    page_keys=lambda cls: {f"{cast(type[Resource], cls).plural}_links": maybe(LINKS)},
    page_limit=None,
    sort=sort,
    loose=True,
    sifts=True,
    prepare=prepare,
    invalid=lambda path, value, message: f"Invalid input for {path}. Reason: {message}.",
)
