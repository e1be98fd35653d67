# SPDX-License-Identifier: Apache-2.0
"""Requests that mean a web site, answered from its objects and lists."""

from typing import Any

from cumulet.kernel.auth.context import Context
from cumulet.kernel.errors import Error
from cumulet.kernel.http.messages import Reply, Request
from cumulet.services.swift import access
from cumulet.services.swift.asked import Found
from cumulet.services.swift.listing import items
from cumulet.services.swift.listing.question import Question
from cumulet.services.swift.model import Container
from cumulet.services.swift.names import Place
from cumulet.services.swift.objects import reading
from cumulet.services.swift.web import site


async def serve(ctx: Context, request: Request, place: Place, found: Found) -> Reply | None:
    """The answer of the site that a container is; None where it is none, or the API is meant."""
    known = site.site_of(request, found) if site.is_meant(ctx, request) else None
    if known is None:
        return None

    async def show(at: Place) -> Reply:
        return await reading.show(ctx, request, at)

    async def listed(container: Container, asked: Question) -> list[dict[str, Any]]:
        whole = place.to(place.container)
        access.permitted(ctx, access.asking(request, whole, found.account, container, "GET"))
        return await ctx.read(items.objects, container.id, asked)

    try:
        answer = site.thing if place.name else site.folder
        return await answer(known, place, show, listed)
    except Error as refusal:
        return await site.excused(known, place, show, refusal)
