# SPDX-License-Identifier: Apache-2.0
"""Registered limits and limits as rows.

A registered limit is the default of a resource in a region, or in all of them; a limit is what one project or
one domain may have instead. "" stands for no region, no project and no domain in the tables, so that what is
unique stays so without them.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from cumulet.kernel import ids
from cumulet.kernel.auth.context import Context
from cumulet.kernel.db import Tx
from cumulet.kernel.resource import field, ident
from cumulet.kernel.resource.views import render
from cumulet.services.keystone.entity import Entity, named, none_if_empty
from cumulet.services.keystone.projects.model import Project


class RegisteredLimit(
    Entity,
    service="keystone",
    path="/registered_limits",
    member="registered_limit",
    unique=(("service_id", "region_id", "resource_name"),),
):
    """How much of a resource every project may have; -1 is without bound."""

    missing = "Could not find registered limit for {id}."

    id: str = ident(default_factory=ids.plain)
    service_id: str = field(filter=True)
    region_id: str = field(default="", filter=True, view=none_if_empty("region_id"))
    resource_name: str = field(filter=True)
    default_limit: int = field()
    description: str | None = field(default=None)


class Limit(
    Entity,
    service="keystone",
    path="/limits",
    member="limit",
    unique=(("project_id", "domain_id", "service_id", "region_id", "resource_name"),),
    indexes=(("service_id", "resource_name"),),
):
    """How much of a resource one project, or one domain, may have; -1 is without bound.

    There is a registered limit of the same service, region and resource as long as there is a limit.
    """

    missing = "Could not find limit for {id}."

    id: str = ident(default_factory=ids.plain)
    project_id: str = field(default="", filter=True, view=none_if_empty("project_id"))
    domain_id: str = field(default="", filter=True, view=none_if_empty("domain_id"))
    service_id: str = field(filter=True)
    region_id: str = field(default="", filter=True, view=none_if_empty("region_id"))
    resource_name: str = field(filter=True)
    resource_limit: int = field()
    description: str | None = field(default=None)

    @classmethod
    def target(cls, tx: Tx, row: Any) -> Mapping[str, Any]:
        """Rules see the domain of a limit, or the project and the domain in which that is."""
        seen = {**named(cls.member, row.__dict__), "target.limit.project_id": row.project_id or None}
        if row.domain_id:
            return {**seen, "target.limit.domain.id": row.domain_id}
        project = tx.get(Project, row.project_id)
        return {**seen, "target.limit.project.domain_id": project.domain_id if project is not None else None}


def limits_of(tx: Tx, ctx: Context, project_ids: Sequence[str]) -> dict[str, list[dict[str, Any]]]:
    """The limits of each of these projects as they are shown, without links."""
    rows = tx.all_in(Limit, "project_id", project_ids, order=("id",))
    found: dict[str, list[dict[str, Any]]] = {}
    for row, body in zip(rows, render(tx, ctx, Limit, rows), strict=True):
        del body["links"]
        found.setdefault(row.project_id, []).append(body)
    return found
