# SPDX-License-Identifier: Apache-2.0
"""What security groups and their rules are."""

from collections.abc import Mapping, Sequence
from typing import Any

import sqlalchemy as sa

from cumulet.kernel.auth.context import Context
from cumulet.kernel.db import Row, Tx
from cumulet.kernel.db.rows import column
from cumulet.kernel.resource import computed, field, loaded
from cumulet.kernel.resource.views import render
from cumulet.services.neutron import values
from cumulet.services.neutron.security_groups import rule_values
from cumulet.services.neutron.standard import Owned, Standard

DEFAULT = "default"
DEFAULT_DESCRIPTION = "Default security group"


class DefaultGroup(Row, table="neutron_default_security_groups"):
    """Which group is a project's default; that there is one row for each project makes it the only one."""

    id: str = column(primary=True)
    """The project."""
    group_id: str = column(references="neutron_security_groups.id", on_delete="CASCADE", index=True)


def rules_of(tx: Tx, ctx: Context, rows: Sequence[Any]) -> dict[str, list[dict[str, Any]]]:
    """The rules of groups, as their own resource shows them."""
    found: dict[str, list[dict[str, Any]]] = {}
    for start in range(0, len(rows), 500):
        wanted = [row.id for row in rows[start : start + 500]]
        rules = tx.all(
            SecurityGroupRule,
            SecurityGroupRule.c.security_group_id.in_(wanted),
            order_by=(SecurityGroupRule.c.created_at, SecurityGroupRule.c.id),
        )
        for body in render(tx, ctx, SecurityGroupRule, rules):
            found.setdefault(body["security_group_id"], []).append(body)
    return found


class SecurityGroup(Standard, service="neutron", path="/security-groups", member="security_group"):
    """A set of rules for what may reach the ports in it, and leave them."""

    missing = "Security group {id} does not exist"

    stateful: bool = field(default=True, create=True, update=True, filter=True, convert=values.flag)
    shared: bool = computed(lambda ctx, row: False)
    security_group_rules: list[dict[str, Any]] = loaded(rules_of, default=())


def in_default_group(tx: Tx, ctx: Context, rows: Sequence[Any]) -> dict[str, bool]:
    """Whether each rule belongs to the default group of a project."""
    groups = list({row.security_group_id for row in rows})
    defaults: set[str] = set()
    for start in range(0, len(groups), 500):
        query = sa.select(DefaultGroup.c.group_id).where(
            DefaultGroup.c.group_id.in_(groups[start : start + 500])
        )
        defaults |= set(tx.execute(query).scalars())
    return {row.id: row.security_group_id in defaults for row in rows}


class SecurityGroupRule(Owned, service="neutron", path="/security-group-rules", member="security_group_rule"):
    """Something that is let through; what no rule lets through is dropped."""

    missing = "Security group rule {id} does not exist"

    security_group_id: str = field(
        create=True,
        filter=True,
        sort=True,
        references="neutron_security_groups.id",
        on_delete="CASCADE",
        index=True,
        convert=values.text(36),
    )
    direction: str = field(create=True, filter=True, sort=True, convert=values.one_of("ingress", "egress"))
    ethertype: str = field(default="IPv4", create=True, filter=True, sort=True, convert=rule_values.ethertype)
    protocol: str | None = field(
        default=None, create=True, filter=True, sort=True, convert=rule_values.protocol
    )
    port_range_min: int | None = field(
        default=None, create=True, filter=True, sort=True, convert=rule_values.port
    )
    port_range_max: int | None = field(
        default=None, create=True, filter=True, sort=True, convert=rule_values.port
    )
    remote_ip_prefix: str | None = field(
        default=None, create=True, filter=True, sort=True, convert=rule_values.prefix
    )
    remote_group_id: str | None = field(
        default=None, create=True, filter=True, sort=True, index=True, convert=values.or_none(values.text(36))
    )
    remote_address_group_id: str | None = computed(lambda ctx, row: None)
    normalized_cidr: str | None = computed(lambda ctx, row: rule_values.normalized(row.remote_ip_prefix))
    belongs_to_default_sg: bool = loaded(in_default_group, default=False)

    @classmethod
    def target_of_new(cls, tx: Tx, ctx: Context, given: Mapping[str, Any]) -> Mapping[str, Any]:
        if tx.get(SecurityGroup, given.get("security_group_id")) is None:
            raise SecurityGroup.not_found(ctx, str(given.get("security_group_id")))
        return _of_group(tx, super().target_of_new(tx, ctx, given))

    @classmethod
    def target(cls, tx: Tx, row: Any) -> Mapping[str, Any]:
        return _of_group(tx, super().target(tx, row))


def _of_group(tx: Tx, target: Mapping[str, Any]) -> Mapping[str, Any]:
    """Rules of policy ask for the owner of the group."""
    group = tx.get(SecurityGroup, target.get("security_group_id"))
    owner = group.project_id if group is not None else ""
    return {**target, "security_group:project_id": owner, "security_group:tenant_id": owner}
