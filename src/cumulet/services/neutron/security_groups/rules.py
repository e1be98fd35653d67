# SPDX-License-Identifier: Apache-2.0
"""The operations on security group rules, and what a rule may say."""

from typing import Any

from cumulet.kernel.auth.context import Context
from cumulet.kernel.db import Tx
from cumulet.kernel.errors import BadRequest, Conflict
from cumulet.kernel.resource import Create, Delete, List, Show, expose
from cumulet.kernel.resource.writing import row_from
from cumulet.services.neutron import standard
from cumulet.services.neutron.hosting import publish
from cumulet.services.neutron.security_groups.model import SecurityGroup, SecurityGroupRule
from cumulet.services.neutron.security_groups.rule_values import IPV6_PROTOCOLS, PROTOCOLS, normalized

_PORTS, _ICMP = (6, 17, 33, 132, 136), (1, 58)
_WITH_PORTS = "dccp, sctp, tcp, udp, udplite"


def create_rule(tx: Tx, ctx: Context, given: dict[str, Any]) -> SecurityGroupRule:
    """Let something through."""
    group = _seen(tx, ctx, given["security_group_id"])
    check(given)
    if given.get("remote_group_id") is not None:
        _seen(tx, ctx, given["remote_group_id"])
    rule: SecurityGroupRule = row_from(SecurityGroupRule, ctx, {"project_id": group.project_id, **given})
    _refuse_twin(tx, rule)
    rule = tx.insert(rule)
    _followed(tx, ctx, rule)
    return rule


def delete_rule(tx: Tx, ctx: Context, rule: SecurityGroupRule) -> None:
    tx.delete(rule)
    _followed(tx, ctx, rule)


def _followed(tx: Tx, ctx: Context, rule: SecurityGroupRule) -> None:
    """Hosts know the rules as they are now, and the group that the rule names."""
    publish.group(tx, ctx, rule.security_group_id)
    if rule.remote_group_id is not None and rule.remote_group_id != rule.security_group_id:
        publish.group(tx, ctx, rule.remote_group_id)


def _seen(tx: Tx, ctx: Context, group_id: str) -> SecurityGroup:
    visible = SecurityGroup.visible(ctx)
    group = tx.first(SecurityGroup, SecurityGroup.c.id == group_id, *(() if visible is None else (visible,)))
    if group is None:
        raise SecurityGroup.not_found(ctx, group_id)
    return group


# -- what a rule may say --------------------------------------------------------------------------------


def check(given: dict[str, Any]) -> None:
    """Refuse a rule that contradicts itself."""
    remotes = [name for name in ("remote_ip_prefix", "remote_group_id") if given.get(name) is not None]
    if len(remotes) > 1:
        raise BadRequest(
            "Only one of remote_ip_prefix or remote_group_id or remote_address_group_id may be provided.",
            kind="SecurityGroupMultipleRemoteEntites",
        )
    _check_ethertype(given)
    _check_ports(given.get("protocol"), given.get("port_range_min"), given.get("port_range_max"))


def _check_ethertype(given: dict[str, Any]) -> None:
    ethertype, prefix = given.get("ethertype", "IPv4"), given.get("remote_ip_prefix")
    if given.get("protocol") in IPV6_PROTOCOLS and ethertype == "IPv4":
        raise BadRequest(
            f"Invalid ethertype {ethertype} for protocol {given['protocol']}.",
            kind="SecurityGroupEthertypeConflictWithProtocol",
        )
    if prefix is not None and (":" in prefix) != (ethertype == "IPv6"):
        raise BadRequest(
            f"Conflicting value ethertype {ethertype} for CIDR {prefix}",
            kind="SecurityGroupRuleParameterConflict",
        )


def _check_ports(protocol: str | None, low: int | None, high: int | None) -> None:
    if low is None and high is None:
        return
    if protocol is None:
        raise BadRequest(
            "Must also specify protocol if port range is given.",
            kind="SecurityGroupProtocolRequiredWithPorts",
        )
    number = protocol_number(protocol)
    if number in _PORTS:
        _check_range(low, high)
    elif number in _ICMP:
        _check_icmp(low, high)
    else:
        raise BadRequest(
            f"Ports cannot be specified for protocol {protocol}. Ports are only supported for {_WITH_PORTS}.",
            kind="SecurityGroupInvalidProtocolForPort",
        )


def _check_range(low: int | None, high: int | None) -> None:
    if low == 0 or high == 0:
        raise BadRequest("Invalid value for port 0", kind="SecurityGroupInvalidPortValue")
    if low is None or high is None or low > high:
        raise BadRequest(
            "For TCP/UDP protocols, port_range_min must be <= port_range_max",
            kind="SecurityGroupInvalidPortRange",
        )


def _check_icmp(low: int | None, high: int | None) -> None:
    for field, attribute, value in (("port_range_min", "type", low), ("port_range_max", "code", high)):
        if value is not None and value > 255:
            raise BadRequest(
                f"Invalid value for ICMP {attribute} ({field}) {value}. It must be 0 to 255.",
                kind="SecurityGroupInvalidIcmpValue",
            )
    if low is None:
        raise BadRequest(
            f"ICMP code (port-range-max) {high} is provided but ICMP type (port-range-min) is missing.",
            kind="SecurityGroupMissingIcmpType",
        )


def protocol_number(protocol: str) -> int:
    return int(protocol) if protocol.isdigit() else PROTOCOLS[protocol]


def _refuse_twin(tx: Tx, rule: SecurityGroupRule) -> None:
    """A group has each rule once, whatever its description."""
    for other in tx.all(SecurityGroupRule, SecurityGroupRule.c.security_group_id == rule.security_group_id):
        if _meaning(other) == _meaning(rule):
            raise Conflict(
                f"Security group rule already exists. Rule id is {other.id}.", kind="SecurityGroupRuleExists"
            )


def _meaning(rule: SecurityGroupRule) -> tuple[Any, ...]:
    number = protocol_number(rule.protocol) if rule.protocol is not None else None
    ports = rule.port_range_min, rule.port_range_max
    source = normalized(rule.remote_ip_prefix)
    return rule.direction, rule.ethertype, number, ports, source, rule.remote_group_id


SECURITY_GROUP_RULES = expose(
    SecurityGroupRule,
    List(
        policy="get_security_group_rule",
        filters={k: f for k, f in standard.filters_of(SecurityGroupRule).items() if "tags" not in k},
    ),
    Show(policy="get_security_group_rule"),
    Create(policy="create_security_group_rule", run=create_rule, quota={"security_group_rule": 1}, bulk=True),
    Delete(policy="delete_security_group_rule", run=delete_rule),
)
