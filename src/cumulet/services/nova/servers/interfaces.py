# SPDX-License-Identifier: Apache-2.0
"""The NICs of a server, as resources of their own: attach, look, detach."""

from typing import Any

from cumulet.contracts.neutron import Nic, NicRequest, Ports
from cumulet.kernel import saga
from cumulet.kernel.auth.context import Context
from cumulet.kernel.db import Tx
from cumulet.kernel.errors import BadRequest, Error, Forbidden, NotFound, OverQuota
from cumulet.kernel.http.endpoint import route
from cumulet.kernel.http.messages import Reply, Request
from cumulet.kernel.resource.schema import Checked
from cumulet.kernel.resource.shapes import array, keys, since
from cumulet.services.nova.aggregates.model import DEFAULT_ZONE
from cumulet.services.nova.servers import asking, flows, guards, history
from cumulet.services.nova.servers.creating import in_our_words
from cumulet.services.nova.servers.finding import server_of
from cumulet.services.nova.servers.model import Server
from cumulet.services.nova.servers.schemas import ADDRESS, UUID, Schema, obj
from cumulet.services.nova.servers.tags import TAG

_RULE = "os_compute_api:os-attach-interfaces"
_PATH = "/servers/{server_id}/os-interface"


def _body(version: int) -> Schema:
    addresses = {
        "type": "array",
        "items": obj({"ip_address": ADDRESS}, "ip_address"),
        "minItems": 1,
        "maxItems": 1,
    }
    found: Schema = {"net_id": UUID, "port_id": UUID, "fixed_ips": addresses}
    if version >= 2049:
        found["tag"] = TAG
    return obj({"interfaceAttachment": obj(found)})


_CREATE = Checked(_body)


SHOWN = keys(
    net_id=str,
    port_id=str,
    mac_addr=str,
    port_state=str,
    fixed_ips=array(keys(ip_address=str, subnet_id=str)),
    tag=since("2.70", str | None),
)


def _view(ctx: Context, nic: Nic) -> dict[str, Any]:
    fixed = [{"ip_address": f["ip_address"], "subnet_id": f["subnet_id"]} for f in nic.fixed_ips]
    body: dict[str, Any] = {
        "net_id": nic.network_id,
        "port_id": nic.port_id,
        "mac_addr": nic.mac_address,
        "port_state": nic.status,
        "fixed_ips": fixed,
    }
    if ctx.at("2.70"):
        body["tag"] = nic.tag
    return body


def _nics(tx: Tx, server: Server) -> list[Nic]:
    return tx.app.contract(Ports).nics(tx, [server.id]).get(server.id, [])


def _find(tx: Tx, server: Server, port_id: str) -> Nic:
    for nic in _nics(tx, server):
        if nic.port_id == port_id:
            return nic
    raise NotFound(f"Instance {server.id} does not have a port with id {port_id}")


@route("GET", _PATH, policy=f"{_RULE}:list", answer=keys(interfaceAttachments=array(SHOWN)))
def list_interfaces(tx: Tx, ctx: Context, request: Request) -> dict[str, Any]:
    """The NICs of a server."""
    server = server_of(tx, ctx, request, f"{_RULE}:list")
    return {"interfaceAttachments": [_view(ctx, nic) for nic in _nics(tx, server)]}


@route("GET", _PATH + "/{port_id}", policy=f"{_RULE}:show", answer=keys(interfaceAttachment=SHOWN))
def show_interface(tx: Tx, ctx: Context, request: Request) -> dict[str, Any]:
    """One NIC of a server."""
    server = server_of(tx, ctx, request, f"{_RULE}:show")
    return {"interfaceAttachment": _view(ctx, _find(tx, server, request.params["port_id"]))}


@route(
    "POST",
    _PATH,
    policy=f"{_RULE}:create",
    schema=_CREATE.at,
    answer=keys(interfaceAttachment=SHOWN),
)
def create_interface(tx: Tx, ctx: Context, request: Request) -> dict[str, Any]:
    """Accept a NIC for a server: its port is the server's now, and the guest gets it by a saga."""
    server = server_of(tx, ctx, request, f"{_RULE}:create")
    given = _CREATE(ctx, request.body or {}).get("interfaceAttachment", {})
    guards.allow(ctx, server, "attach_interface")
    wanted = _wanted(tx, ctx, given)
    nic = plug(tx, ctx, server, wanted)
    history.begin(tx, ctx, server.id, "attach_interface")
    saga.start(tx, ctx, flows.attach_interface, server_id=server.id, port_id=nic.port_id)
    return {"interfaceAttachment": _view(ctx, nic)}


def _wanted(tx: Tx, ctx: Context, given: dict[str, Any]) -> NicRequest:
    network_id, port_id = given.get("net_id"), given.get("port_id")
    fixed = (given.get("fixed_ips") or [{}])[0].get("ip_address")
    if network_id and port_id:
        raise BadRequest("Must not input both network_id and port_id")
    if fixed and not network_id:
        raise BadRequest("Must input network_id when request IP address")
    ports = tx.app.contract(Ports)
    if not network_id and not port_id:
        found = ports.usable_networks(tx, ctx)
        if not found:
            raise BadRequest(
                f"No specific network was requested and none are available for project '{ctx.project_id}'."
            )
        if len(found) > 1:
            raise BadRequest(asking.ambiguous().message)
        network_id = found[0].id
    elif network_id and ports.network(tx, ctx, network_id) is None:
        raise NotFound(f"Network {network_id} could not be found.")
    return NicRequest(network_id=network_id, port_id=port_id, fixed_ip=fixed, tag=given.get("tag"))


def plug(tx: Tx, ctx: Context, server: Server, wanted: NicRequest) -> Nic:
    """The server's port for this NIC. Raises what Neutron says, under Nova's statuses."""
    try:
        return tx.app.contract(Ports).plug(tx, ctx, server.id, server.host_zone or DEFAULT_ZONE, wanted)
    except OverQuota as error:
        raise Forbidden("Maximum number of ports exceeded") from error
    except Error as error:
        raise in_our_words(error, wanted.port_id) from error


@route("DELETE", _PATH + "/{port_id}", policy=f"{_RULE}:delete", status=202)
def delete_interface(tx: Tx, ctx: Context, request: Request) -> Reply:
    """Accept that a NIC leaves its server; its port goes if it was made for the server."""
    server = server_of(tx, ctx, request, f"{_RULE}:delete")
    nic = _find(tx, server, request.params["port_id"])
    guards.allow(ctx, server, "detach_interface")
    history.begin(tx, ctx, server.id, "detach_interface")
    saga.start(tx, ctx, flows.detach_interface, server_id=server.id, port_id=nic.port_id)
    return Reply(202)


ROUTES = (list_interfaces, show_interface, create_interface, delete_interface)
