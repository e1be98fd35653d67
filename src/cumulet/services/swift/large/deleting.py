# SPDX-License-Identifier: Apache-2.0
"""A static large object goes with its segments, and theirs."""

from urllib.parse import quote

from cumulet.kernel.auth.context import Context
from cumulet.kernel.errors import BadRequest, Error, NotFound
from cumulet.kernel.http.messages import Reply, Request, as_flag
from cumulet.services.swift.bulk.deleting import delete_one
from cumulet.services.swift.bulk.outcome import Outcome
from cumulet.services.swift.gate import Pass
from cumulet.services.swift.large import manifest, static
from cumulet.services.swift.model import Stored
from cumulet.services.swift.names import Place
from cumulet.services.swift.objects.opening import seek
from cumulet.services.swift.store import Store

_MOST = 10 * manifest.MAX_SEGMENTS


async def delete(ctx: Context, request: Request, entered: Pass, place: Place) -> Reply:
    """DELETE ?multipart-manifest=delete: what the manifest names is gone, and then the manifest."""
    outcome = Outcome("delete", {"Number Deleted": 0, "Number Not Found": 0})
    try:
        for wanted in await _everything(ctx, place, outcome):
            try:
                await delete_one(ctx, request, wanted, entered)
                outcome.counts["Number Deleted"] += 1
            except NotFound:
                outcome.counts["Number Not Found"] += 1
            except Error as refusal:
                outcome.fail(quote(f"{wanted.container}/{wanted.name}"), refusal)
                outcome.status = BadRequest.status
    except Error as refusal:
        outcome.end(refusal)
    if as_flag(request.query.get("async", "")) and outcome.status == 200:
        return Reply(204)
    return outcome.reply(request)


async def _everything(ctx: Context, place: Place, outcome: Outcome) -> list[Place]:
    """The segments of a manifest and of those in it, each before what names it. Raises BadRequest."""
    found: list[Place] = []
    ahead = [place]
    while ahead:
        if len(ahead) > _MOST:
            raise BadRequest("Too many buffered slo segments to delete.")
        known = ahead.pop()
        found.append(known)
        try:
            stored = await ctx.read(seek, known)
            segments = await _segments(ctx, stored)
        except NotFound:
            continue
        except BadRequest as refusal:
            outcome.errors.append((quote(f"{known.container}/{known.name}"), refusal.message))
            outcome.status = BadRequest.status
            found.pop()
            continue
        for segment in segments:
            if segment.data:
                continue
            container, _, name = segment.name.lstrip("/").partition("/")
            (ahead if segment.sub_slo else found).append(place.to(container, name))
    return list(dict.fromkeys(reversed(found)))


async def _segments(ctx: Context, stored: Stored) -> list[manifest.Segment]:
    if stored.kind != "slo":
        raise BadRequest("Not an SLO manifest")
    try:
        return await static.segments_of(ctx.app.contract(Store), stored)
    except FileNotFoundError:
        raise NotFound from None
