# SPDX-License-Identifier: Apache-2.0
"""Containers as web sites: an index for a folder, a list where there is none, pages for errors.

It is for who asks without a token, and for who asks with X-Web-Mode; everybody else means the API.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from cumulet.kernel.auth.context import Context
from cumulet.kernel.errors import Error, NotFound
from cumulet.kernel.http.messages import Reply, Request, as_flag
from cumulet.services.swift.asked import Found
from cumulet.services.swift.listing.question import Question
from cumulet.services.swift.model import Container
from cumulet.services.swift.names import Place
from cumulet.services.swift.web.page import document, page

Show = Callable[[Place], Awaitable[Reply]]
"""Answers with an object of the site, refuses who may not see it."""
List = Callable[[Container, Question], Awaitable[list[dict[str, Any]]]]
HTML = "text/html; charset=UTF-8"
_META = "X-Container-Meta-Web-"


@dataclass(frozen=True)
class Site:
    """What a container says of itself as a site."""

    container: Container
    asked_path: str

    @property
    def index(self) -> str:
        return self._said("Index")

    @property
    def error(self) -> str:
        return self._said("Error")

    @property
    def lists(self) -> bool:
        return as_flag(self._said("Listings"))

    @property
    def css(self) -> str:
        return self._said("Listings-Css")

    @property
    def label(self) -> str:
        return self._said("Listings-Label")

    @property
    def folder_type(self) -> str:
        return self._said("Directory-Type") or "application/directory"

    @property
    def is_one(self) -> bool:
        return bool(self.index or self._said("Listings"))

    def _said(self, name: str) -> str:
        return self.container.headers.get(f"{_META}{name}", "").strip()

    def style(self, prefix: str) -> str:
        """Where the style sheet is, seen from a folder."""
        if not self.css or self.css.startswith(("/", "http://", "https://")):
            return self.css
        return "../" * prefix.count("/") + quote(self.css)


def is_meant(ctx: Context, request: Request) -> bool:
    """Whether a request may mean a site rather than the API."""
    if request.method not in ("GET", "HEAD") or "temp_url_sig" in request.query:
        return False
    return not ctx.user_id or as_flag(request.headers.get("x-web-mode", ""))


def site_of(request: Request, found: Found) -> Site | None:
    """The site that a container is, None where it is none."""
    site = Site(found.container, request.asked) if found.container is not None else None
    if site is None or not (site.is_one or site.error):
        return None
    return site


async def folder(site: Site, place: Place, show: Show, list_: List) -> Reply:
    """The index of a folder, or its list. Raises NotFound."""
    if not site.is_one:
        raise NotFound
    if not site.asked_path.endswith("/"):
        return _with_slash(site)
    if site.index:
        try:
            return await show(place.to(place.container, place.name + site.index))
        except NotFound:
            pass
    return await _list(site, place.name, list_)


async def thing(site: Site, place: Place, show: Show, list_: List) -> Reply:
    """An object, or the folder by its name. Raises NotFound."""
    try:
        reply = await show(place)
    except NotFound:
        if not site.is_one:
            raise
    else:
        length = reply.headers.get("Content-Length") or len(reply.body or b"")
        kind = reply.headers.get("Content-Type", reply.content_type)
        if not (kind == site.folder_type and int(length) <= 1):
            return reply
    inside = place.name if place.name.endswith("/") else f"{place.name}/"
    if place.name.endswith("/") or await list_(site.container, Question(limit=1, prefix=inside)):
        return await folder(site, place.to(place.container, inside), show, list_)
    raise NotFound


async def _list(site: Site, prefix: str, list_: List) -> Reply:
    if not site.lists:
        text = "  <h1>Web Listing Disabled</h1>\n"
        if site.index:
            text += "  <h1>Index File Not Found</h1>\n"
        label = site.label or site.asked_path
        body = document(f"Listing of {label}", site.style(prefix), text)
        raise NotFoundPage(body)
    items = await list_(site.container, Question(prefix=prefix, delimiter="/"))
    if prefix and not items:
        raise NotFound
    label = f"{site.label}/{prefix}" if site.label else site.asked_path
    return Reply(200, page(label, prefix, items, site.style(prefix)), {}, HTML)


class NotFoundPage(NotFound):
    """404 with a page that says more."""

    def __init__(self, page: bytes) -> None:
        super().__init__("")
        self.page = page


def _with_slash(site: Site) -> Reply:
    return Reply(301, None, {"Location": quote(site.asked_path) + "/"})


async def excused(site: Site, place: Place, show: Show, refusal: Error) -> Reply:
    """What refused a request, with the site's own page for it; it is raised again where there is none."""
    if site.error:
        try:
            reply = await show(place.to(place.container, f"{refusal.status}{site.error}"))
        except Error:
            pass
        else:
            reply.status = refusal.status
            return reply
    if isinstance(refusal, NotFoundPage):
        return Reply(404, refusal.page, {}, HTML)
    raise refusal
