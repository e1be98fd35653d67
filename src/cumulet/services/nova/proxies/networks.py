# SPDX-License-Identifier: Apache-2.0
"""os-networks and os-tenant-networks: Neutron's networks in the words of nova-network, which is no more."""

from typing import Any

from cumulet.kernel.auth.context import Context
from cumulet.kernel.db import Tx
from cumulet.kernel.errors import NotFound
from cumulet.kernel.http.endpoint import route
from cumulet.kernel.http.messages import Request
from cumulet.kernel.http.peers import Asked, ask
from cumulet.kernel.resource.shapes import array, keys, maybe
from cumulet.services.nova.proxies.words import LAST, retold

_RULE, _TENANT_RULE = "os_compute_api:os-networks", "os_compute_api:os-tenant-networks"
_EMPTY = (
    *("cidr", "netmask", "gateway", "broadcast", "dns1", "dns2"),
    *("cidr_v6", "gateway_v6", "netmask_v6"),
)
_EMPTY_FOR_ADMINS = (
    *("created_at", "updated_at", "deleted_at", "deleted", "injected", "bridge", "vlan"),
    *("vpn_public_address", "vpn_public_port", "vpn_private_address", "dhcp_start", "project_id", "host"),
    *("bridge_interface", "multi_host", "priority", "rxtx_base", "mtu", "dhcp_server", "enable_dhcp"),
    "share_address",
)
"""What nova-network knew of a network and Neutron does not say: keys without values."""
NETWORK = keys(
    {"id": str, "label": str, **dict.fromkeys(_EMPTY)},
    **dict.fromkeys(_EMPTY_FOR_ADMINS, maybe(None)),
)
TENANT_NETWORK = keys(id=str, label=str, cidr=str)


def _all(tx: Tx, ctx: Context) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = ask(tx, ctx, Asked(service="neutron", method="GET", path="/networks"))[
        "networks"
    ]
    return found


def _one(tx: Tx, ctx: Context, network_id: str) -> dict[str, Any]:
    path, params = "/networks/{network_id}", {"network_id": network_id}
    with retold((404, NotFound), message="Network not found"):
        found: dict[str, Any] = ask(tx, ctx, Asked(service="neutron", method="GET", path=path, params=params))
    return dict(found["network"])


def _view(ctx: Context, network: dict[str, Any]) -> dict[str, Any]:
    empty = _EMPTY + (_EMPTY_FOR_ADMINS if ctx.is_admin else ())
    return {**dict.fromkeys(empty), "id": network["id"], "label": network["name"]}


def _tenant_view(network: dict[str, Any]) -> dict[str, Any]:
    return {"id": network["id"], "label": network["name"], "cidr": "None"}


@route("GET", "/os-networks", until=LAST, policy=f"{_RULE}:list", answer=keys(networks=array(NETWORK)))
def list_networks(tx: Tx, ctx: Context, request: Request) -> dict[str, Any]:
    """The networks that the caller may see."""
    ctx.require(f"{_RULE}:list")
    return {"networks": [_view(ctx, network) for network in _all(tx, ctx)]}


@route(
    "GET",
    "/os-networks/{network_id}",
    until=LAST,
    policy=f"{_RULE}:show",
    answer=keys(network=NETWORK),
)
def show_network(tx: Tx, ctx: Context, request: Request) -> dict[str, Any]:
    """One network."""
    ctx.require(f"{_RULE}:show")
    return {"network": _view(ctx, _one(tx, ctx, request.params["network_id"]))}


@route(
    "GET",
    "/os-tenant-networks",
    until=LAST,
    policy=f"{_TENANT_RULE}:list",
    answer=keys(networks=array(TENANT_NETWORK)),
)
def list_tenant_networks(tx: Tx, ctx: Context, request: Request) -> dict[str, Any]:
    """The same networks, in fewer words."""
    ctx.require(f"{_TENANT_RULE}:list")
    return {"networks": [_tenant_view(network) for network in _all(tx, ctx)]}


@route(
    "GET",
    "/os-tenant-networks/{network_id}",
    until=LAST,
    policy=f"{_TENANT_RULE}:show",
    answer=keys(network=TENANT_NETWORK),
)
def show_tenant_network(tx: Tx, ctx: Context, request: Request) -> dict[str, Any]:
    """One of them."""
    ctx.require(f"{_TENANT_RULE}:show")
    return {"network": _tenant_view(_one(tx, ctx, request.params["network_id"]))}


ROUTES = (list_networks, show_network, list_tenant_networks, show_tenant_network)
