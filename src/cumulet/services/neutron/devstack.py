# SPDX-License-Identifier: Apache-2.0
"""The networks that people know from DevStack: public, shared, private, and a router between."""

from typing import Any

from cumulet.contracts.keystone import Directory
from cumulet.kernel.app import App
from cumulet.kernel.auth.context import Context
from cumulet.kernel.db import Tx
from cumulet.services.neutron.networks.api import NETWORKS
from cumulet.services.neutron.networks.model import Network
from cumulet.services.neutron.routers.api import create_router
from cumulet.services.neutron.routers.interfaces import join_subnet
from cumulet.services.neutron.routers.legs import settle
from cumulet.services.neutron.routers.model import Router
from cumulet.services.neutron.subnets.api import SUBNETS
from cumulet.services.neutron.subnets.model import Subnet

PUBLIC = "172.24.4.0/24"
PRIVATE, PRIVATE_V6 = "10.0.0.0/26", "fd00:cafe:f00d::/64"
SHARED = "192.168.233.0/24"


def devstack(tx: Tx, app: App, ctx: Context) -> None:
    """The networks exist, private ones of the project `demo`; nothing happens when there is a public one."""
    if tx.exists(Network, Network.c.name == "public"):
        return
    mine = ctx.within("neutron").elevate()
    directory = app.contract(Directory)
    projects = {name: directory.find_project(tx, name) for name in ("admin", "demo")}
    admin, demo = (project.id if project is not None else "" for project in projects.values())
    public = _network(
        tx,
        mine,
        name="public",
        project_id=admin,
        external=True,
        is_default=True,
        network_type="flat",
        physical_network="public",
    )
    _subnet(tx, mine, public, name="public-subnet", cidr=PUBLIC, ip_version=4, enable_dhcp=False)
    shared = _network(tx, mine, name="shared", project_id=admin, shared=True)
    _subnet(tx, mine, shared, name="shared-subnet", cidr=SHARED, ip_version=4)
    private = _network(tx, mine, name="private", project_id=demo)
    subnets = [
        _subnet(tx, mine, private, name="private-subnet", cidr=PRIVATE, ip_version=4),
        _subnet(
            tx,
            mine,
            private,
            name="ipv6-private-subnet",
            cidr=PRIVATE_V6,
            ip_version=6,
            ipv6_ra_mode="slaac",
            ipv6_address_mode="slaac",
        ),
    ]
    _router(tx, mine, public, demo, subnets)


def _network(tx: Tx, ctx: Context, **given: Any) -> Network:
    made: Network = _create_of(NETWORKS).make(tx, ctx, Network, given)
    return made


def _subnet(tx: Tx, ctx: Context, network: Network, **given: Any) -> Subnet:
    owned = {"network_id": network.id, "project_id": network.project_id, **given}
    made: Subnet = _create_of(SUBNETS).make(tx, ctx, Subnet, owned)
    return made


def _create_of(exposed: Any) -> Any:
    from cumulet.kernel.resource import Create

    return next(operation for operation in exposed.operations if isinstance(operation, Create))


def _router(tx: Tx, ctx: Context, public: Network, project_id: str, subnets: list[Subnet]) -> None:
    given = {"name": "router1", "project_id": project_id, "external_gateway_info": {"network_id": public.id}}
    router: Router = create_router(tx, ctx, given)
    for subnet in subnets:
        join_subnet(tx, ctx, router, subnet.id)
    settle(tx, ctx, tx.need(Router, router.id))
