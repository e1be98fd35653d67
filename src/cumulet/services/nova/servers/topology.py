# SPDX-License-Identifier: Apache-2.0
"""The NUMA nodes of a server from 2.78: none, for guests here have one node and know of no other."""

from typing import Any

from cumulet.kernel.auth.context import Context
from cumulet.kernel.db import Tx
from cumulet.kernel.http.endpoint import route
from cumulet.kernel.http.messages import Request
from cumulet.kernel.resource.shapes import keys
from cumulet.services.nova.servers.finding import server_of

_RULE = "compute:server:topology:index"


@route(
    "GET",
    "/servers/{server_id}/topology",
    since="2.78",
    policy=_RULE,
    answer=keys(nodes=list, pagesize_kb=None),
)
def show_topology(tx: Tx, ctx: Context, request: Request) -> dict[str, Any]:
    """What upstream answers for a server whose flavor and image ask for no topology."""
    server_of(tx, ctx, request, _RULE)
    return {"nodes": [], "pagesize_kb": None}


ROUTES = (show_topology,)
