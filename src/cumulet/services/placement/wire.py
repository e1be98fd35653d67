# SPDX-License-Identifier: Apache-2.0
"""Placement's letter: versions, errors with the codes that clients match on, and when things changed."""

import re
from dataclasses import dataclass
from email.utils import formatdate
from http import HTTPStatus
from typing import Any

import msgspec

from cumulet.kernel.auth.context import Context
from cumulet.kernel.errors import BadRequest, Error, MethodNotAllowed, NotAcceptable, NotPermitted
from cumulet.kernel.http.messages import Reply
from cumulet.kernel.http.wire import ErrorBody, WireProfile
from cumulet.kernel.versions import Microversions, dotted, microversion
from cumulet.lib.timestamps import Timestamp, to_epoch
from cumulet.services.placement import errors

JSON = "application/json"
_TAGS = re.compile(r"<.*?>", re.DOTALL)

# -- versions -------------------------------------------------------------------------------------------


class UnknownVersion(NotAcceptable):
    """The request asks for a version that there is not."""


@dataclass(frozen=True)
class PlacementVersions(Microversions):
    """Placement's versions, with its words for those that it does not have."""

    def negotiate(self, headers: Any) -> int:
        """The version that the request asks for. Raises BadRequest and UnknownVersion."""
        asked = self._asked(headers)
        low, high = self.bounds
        if asked is None or asked == "latest":
            return low if asked is None else high
        try:
            version = microversion(asked)
        except ValueError:
            parts = asked.split(".", 1)
            if len(parts) == 2 and all(part.isdecimal() for part in parts):
                version = -1
            else:
                raise BadRequest(f"Invalid microversion: invalid version string: {asked}") from None
        if not low <= version <= high:
            raise UnknownVersion(f"Invalid microversion: Unacceptable version header: {asked}")
        return version

    def headers(self, version: int) -> list[tuple[str, str]]:
        return [
            ("OpenStack-API-Version", f"{self.type} {dotted(version)}"),
            ("Vary", "openstack-api-version"),
        ]


# -- errors ---------------------------------------------------------------------------------------------


def error_body(error: Error, ctx: Context) -> ErrorBody:
    """{"errors": [{"status", "title", "detail", "request_id", "code"}]}, the code from 1.23 on."""
    item: dict[str, Any] = {
        "status": error.status,
        "title": HTTPStatus(error.status).phrase,
        "detail": _detail(error),
        "request_id": ctx.request_id,
    }
    if ctx.at("1.23"):
        item["code"] = error.kind if error.kind.startswith("placement.") else errors.UNDEFINED
    if isinstance(error, UnknownVersion):
        bounds = ctx.service.api.microversions
        assert bounds is not None
        item |= {"max_version": bounds.maximum, "min_version": bounds.minimum}
    return ErrorBody(msgspec.json.encode({"errors": [item]}))


def _detail(error: Error) -> str:
    if isinstance(error, NotPermitted):
        message = f"Policy does not allow {error.rule} to be performed."
    elif isinstance(error, MethodNotAllowed):
        message = f"{error.message} \n\n The method specified is not allowed for this resource."
    else:
        message = error.message
    lead = _LEADS.get(error.status)
    if lead is None:
        return message
    said = "" if message == lead else _TAGS.sub("", message.replace("\n", " "))
    return f"{lead}\n\n {said}  "


_LEADS = {
    400: "The server could not comply with the request since it is either malformed or otherwise incorrect.",
    403: "Access was denied to this resource.",
    404: "The resource could not be found.",
    409: "There was a conflict when trying to complete your request.",
    500: "The server has either erred or is incapable of performing the requested operation.",
}

WIRE = WireProfile(error=lambda error, request_id: ErrorBody(b"{}"), error_at=error_body)

# -- answers --------------------------------------------------------------------------------------------


def mount(ctx: Context) -> str:
    """The path prefix below which the caller found the service; links begin with it, without a host."""
    return "/" + ctx.base_url.partition("://")[2].partition("/")[2] if ctx.base_url.count("/") > 2 else ""


def provider_url(ctx: Context, provider_id: str) -> str:
    return f"{mount(ctx)}/resource_providers/{provider_id}"


def located(ctx: Context, path: str) -> dict[str, str]:
    """The header that says where something is, as the whole address that upstream makes of it."""
    return {"Location": ctx.base_url[: len(ctx.base_url) - len(mount(ctx))] + path}


def answer(
    ctx: Context, body: Any, changed: Timestamp | None = None, *, status: int = 200, location: str = ""
) -> Reply:
    """A reply that says, from 1.15 on, when what it holds was changed last: now, where nobody knows."""
    headers = located(ctx, location) if location else {}
    if ctx.at("1.15"):
        when = to_epoch(changed or ctx.app.clock.now())
        headers |= {"Last-Modified": formatdate(when, usegmt=True), "Cache-Control": "no-cache"}
    return Reply(status, body, headers)
