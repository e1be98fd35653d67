# SPDX-License-Identifier: Apache-2.0
"""Quota: limits are stored, usage is counted from the rows that use it.

Nothing is reserved and nothing can drift. Two creates at once are kept apart by `tx.lock` on the project's
quota, which every charge takes before it counts.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from cumulet.kernel.db.rows import Row, column
from cumulet.kernel.db.tx import Tx
from cumulet.kernel.errors import Error, OverQuota

if TYPE_CHECKING:
    from cumulet.kernel.auth.context import Context

UNLIMITED = -1
CLASS = "class:default"
"""The scope under which the defaults of all projects are stored once an operator changed them."""


class QuotaLimit(Row, table="quota_limits"):
    """A limit that was set, for one project or for the default class."""

    id: str = column(primary=True)
    service: str
    scope: str = column(index=True)
    resource: str
    hard_limit: int


@dataclass(frozen=True)
class Quota:
    """A countable resource: its limit unless one was set, and how much of it a project uses."""

    name: str
    default: int
    usage: Callable[[Tx, str], int]


@dataclass(frozen=True)
class Shortage:
    """What was asked for beyond a limit."""

    resource: str
    requested: int
    used: int
    limit: int


def limits(tx: Tx, service: str, quotas: Mapping[str, Quota], scope: str) -> dict[str, int]:
    """The limit of every resource for a project, or for the default class."""
    rows = [row for row in tx.all_in(QuotaLimit, "scope", (scope, CLASS)) if row.service == service]
    found = {name: quota.default for name, quota in quotas.items()}
    for row in sorted(rows, key=lambda row: row.scope != CLASS):
        found[row.resource] = row.hard_limit
    return found


def set_limit(tx: Tx, service: str, scope: str, resource: str, hard_limit: int) -> None:
    """Set one limit; -1 is unlimited."""
    id = f"{service}/{scope}/{resource}"
    row = tx.get(QuotaLimit, id)
    if row is not None:
        tx.update(row, hard_limit=hard_limit)
        return
    tx.insert(QuotaLimit(id=id, service=service, scope=scope, resource=resource, hard_limit=hard_limit))


def reset(tx: Tx, service: str, scope: str) -> None:
    """Give a project the default limits again."""
    tx.delete_where(QuotaLimit, QuotaLimit.c.service == service, QuotaLimit.c.scope == scope)


def usage(tx: Tx, quotas: Mapping[str, Quota], scope: str) -> dict[str, int]:
    """How much of every resource the project uses now."""
    return {name: quota.usage(tx, scope) for name, quota in quotas.items()}


def lock_key(service: str, project_id: str) -> str:
    return f"quota:{service}:{project_id}"


def charge(
    tx: Tx,
    ctx: "Context",
    project_id: str,
    amounts: Mapping[str, int],
    quotas: Mapping[str, Quota] | None = None,
) -> None:
    """Refuse unless every amount still fits; the rows that use it are written in this same transaction.

    `quotas` are those of the amounts where they are not the service's fixed ones, as Cinder's of each
    volume type. Raises what the service says for a shortage, OverQuota by default.
    """
    service = ctx.service
    known = service.api.quotas if quotas is None else quotas
    tx.lock(lock_key(service.name, project_id))
    allowed = limits(tx, service.name, known, project_id)
    short = []
    for name, amount in amounts.items():
        limit = allowed.get(name, UNLIMITED)
        if limit < 0 or amount <= 0:
            continue
        used = known[name].usage(tx, project_id)
        if used + amount > limit:
            short.append(Shortage(name, amount, used, limit))
    if short:
        raise service.api.over_quota(short)


def over_quota(short: list[Shortage]) -> Error:
    """The refusal of a service that has no words of its own for it."""
    names = ", ".join(item.resource for item in short)
    parts = "; ".join(
        f"{item.resource}: {item.requested} asked, {item.used} of {item.limit} used" for item in short
    )
    return OverQuota(f"Quota exceeded for {names} ({parts}).", resources=tuple(s.resource for s in short))
