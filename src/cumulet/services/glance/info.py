# SPDX-License-Identifier: Apache-2.0
"""What this site can do: ways to import, stores, and what is used of limits."""

from typing import Any, Literal

from cumulet.kernel.auth.context import Context
from cumulet.kernel.db import Tx
from cumulet.kernel.errors import NotFound
from cumulet.kernel.http.endpoint import route, routes
from cumulet.kernel.http.messages import Request
from cumulet.kernel.resource.shapes import keys, mapping
from cumulet.services.glance import limits
from cumulet.services.glance.images.changes import IMPORT_METHODS

METHODS = keys(description=str, type=Literal["array"], value=list[str])


@route("GET", "/info/import", answer=keys({"import-methods": METHODS}))
async def import_methods(ctx: Context, request: Request) -> dict[str, Any]:
    """The ways in which content that is not uploaded directly can come in."""
    said = {"description": "Import methods available.", "type": "array", "value": list(IMPORT_METHODS)}
    return {"import-methods": said}


@routes("GET", "/info/stores", "/info/stores/detail", status=404)
async def stores(ctx: Context, request: Request) -> None:
    """There is one store, which has no name."""
    raise NotFound("Multi backend is not supported at this site.")


@route("GET", "/info/usage", answer=keys(usage=mapping(keys(limit=int, usage=int))))
def usage(tx: Tx, ctx: Context, request: Request) -> dict[str, Any]:
    """What the caller's project uses of everything for which a limit is registered."""
    return {"usage": limits.usage(tx, ctx.project_id or "")}


ROUTES = (import_methods, stores, usage)
