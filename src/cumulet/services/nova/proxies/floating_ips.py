# SPDX-License-Identifier: Apache-2.0
"""os-floating-ips and os-floating-ip-pools until 2.35, and the actions that give a server a floating IP until
2.43.
"""

from collections.abc import Iterable
from ipaddress import ip_address
from typing import Any

from cumulet.contracts.neutron import Nic, Ports
from cumulet.kernel.auth.context import Context
from cumulet.kernel.db import Tx
from cumulet.kernel.errors import BadRequest, Conflict, Error, Forbidden, NotFound
from cumulet.kernel.http.endpoint import route
from cumulet.kernel.http.messages import Reply, Request
from cumulet.kernel.http.peers import Asked, ask
from cumulet.kernel.ids import is_uuid
from cumulet.kernel.resource.schema import Checked
from cumulet.kernel.resource.shapes import array, keys
from cumulet.services.nova.proxies.words import LAST, retold
from cumulet.services.nova.servers.finding import server_of
from cumulet.services.nova.servers.model import Server
from cumulet.services.nova.servers.schemas import ADDRESS, obj

_RULE = "os_compute_api:os-floating-ips"
_LAST_ACTION = "2.43"
DEFAULT_POOL = "nova"
"""The pool of a request that names none, as upstream's setting has it."""

CREATE = Checked({"type": ["object", "null"], "properties": {"pool": {"type": ["string", "null"]}}})
ADD = Checked(
    obj({"addFloatingIp": obj({"address": ADDRESS, "fixed_address": ADDRESS}, "address")}, "addFloatingIp")
)
REMOVE = Checked(obj({"removeFloatingIp": obj({"address": ADDRESS}, "address")}, "removeFloatingIp"))
SHOWN = keys(id=str, ip=str, fixed_ip=str | None, instance_id=str | None, pool=str)


def _networks(tx: Tx, ctx: Context, **query: Any) -> list[dict[str, Any]]:
    """The external networks that the caller may see."""
    asked = Asked(service="neutron", method="GET", path="/networks", query={"router:external": True, **query})
    return list(ask(tx, ctx, asked)["networks"])


def _list(tx: Tx, ctx: Context, **query: Any) -> list[dict[str, Any]]:
    asked = Asked(service="neutron", method="GET", path="/floatingips", query=query)
    return list(ask(tx, ctx, asked)["floatingips"])


def _show(tx: Tx, ctx: Context, request: Request) -> dict[str, Any]:
    id = request.params["floating_ip_id"]
    path, params = "/floatingips/{floatingip_id}", {"floatingip_id": id}
    with retold((404, NotFound), message=f"Floating IP not found for ID {id}"):
        found = ask(tx, ctx, Asked(service="neutron", method="GET", path=path, params=params))
    return dict(found["floatingip"])


def _views(tx: Tx, ctx: Context, found: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    pools = {network["id"]: network["name"] or network["id"] for network in _networks(tx, ctx)}
    return [_view(item, pools) for item in found]


def _view(item: dict[str, Any], pools: dict[str, str]) -> dict[str, Any]:
    network_id, port = item["floating_network_id"], item.get("port_details")
    return {
        "id": item["id"],
        "ip": item["floating_ip_address"],
        "fixed_ip": item["fixed_ip_address"],
        "instance_id": port["device_id"] or None if port else None,
        "pool": pools.get(network_id, network_id),
    }


@route(
    "GET",
    "/os-floating-ip-pools",
    until=LAST,
    policy="os_compute_api:os-floating-ip-pools",
    answer=keys(floating_ip_pools=array(keys(name=str))),
)
def list_pools(tx: Tx, ctx: Context, request: Request) -> dict[str, Any]:
    """The external networks, by name."""
    ctx.require("os_compute_api:os-floating-ip-pools")
    return {"floating_ip_pools": [{"name": n["name"] or n["id"]} for n in _networks(tx, ctx)]}


@route(
    "GET",
    "/os-floating-ips",
    until=LAST,
    policy=f"{_RULE}:list",
    answer=keys(floating_ips=array(SHOWN)),
)
def list_floating_ips(tx: Tx, ctx: Context, request: Request) -> dict[str, Any]:
    """The floating IPs of the caller's project."""
    ctx.require(f"{_RULE}:list")
    return {"floating_ips": _views(tx, ctx, _list(tx, ctx, project_id=ctx.project_id))}


@route(
    "GET",
    "/os-floating-ips/{floating_ip_id}",
    until=LAST,
    policy=f"{_RULE}:show",
    answer=keys(floating_ip=SHOWN),
)
def show_floating_ip(tx: Tx, ctx: Context, request: Request) -> dict[str, Any]:
    """One floating IP."""
    ctx.require(f"{_RULE}:show")
    return {"floating_ip": _views(tx, ctx, [_show(tx, ctx, request)])[0]}


@route(
    "POST",
    "/os-floating-ips",
    until=LAST,
    policy=f"{_RULE}:create",
    schema=CREATE.at,
    answer=keys(floating_ip=SHOWN),
)
def create_floating_ip(tx: Tx, ctx: Context, request: Request) -> dict[str, Any]:
    """A floating IP of a pool for the caller's project."""
    ctx.require(f"{_RULE}:create")
    pool = CREATE(ctx, request.body).get("pool") if request.body is not None else None
    body = {"floatingip": {"floating_network_id": _pool(tx, ctx, pool or DEFAULT_POOL)}}
    try:
        made = ask(tx, ctx, Asked(service="neutron", method="POST", path="/floatingips", body=body))
    except Error as error:
        raise _unavailable(error, pool) from error
    return {"floating_ip": _views(tx, ctx, [made["floatingip"]])[0]}


def _pool(tx: Tx, ctx: Context, word: str) -> str:
    """The id of the external network with this name or id."""
    found = _networks(tx, ctx, **{"id" if is_uuid(word) else "name": word})
    if not found:
        raise NotFound("Floating IP pool not found.")
    if len(found) > 1:
        raise Conflict(f"Multiple floating IP pools matches found for name '{word}'")
    return str(found[0]["id"])


def _unavailable(error: Error, pool: str | None) -> Error:
    """Why there is no floating IP, in our words."""
    where = f" in pool {pool}." if pool else "."
    if "OverQuota" in error.kind:
        return Forbidden(f"IP allocation over quota{where}")
    if error.kind in ("IpAddressGenerationFailure", "ExternalIpAddressExhausted"):
        return NotFound(f"No more floating IPs{where if pool else ' available.'}")
    return error


@route("DELETE", "/os-floating-ips/{floating_ip_id}", until=LAST, policy=f"{_RULE}:delete", status=202)
def delete_floating_ip(tx: Tx, ctx: Context, request: Request) -> None:
    """The project has the floating IP no more; a server that had it goes without."""
    ctx.require(f"{_RULE}:delete")
    path, params = "/floatingips/{floatingip_id}", {"floatingip_id": _show(tx, ctx, request)["id"]}
    ask(tx, ctx, Asked(service="neutron", method="DELETE", path=path, params=params))


# -- giving one to a server ---------------------------------------------------------------------------


@route(
    "POST",
    "/servers/{server_id}/action",
    action="addFloatingIp",
    until=_LAST_ACTION,
    policy=f"{_RULE}:add",
    schema=ADD.at,
    status=202,
)
def add_floating_ip(tx: Tx, ctx: Context, request: Request) -> Reply:
    """Traffic to the floating IP reaches a fixed address of the server, named or the first."""
    given = ADD(ctx, request.body)["addFloatingIp"]
    server = server_of(tx, ctx, request, f"{_RULE}:add")
    port_id, fixed = _fixed(tx, server, given)
    _bind(tx, ctx, _by_address(tx, ctx, given["address"]), port_id, fixed)
    return Reply(202)


def _fixed(tx: Tx, server: Server, given: dict[str, str]) -> tuple[str, str]:
    """The port and the fixed address that are to be reached."""
    nics: list[Nic] = tx.app.contract(Ports).nics(tx, [server.id]).get(server.id, [])
    addresses = [(nic.port_id, fixed["ip_address"]) for nic in nics for fixed in nic.fixed_ips]
    if not addresses:
        raise BadRequest(
            "No fixed IPs associated to instance" if nics else "Instance network is not ready yet"
        )
    wanted = given.get("fixed_address")
    for port_id, address in addresses:
        if address == wanted or (wanted is None and ip_address(address).version == 4):
            return port_id, address
    if wanted is not None:
        raise BadRequest("Specified fixed address not assigned to instance")
    raise BadRequest(
        f"Unable to associate floating IP {given['address']} to any fixed IPs for instance {server.id}. "
        "Instance has no fixed IPv4 addresses to associate."
    )


def _by_address(tx: Tx, ctx: Context, address: str) -> dict[str, Any]:
    found = _list(tx, ctx, floating_ip_address=address)
    if not found:
        raise NotFound("floating IP not found")
    if len(found) > 1:
        raise Conflict(f"Multiple floating IPs are found for address {address}.")
    return found[0]


def _bind(tx: Tx, ctx: Context, item: dict[str, Any], port_id: str | None, fixed: str | None) -> None:
    """The floating IP leads to this port, or nowhere."""
    values = {"port_id": port_id} | ({"fixed_ip_address": fixed} if fixed else {})
    asked = Asked(
        service="neutron",
        method="PUT",
        path="/floatingips/{floatingip_id}",
        params={"floatingip_id": item["id"]},
        body={"floatingip": values},
    )
    with retold((400, BadRequest), (404, BadRequest), (409, BadRequest)):
        ask(tx, ctx, asked)


@route(
    "POST",
    "/servers/{server_id}/action",
    action="removeFloatingIp",
    until=_LAST_ACTION,
    policy=f"{_RULE}:remove",
    schema=REMOVE.at,
    status=202,
)
def remove_floating_ip(tx: Tx, ctx: Context, request: Request) -> Reply:
    """The floating IP leads nowhere; it stays the project's."""
    address = REMOVE(ctx, request.body)["removeFloatingIp"]["address"]
    item, server_id = _by_address(tx, ctx, address), request.params["server_id"]
    port = item.get("port_details")
    if not port or port["device_id"] != server_id:
        ctx.require(f"{_RULE}:remove")
        raise Conflict(f"Floating IP {address} is not associated with instance {server_id}.")
    server_of(tx, ctx, request, f"{_RULE}:remove")
    _bind(tx, ctx, item, None, None)
    return Reply(202)


ROUTES = (
    list_pools,
    list_floating_ips,
    show_floating_ip,
    create_floating_ip,
    delete_floating_ip,
    add_floating_ip,
    remove_floating_ip,
)
