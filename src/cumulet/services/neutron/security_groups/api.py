# SPDX-License-Identifier: Apache-2.0
"""The operations on security groups."""

import dataclasses
from typing import Any

from cumulet.kernel.auth.context import Context
from cumulet.kernel.db import Tx
from cumulet.kernel.errors import Conflict
from cumulet.kernel.http.endpoint import Endpoint
from cumulet.kernel.http.messages import Reply, Request
from cumulet.kernel.http.wire import WireProfile
from cumulet.kernel.resource import Create, Delete, List, Show, Update, expose
from cumulet.kernel.resource.writing import row_from
from cumulet.services.neutron import standard
from cumulet.services.neutron.hosting import publish
from cumulet.services.neutron.ports.model import Membership
from cumulet.services.neutron.security_groups.default import (
    default_group,
    ensure_default_group,
    open_outward,
)
from cumulet.services.neutron.security_groups.model import (
    DEFAULT,
    DefaultGroup,
    SecurityGroup,
    SecurityGroupRule,
)


class ListGroups(List):
    """A list that makes the project's default group when there is none yet."""

    def endpoint(self, cls: Any, wire: WireProfile) -> Endpoint:
        async def run(ctx: Context, request: Request) -> Reply:
            found = await ctx.read(self._if_ready, cls, ctx, request)
            if found is None:
                await ctx.transact(ensure_default_group, ctx, ctx.project_id or "")
                found = await ctx.read(lambda tx: self.answer(cls, tx, ctx, request))
            return found

        return dataclasses.replace(super().endpoint(cls, wire), run=run)

    def _if_ready(self, tx: Tx, cls: Any, ctx: Context, request: Request) -> Reply | None:
        if ctx.project_id and default_group(tx, ctx.project_id) is None:
            return None
        return self.answer(cls, tx, ctx, request)


def create_group(tx: Tx, ctx: Context, given: dict[str, Any]) -> SecurityGroup:
    """Make a group that lets everything out and nothing in."""
    _not_default(given)
    group: SecurityGroup = row_from(SecurityGroup, ctx, given)
    ensure_default_group(tx, ctx, group.project_id)
    group = tx.insert(group)
    open_outward(tx, group)
    return group


def update_group(tx: Tx, ctx: Context, group: SecurityGroup, given: dict[str, Any]) -> SecurityGroup:
    """Change what a group is called, or whether it follows connections."""
    if is_default(tx, group) and "name" in given:
        raise Conflict(
            "Updating default security group not allowed.", kind="SecurityGroupCannotUpdateDefault"
        )
    _not_default(given)
    if given.get("stateful", group.stateful) != group.stateful and is_used(tx, group.id):
        raise in_use(group.id)
    group = tx.update(group, **given)
    publish.group(tx, ctx, group.id)
    return group


def delete_group(tx: Tx, ctx: Context, group: SecurityGroup) -> None:
    """Remove a group that no port is in, and the rules of others that name it."""
    if is_default(tx, group) and not ctx.is_admin:
        raise Conflict(
            "Insufficient rights for removing default security group.",
            kind="SecurityGroupCannotRemoveDefault",
        )
    if is_used(tx, group.id):
        raise in_use(group.id)
    naming = SecurityGroupRule.c.remote_group_id == group.id
    others = {rule.security_group_id for rule in tx.all(SecurityGroupRule, naming)} - {group.id}
    tx.delete_where(SecurityGroupRule, naming)
    tx.delete(group)
    standard.forget(tx, group.id)
    publish.group(tx, ctx, group.id)
    for other in sorted(others):
        publish.group(tx, ctx, other)


def is_default(tx: Tx, group: SecurityGroup) -> bool:
    return tx.exists(DefaultGroup, DefaultGroup.c.group_id == group.id)


def is_used(tx: Tx, group_id: str) -> bool:
    return tx.exists(Membership, Membership.c.group_id == group_id)


def in_use(group_id: str) -> Conflict:
    return Conflict(f"Security Group {group_id} in use.", kind="SecurityGroupInUse")


def _not_default(given: dict[str, Any]) -> None:
    if given.get("name", "").lower() == DEFAULT:
        raise Conflict("Default security group already exists.", kind="SecurityGroupDefaultAlreadyExists")


SECURITY_GROUPS = expose(
    SecurityGroup,
    ListGroups(policy="get_security_group", filters=standard.filters_of(SecurityGroup)),
    Show(policy="get_security_group"),
    Create(policy="create_security_group", run=create_group, quota={"security_group": 1}, bulk=True),
    Update(policy="update_security_group", run=update_group),
    Delete(policy="delete_security_group", run=delete_group),
)
