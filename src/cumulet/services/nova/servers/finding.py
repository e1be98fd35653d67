# SPDX-License-Identifier: Apache-2.0
"""The server that a path names."""

from cumulet.kernel.auth.context import Context
from cumulet.kernel.db import Tx
from cumulet.kernel.http.messages import Request
from cumulet.kernel.resource.finding import fetch_by_key
from cumulet.services.nova.servers.model import Server


def server_of(tx: Tx, ctx: Context, request: Request, policy: str) -> Server:
    """The server of a path below /servers/{server_id}, if the caller may do this to it."""
    server: Server = fetch_by_key(tx, ctx, Server, request.params["server_id"], policy)
    return server
