# SPDX-License-Identifier: Apache-2.0
"""OS-REVOKE: which tokens were ended; and the routes that were about revoked tokens and their certificates
once, which say that they are no more.
"""

from typing import Any

from cumulet.kernel.auth.context import Context
from cumulet.kernel.db import Tx
from cumulet.kernel.errors import BadRequest, Gone
from cumulet.kernel.http.endpoint import route, routes
from cumulet.kernel.http.messages import Request
from cumulet.kernel.resource.shapes import array, keys
from cumulet.lib import timestamps
from cumulet.lib.timestamps import Timestamp
from cumulet.services.keystone.errors import forbidden
from cumulet.services.keystone.tokens.model import Revocation
from cumulet.services.keystone.wire import AROUND, list_links

EVENTS = keys(events=array(keys({...: str}, issued_before=str, revoked_at=str)), links=AROUND)


@route("GET", "/OS-REVOKE/events", policy="identity:list_revoke_events", query=("since",), answer=EVENTS)
def list_events(tx: Tx, ctx: Context, request: Request) -> Any:
    """What tokens that were ended have in common, from those of which some could still be used otherwise."""
    ctx.require("identity:list_revoke_events", {})
    where = []
    if since := request.query.get("since"):
        where.append(Revocation.c.revoked_at >= _moment(since))
    rows = tx.all(Revocation, *where, order_by=[Revocation.c.revoked_at, Revocation.c.id])
    return {"events": [_event(row) for row in rows], "links": list_links(ctx, request.path)}


def _moment(text: str) -> Timestamp:
    try:
        return timestamps.parse(text)
    except ValueError:
        raise BadRequest(f"invalidate date format {text}") from None


def _event(row: Revocation) -> dict[str, str]:
    moment = timestamps.zulu_with_microseconds(row.revoked_at)
    return {row.about: row.value, "issued_before": moment, "revoked_at": moment}


@route("GET", "/auth/tokens/OS-PKI/revoked", public=True, status=403)
async def list_revoked(ctx: Context, request: Request) -> None:
    """Nobody may ask for a list of revoked tokens any more."""
    raise forbidden()


@routes("GET", "/OS-SIMPLE-CERT/ca", "/OS-SIMPLE-CERT/certificates", public=True, status=410)
async def show_certificate(ctx: Context, request: Request) -> None:
    """There were certificates as long as tokens were signed with them."""
    raise Gone("This API is no longer available due to the removal of support for PKI tokens.")


ROUTES = (list_events, list_revoked, show_certificate)
