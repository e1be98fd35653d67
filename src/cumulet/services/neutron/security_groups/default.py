# SPDX-License-Identifier: Apache-2.0
"""The default group that every project has from its first use on, and the rules that groups begin with."""

from typing import Any

from cumulet.kernel import events, ids
from cumulet.kernel.auth.context import Context
from cumulet.kernel.db import Tx
from cumulet.services.neutron.security_groups.model import (
    DEFAULT,
    DEFAULT_DESCRIPTION,
    DefaultGroup,
    SecurityGroup,
    SecurityGroupRule,
)


def default_group(tx: Tx, project_id: str) -> str | None:
    """The id of a project's default group, None before it has one."""
    row = tx.get(DefaultGroup, project_id)
    return row.group_id if row is not None else None


def ensure_default_group(tx: Tx, ctx: Context, project_id: str) -> str:
    """The id of a project's default group, which exists afterwards."""
    known = default_group(tx, project_id)
    if known is not None or not project_id:
        return known or ""
    group = tx.insert(
        SecurityGroup(id=ids.dashed(), name=DEFAULT, description=DEFAULT_DESCRIPTION, project_id=project_id)
    )
    tx.insert(DefaultGroup(id=project_id, group_id=group.id), retry=True)
    among = [_rule(group, "ingress", ethertype, group.id) for ethertype in _ETHERTYPES]
    tx.insert_many([*_outward(group), *among])
    events.emit(tx, ctx, "security_group.create", group)
    return group.id


def open_outward(tx: Tx, group: SecurityGroup) -> None:
    """A new group lets everything out."""
    tx.insert_many(_outward(group))


_ETHERTYPES = ("IPv4", "IPv6")


def _outward(group: SecurityGroup) -> list[SecurityGroupRule]:
    return [_rule(group, "egress", ethertype, None) for ethertype in _ETHERTYPES]


def _rule(group: SecurityGroup, direction: str, ethertype: str, remote: str | None) -> SecurityGroupRule:
    given: dict[str, Any] = {"direction": direction, "ethertype": ethertype, "remote_group_id": remote}
    return SecurityGroupRule(security_group_id=group.id, project_id=group.project_id, **given)
