# SPDX-License-Identifier: Apache-2.0
"""What the limits mean for other services: by what a project's use of their resources is bounded."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from cumulet.kernel.db import Tx
from cumulet.kernel.unified_limits import Bound
from cumulet.services.keystone.catalog.model import CatalogService
from cumulet.services.keystone.limits.hierarchy import STRICT
from cumulet.services.keystone.limits.model import Limit, RegisteredLimit
from cumulet.services.keystone.projects.model import Project
from cumulet.services.keystone.projects.tree import subtree


class KeystoneLimits:
    """`kernel.unified_limits.UnifiedLimits`.

    In the model `strict_two_level` the projects of a domain together may not use more than the domain may.
    What is limited for the region of this cloud counts before what is limited for all.
    """

    def scopes(self, tx: Tx, project_id: str) -> Sequence[str]:
        domain_id = _shared_domain(tx, project_id)
        return (project_id, domain_id) if domain_id else (project_id,)

    def bounds(
        self, tx: Tx, service_type: str, resources: Collection[str], project_id: str | None
    ) -> Mapping[str, Sequence[Bound]]:
        registered = _registered(tx, service_type, resources)
        if project_id is None or not registered:
            return {name: [Bound(row.default_limit, ())] for name, row in registered.items()}
        own = _amounts(tx, registered, Limit.c.project_id == project_id)
        found = {name: [Bound(amount, (project_id,))] for name, amount in own.items()}
        if domain_id := _shared_domain(tx, project_id):
            projects = tuple(project.id for project in subtree(tx, domain_id))
            for name, amount in _amounts(tx, registered, Limit.c.domain_id == domain_id).items():
                found[name].append(Bound(amount, projects))
        return found


def _registered(tx: Tx, service_type: str, resources: Collection[str]) -> dict[str, RegisteredLimit]:
    """The registered limits of a service here, by resource name."""
    c = RegisteredLimit.c
    services = [row.id for row in tx.all(CatalogService, CatalogService.c.type == service_type)]
    here = c.region_id.in_(("", tx.app.settings.region))
    rows = tx.all(
        RegisteredLimit,
        c.service_id.in_(services),
        here,
        c.resource_name.in_(resources),
        order_by=[c.region_id],
    )
    return {row.resource_name: row for row in rows}


def _amounts(tx: Tx, registered: Mapping[str, RegisteredLimit], whose: Any) -> dict[str, int]:
    """What somebody may have of each resource: by their own limit, or else as it is registered."""
    found = {name: row.default_limit for name, row in registered.items()}
    for row in tx.all(Limit, whose, Limit.c.resource_name.in_(registered)):
        of = registered[row.resource_name]
        if (row.service_id, row.region_id) == (of.service_id, of.region_id):
            found[row.resource_name] = row.resource_limit
    return found


def _shared_domain(tx: Tx, project_id: str) -> str | None:
    """The domain whose limits a project shares with others; None where each stands for itself."""
    if tx.app.settings.limit_model != STRICT:
        return None
    project = tx.get(Project, project_id)
    return project.domain_id or None if project is not None else None
