# SPDX-License-Identifier: Apache-2.0
"""The security groups on a server's ports."""

from typing import Any

from cumulet.contracts.neutron import Ports
from cumulet.kernel.auth.context import Context
from cumulet.kernel.db import Tx
from cumulet.kernel.http.endpoint import route
from cumulet.kernel.http.messages import Request
from cumulet.kernel.resource.shapes import array, keys
from cumulet.services.nova.servers.finding import server_of

_RULE = "os_compute_api:os-security-groups:list"


GROUP = keys(id=str, name=str, description=str, tenant_id=str, rules=list)


@route(
    "GET",
    "/servers/{server_id}/os-security-groups",
    policy=_RULE,
    answer=keys(security_groups=array(GROUP)),
)
def list_groups(tx: Tx, ctx: Context, request: Request) -> dict[str, Any]:
    """The groups by id and name; their rules are Neutron's to tell."""
    server = server_of(tx, ctx, request, _RULE)
    found = tx.app.contract(Ports).security_groups_of(tx, server.id)
    return {
        "security_groups": [
            {"id": id, "name": name, "description": "", "tenant_id": server.project_id, "rules": []}
            for id, name in found
        ]
    }


ROUTES = (list_groups,)
