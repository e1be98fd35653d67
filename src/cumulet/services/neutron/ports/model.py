# SPDX-License-Identifier: Apache-2.0
"""What a port is, and the rows that belong to it: its addresses and its place in security groups."""

import random
from collections.abc import Mapping, Sequence
from typing import Any

import sqlalchemy as sa

from cumulet.kernel import ids
from cumulet.kernel.auth.context import Context
from cumulet.kernel.db import Row, Tx
from cumulet.kernel.db.rows import column
from cumulet.kernel.resource import computed, field, loaded
from cumulet.services.neutron import values
from cumulet.services.neutron.networks.model import Network
from cumulet.services.neutron.networks.target import of_network
from cumulet.services.neutron.standard import Standard, sees_all, tags_of

DHCP = "network:dhcp"
ROUTER_INTERFACE = "network:router_interface"
ROUTER_GATEWAY = "network:router_gateway"
FLOATING_IP = "network:floatingip"
VNIC_TYPES = (
    "normal",
    "direct",
    "macvtap",
    "baremetal",
    "direct-physical",
    "virtio-forwarder",
    "smart-nic",
    "vdpa",
    "accelerator-direct",
    "accelerator-direct-physical",
    "remote-managed",
)


class Address(Row, table="neutron_addresses", indexes=(("port_id", "position"),), noun="address"):
    """An address of a subnet that a port holds. Its id is made of both, so nobody else can hold it."""

    id: str = column(primary=True)
    subnet_id: str = column(references="neutron_subnets.id", index=True)
    ip_address: str = column(index=True)
    port_id: str = column(references="neutron_ports.id", on_delete="CASCADE")
    position: int = column(default=0)

    @classmethod
    def of(cls, subnet_id: str, ip_address: str, port_id: str, position: int) -> "Address":
        return cls(
            id=f"{subnet_id}/{ip_address}",
            subnet_id=subnet_id,
            ip_address=ip_address,
            port_id=port_id,
            position=position,
        )


class Membership(Row, table="neutron_port_security_groups", unique=(("port_id", "group_id"),)):
    """A port is in a security group."""

    id: str = column(primary=True, default_factory=ids.plain)
    port_id: str = column(references="neutron_ports.id", on_delete="CASCADE")
    group_id: str = column(references="neutron_security_groups.id", index=True)


_IDS: Any = sa.bindparam("ids", expanding=True)
_ADDRESSES = (
    sa.select(Address.c.port_id, Address.c.subnet_id, Address.c.ip_address)
    .where(Address.c.port_id.in_(_IDS))
    .order_by(Address.c.port_id, Address.c.position)
)
_GROUPS = (
    sa.select(Membership.c.port_id, Membership.c.group_id)
    .where(Membership.c.port_id.in_(_IDS))
    .order_by(Membership.c.port_id, Membership.c.group_id)
)


def addresses_of(tx: Tx, ctx: Context | None, rows: Sequence[Any]) -> dict[str, list[dict[str, str]]]:
    """The fixed IPs of ports, in their order."""
    found: dict[str, list[dict[str, str]]] = {}
    for start in range(0, len(rows), 500):
        wanted = [row.id for row in rows[start : start + 500]]
        for port_id, subnet_id, ip_address in tx.rows(_ADDRESSES, {"ids": wanted}):
            found.setdefault(port_id, []).append({"subnet_id": subnet_id, "ip_address": ip_address})
    return found


def groups_of(tx: Tx, ctx: Context | None, rows: Sequence[Any]) -> dict[str, list[str]]:
    """The ids of the security groups of ports."""
    found: dict[str, list[str]] = {}
    for start in range(0, len(rows), 500):
        wanted = [row.id for row in rows[start : start + 500]]
        for port_id, group_id in tx.rows(_GROUPS, {"ids": wanted}):
            found.setdefault(port_id, []).append(group_id)
    return found


def dns_assignment_of(tx: Tx, ctx: Context, rows: Sequence[Any]) -> dict[str, list[dict[str, str]]]:
    """The names under which DHCP makes each address known."""
    held = addresses_of(tx, ctx, rows)
    return {row.id: [_named(row, fixed["ip_address"]) for fixed in held.get(row.id, ())] for row in rows}


def _named(port: Any, ip_address: str) -> dict[str, str]:
    name = port.dns_name or f"host-{ip_address.replace('.', '-').replace(':', '-')}"
    return {"ip_address": ip_address, "hostname": name, "fqdn": f"{name}.openstacklocal."}


def make_mac() -> str:
    """A random address below fa:16:3e."""
    return "fa:16:3e:" + ":".join(f"{octet:02x}" for octet in random.randbytes(3))


class Port(
    Standard,
    service="neutron",
    path="/ports",
    member="port",
    unique=(("network_id", "mac_address"),),
    indexes=(("host", "network_id"),),
):
    """A connection to a network: of a server, a router, a DHCP service or a floating IP."""

    missing = "Port {id} could not be found."

    network_id: str = field(
        create=True, filter=True, sort=True, references="neutron_networks.id", convert=values.uuid
    )
    admin_state_up: bool = field(
        default=True, create=True, update=True, filter=True, sort=True, convert=values.flag
    )
    status: str = field(default="DOWN", filter=True, sort=True)
    mac_address: str = field(
        default_factory=make_mac,
        create=True,
        update=True,
        filter=True,
        sort=True,
        set_rule="{verb}_port:mac_address",
        convert=lambda value: make_mac() if value is None else values.mac(value),
    )
    tags: list[str] = loaded(
        tags_of, default=(), create=True, set_rule="{verb}_port:tags", convert=values.texts(255)
    )
    fixed_ips: list[dict[str, str]] = loaded(
        addresses_of,
        default=(),
        create=True,
        update=True,
        set_rule="{verb}_port:fixed_ips",
        convert=values.or_empty(values.fixed_ips),
    )
    security_groups: list[str] = loaded(
        groups_of, default=(), create=True, update=True, convert=values.or_empty(values.uuids)
    )
    device_id: str = field(
        default="",
        create=True,
        update=True,
        filter=True,
        sort=True,
        index=True,
        set_rule="{verb}_port:device_id",
        convert=values.text(255),
    )
    device_owner: str = field(
        default="",
        create=True,
        update=True,
        filter=True,
        sort=True,
        set_rule="{verb}_port:device_owner",
        convert=values.text(255),
    )
    port_security_enabled: bool = field(
        default=True,
        create=True,
        update=True,
        set_rule="{verb}_port:port_security_enabled",
        convert=values.flag,
    )
    allowed_address_pairs: list[dict[str, str]] = field(
        default_factory=list,
        create=True,
        update=True,
        set_rule="{verb}_port:allowed_address_pairs",
        convert=values.or_empty(values.address_pairs),
    )
    extra_dhcp_opts: list[dict[str, Any]] = field(
        default_factory=list, create=True, update=True, convert=values.or_empty(values.dhcp_options)
    )
    dns_name: str = field(default="", create=True, update=True, filter=True, convert=values.host_name)
    dns_domain: str = field(default="", create=True, update=True, convert=values.domain_name)
    dns_assignment: list[dict[str, str]] = loaded(dns_assignment_of, default=())
    ip_allocation: str = field(default="immediate", filter=True, sort=True)
    vnic_type: str = field(
        default="normal",
        wire="binding:vnic_type",
        create=True,
        update=True,
        filter=True,
        set_rule="{verb}_port:binding:vnic_type",
        convert=values.one_of(*VNIC_TYPES),
    )
    host: str = field(
        default="",
        wire="binding:host_id",
        create=True,
        update=True,
        filter=True,
        rule="get_port:binding:host_id",
        set_rule="{verb}_port:binding:host_id",
        convert=lambda value: values.text(255)(value or ""),
    )
    profile: dict[str, Any] = field(
        default_factory=dict,
        wire="binding:profile",
        create=True,
        update=True,
        rule="get_port:binding:profile",
        set_rule="{verb}_port:binding:profile",
        convert=values.mapping,
    )
    vif_type: str = field(default="unbound", wire="binding:vif_type", rule="get_port:binding:vif_type")
    vif_details: dict[str, Any] = computed(
        lambda ctx, row: {"port_filter": True, "connectivity": "l2"} if row.vif_type == "bridge" else {},
        wire="binding:vif_details",
        rule="get_port:binding:vif_details",
    )
    made_for_server: bool = field(default=False, hidden=True)
    nic_tag: str | None = field(default=None, hidden=True)
    nic_order: int = field(default=0, hidden=True)

    @classmethod
    def visible(cls, ctx: Context) -> Any:
        """Own ports, and those on own networks."""
        if sees_all(ctx):
            return None
        networks = sa.select(Network.c.id).where(Network.c.project_id == ctx.project_id)
        return sa.or_(cls.c.project_id == ctx.project_id, cls.c.network_id.in_(networks))

    @classmethod
    def target(cls, tx: Tx, row: Any) -> Mapping[str, Any]:
        return of_network(tx, super().target(tx, row))

    @classmethod
    def target_of_new(cls, tx: Tx, ctx: Context, given: Mapping[str, Any]) -> Mapping[str, Any]:
        Network.seen(tx, ctx, given["network_id"])
        return of_network(tx, {"device_owner": "", **super().target_of_new(tx, ctx, given)})
