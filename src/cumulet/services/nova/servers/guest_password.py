# SPDX-License-Identifier: Apache-2.0
"""The password that a guest has posted to the metadata service, encrypted with its user's key."""

from cumulet.kernel.auth.context import Context
from cumulet.kernel.db import Tx
from cumulet.kernel.http.endpoint import route
from cumulet.kernel.http.messages import Reply, Request
from cumulet.kernel.resource.shapes import keys
from cumulet.services.nova.servers.finding import server_of

_RULE = "os_compute_api:os-server-password"
_PATH = "/servers/{server_id}/os-server-password"


@route("GET", _PATH, policy=f"{_RULE}:show", answer=keys(password=str))
def show_password(tx: Tx, ctx: Context, request: Request) -> dict[str, str]:
    """What the guest posted; empty when it posted nothing."""
    return {"password": server_of(tx, ctx, request, f"{_RULE}:show").vendor_password}


@route("DELETE", _PATH, policy=f"{_RULE}:clear", status=204)
def clear_password(tx: Tx, ctx: Context, request: Request) -> Reply:
    """Nothing is known of the password, and the guest may post another; inside it nothing changes."""
    tx.update(server_of(tx, ctx, request, f"{_RULE}:clear"), vendor_password="")
    return Reply(204)


ROUTES = (show_password, clear_password)
