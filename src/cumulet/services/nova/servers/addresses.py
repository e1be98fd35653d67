# SPDX-License-Identifier: Apache-2.0
"""The addresses of servers."""

from typing import Any, Literal

from cumulet.contracts.neutron import Nic, Ports
from cumulet.kernel.auth.context import Context
from cumulet.kernel.db import Tx
from cumulet.kernel.errors import NotFound
from cumulet.kernel.http.endpoint import route
from cumulet.kernel.http.messages import Request
from cumulet.kernel.resource.shapes import array, keys, mapping
from cumulet.services.nova.servers.finding import server_of
from cumulet.services.nova.servers.model import Server
from cumulet.services.nova.servers.views import addresses_of


def _nics(tx: Tx, server: Server) -> list[Nic]:
    return tx.app.contract(Ports).nics(tx, [server.id]).get(server.id, [])


BY_NETWORK = mapping(array(keys(version=Literal[4, 6], addr=str)))


@route(
    "GET",
    "/servers/{server_id}/ips",
    policy="os_compute_api:ips:index",
    answer=keys(addresses=BY_NETWORK),
)
def list_addresses(tx: Tx, ctx: Context, request: Request) -> dict[str, Any]:
    """The addresses of a server by network."""
    server = server_of(tx, ctx, request, "os_compute_api:ips:index")
    return {"addresses": addresses_of(_nics(tx, server), full=False)}


@route(
    "GET",
    "/servers/{server_id}/ips/{network}",
    policy="os_compute_api:ips:show",
    answer=BY_NETWORK,
)
def show_addresses(tx: Tx, ctx: Context, request: Request) -> dict[str, Any]:
    """The addresses of a server on one network, by the network's name."""
    server, network = server_of(tx, ctx, request, "os_compute_api:ips:show"), request.params["network"]
    found = addresses_of(_nics(tx, server), full=False)
    if network not in found:
        raise NotFound("Instance is not a member of specified network")
    return {network: found[network]}


ROUTES = (list_addresses, show_addresses)
