# SPDX-License-Identifier: Apache-2.0
"""Accepting the end of a server, in whatever state it is."""

from cumulet.kernel import events, saga
from cumulet.kernel.auth.context import Context
from cumulet.kernel.db import Tx
from cumulet.services.nova.servers import flows, guards, history
from cumulet.services.nova.servers.model import Server


def delete_server(tx: Tx, ctx: Context, server: Server, given: object = None) -> None:
    """What runs on the server is cancelled, and its end begins; asking again changes nothing."""
    guards.allow(ctx, server, "delete")
    if server.task_state == "deleting":
        return
    tx.update(server, task_state="deleting")
    history.begin(tx, ctx, server.id, "delete")
    saga.cancel(tx, f"server:{server.id}")
    saga.start(tx, ctx, flows.delete_server, server_id=server.id)
    events.emit(tx, ctx, "server.delete", server)
