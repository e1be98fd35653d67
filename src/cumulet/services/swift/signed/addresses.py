# SPDX-License-Identifier: Apache-2.0
"""Temporary URLs: who has one may do one thing, with one object or with all of a prefix, for a time."""

import calendar
import time
from dataclasses import dataclass
from ipaddress import ip_address, ip_network
from urllib.parse import quote

from cumulet.kernel.auth.context import Context
from cumulet.kernel.errors import BadRequest, Unauthorized
from cumulet.kernel.http.messages import Query, Reply, Request
from cumulet.services.swift import times
from cumulet.services.swift.asked import Found
from cumulet.services.swift.names import Place
from cumulet.services.swift.settings import SwiftSettings
from cumulet.services.swift.signed.keys import keys_of, signer

METHODS = ("GET", "HEAD", "PUT", "POST", "DELETE")
NOT_SENT = ("x-object-manifest", "x-symlink-target")
"""Headers by which one who may write an object would reach others."""
HIDDEN, SHOWN = "x-object-meta-", "x-object-meta-public-"
_INVALID = "401 Unauthorized: Temp URL invalid\n"


@dataclass(frozen=True)
class Address:
    """A signed address that holds: until when, within what, and how its content is to be saved."""

    within: Place
    name: str
    expires: int
    filename: str = ""
    inline: bool = False

    def dressed(self, reply: Reply) -> Reply:
        """The answer to who came by it: what is said of the object stays hidden."""
        kept = {
            name: value
            for name, value in reply.headers.items()
            if not name.lower().startswith(HIDDEN) or name.lower().startswith(SHOWN)
        }
        if reply.status < 300:
            kept["Content-Disposition"] = self._disposition(kept.get("Content-Disposition", ""))
            kept["Expires"] = times.http_date_of(self.expires)
        reply.headers = kept
        return reply

    def _disposition(self, known: str) -> str:
        if self.inline:
            return _disposition("inline", self.filename) if self.filename else "inline"
        if self.filename or not known:
            return _disposition("attachment", self.filename or self.name.rstrip("/").rpartition("/")[2])
        return known


def _disposition(kind: str, filename: str) -> str:
    return f"{kind}; filename=\"{quote(filename, safe=' /')}\"; filename*=UTF-8''{quote(filename)}"


def is_signed(request: Request) -> bool:
    return "temp_url_sig" in request.query or "temp_url_expires" in request.query


def enter(ctx: Context, request: Request, place: Place, found: Found) -> Address:
    """The address by which a request came, with nothing left in its query that was not signed for.

    Raises Unauthorized unless it holds, BadRequest for headers that nobody signed for.
    """
    address = _checked(ctx, request, place, found)
    if request.method not in ("GET", "HEAD"):
        for name in NOT_SENT:
            if name in request.headers:
                raise BadRequest(f"The header {name.title()!r} is not allowed in this tempurl")
    request.query = Query()
    return address


def _checked(ctx: Context, request: Request, place: Place, found: Found) -> Address:
    query = request.query
    prefix = query.get("temp_url_prefix")
    expires = _expires(query.get("temp_url_expires") or "", times.seconds(ctx.app.clock.now()))
    allowed = query.get("temp_url_ip_range")
    if not expires or request.method not in METHODS or not place.name.strip("/"):
        raise Unauthorized(_INVALID)
    if allowed and not _is_within(request.client, allowed):
        raise Unauthorized(_INVALID)
    if prefix is not None and not place.name.startswith(prefix):
        raise Unauthorized(_INVALID)
    methods = ("HEAD", "GET", "POST", "PUT") if request.method == "HEAD" else (request.method,)
    paths = _paths(ctx, place, prefix)
    head = f"ip={allowed}\n" if allowed else ""
    texts = [f"{head}{method}\n{expires}\n{path}" for method in methods for path in paths]
    allowed_digests = ctx.app.contract(SwiftSettings).allowed_digests
    key = signer(query.get("temp_url_sig") or "", texts, keys_of(place, found), allowed_digests)
    if key is None:
        raise Unauthorized(_INVALID)
    return Address(key.within, place.name, expires, query.get("filename") or "", "inline" in query)


def _paths(ctx: Context, place: Place, prefix: str | None) -> list[str]:
    """What may have been signed: the path below the service, or the whole one as the catalog has it."""
    inner = place.name if prefix is None else prefix
    path = f"/v1/{place.account}/{place.container}/{inner}"
    kind = "" if prefix is None else "prefix:"
    return [f"{kind}{path}", f"{kind}{ctx.service.manifest.path}{path}"]


def _expires(text: str, now: int) -> int:
    """Seconds since 1970, 0 for what is no time or over."""
    try:
        found = int(text[:20])
    except ValueError:
        try:
            found = calendar.timegm(time.strptime(text, "%Y-%m-%dT%H:%M:%SZ"))
        except (ValueError, OverflowError):
            return 0
    return found if now <= found < 2**40 else 0


def _is_within(client: str, allowed: str) -> bool:
    try:
        return ip_address(client) in ip_network(allowed)
    except ValueError:
        return False
