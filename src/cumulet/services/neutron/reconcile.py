# SPDX-License-Identifier: Apache-2.0
"""What must be true of Neutron's rows and documents, and the path by which it is made true again."""

import sqlalchemy as sa

from cumulet.kernel.db import Tx
from cumulet.kernel.hosts import DocumentRow
from cumulet.kernel.service import own_context
from cumulet.services.neutron.hosting import publish, schedule
from cumulet.services.neutron.ports.changes import LEGS
from cumulet.services.neutron.ports.model import DHCP, Address, Port
from cumulet.services.neutron.routers.legs import settle
from cumulet.services.neutron.routers.model import Router
from cumulet.services.neutron.security_groups.model import SecurityGroup

_KINDS = ("network", "security_group", "port", "router")


# -- drift ----------------------------------------------------------------------------------------------


def follow_rows(tx: Tx) -> None:
    """Every document says what the rows say, and nothing is published that has no rows."""
    place_the_waiting(tx)
    ctx = own_context(tx.app, "neutron")
    told: dict[str, set[str]] = {kind: set() for kind in _KINDS}
    query = sa.select(DocumentRow.c.kind, DocumentRow.c.thing_id)
    for kind, id in tx.execute(query.where(DocumentRow.c.kind.in_(_KINDS), DocumentRow.c.body.is_not(None))):
        told[kind].add(id)
    for network_id in sorted(told["network"] | _ids(tx, Port, "network_id")):
        publish.network(tx, ctx, network_id)
    for group_id in sorted(told["security_group"] | _ids(tx, SecurityGroup, "id")):
        publish.group(tx, ctx, group_id)
    for router_id in sorted(told["router"] | _ids(tx, Router, "id")):
        publish.router(tx, ctx, router_id)
    plugged = tx.all(Port, Port.c.vif_type == publish.PLUGGED)
    publish.ports(tx, ctx, plugged)
    for port_id in sorted(told["port"]):
        publish.withdraw_elsewhere(tx, ctx, port_id)


def _ids(tx: Tx, cls: type[Port] | type[SecurityGroup] | type[Router], column: str) -> set[str]:
    where = [cls.c.vif_type == publish.PLUGGED] if cls is Port else []
    return set(tx.execute(sa.select(cls.c[column]).where(*where).distinct()).scalars())


def place_the_waiting(tx: Tx) -> None:
    """Routers and DHCP services that found no host when they were made have one, once there is one."""
    ctx = own_context(tx.app, "neutron")
    for port in tx.all(Port, Port.c.device_owner == DHCP, Port.c.host == ""):
        host = schedule.host_for_dhcp(tx, port.network_id)
        if host:
            tx.update(port, **schedule.binding(tx, host))
            publish.network(tx, ctx, port.network_id)
    legs = sa.select(Port.c.device_id).where(Port.c.device_owner.in_(LEGS))
    for router in tx.all(Router, Router.c.host == "", Router.c.id.in_(legs)):
        settle(tx, ctx, router)


# -- invariants -----------------------------------------------------------------------------------------


def ports_are_where_they_are_bound(tx: Tx) -> list[str]:
    """Exactly the host of a bound port is told of it."""
    bound = {port.id: port.host for port in tx.all(Port) if publish.is_on_host(port)}
    told: dict[str, set[str]] = {}
    for row in tx.all(DocumentRow, DocumentRow.c.kind == "port", DocumentRow.c.body.is_not(None)):
        told.setdefault(row.thing_id, set()).add(row.host)
    return [
        f"port {id} is bound to {bound.get(id) or 'no host'} and published on {sorted(told.get(id, ()))}"
        for id in sorted(bound.keys() | told.keys())
        if told.get(id, set()) != ({bound[id]} if id in bound else set())
    ]


def networks_are_where_their_ports_are(tx: Tx) -> list[str]:
    """Exactly the hosts that carry a port of a network have it."""
    told: dict[str, set[str]] = {}
    for row in tx.all(DocumentRow, DocumentRow.c.kind == "network", DocumentRow.c.body.is_not(None)):
        told.setdefault(row.thing_id, set()).add(row.host)
    wanted: dict[str, set[str]] = {}
    query = sa.select(Port.c.network_id, Port.c.host).where(Port.c.vif_type == publish.PLUGGED)
    for network_id, host in tx.execute(query.distinct()):
        wanted.setdefault(network_id, set()).add(host)
    return [
        f"network {id} should be on {sorted(wanted.get(id, ()))} and is published on "
        f"{sorted(told.get(id, ()))}"
        for id in sorted(wanted.keys() | told.keys())
        if wanted.get(id, set()) != told.get(id, set())
    ]


def routers_run_once(tx: Tx) -> list[str]:
    """Exactly the host of a router is told of it."""
    hosts = {router.id: router.host for router in tx.all(Router)}
    wrong = [
        f"router {row.thing_id} runs on {row.host} and should on {hosts.get(row.thing_id) or 'no host'}"
        for row in tx.all(DocumentRow, DocumentRow.c.kind == "router", DocumentRow.c.body.is_not(None))
        if hosts.get(row.thing_id) != row.host
    ]
    legs = {port.device_id: port for port in tx.all(Port, Port.c.device_owner.in_(LEGS))}
    return wrong + [
        f"port {port.id} is a leg of router {id}, which is not there"
        for id, port in legs.items()
        if id not in hosts
    ]


def addresses_lie_in_their_networks(tx: Tx) -> list[str]:
    """Each address is of a subnet on the network of its port."""
    from cumulet.services.neutron.subnets.model import Subnet

    query = (
        sa.select(Address.c.ip_address, Address.c.port_id)
        .select_from(
            Address.table.join(Port.table, Port.c.id == Address.c.port_id).join(
                Subnet.table, Subnet.c.id == Address.c.subnet_id
            )
        )
        .where(Port.c.network_id != Subnet.c.network_id)
    )
    return [f"address {ip} of port {port_id} is on another network" for ip, port_id in tx.execute(query)]


def dhcp_ports_are_single(tx: Tx) -> list[str]:
    """No network has two DHCP ports."""
    query = (
        sa.select(Port.c.network_id).where(Port.c.device_owner == DHCP).group_by(Port.c.network_id)
    ).having(sa.func.count() > 1)
    return [f"network {id} has several DHCP ports" for id in tx.execute(query).scalars()]


INVARIANTS = (
    ports_are_where_they_are_bound,
    networks_are_where_their_ports_are,
    routers_run_once,
    addresses_lie_in_their_networks,
    dhcp_ports_are_single,
)
