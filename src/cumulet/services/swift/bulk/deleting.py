# SPDX-License-Identifier: Apache-2.0
"""Deletions by a list of names, objects before containers."""

from collections.abc import AsyncIterator, Sequence
from urllib.parse import quote

from cumulet.kernel.auth.context import Context
from cumulet.kernel.errors import BadRequest, Error, NotAcceptable, NotFound, PreconditionFailed, TooLarge
from cumulet.kernel.http.messages import Reply, Request
from cumulet.services.swift import access
from cumulet.services.swift.asked import find
from cumulet.services.swift.bulk.outcome import Outcome
from cumulet.services.swift.containers import removing
from cumulet.services.swift.gate import Pass
from cumulet.services.swift.limits import MAX_CONTAINER_NAME, MAX_OBJECT_NAME
from cumulet.services.swift.names import Place, unescaped
from cumulet.services.swift.objects import writing
from cumulet.services.swift.objects.discarding import discard

MOST, MOST_FAILED = 10000, 1000
_LONGEST = 3 * (MAX_CONTAINER_NAME + MAX_OBJECT_NAME) + 2


async def delete_listed(ctx: Context, request: Request, account: str) -> Reply:
    """POST or DELETE ?bulk-delete: what the body names, a line each, is gone as far as the caller may."""
    outcome = Outcome("delete", {"Number Deleted": 0, "Number Not Found": 0})
    try:
        kind = request.headers.get("content-type", "text/plain")
        if not kind.startswith("text/plain"):
            raise NotAcceptable
        names = await _names(request)
        await delete(ctx, request, [_place(account, name) for name in names], outcome)
        if not (outcome.errors or any(outcome.counts.values())):
            raise BadRequest("Invalid bulk delete.")
    except Error as refusal:
        outcome.end(refusal)
    return outcome.reply(request)


async def _names(request: Request) -> list[str]:
    """The lines of the body. Raises TooLarge, BadRequest."""
    found: list[str] = []
    async for line in _lines(request):
        if name := line.strip():
            if len(found) == MOST:
                raise TooLarge(f"Maximum Bulk Deletes: {MOST} per request")
            found.append(unescaped(name.decode("latin-1")))
    return found


async def _lines(request: Request) -> AsyncIterator[bytes]:
    assert request.stream is not None
    rest = b""
    async for chunk in request.stream:
        *whole, rest = (rest + chunk).split(b"\n")
        for line in whole:
            yield line
        if len(rest) > _LONGEST:
            raise BadRequest("Invalid File Name")
    yield rest


def _place(account: str, name: str) -> Place:
    container, _, inner = name.lstrip("/").partition("/")
    return Place(account, container, inner)


async def delete(ctx: Context, request: Request, places: Sequence[Place], outcome: Outcome) -> None:
    """These are gone, objects before containers. Raises BadRequest once too many could not be deleted."""
    for wanted in (True, False):
        for place in places:
            if bool(place.name) is not wanted:
                continue
            try:
                await delete_one(ctx, request, place)
                outcome.counts["Number Deleted"] += 1
            except NotFound:
                outcome.counts["Number Not Found"] += 1
            except Error as refusal:
                outcome.fail(quote(place.path.partition("/")[2].partition("/")[2]), refusal)
                outcome.status = BadRequest.status
            if len(outcome.errors) >= MOST_FAILED:
                raise BadRequest("Max delete failures exceeded")


async def delete_one(ctx: Context, request: Request, place: Place, entered: Pass | None = None) -> None:
    """An object or an empty container is gone, if the caller may delete it."""
    if not place.container:
        raise PreconditionFailed
    found = await ctx.read(find, place)
    if entered is None or not entered.covers(place):
        access.permitted(ctx, access.asking(request, place, found.account, found.container, "DELETE"))
    if not place.name:
        await ctx.transact(removing.remove, place)
        return
    removed = await ctx.transact(writing.remove, place)
    await discard(ctx.app, removed.dead)
    if not removed.existed:
        raise NotFound
