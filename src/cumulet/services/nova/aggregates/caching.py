# SPDX-License-Identifier: Apache-2.0
"""Having images brought to the hosts of an aggregate before servers need them."""

import asyncio
from typing import Any

from cumulet.kernel import events, saga
from cumulet.kernel.auth.context import Context
from cumulet.kernel.bus import CallError
from cumulet.kernel.db import Tx
from cumulet.kernel.errors import BadRequest
from cumulet.kernel.http.endpoint import route
from cumulet.kernel.http.messages import Request
from cumulet.kernel.resource.schema import Checked
from cumulet.kernel.saga import Run, step
from cumulet.services.nova.aggregates import model
from cumulet.services.nova.aggregates.api import find
from cumulet.services.nova.compute.model import computes
from cumulet.services.nova.servers.schemas import UUID, obj

_RULE = "compute:aggregates:images"
_IMAGES = {"type": "array", "items": obj({"id": UUID}, "id"), "minItems": 1}
IMAGES = Checked(obj({"cache": _IMAGES}, "cache"))
SECONDS = 3600.0


@route(
    "POST",
    "/os-aggregates/{aggregate_id}/images",
    since="2.81",
    policy=_RULE,
    schema=IMAGES.at,
    status=202,
)
def cache_images(tx: Tx, ctx: Context, request: Request) -> None:
    """Accept that the hosts of the aggregate, as far as they are up, should have these images."""
    ctx.require(_RULE)
    image_ids = [image["id"] for image in IMAGES(ctx, request.body)["cache"]]
    if len(set(image_ids)) != len(image_ids):
        raise BadRequest("Duplicate images in request")
    row = find(tx, request)
    saga.start(tx, ctx, bring_images, aggregate_id=row.id, image_ids=image_ids)
    events.emit(tx, ctx, "aggregate.cache_images", row)


@step()
def hosts_up(tx: Tx, ctx: Context, aggregate_id: str) -> list[str]:
    """The hosts of the aggregate that can be asked now; those that are down go without."""
    hosts = model.hosts_of(tx, [aggregate_id])[aggregate_id]
    return [name for name, host in computes(tx, hosts).items() if host.up]


@step(deadline=SECONDS)
async def bring_to_all(ctx: Context, hosts: list[str], image_ids: list[str]) -> None:
    """Every host has the images; where one could not be had it says so, and gets it with the first server."""
    await asyncio.gather(*(_bring(ctx, host, image_ids) for host in hosts))


async def _bring(ctx: Context, host: str, image_ids: list[str]) -> None:
    for image_id in image_ids:
        try:
            await ctx.app.hosts.call(host, "image_cache", "", SECONDS, id=image_id)
        except CallError as error:
            ctx.app.log.warning("an image was not cached", host=host, image=image_id, why=str(error))


@saga.saga("aggregate.cache_images/1", keys=("aggregate",), queued=True)
async def bring_images(run: Run, aggregate_id: str, image_ids: list[str]) -> None:
    """Ask the hosts of the aggregate, all at once, to fetch one image after the other."""
    hosts: Any = await run(hosts_up, aggregate_id)
    await run(bring_to_all, hosts, image_ids)


ROUTES = (cache_images,)
