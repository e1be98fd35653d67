# SPDX-License-Identifier: Apache-2.0
"""The models of limits: what a limit may be beside those of the domain above and of the projects below.

In the model `flat` every limit stands for itself. In `strict_two_level` a domain is the first level and all
of its projects are the second; no project may have more than its domain. A domain without a limit of its own
has the registered one; a project without one adds nothing that would have to fit.
"""

from collections.abc import Sequence

from cumulet.kernel.db import Tx
from cumulet.kernel.errors import Forbidden
from cumulet.services.keystone.limits.model import Limit, RegisteredLimit
from cumulet.services.keystone.projects.model import Project
from cumulet.services.keystone.projects.tree import subtree

STRICT = "strict_two_level"
DESCRIPTIONS = {
    "flat": "Limit enforcement and validation does not take project hierarchy into consideration.",
    STRICT: "This model requires project hierarchy never exceeds a depth of two",
}
DEPTHS = {STRICT: 2}
"""How many projects may stand above one another below a domain, where a model bounds it."""


def check(tx: Tx, model: str, limits: Sequence[Limit]) -> None:
    """Raise Forbidden unless limits that are about to be stored together suit the model."""
    if model != STRICT:
        return
    for limit in limits:
        fits = _fits_below(tx, limit, limits) if limit.project_id else _fits_above(tx, limit)
        if not fits:
            raise _unfit(limit)


def _fits_below(tx: Tx, limit: Limit, together: Sequence[Limit]) -> bool:
    """Whether a project's limit is none too large for its domain, whose own may come in the same request."""
    project = tx.get(Project, limit.project_id)
    domain_id = project.domain_id if project is not None else ""
    beside = [other for other in together if other.domain_id == domain_id and _same(other, limit)]
    above = beside[0].resource_limit if beside else _of_domain(tx, domain_id, limit)
    return above is None or not exceeds(limit.resource_limit, above)


def _fits_above(tx: Tx, limit: Limit) -> bool:
    """Whether a domain's limit is none too small for those of its projects."""
    below = {project.id for project in subtree(tx, limit.domain_id)}
    c = Limit.c
    rivals = tx.all(
        Limit,
        c.service_id == limit.service_id,
        c.region_id == limit.region_id,
        c.resource_name == limit.resource_name,
    )
    return not any(
        exceeds(row.resource_limit, limit.resource_limit) for row in rivals if row.project_id in below
    )


def _of_domain(tx: Tx, domain_id: str, like: Limit) -> int | None:
    resource = {
        "service_id": like.service_id,
        "region_id": like.region_id,
        "resource_name": like.resource_name,
    }
    own = tx.first_by(Limit, domain_id=domain_id, **resource)
    if own is not None:
        return own.resource_limit
    registered = tx.first_by(RegisteredLimit, **resource)
    return registered.default_limit if registered is not None else None


def _same(one: Limit, other: Limit) -> bool:
    """Whether both limit the same resource."""
    return (one.service_id, one.region_id, one.resource_name) == (
        other.service_id,
        other.region_id,
        other.resource_name,
    )


def exceeds(limit: int, bound: int) -> bool:
    """Whether a limit is larger than another one; -1 is larger than all."""
    return bound >= 0 and (limit < 0 or limit > bound)


def _unfit(limit: Limit) -> Forbidden:
    level = "project_id" if limit.project_id else "domain_id"
    return Forbidden(
        f"Invalid resource limit: The resource limit ({level}: {limit.project_id or limit.domain_id}, "
        f"resource_name: {limit.resource_name}, resource_limit: {limit.resource_limit}, "
        f"service_id: {limit.service_id}, region_id: {limit.region_id or None}) "
        "doesn't satisfy current hierarchy model.."
    )
