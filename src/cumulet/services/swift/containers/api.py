# SPDX-License-Identifier: Apache-2.0
"""Containers over HTTP."""

from cumulet.kernel.auth.context import Context
from cumulet.kernel.db import Tx
from cumulet.kernel.errors import BadRequest, NotAcceptable
from cumulet.kernel.http.endpoint import Other, route
from cumulet.kernel.http.messages import Reply, Request
from cumulet.kernel.http.wire import preferred
from cumulet.kernel.resource.shapes import array
from cumulet.services.swift import gate
from cumulet.services.swift.accounts.api import AS_MADE, AS_TEXT
from cumulet.services.swift.accounts.api import LISTED as ASKED
from cumulet.services.swift.asked import find
from cumulet.services.swift.bulk.extracting import extract
from cumulet.services.swift.containers import making, removing
from cumulet.services.swift.containers.changes import Changes, changes_of
from cumulet.services.swift.containers.showing import container_headers
from cumulet.services.swift.listing import items
from cumulet.services.swift.listing.letter import LISTED_OBJECT, listing_reply
from cumulet.services.swift.listing.question import Question, media_type, question
from cumulet.services.swift.model import Container
from cumulet.services.swift.names import Place, place_of
from cumulet.services.swift.objects.writing import needed
from cumulet.services.swift.signed import forms
from cumulet.services.swift.versions import listing as versions
from cumulet.services.swift.web.cors import shared
from cumulet.services.swift.web.serving import serve

PATH = "/{account}/{container}"
LISTED = (*ASKED, "path", "versions", "version_marker")
TAGS = ("containers",)
AS_FORM = (Other(201, None, "text/plain"), Other(303, None, "text/html"))
AS_LIST = (*AS_TEXT, Other(200, None, "*/*"), Other(301))


@route("GET", PATH, anonymous=True, tags=TAGS, query=LISTED, answer=array(LISTED_OBJECT), also=AS_LIST)
@shared
async def show(ctx: Context, request: Request) -> Reply:
    """The objects of a container, and what is said of it."""
    place = place_of(request)
    found = await ctx.read(find, place)
    if (page := await serve(ctx, request, place, found)) is not None:
        return page
    entered = gate.enter(ctx, request, place, found)
    container = needed(found)
    asked, kind = question(request.query), media_type(request.query, request.headers.get("accept", ""))
    said = container_headers(container, entered.grant)
    if request.method == "HEAD":
        return Reply(204, None, {**said, "Content-Type": f"{kind}; charset=utf-8"})
    if "versions" in request.query:
        return await _all_versions(ctx, request, container, asked, said)
    listed = await ctx.read(items.objects, container.id, asked)
    return listing_reply(kind, listed, said, ("container", place.container, "object"))


async def _all_versions(
    ctx: Context, request: Request, container: Container, asked: Question, said: dict[str, str]
) -> Reply:
    """What the objects are and were, in JSON. Raises NotAcceptable, BadRequest."""
    behind = versions.version_marker(request.query)
    if preferred(request.headers.get("accept", "*/*"), "application/json") is None:
        raise NotAcceptable
    if set(asked.delimiter) & set("0123456789."):
        raise BadRequest("invalid delimiter param")
    listed = await ctx.read(versions.versions, container.id, asked, behind)
    return listing_reply("application/json", listed, said, ("container", container.name, "object"))


@route("PUT", PATH, anonymous=True, tags=TAGS, raw=True, status=201, also=AS_MADE, query=("extract-archive",))
@shared
async def create(ctx: Context, request: Request) -> Reply:
    """The container is there, with this said of it; or the files of an archive are objects in it."""
    place = place_of(request)
    if "extract-archive" in request.query:
        return await extract(ctx, request, place)
    entered = gate.enter(ctx, request, place, await ctx.read(find, place))
    existed = await ctx.transact(making.make, place, changes_of(request, entered.grant))
    return Reply(202 if existed else 201)


@route("POST", PATH, anonymous=True, tags=TAGS, raw=True, status=204, also=AS_FORM)
@shared
async def update(ctx: Context, request: Request) -> Reply:
    """What is said of the container is changed; or the files of a signed form are objects in it."""
    place = place_of(request)
    if forms.is_form(request):
        return await forms.accept(ctx, request, place)
    entered = gate.enter(ctx, request, place, await ctx.read(find, place))
    await ctx.transact(_update, place, changes_of(request, entered.grant))
    return Reply(204)


def _update(tx: Tx, place: Place, changes: Changes) -> None:
    changes.apply(tx, needed(find(tx, place)))


@route("DELETE", PATH, anonymous=True, tags=TAGS, raw=True, status=204)
@shared
async def remove(ctx: Context, request: Request) -> Reply:
    """The container is not there; it had to be empty, of old versions too."""
    place = place_of(request)
    gate.enter(ctx, request, place, await ctx.read(find, place))
    await ctx.transact(removing.remove, place)
    return Reply(204)


ROUTES = (show, create, update, remove)
