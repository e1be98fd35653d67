# SPDX-License-Identifier: Apache-2.0
"""Documents follow rows: a function for each kind makes what hosts are told of a thing agree with its rows.

Every change of rows ends in one of these, in its own transaction, and so does the reconciler. Each may be
called once too often: a document that says what the host knows already is not written again. A lock for each
thing keeps two changes at once from not seeing one another.

A port is on a host when it is bound there and the host is known (its vif_type is then `bridge`). That goes
for the legs of routers and for DHCP ports too, so the hosts of a network are the hosts of its ports.
"""

from collections.abc import Iterable, Sequence

import sqlalchemy as sa

from cumulet.kernel import hosts
from cumulet.kernel.auth.context import Context
from cumulet.kernel.db import Tx
from cumulet.services.neutron.hosting import content
from cumulet.services.neutron.networks.model import Network
from cumulet.services.neutron.ports.model import Membership, Port, groups_of
from cumulet.services.neutron.routers.model import Router
from cumulet.services.neutron.security_groups.model import SecurityGroup, SecurityGroupRule

PLUGGED = "bridge"
"""The vif_type of a port that a host carries."""


def lock_key(kind: str, id: str) -> str:
    """What a transaction locks before it looks at where a thing should be."""
    return f"neutron:{kind}:{id}"


# -- ports ----------------------------------------------------------------------------------------------


def ports(tx: Tx, ctx: Context, changed: Sequence[Port]) -> dict[str, list[int]]:
    """The host of each port knows it, and so does no other; the generations by port id."""
    mine = [port for port in changed if is_on_host(port)]
    return {
        document.id: hosts.publish(tx, ctx, port.host, document)
        for port, document in zip(mine, content.port_documents(tx, mine), strict=True)
    }


def is_on_host(port: Port) -> bool:
    """Whether a host is told of the port itself; legs of routers and DHCP are part of other documents."""
    return port.vif_type == PLUGGED and not port.device_owner.startswith("network:")


# -- networks -------------------------------------------------------------------------------------------


def hosts_of_network(tx: Tx, network_id: str) -> set[str]:
    query = sa.select(Port.c.host).where(Port.c.network_id == network_id, Port.c.vif_type == PLUGGED)
    return set(tx.execute(query.distinct()).scalars())


def network(tx: Tx, ctx: Context, network_id: str) -> None:
    """Every host that carries a port of the network has it, and no other has."""
    tx.lock(lock_key("network", network_id))
    row = tx.get(Network, network_id)
    wanted = hosts_of_network(tx, network_id) if row is not None else set()
    if row is not None and wanted:
        document = content.network_document(tx, row)
        for host in sorted(wanted):
            hosts.publish(tx, ctx, host, document)
    for host in set(hosts.hosts_of(tx, "network", network_id)) - wanted:
        hosts.withdraw(tx, ctx, host, "network", network_id)


# -- security groups ------------------------------------------------------------------------------------


def group(tx: Tx, ctx: Context, group_id: str) -> None:
    """Every host with a port in the group, or with a port whose rules name it, has it, and no other has."""
    tx.lock(lock_key("group", group_id))
    row = tx.get(SecurityGroup, group_id)
    wanted = _hosts_of_group(tx, group_id) if row is not None else set()
    if row is not None and wanted:
        rules = content.rules_for_hosts(tx, group_id)
        members = content.members_by_host(tx, group_id) if len(wanted) > 1 else {}
        for host in sorted(wanted):
            hosts.publish(tx, ctx, host, content.group_document(row, rules, host, members))
    for host in set(hosts.hosts_of(tx, "security_group", group_id)) - wanted:
        hosts.withdraw(tx, ctx, host, "security_group", group_id)


def _hosts_of_group(tx: Tx, group_id: str) -> set[str]:
    rule = SecurityGroupRule.c
    naming = sa.select(rule.security_group_id).where(rule.remote_group_id == group_id)
    query = (
        sa.select(Port.c.host)
        .select_from(Membership.table.join(Port.table, Port.c.id == Membership.c.port_id))
        .where(
            sa.or_(Membership.c.group_id == group_id, Membership.c.group_id.in_(naming)),
            Port.c.vif_type == PLUGGED,
            sa.not_(Port.c.device_owner.startswith("network:")),
        )
    )
    return set(tx.execute(query.distinct()).scalars())


def with_named(tx: Tx, group_ids: Iterable[str]) -> list[str]:
    """The groups, and those that their rules name."""
    mine = list(dict.fromkeys(group_ids))
    if not mine:
        return []
    rule = SecurityGroupRule.c
    query = sa.select(rule.remote_group_id).where(
        rule.security_group_id.in_(mine), rule.remote_group_id.is_not(None)
    )
    return list(dict.fromkeys([*mine, *tx.execute(query.distinct()).scalars()]))


def groups(tx: Tx, ctx: Context, group_ids: Iterable[str]) -> None:
    for group_id in with_named(tx, group_ids):
        group(tx, ctx, group_id)


# -- what a port needs ----------------------------------------------------------------------------------


def arrived(tx: Tx, ctx: Context, arriving: Sequence[Port]) -> dict[str, list[int]]:
    """Ports have come to their hosts: these get what the ports need, and the ports; generations by port id.

    What a host has already is up to date, because every change is published at once; it is not made anew.
    """
    used = groups_of(tx, None, arriving)
    tx.lock(
        *(lock_key("network", port.network_id) for port in arriving),
        *(lock_key("group", group_id) for found in used.values() for group_id in found),
    )
    for network_id, host in dict.fromkeys((port.network_id, port.host) for port in arriving):
        if not hosts.published(tx, host, "network", network_id):
            network(tx, ctx, network_id)
    for group_id, host in dict.fromkeys((g, port.host) for port in arriving for g in used.get(port.id, ())):
        if hosts.hosts_of(tx, "security_group", group_id) != [host]:
            groups(tx, ctx, [group_id])
    return ports(tx, ctx, arriving)


def left(tx: Tx, ctx: Context, port: Port, host: str, group_ids: Iterable[str]) -> None:
    """A port is no longer on a host: the host forgets it, and what it had for this port alone."""
    hosts.withdraw(tx, ctx, host, "port", port.id)
    network(tx, ctx, port.network_id)
    groups(tx, ctx, group_ids)


# -- routers --------------------------------------------------------------------------------------------


def router(tx: Tx, ctx: Context, router_id: str) -> None:
    """The host of a router runs it as it should be, and no other does."""
    tx.lock(lock_key("router", router_id))
    row = tx.get(Router, router_id)
    wanted = row.host if row is not None else ""
    if row is not None and wanted:
        hosts.publish(tx, ctx, wanted, content.router_document(tx, row))
    for host in hosts.hosts_of(tx, "router", router_id):
        if host != wanted:
            hosts.withdraw(tx, ctx, host, "router", router_id)


def routers_on(tx: Tx, ctx: Context, network_id: str) -> None:
    """The routers with a leg on a network know what has changed of it."""
    query = sa.select(Port.c.device_id).where(
        Port.c.network_id == network_id,
        Port.c.device_owner.in_(("network:router_interface", "network:router_gateway")),
    )
    for router_id in tx.execute(query.distinct().order_by(Port.c.device_id)).scalars().all():
        router(tx, ctx, router_id)


def withdraw_elsewhere(tx: Tx, ctx: Context, port_id: str) -> None:
    """No host but its own is told of a port."""
    row = tx.get(Port, port_id)
    mine = row.host if row is not None and is_on_host(row) else ""
    for host in hosts.hosts_of(tx, "port", port_id):
        if host != mine:
            hosts.withdraw(tx, ctx, host, "port", port_id)
