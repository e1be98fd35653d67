# SPDX-License-Identifier: Apache-2.0
"""What Neutron does for other services in their own transaction: `contracts.neutron.Ports`."""

from collections.abc import Iterable, Sequence
from typing import Any

import sqlalchemy as sa

from cumulet.contracts.neutron import NetworkInfo, Nic, NicRequest
from cumulet.kernel import events
from cumulet.kernel.auth.context import Context
from cumulet.kernel.db import Tx
from cumulet.kernel.errors import Conflict, NotFound
from cumulet.services.neutron.errors import BadResource
from cumulet.services.neutron.floating_ips.model import FloatingIp
from cumulet.services.neutron.hosting import publish, schedule
from cumulet.services.neutron.networks.model import Network, subnet_ids_of
from cumulet.services.neutron.ports import changes
from cumulet.services.neutron.ports.api import CREATE
from cumulet.services.neutron.ports.model import (
    ROUTER_INTERFACE,
    Address,
    Port,
    addresses_of,
    groups_of,
)
from cumulet.services.neutron.security_groups.default import ensure_default_group
from cumulet.services.neutron.security_groups.model import DEFAULT, SecurityGroup
from cumulet.services.neutron.subnets.model import Subnet


class ServerPorts:
    """Implements `contracts.neutron.Ports`."""

    # -- networks -----------------------------------------------------------------------------------------

    def usable_networks(self, tx: Tx, ctx: Context) -> list[NetworkInfo]:
        own = tx.all(
            Network,
            Network.c.project_id == ctx.project_id,
            sa.not_(Network.c.external),
            order_by=(Network.c.created_at, Network.c.id),
        )
        found = own or tx.all(
            Network,
            Network.c.shared,
            sa.not_(Network.c.external),
            order_by=(Network.c.created_at, Network.c.id),
        )
        subnets = subnet_ids_of(tx, ctx, found)
        return [_network_info(network, subnets) for network in found]

    def network(self, tx: Tx, ctx: Context, network_id: str) -> NetworkInfo | None:
        visible = Network.visible(ctx.within("neutron"))
        row = tx.first(Network, Network.c.id == network_id, *(() if visible is None else (visible,)))
        return _network_info(row, subnet_ids_of(tx, ctx, [row])) if row is not None else None

    # -- plugging -----------------------------------------------------------------------------------------

    def plug(self, tx: Tx, ctx: Context, server_id: str, zone: str, nic: NicRequest) -> Nic:
        mine = ctx.within("neutron")
        order = tx.scalar(sa.select(sa.func.max(Port.c.nic_order)).where(Port.c.device_id == server_id))
        values = {
            "device_id": server_id,
            "device_owner": f"compute:{zone}",
            "nic_tag": nic.tag,
            "nic_order": int(order or 0) + 1,
        }
        if nic.port_id is not None:
            port = self._take(tx, mine, nic.port_id, values)
        else:
            port = self._make(tx, mine, nic, values)
        return self._nics(tx, [port])[0]

    def _take(self, tx: Tx, ctx: Context, port_id: str, values: dict[str, Any]) -> Port:
        """A port that exists and is free becomes the server's."""
        visible = Port.visible(ctx)
        port = tx.first(Port, Port.c.id == port_id, *(() if visible is None else (visible,)))
        if port is None:
            raise Port.not_found(ctx, port_id)
        ctx.require("update_port", Port.target(tx, port))
        if port.device_id:
            raise Conflict(
                f"Unable to complete operation on port {port.id} for network {port.network_id}. Port "
                "already has an "
                f"attached device {port.device_id}.",
                kind="PortInUse",
            )
        port = tx.update(port, **values, made_for_server=False)
        events.emit(tx, ctx, "port.update", port)
        return port

    def _make(self, tx: Tx, ctx: Context, nic: NicRequest, values: dict[str, Any]) -> Port:
        if nic.network_id is None:
            raise BadResource("port", "a NIC needs a port or a network")
        given: dict[str, Any] = {"network_id": nic.network_id, "made_for_server": True, **values}
        if nic.fixed_ip is not None:
            given["fixed_ips"] = [{"ip_address": nic.fixed_ip}]
        if nic.security_groups:
            groups = dict.fromkeys(_group(tx, ctx, word).id for word in nic.security_groups)
            given["security_groups"] = list(groups)
        port: Port = CREATE.make(tx, ctx, Port, given)
        return port

    def bind(self, tx: Tx, ctx: Context, server_id: str, host: str, hostname: str) -> list[list[Any]]:
        mine = ctx.within("neutron")
        bound = []
        for port in _ports_of(tx, [server_id]):
            if port.host != host:
                port = changes.unplugged(tx, mine, port)
                values = {**schedule.binding(tx, host), "dns_name": port.dns_name or hostname.lower()}
                port = tx.update(port, **values)
            bound.append(port)
        generations = publish.arrived(tx, mine, bound)
        return [[port.id, generations[port.id]] for port in bound if port.id in generations]

    def unbind(self, tx: Tx, ctx: Context, server_id: str) -> None:
        for port in _ports_of(tx, [server_id]):
            changes.unplugged(tx, ctx.within("neutron"), port)

    def unplug(self, tx: Tx, ctx: Context, server_id: str, port_id: str | None = None) -> None:
        mine = ctx.within("neutron")
        for port in _ports_of(tx, [server_id]):
            if port_id is not None and port.id != port_id:
                continue
            if port.made_for_server:
                changes.end_port(tx, mine, port)
                events.emit(tx, mine, "port.delete", port)
                continue
            port = changes.unplugged(tx, mine, port)
            tx.update(port, device_id="", device_owner="", dns_name="", nic_tag=None, nic_order=0)

    # -- looking ------------------------------------------------------------------------------------------

    def nics(self, tx: Tx, server_ids: Iterable[str]) -> dict[str, list[Nic]]:
        ports = _ports_of(tx, server_ids)
        found: dict[str, list[Nic]] = {}
        for port, nic in zip(ports, self._nics(tx, ports), strict=True):
            found.setdefault(port.device_id, []).append(nic)
        return found

    def _nics(self, tx: Tx, ports: Sequence[Port]) -> list[Nic]:
        if not ports:
            return []
        held, groups = addresses_of(tx, None, ports), groups_of(tx, None, ports)
        networks: dict[str, Network] = tx.get_many(Network, (port.network_id for port in ports))
        subnets: dict[str, Subnet] = tx.get_many(
            Subnet, (fixed["subnet_id"] for fixeds in held.values() for fixed in fixeds)
        )
        names = _group_names(tx, {id for found in groups.values() for id in found})
        floating = _floating_of(tx, ports)
        return [
            Nic(
                port_id=port.id,
                network_id=port.network_id,
                network_name=networks[port.network_id].name,
                mac_address=port.mac_address,
                mtu=networks[port.network_id].mtu,
                status=port.status,
                fixed_ips=[_fixed(fixed, subnets[fixed["subnet_id"]]) for fixed in held.get(port.id, ())],
                floating_ips=floating.get(port.id, []),
                security_groups=[(id, names[id]) for id in groups.get(port.id, ())],
                made_for_server=port.made_for_server,
                host=port.host or None,
                tag=port.nic_tag,
            )
            for port in ports
        ]

    def server_of_address(
        self, tx: Tx, *, address: str, network_id: str = "", router_id: str = ""
    ) -> str | None:
        if router_id:
            legs = sa.select(Port.c.network_id).where(
                Port.c.device_id == router_id, Port.c.device_owner == ROUTER_INTERFACE
            )
            where = Port.c.network_id.in_(legs)
        else:
            where = Port.c.network_id == network_id
        query = (
            sa.select(Port.c.device_id)
            .select_from(Port.table.join(Address.table, Address.c.port_id == Port.c.id))
            .where(Address.c.ip_address == address, where, Port.c.device_owner.startswith("compute:"))
        )
        found = tx.scalar(query.limit(1))
        return str(found) if found else None

    def bound_ports(self, tx: Tx) -> dict[str, str]:
        query = sa.select(Port.c.id, Port.c.device_id).where(
            Port.c.host != "", Port.c.device_owner.startswith("compute:")
        )
        return dict(tx.execute(query).fetchall())

    # -- security groups ----------------------------------------------------------------------------------

    def security_groups_of(self, tx: Tx, server_id: str) -> list[tuple[str, str]]:
        ports = _ports_of(tx, [server_id])
        ids = {id for found in groups_of(tx, None, ports).values() for id in found}
        return sorted(_group_names(tx, ids).items(), key=lambda pair: pair[::-1])

    def add_security_group(self, tx: Tx, ctx: Context, server_id: str, name: str) -> None:
        """Every filtered port of the server is in the group. Raises NotFound."""
        mine = ctx.within("neutron")
        group = _group(tx, mine, name)
        for port in _ports_of(tx, [server_id]):
            had = groups_of(tx, None, [port]).get(port.id, [])
            if port.port_security_enabled and group.id not in had:
                changes.change_port(tx, mine, port, {"security_groups": [*had, group.id]})

    def remove_security_group(self, tx: Tx, ctx: Context, server_id: str, name: str) -> None:
        """No port of the server is in the group. Raises NotFound when none was."""
        mine = ctx.within("neutron")
        group, was_in = _group(tx, mine, name), False
        for port in _ports_of(tx, [server_id]):
            had = groups_of(tx, None, [port]).get(port.id, [])
            if group.id in had:
                was_in = True
                changes.change_port(tx, mine, port, {"security_groups": [g for g in had if g != group.id]})
        if not was_in:
            raise NotFound(f"Security group {name} not associated with the instance {server_id}")


def _network_info(network: Network, subnets: dict[str, list[str]]) -> NetworkInfo:
    return NetworkInfo(
        network.id, network.name, network.project_id, network.shared, tuple(subnets.get(network.id, ()))
    )


def _ports_of(tx: Tx, server_ids: Iterable[str]) -> list[Port]:
    """The ports of servers, in the order in which they were plugged."""
    wanted, found = list(server_ids), []
    for start in range(0, len(wanted), 500):
        found += tx.all(
            Port,
            Port.c.device_id.in_(wanted[start : start + 500]),
            Port.c.device_owner.startswith("compute:"),
            order_by=(Port.c.nic_order, Port.c.created_at, Port.c.id),
        )
    return found


def _fixed(fixed: dict[str, str], subnet: Subnet) -> dict[str, Any]:
    return {
        **fixed,
        "version": subnet.ip_version,
        "cidr": subnet.cidr,
        "gateway_ip": subnet.gateway_ip,
        "dns_nameservers": subnet.dns_nameservers,
        "host_routes": subnet.host_routes,
    }


def _group_names(tx: Tx, ids: Iterable[str]) -> dict[str, str]:
    wanted = list(ids)
    if not wanted:
        return {}
    query = sa.select(SecurityGroup.c.id, SecurityGroup.c.name).where(SecurityGroup.c.id.in_(wanted))
    return dict(tx.execute(query).fetchall())


def _floating_of(tx: Tx, ports: Sequence[Port]) -> dict[str, list[tuple[str, str]]]:
    found: dict[str, list[tuple[str, str]]] = {}
    for start in range(0, len(ports), 500):
        wanted = [port.id for port in ports[start : start + 500]]
        query = sa.select(
            FloatingIp.c.port_id, FloatingIp.c.floating_ip_address, FloatingIp.c.fixed_ip_address
        ).where(FloatingIp.c.port_id.in_(wanted))
        for port_id, outer, inner in tx.execute(query.order_by(FloatingIp.c.created_at, FloatingIp.c.id)):
            found.setdefault(port_id, []).append((outer, inner))
    return found


def _group(tx: Tx, ctx: Context, word: str) -> SecurityGroup:
    """The group of the caller's project with this name or id. Raises NotFound, and Conflict for several."""
    project_id = ctx.project_id or ""
    if word == DEFAULT:
        ensure_default_group(tx, ctx, project_id)
    group = tx.get(SecurityGroup, word)
    if group is not None and (ctx.is_admin or group.project_id == project_id):
        return group
    named = tx.all(
        SecurityGroup, SecurityGroup.c.name == word, SecurityGroup.c.project_id == project_id, limit=2
    )
    if len(named) > 1:
        raise Conflict(
            f"Multiple security groups found matching '{word}'. Use an ID to be more specific.",
            kind="NoUniqueMatch",
        )
    if not named:
        raise NotFound(f"Security group {word} not found.", kind="SecurityGroupNotFound")
    return named[0]
