# SPDX-License-Identifier: Apache-2.0
"""Quota: limits are stored, usage is counted from the rows that use it.

Nothing is reserved and nothing can drift. Two creates at once are kept apart by `tx.lock` on the project's
quota, which every charge takes before it counts. Limits are those of this table, or of the unified ones.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from cumulet.kernel.db.rows import Row, column
from cumulet.kernel.db.tx import Tx
from cumulet.kernel.errors import Error, OverQuota
from cumulet.kernel.unified_limits import Bound, UnifiedLimits

if TYPE_CHECKING:
    from cumulet.kernel.app import App
    from cumulet.kernel.auth.context import Context

UNLIMITED = -1
_TOGETHER = 500
"""How many projects one statement counts."""
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
    """A countable resource: its limit unless one was set, and how much of it a project uses.

    `unified` is its name among the unified limits, which some quotas have only there. `usage(tx, project_id)`
    of a quota with such a name takes several projects as well and adds them up. Of a `required` one nothing
    may be had until a unified limit is registered.
    """

    name: str
    default: int
    usage: Callable[..., int]
    unified: str = ""
    only_unified: bool = False
    required: bool = False


@dataclass(frozen=True)
class Shortage:
    """What was asked for beyond a limit; `project_id` tells whose, if it is a unified one."""

    resource: str
    requested: int
    used: int
    limit: int
    project_id: str = ""


def limits(tx: Tx, service: str, quotas: Mapping[str, Quota], scope: str) -> dict[str, int]:
    """The limit of every resource for a project, or for the default class."""
    return {name: several[0].limit for name, several in _bounds(tx, service, quotas, scope).items()}


def _bounds(tx: Tx, service: str, quotas: Mapping[str, Quota], scope: str) -> dict[str, Sequence[Bound]]:
    """What bounds each resource for a project, or for the default class; its own limit first."""
    unified = {name: quota for name, quota in quotas.items() if is_unified(tx.app, quota)}
    found = {name: quota.default for name, quota in quotas.items() if name not in unified}
    rows = tx.all_in(QuotaLimit, "scope", (scope, CLASS)) if found else []
    for row in sorted(rows, key=lambda row: row.scope != CLASS):
        if row.service == service and row.resource in found:
            found[row.resource] = row.hard_limit
    bounds: dict[str, Sequence[Bound]] = {name: [Bound(limit, (scope,))] for name, limit in found.items()}
    return bounds | (_unified_bounds(tx, service, unified, scope) if unified else {})


def is_unified(app: "App", quota: Quota) -> bool:
    """Whether this cloud takes the limit of a quota from the unified ones."""
    if app.settings.unified_limits:
        return bool(quota.unified)
    return quota.only_unified and app.provides(UnifiedLimits)


def _unified_bounds(
    tx: Tx, service: str, quotas: Mapping[str, Quota], scope: str
) -> dict[str, Sequence[Bound]]:
    """The same for quotas whose limits are all unified ones."""
    kind = tx.app.service(service).manifest.catalog[0].type
    names = {quota.unified for quota in quotas.values()}
    project_id = None if scope == CLASS else scope
    known = tx.app.contract(UnifiedLimits).bounds(tx, kind, names, project_id)
    return {
        name: known.get(quota.unified) or [Bound(0 if quota.required else UNLIMITED, (scope,))]
        for name, quota in quotas.items()
    }


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
    volume type. An amount of 0 asks whether the project is within its unified limit already. Raises what
    the service says for a shortage, OverQuota by default.
    """
    service = ctx.service
    known = service.api.quotas if quotas is None else quotas
    asked = {name: known[name] for name in amounts}
    _lock(tx, service.name, asked, project_id)
    bounds = _bounds(tx, service.name, asked, project_id)
    short = []
    for name, amount in amounts.items():
        found = (_shortage(tx, project_id, asked[name], amount, bound) for bound in bounds[name])
        short += [shortage for shortage in found if shortage is not None][:1]
    if short:
        raise service.api.over_quota(short)


def _lock(tx: Tx, service: str, quotas: Mapping[str, Quota], project_id: str) -> None:
    """Until this transaction ends nobody else charges the project, nor one with which it shares a limit."""
    scopes: Sequence[str] = (project_id,)
    if any(is_unified(tx.app, quota) for quota in quotas.values()):
        scopes = tx.app.contract(UnifiedLimits).scopes(tx, project_id)
    tx.lock(*(lock_key(service, scope) for scope in scopes))


def _shortage(tx: Tx, project_id: str, quota: Quota, amount: int, bound: Bound) -> Shortage | None:
    """By what the amount is too much for the project; None when it fits."""
    unified = is_unified(tx.app, quota)
    if bound.limit < 0 or amount < 0 or (amount == 0 and not unified):
        return None
    used = sum(
        quota.usage(tx, *bound.projects[start : start + _TOGETHER])
        for start in range(0, len(bound.projects), _TOGETHER)
    )
    if used + amount <= bound.limit:
        return None
    if unified:
        return Shortage(quota.unified, amount, used, bound.limit, project_id)
    return Shortage(quota.name, amount, used, bound.limit)


def over_limit(short: list[Shortage]) -> str:
    """The sentence of oslo.limit, in which every service refuses what passes unified limits."""
    told = ", ".join(
        f"Resource {item.resource} is over limit of {item.limit} due to current usage {item.used} "
        f"and delta {item.requested}"
        for item in sorted(short, key=lambda item: item.resource)
    )
    return f"Project {short[0].project_id} is over a limit for [{told}]"


def over_quota(short: list[Shortage]) -> Error:
    """The refusal of a service that has no words of its own for it."""
    names = ", ".join(item.resource for item in short)
    parts = "; ".join(
        f"{item.resource}: {item.requested} asked, {item.used} of {item.limit} used" for item in short
    )
    return OverQuota(f"Quota exceeded for {names} ({parts}).", resources=tuple(s.resource for s in short))
