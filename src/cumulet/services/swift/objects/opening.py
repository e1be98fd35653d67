# SPDX-License-Identifier: Apache-2.0
"""From a name to what is read: an object or a version of it, what a link leads to, what segments make."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from typing import Any

import msgspec

from cumulet.kernel.auth.context import Context
from cumulet.kernel.db import Tx
from cumulet.kernel.errors import Conflict, NotFound
from cumulet.kernel.http.messages import Request
from cumulet.lib.timestamps import Timestamp
from cumulet.services.swift import gate
from cumulet.services.swift.asked import Found, find
from cumulet.services.swift.gate import Pass
from cumulet.services.swift.large import dynamic, manifest, static
from cumulet.services.swift.model import Stored
from cumulet.services.swift.names import Place
from cumulet.services.swift.objects import symlinks
from cumulet.services.swift.objects.content import Content, in_memory, plain
from cumulet.services.swift.objects.writing import is_expired, needed
from cumulet.services.swift.store import Store
from cumulet.services.swift.versions.asking import require_version
from cumulet.services.swift.versions.keeping import version_of

JSON = "application/json; charset=utf-8"


@dataclass(frozen=True)
class Opened:
    """What stands behind a name: its row, and its content with the sum by which conditions know it."""

    place: Place
    stored: Stored
    content: Content
    etag: str
    headers: dict[str, str] = field(default_factory=dict)
    """What is said besides what the row says."""


@dataclass(frozen=True)
class Ways:
    """How a name is to be understood: links and manifests as they are, or what they stand for."""

    link_itself: bool = False
    manifest_itself: bool = False
    raw: bool = False
    version: str = ""


def ways(request: Request) -> Ways:
    """As a request's query has it."""
    query = request.query
    return Ways(
        link_itself=query.get("symlink") == "get",
        manifest_itself=query.get("multipart-manifest") == "get",
        raw=query.get("format") == "raw",
        version=query.get("version-id") or "",
    )


@dataclass(frozen=True)
class Opener:
    """Opens objects by the right of one request, also those to which it did not ask to be led."""

    ctx: Context
    request: Request
    entered: Pass
    depth: int = 0

    async def open(self, place: Place, found: Found, asked: Ways = Ways()) -> Opened:
        """What is at a place that the request may read.

        Raises NotFound, Conflict for links that lead nowhere, and what refuses the caller on the way.
        """
        if asked.version:
            stored = await self.ctx.read(seek, place, asked.version)
        else:
            stored = present(found, self.ctx.app.clock.now())
        if stored.kind == "symlink" and not asked.link_itself:
            return await self._followed(place, stored, replace(asked, version=""))
        return await self._opened(place, stored, found, asked)

    async def look(self, place: Place) -> Opened:
        """What is at a place of which the request did not speak."""
        found = await self.ctx.read(find, place)
        gate.require_reading(self.ctx, self.request, self.entered, place, found)
        return await self.open(place, found)

    async def _followed(self, place: Place, stored: Stored, asked: Ways) -> Opened:
        """What a link leads to, over a few more if need be."""
        hops = 0
        while stored.kind == "symlink":
            hops += 1
            if hops > symlinks.MOST_HOPS:
                raise Conflict(f"Too many levels of symbolic links, maximum allowed is {symlinks.MOST_HOPS}")
            link, place = stored, symlinks.target_of(stored, place)
            found = await self.ctx.read(find, place)
            gate.require_reading(self.ctx, self.request, self.entered, place, found)
            try:
                stored = present(found, self.ctx.app.clock.now())
            except NotFound:
                raise NotFound(headers=symlinks.location(place)) from None
            symlinks.require_unchanged(link, stored, place)
        opened = await self._opened(place, stored, found, asked)
        return replace(opened, headers={**opened.headers, **symlinks.location(place)})

    async def _opened(self, place: Place, stored: Stored, found: Found, asked: Ways) -> Opened:
        said = _version_header(stored, found)
        if stored.kind == "slo":
            return await self._static(place, stored, asked, said)
        if stored.kind == "symlink":
            said |= symlinks.shown(stored)
        if (header := stored.headers.get("X-Object-Manifest")) and not asked.manifest_itself:
            return await self._dynamic(place, stored, header, said)
        return Opened(place, stored, plain(stored.blob, stored.size), stored.etag, said)

    async def _static(self, place: Place, stored: Stored, asked: Ways, said: dict[str, str]) -> Opened:
        said["X-Static-Large-Object"] = "True"
        store = self.ctx.app.contract(Store)
        if asked.manifest_itself:
            kept = plain(stored.blob, stored.size)
            if asked.raw:
                sent = manifest.as_sent(await static.segments_of(store, stored))
                kept = in_memory(msgspec.json.encode(sent))
            return Opened(place, stored, kept, stored.etag, {**said, "Content-Type": JSON})
        said["X-Manifest-Etag"] = stored.etag
        content = static.content(store, stored, place, self._deeper())
        return Opened(place, stored, content, f'"{stored.facts["etag"]}"', said)

    async def _dynamic(self, place: Place, stored: Stored, header: str, said: dict[str, str]) -> Opened:
        at = dynamic.segments_at(header, place.account)
        container = at.to(at.container)
        found = await self.ctx.read(find, container)
        gate.require_reading(self.ctx, self.request, self.entered, container, found)
        content, etag = await dynamic.content(self.ctx, at, self._deeper())
        return Opened(place, stored, content, etag, said)

    def _deeper(self) -> Callable[[Place], Awaitable[Any]]:
        """How the segments of a manifest are looked at, which may be manifests."""
        if self.depth >= static.DEPTH:
            raise Conflict("Max recursion depth exceeded")
        return replace(self, depth=self.depth + 1).look


def _version_header(stored: Stored, found: Found) -> dict[str, str]:
    if found.container is None or found.container.versioned is None:
        return {}
    return {"X-Object-Version-Id": stored.version or "null"}


def seek(tx: Tx, place: Place, version: str = "") -> Stored:
    """The object at a place, or a version of it. Raises NotFound when there is none, or it has expired."""
    found = find(tx, place)
    if not version:
        return present(found, tx.now)
    container = needed(found)
    require_version(container, version)
    stored = version_of(tx, container.id, place.name, version)
    if stored is not None and stored.kind == "marker":
        raise NotFound(headers={"X-Object-Version-Id": stored.version})
    if stored is None or is_expired(stored, tx.now):
        raise NotFound
    return stored


def present(found: Found, now: Timestamp) -> Stored:
    """The object that was found. Raises NotFound when there is none, or it has expired."""
    if found.object is None or is_expired(found.object, now):
        raise NotFound
    return found.object
