# SPDX-License-Identifier: Apache-2.0
"""Making, changing and ending ports: for the API, for other services, and for what Neutron itself plugs in.

Nothing here asks for policy or quota; who calls it has.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from cumulet.kernel.auth.context import Context
from cumulet.kernel.db import Tx
from cumulet.kernel.errors import BadRequest, Conflict
from cumulet.kernel.resource.writing import row_from
from cumulet.services.neutron import standard
from cumulet.services.neutron.errors import BadResource
from cumulet.services.neutron.floating_ips import association
from cumulet.services.neutron.hosting import publish, schedule
from cumulet.services.neutron.networks.model import Network
from cumulet.services.neutron.ports import dhcp
from cumulet.services.neutron.ports.addressing import Wish, choose, hold
from cumulet.services.neutron.ports.model import (
    ROUTER_GATEWAY,
    ROUTER_INTERFACE,
    Address,
    Membership,
    Port,
    addresses_of,
    groups_of,
)
from cumulet.services.neutron.security_groups.default import ensure_default_group
from cumulet.services.neutron.security_groups.model import SecurityGroup
from cumulet.services.neutron.standard import Tag

LEGS = (ROUTER_INTERFACE, ROUTER_GATEWAY)


# -- making ---------------------------------------------------------------------------------------------


def make_port(tx: Tx, ctx: Context, given: Mapping[str, Any]) -> Port:
    """A new port with its addresses and groups, and what its host needs for it, if it has one."""
    network = tx.need(Network, given["network_id"])
    values = {"port_security_enabled": network.port_security_enabled, **given}
    if values.get("mac_address"):
        refuse_taken_mac(tx, network.id, values["mac_address"])
    values["extra_dhcp_opts"] = merged_options([], values.get("extra_dhcp_opts", ()))
    values |= schedule.binding(tx, values.get("host", ""))
    port: Port = row_from(Port, ctx, values)
    groups = groups_for(tx, ctx, port, given.get("security_groups"))
    check_security(port, groups)
    chosen = choose(tx, Wish(network.id, port.mac_address, port.device_owner), given.get("fixed_ips"))
    if not chosen:
        port = port.but(ip_allocation="none" if given.get("fixed_ips") == [] else "immediate")
    port = tx.insert(port, retry=True)
    hold(tx, port.id, chosen)
    tx.insert_many([Membership(port_id=port.id, group_id=group_id) for group_id in groups])
    tx.insert_many([Tag(resource_id=port.id, tag=tag) for tag in given.get("tags", ())])
    if dhcp.dhcp_port(tx, network.id) is None:
        dhcp.ensure(tx, ctx, network)
    if publish.is_on_host(port):
        publish.arrived(tx, ctx, [port])
    return port


def refuse_taken_mac(tx: Tx, network_id: str, mac_address: str) -> None:
    if tx.exists(Port, Port.c.network_id == network_id, Port.c.mac_address == mac_address):
        raise Conflict(
            f"Unable to complete operation for network {network_id}. The mac address {mac_address} is "
            "in use.",
            kind="MacAddressInUse",
        )


def groups_for(tx: Tx, ctx: Context, port: Port, asked: Sequence[str] | None) -> list[str]:
    """The groups of a new port: those asked for, or the project's default group where ports are filtered."""
    if asked is None:
        if not port.port_security_enabled or port.device_owner.startswith("network:"):
            return []
        found = ensure_default_group(tx, ctx, port.project_id)
        return [found] if found else []
    seen_groups(tx, ctx, port.project_id, asked)
    return list(asked)


def seen_groups(tx: Tx, ctx: Context, project_id: str, group_ids: Sequence[str]) -> None:
    """Refuse groups that the port's project does not have."""
    known: dict[str, SecurityGroup] = tx.get_many(SecurityGroup, group_ids)
    for group_id in group_ids:
        group = known.get(group_id)
        if group is None or not (ctx.is_admin or group.project_id in (project_id, ctx.project_id)):
            raise SecurityGroup.not_found(ctx, group_id)


def check_security(port: Port, groups: Sequence[str]) -> None:
    """Refuse filters on a port that is not filtered."""
    if port.port_security_enabled:
        return
    if port.allowed_address_pairs:
        raise Conflict(
            "Port Security must be enabled in order to have allowed address pairs on a port.",
            kind="AddressPairAndPortSecurityRequired",
        )
    if groups:
        raise BadRequest(
            "Port security must be enabled and port must have an IP address in order to use security groups.",
            kind="PortSecurityAndIPRequiredForSecurityGroups",
        )


def merged_options(
    had: Sequence[Mapping[str, Any]], asked: Sequence[Mapping[str, Any]]
) -> list[dict[str, Any]]:
    """DHCP options after a change: by name and IP version, where a null value removes one."""
    found = {(option["opt_name"], option["ip_version"]): dict(option) for option in (*had, *asked)}
    return [option for option in found.values() if option["opt_value"] is not None]


# -- changing -------------------------------------------------------------------------------------------


def change_port(tx: Tx, ctx: Context, port: Port, given: Mapping[str, Any]) -> Port:
    """The port as it should be, and every document that speaks of it."""
    had_groups = groups_of(tx, None, [port]).get(port.id, [])
    values = {name: value for name, value in given.items() if Port.columns[name].stored}
    if values.get("mac_address", port.mac_address) != port.mac_address:
        _check_mac_change(tx, port, values["mac_address"])
    if "extra_dhcp_opts" in values:
        values["extra_dhcp_opts"] = merged_options(port.extra_dhcp_opts, values["extra_dhcp_opts"])
    if values.get("host", port.host) != port.host:
        values |= {**schedule.binding(tx, values["host"]), "status": "DOWN"}
    new = tx.update(port, **values)
    if "security_groups" in given:
        seen_groups(tx, ctx, port.project_id, given["security_groups"])
    _check_new_security(new, given.get("security_groups", had_groups), given)
    if "fixed_ips" in given:
        _change_addresses(tx, ctx, new, given["fixed_ips"])
    if "security_groups" in given:
        set_groups(tx, port.id, given["security_groups"])
    _tell(tx, ctx, port, new, had_groups)
    return new


def _check_mac_change(tx: Tx, port: Port, mac_address: str) -> None:
    if port.vif_type not in ("unbound", "binding_failed"):
        raise Conflict(
            f"Unable to complete operation on port {port.id}, port is already bound, port type: "
            f"{port.vif_type}, "
            f"old_mac {port.mac_address}, new_mac {mac_address}.",
            kind="PortBound",
        )
    refuse_taken_mac(tx, port.network_id, mac_address)


def _check_new_security(port: Port, groups: Sequence[str], given: Mapping[str, Any]) -> None:
    if port.port_security_enabled or not groups or given.get("security_groups"):
        check_security(port, groups)
        return
    raise Conflict(
        "Port has security group associated. Cannot disable port security or IP address until "
        "security group is "
        "removed.",
        kind="PortSecurityPortHasSecurityGroup",
    )


def _change_addresses(tx: Tx, ctx: Context, port: Port, asked: Sequence[dict[str, str]]) -> None:
    held = addresses_of(tx, None, [port]).get(port.id, [])
    chosen = choose(tx, Wish(port.network_id, port.mac_address, port.device_owner, held), asked)
    kept = {address for _, address in chosen}
    lost = {fixed["ip_address"] for fixed in held} - kept
    if lost and port.device_owner == ROUTER_INTERFACE:
        raise BadRequest(f"IP updates for port {port.id} are not allowed", kind="IPAddressChangeNotAllowed")
    if lost and association.is_floated(tx, port.id, lost):
        raise BadResource(
            "port",
            f"Cannot update the fixed_ips of the port {port.id}, because its original fixed_ip has been "
            "associated to a floating ip",
        )
    hold(tx, port.id, chosen)


def set_groups(tx: Tx, port_id: str, groups: Sequence[str]) -> None:
    """The port is in these groups and no others."""
    had = set(groups_of(tx, None, [_Id(port_id)]).get(port_id, ()))
    gone = had - set(groups)
    if gone:
        tx.delete_where(Membership, Membership.c.port_id == port_id, Membership.c.group_id.in_(gone))
    tx.insert_many([Membership(port_id=port_id, group_id=g) for g in groups if g not in had])


class _Id:
    def __init__(self, id: str) -> None:
        self.id = id


def _tell(tx: Tx, ctx: Context, old: Port, new: Port, had_groups: Sequence[str]) -> None:
    """Hosts know of the change."""
    if new.device_owner in LEGS:
        publish.router(tx, ctx, new.device_id)
        return
    if new.device_owner.startswith("network:"):
        publish.network(tx, ctx, new.network_id)
        return
    if publish.is_on_host(old) and old.host != new.host:
        publish.left(tx, ctx, old, old.host, had_groups)
    if publish.is_on_host(new):
        if old.host != new.host:
            publish.arrived(tx, ctx, [new])
        now = groups_of(tx, None, [new]).get(new.id, [])
        publish.groups(tx, ctx, [*had_groups, *now])
        publish.ports(tx, ctx, [new])


# -- ending ---------------------------------------------------------------------------------------------


def end_port(tx: Tx, ctx: Context, port: Port) -> None:
    """The port is gone, with all that hung on it; its host is told."""
    groups = groups_of(tx, None, [port]).get(port.id, [])
    association.release_port(tx, ctx, port.id)
    tx.delete_where(Membership, Membership.c.port_id == port.id)
    tx.delete_where(Address, Address.c.port_id == port.id)
    tx.delete(port)
    standard.forget(tx, port.id)
    if publish.is_on_host(port):
        publish.left(tx, ctx, port, port.host, groups)
    elif port.vif_type == publish.PLUGGED:
        publish.network(tx, ctx, port.network_id)


def unplugged(tx: Tx, ctx: Context, port: Port) -> Port:
    """The port is on no host; what was published for it is withdrawn."""
    if not port.host:
        return port
    new = tx.update(port, host="", vif_type="unbound", status="DOWN")
    if publish.is_on_host(port):
        publish.left(tx, ctx, port, port.host, groups_of(tx, None, [port]).get(port.id, []))
    return new
