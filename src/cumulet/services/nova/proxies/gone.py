# SPDX-License-Identifier: Apache-2.0
"""What upstream has removed from its API and answers with 410, in every version: it was for nova-network,
for cells of the first kind, for Xen, or for nobody.
"""

from cumulet.kernel.auth.context import Context
from cumulet.kernel.errors import Gone
from cumulet.kernel.http.endpoint import route
from cumulet.kernel.http.messages import Request

_ALL = "GET POST"
_ONE = "GET PUT DELETE"
PLACES = {
    "/os-agents": _ALL,
    "/os-agents/{agent_id}": "PUT DELETE",
    "/os-cells": _ALL,
    "/os-cells/capacities": "GET",
    "/os-cells/detail": "GET",
    "/os-cells/info": "GET",
    "/os-cells/sync_instances": "POST",
    "/os-cells/{cell_id}": _ONE,
    "/os-cells/{cell_id}/capacities": "GET",
    "/os-certificates": "POST",
    "/os-certificates/{certificate_id}": "GET",
    "/os-cloudpipe": _ALL,
    "/os-cloudpipe/{cloudpipe_id}": "PUT",
    "/os-fixed-ips/{fixed_ip}": "GET",
    "/os-floating-ip-dns": "GET",
    "/os-floating-ip-dns/{domain}": "PUT DELETE",
    "/os-floating-ip-dns/{domain}/entries/{entry}": _ONE,
    "/os-floating-ips-bulk": _ALL,
    "/os-floating-ips-bulk/{host_name}": "GET PUT",
    "/os-fping": "GET",
    "/os-fping/{server_id}": "GET",
    "/os-networks": "POST",
    "/os-networks/add": "POST",
    "/os-networks/{network_id}": "DELETE",
    "/os-security-group-default-rules": _ALL,
    "/os-security-group-default-rules/{rule_id}": "GET DELETE",
    "/os-tenant-networks": "POST",
    "/os-tenant-networks/{network_id}": "DELETE",
    "/servers/{server_id}/consoles": _ALL,
    "/servers/{server_id}/consoles/{console_id}": "GET DELETE",
    "/servers/{server_id}/os-virtual-interfaces": "GET",
}
ACTIONS = {
    "/os-fixed-ips/{fixed_ip}/action": ("reserve", "unreserve"),
    "/os-networks/{network_id}/action": (
        *("disassociate", "disassociate_host"),
        *("disassociate_project", "associate_host"),
    ),
    "/servers/{server_id}/action": ("resetNetwork",),
}


async def refuse(ctx: Context, request: Request) -> None:
    """Gone: upstream has removed it."""
    raise Gone("This resource is no longer available.  No forwarding address is given.")


def _name(method: str, path: str) -> str:
    words = path.translate({ord("{"): None, ord("}"): None, ord("-"): "_"}).strip("/").split("/")
    return "_".join(("refuse", method.lower(), *words))


for _path, _methods in PLACES.items():
    for _method in _methods.split():
        refuse = route(_method, _path, name=_name(_method, _path), status=410)(refuse)
for _path, _actions in ACTIONS.items():
    for _action in _actions:
        refuse = route("POST", _path, action=_action, name=f"refuse_{_action}", status=410)(refuse)

ROUTES = (refuse,)
"""One function at all these places."""
