# SPDX-License-Identifier: Apache-2.0
"""The actions addFixedIp and removeFixedIp until 2.43: another address on a port that a server has.

Inside the guest nothing changes by itself; its system asks for the address, or is told of it.
"""

from typing import Any

from cumulet.contracts.neutron import Nic, Ports
from cumulet.kernel.auth.context import Context
from cumulet.kernel.db import Tx
from cumulet.kernel.errors import BadRequest, NotFound
from cumulet.kernel.http.endpoint import route
from cumulet.kernel.http.messages import Reply, Request
from cumulet.kernel.http.peers import Asked, ask
from cumulet.kernel.resource.schema import Checked
from cumulet.services.nova.proxies.words import retold
from cumulet.services.nova.servers import guards
from cumulet.services.nova.servers.finding import server_of
from cumulet.services.nova.servers.model import Server
from cumulet.services.nova.servers.schemas import ADDRESS, obj

_RULE, _LAST = "os_compute_api:os-multinic", "2.43"
_NETWORK = {"type": ["string", "number"], "minLength": 1, "maxLength": 36}
ADD = Checked(obj({"addFixedIp": obj({"networkId": _NETWORK}, "networkId")}, "addFixedIp"))
REMOVE = Checked(obj({"removeFixedIp": obj({"address": ADDRESS}, "address")}, "removeFixedIp"))


@route(
    "POST",
    "/servers/{server_id}/action",
    action="addFixedIp",
    until=_LAST,
    policy=f"{_RULE}:add",
    schema=ADD.at,
    status=202,
)
def add_fixed_ip(tx: Tx, ctx: Context, request: Request) -> Reply:
    """The server's port on the network has one more address, of its first subnet."""
    network_id = str(ADD(ctx, request.body)["addFixedIp"]["networkId"])
    server = server_of(tx, ctx, request, f"{_RULE}:add")
    guards.allow(ctx, server, "changeFixedIps")
    query = {"network_id": network_id}
    asked = Asked(service="neutron", method="GET", path="/subnets", query=query)
    subnets = ask(tx, ctx, asked)["subnets"]
    nic = next((nic for nic in _nics(tx, server) if nic.network_id == network_id), None)
    if nic is None or not subnets:
        raise NotFound(f"Network could not be found for instance {server.id}.")
    with retold((409, BadRequest), message=f"No fixed IP addresses available for network: {network_id}"):
        _change(tx, ctx, nic, [*_had(nic), {"subnet_id": subnets[0]["id"]}])
    return Reply(202)


@route(
    "POST",
    "/servers/{server_id}/action",
    action="removeFixedIp",
    until=_LAST,
    policy=f"{_RULE}:remove",
    schema=REMOVE.at,
    status=202,
)
def remove_fixed_ip(tx: Tx, ctx: Context, request: Request) -> Reply:
    """The port of the server that has the address has it no more."""
    address = REMOVE(ctx, request.body)["removeFixedIp"]["address"]
    server = server_of(tx, ctx, request, f"{_RULE}:remove")
    guards.allow(ctx, server, "changeFixedIps")
    for nic in _nics(tx, server):
        kept = [fixed for fixed in _had(nic) if fixed["ip_address"] != address]
        if len(kept) < len(nic.fixed_ips):
            _change(tx, ctx, nic, kept)
            return Reply(202)
    raise BadRequest(f"Instance {server.id} does not have fixed IP '{address}'.")


def _nics(tx: Tx, server: Server) -> list[Nic]:
    return tx.app.contract(Ports).nics(tx, [server.id]).get(server.id, [])


def _had(nic: Nic) -> list[dict[str, str]]:
    return [{name: fixed[name] for name in ("subnet_id", "ip_address")} for fixed in nic.fixed_ips]


def _change(tx: Tx, ctx: Context, nic: Nic, fixed_ips: list[dict[str, Any]]) -> None:
    path, params = "/ports/{port_id}", {"port_id": nic.port_id}
    body = {"port": {"fixed_ips": fixed_ips}}
    ask(tx, ctx, Asked(service="neutron", method="PUT", path=path, params=params, body=body))


ROUTES = (add_fixed_ip, remove_fixed_ip)
