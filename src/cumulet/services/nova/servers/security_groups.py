# SPDX-License-Identifier: Apache-2.0
"""The security groups on a server's ports."""

from typing import Any

from cumulet.contracts.neutron import Ports
from cumulet.kernel.auth.context import Context
from cumulet.kernel.db import Tx
from cumulet.kernel.errors import NotFound
from cumulet.kernel.http.endpoint import route
from cumulet.kernel.http.messages import Request
from cumulet.kernel.resource.shapes import array, keys
from cumulet.services.nova.proxies.security_groups import GROUP, group_of, view
from cumulet.services.nova.servers.finding import server_of

_RULE = "os_compute_api:os-security-groups:list"


@route(
    "GET",
    "/servers/{server_id}/os-security-groups",
    policy=_RULE,
    answer=keys(security_groups=array(GROUP)),
)
def list_groups(tx: Tx, ctx: Context, request: Request) -> dict[str, Any]:
    """Those of the groups that the caller may see, with their rules."""
    server = server_of(tx, ctx, request, _RULE)
    found = []
    for id, _ in tx.app.contract(Ports).security_groups_of(tx, server.id):
        try:
            found.append(view(tx, ctx, group_of(tx, ctx, id)))
        except NotFound:
            continue
    return {"security_groups": sorted(found, key=lambda group: (group["tenant_id"], group["name"]))}


ROUTES = (list_groups,)
