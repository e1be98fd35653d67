# SPDX-License-Identifier: Apache-2.0
"""Which pages of other sites may use a container: its metadata says so."""

import functools
from collections.abc import Awaitable, Callable

from cumulet.kernel.auth.context import Context
from cumulet.kernel.errors import Error, Unauthorized
from cumulet.kernel.http.endpoint import routes
from cumulet.kernel.http.messages import Reply, Request
from cumulet.services.swift.asked import find
from cumulet.services.swift.model import Container
from cumulet.services.swift.names import place_of

Answer = Callable[[Context, Request], Awaitable[Reply]]
_META = "X-Container-Meta-Access-Control-"
_EXPOSED = (
    "cache-control", "content-language", "content-type", "expires", "last-modified", "pragma", "etag",
    "x-timestamp", "x-trans-id", "x-openstack-request-id",
)  # fmt: skip
_OF_CONTAINER = ("GET", "HEAD", "PUT", "POST", "DELETE", "OPTIONS")
_OF_OBJECT = (*_OF_CONTAINER, "COPY")


def shared(answer: Answer) -> Answer:
    """The same answer, which a page may read whose origin the container allows."""

    @functools.wraps(answer)
    async def answering(ctx: Context, request: Request) -> Reply:
        if "origin" not in request.headers:
            return await answer(ctx, request)
        try:
            reply = await answer(ctx, request)
        except Error as refusal:
            refusal.headers |= await _headers(ctx, request, list(refusal.headers))
            raise
        reply.headers = {**reply.headers, **await _headers(ctx, request, list(reply.headers))}
        return reply

    return answering


async def _headers(ctx: Context, request: Request, sent: list[str]) -> dict[str, str]:
    container = await _container(ctx, request)
    origin = request.headers["origin"]
    if container is None or not _allows(container, origin):
        return {}
    said = container.headers
    extra = said.get(f"{_META}Expose-Headers", "").replace(",", " ").split()
    metadata = [name.lower() for name in sent if "-meta-" in name.lower()]
    return {
        "Access-Control-Allow-Origin": "*" if "*" in _origins(container) else origin,
        "Access-Control-Expose-Headers": ", ".join(
            dict.fromkeys([*_EXPOSED, *metadata, *map(str.lower, extra)])
        ),
        **({} if "*" in _origins(container) else {"Vary": "Origin"}),
    }


async def _container(ctx: Context, request: Request) -> Container | None:
    place = place_of(request)
    return (await ctx.read(find, place.to(place.container))).container


def _origins(container: Container) -> list[str]:
    return container.headers.get(f"{_META}Allow-Origin", "").split()


def _allows(container: Container, origin: str) -> bool:
    known = _origins(container)
    return "*" in known or origin in known


@routes(
    "OPTIONS",
    "/{account}/{container}",
    "/{account}/{container}/{object:path}",
    anonymous=True,
    tags=("cors",),
    answer=None,
    returns="text/html",
)
async def ask(ctx: Context, request: Request) -> Reply:
    """Whether a page of another site may send this request. Raises Unauthorized where it may not."""
    methods = ", ".join(_OF_OBJECT if "object" in request.params else _OF_CONTAINER)
    origin, method = request.headers.get("origin"), request.headers.get("access-control-request-method")
    if not origin:
        return Reply(200, None, {"Allow": methods})
    container = await _container(ctx, request)
    if container is None or method not in methods.split(", ") or not _allows(container, origin):
        raise Unauthorized(headers={"Allow": methods})
    found = {
        "Allow": methods,
        "Access-Control-Allow-Origin": "*" if "*" in _origins(container) else origin,
        "Access-Control-Allow-Methods": methods,
        "Vary": "Origin, Access-Control-Request-Headers",
    }
    if age := container.headers.get(f"{_META}Max-Age"):
        found["Access-Control-Max-Age"] = age
    if asked := request.headers.get("access-control-request-headers"):
        found["Access-Control-Allow-Headers"] = asked
    return Reply(200, None, found)


ROUTES = (ask,)
