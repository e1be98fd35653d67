# SPDX-License-Identifier: Apache-2.0
"""What a cloud that begins with unified limits registers by itself: what its projects may have already."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from cumulet.kernel.db import Tx
from cumulet.kernel.quota import CLASS, Quota, QuotaLimit
from cumulet.kernel.service import Running
from cumulet.services.keystone.catalog.model import CatalogService
from cumulet.services.keystone.limits.hierarchy import STRICT
from cumulet.services.keystone.limits.model import Limit, RegisteredLimit
from cumulet.services.keystone.projects.model import Project

if TYPE_CHECKING:
    from cumulet.kernel.app import App

_MOST = 2**31 - 1


def take_over(tx: Tx, app: "App") -> None:
    """The limits of every service that knows unified ones, and has none yet, are registered for this region.

    In the model `flat` those of projects are taken over too; in the other one somebody has to decide first
    what the projects of a domain may have together.
    """
    for running in app.services.values():
        quotas = {
            item.name: item for item in running.api.quota_list if item.unified and not item.only_unified
        }
        kinds = [entry.type for entry in running.manifest.catalog[:1]]
        service = tx.first(CatalogService, CatalogService.c.type.in_(kinds)) if quotas else None
        if service is None or tx.exists(RegisteredLimit, RegisteredLimit.c.service_id == service.id):
            continue
        own = _own(tx, running, quotas) if app.settings.limit_model != STRICT else []
        _register(tx, running, quotas, service.id)
        tx.insert_many(
            [
                Limit(
                    project_id=row.scope,
                    service_id=service.id,
                    region_id=app.settings.region,
                    resource_name=quotas[row.resource].unified,
                    resource_limit=min(row.hard_limit, _MOST),
                )
                for row in own
            ]
        )


def _own(tx: Tx, running: Running, quotas: Mapping[str, Quota]) -> list[QuotaLimit]:
    """The limits of projects that there are."""
    c = QuotaLimit.c
    rows = tx.all(QuotaLimit, c.service == running.name, c.resource.in_(quotas), order_by=[c.id])
    projects = tx.get_many(Project, [row.scope for row in rows])
    return [row for row in rows if row.scope in projects]


def _register(tx: Tx, running: Running, quotas: Mapping[str, Quota], service_id: str) -> None:
    """The defaults, those without bound too, so that somebody can be given a limit."""
    c = QuotaLimit.c
    changed = tx.all(QuotaLimit, c.service == running.name, c.scope == CLASS)
    defaults = {name: item.default for name, item in quotas.items()}
    defaults |= {row.resource: row.hard_limit for row in changed if row.resource in quotas}
    tx.insert_many(
        [
            RegisteredLimit(
                service_id=service_id,
                region_id=tx.app.settings.region,
                resource_name=quotas[name].unified,
                default_limit=min(amount, _MOST),
            )
            for name, amount in defaults.items()
        ]
    )
