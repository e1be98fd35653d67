# SPDX-License-Identifier: Apache-2.0
"""Version documents: there is one API, v2, whose minor versions only say what it has learned."""

from typing import Any, Literal

from cumulet.kernel.auth.context import Context
from cumulet.kernel.http.endpoint import route
from cumulet.kernel.http.messages import Reply, Request
from cumulet.kernel.resource.shapes import LINKS, array, keys

CURRENT = "v2.17"
SUPPORTED = ("v2.15", "v2.9", "v2.7", "v2.6", "v2.5", "v2.4", "v2.3", "v2.2", "v2.1", "v2.0")

VERSIONS = keys(versions=array(keys(id=str, status=Literal["CURRENT", "SUPPORTED"], links=LINKS)))


def document(ctx: Context) -> dict[str, Any]:
    links = [{"rel": "self", "href": f"{ctx.base_url}/v2/"}]
    known = [(CURRENT, "CURRENT"), *((version, "SUPPORTED") for version in SUPPORTED)]
    return {"versions": [{"id": id, "status": status, "links": links} for id, status in known]}


@route("GET", "/", prefixed=False, public=True, status=300, answer=VERSIONS)
async def choices(ctx: Context, request: Request) -> Reply:
    """The versions, as the answer to a request that names none."""
    return Reply(300, document(ctx))


@route("GET", "/versions", prefixed=False, public=True, answer=VERSIONS)
async def versions(ctx: Context, request: Request) -> Reply:
    """The versions."""
    return Reply(200, document(ctx))


ROUTES = (choices, versions)
