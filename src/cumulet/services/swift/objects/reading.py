# SPDX-License-Identifier: Apache-2.0
"""One object as the answer to a request that may read it."""

from cumulet.kernel.auth.context import Context
from cumulet.kernel.errors import NotFound
from cumulet.kernel.http.messages import Reply, Request
from cumulet.services.swift import gate
from cumulet.services.swift.asked import Found, find
from cumulet.services.swift.names import Place
from cumulet.services.swift.objects import showing
from cumulet.services.swift.objects.opening import Opener, ways
from cumulet.services.swift.store import Store

_TRIES = 3


async def show(ctx: Context, request: Request, place: Place, found: Found | None = None) -> Reply:
    """The content of an object, or what is said of it. Raises what refuses the caller, NotFound."""
    if found is None:
        found = await ctx.read(find, place)
    entered = gate.enter(ctx, request, place, found)
    opener = Opener(ctx, request, entered)
    for left in reversed(range(_TRIES)):
        opened = await opener.open(place, found, ways(request))
        try:
            return entered.dressed(await showing.show(ctx.app.contract(Store), request, opened))
        except FileNotFoundError:
            # It was replaced in the meantime, and what is there now has a file of its own.
            found = await ctx.read(find, place)
            if not left:
                ctx.app.log.error("the content of an object is missing", object=place.path)
    raise NotFound
