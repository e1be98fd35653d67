# SPDX-License-Identifier: Apache-2.0
"""Endpoints and groups of endpoints that projects were given, as rows, and what follows for a catalog."""

from collections.abc import Sequence
from typing import Any

from cumulet.kernel import ids
from cumulet.kernel.db import Row, Tx, column
from cumulet.kernel.resource import field, ident
from cumulet.services.keystone.catalog.model import Endpoint
from cumulet.services.keystone.entity import NAME_255, TEXT_OR_NULL, Entity
from cumulet.services.keystone.settings import KeystoneSettings

FILTERED_BY = ("service_id", "region_id", "interface")
_FILTERS = {
    "type": ["object", "null"],
    "properties": {
        "interface": {"enum": ["admin", "internal", "public"]},
        "service_id": {"type": "string"},
        "region_id": TEXT_OR_NULL,
        "enabled": {"type": "boolean"},
    },
}


class EndpointGroup(
    Entity, service="keystone", path="/OS-EP-FILTER/endpoint_groups", member="endpoint_group"
):
    """All endpoints that are as its filters say, now and in future."""

    missing = "Could not find Endpoint Group: {id}."

    id: str = ident(default_factory=ids.plain)
    name: str = field(create=True, update=True, filter=True, schema=NAME_255)
    description: str | None = field(default=None, create=True, update=True, schema=TEXT_OR_NULL)
    filters: dict[str, Any] = field(create=True, update=True, schema=_FILTERS)


class ProjectEndpoint(Row, table="keystone_project_endpoints"):
    """An endpoint that a project was given by itself."""

    id: str = column(primary=True)
    project_id: str = column(references="keystone_projects.id", on_delete="CASCADE", index=True)
    endpoint_id: str = column(references="keystone_endpoints.id", on_delete="CASCADE", index=True)


class ProjectEndpointGroup(Row, table="keystone_project_endpoint_groups"):
    """A group of endpoints that a project was given."""

    id: str = column(primary=True)
    project_id: str = column(references="keystone_projects.id", on_delete="CASCADE", index=True)
    endpoint_group_id: str = column(references="keystone_endpoint_groups.id", on_delete="CASCADE", index=True)


def endpoints_in(tx: Tx, group: EndpointGroup) -> list[Endpoint]:
    """The endpoints that are as the group's filters say."""
    conditions = [Endpoint.c[name] == value for name, value in group.filters.items()]
    return tx.all(Endpoint, *conditions, order_by=[Endpoint.c.id])


def groups_of(tx: Tx, project_id: str) -> list[EndpointGroup]:
    """The endpoint groups that a project was given."""
    given = tx.all_in(ProjectEndpointGroup, "project_id", [project_id])
    return tx.all_in(EndpointGroup, "id", [row.endpoint_group_id for row in given], order=("id",))


def endpoints_of(tx: Tx, project_id: str) -> Sequence[Endpoint]:
    """The endpoints that a project was given, by themselves or in groups."""
    given = tx.all_in(ProjectEndpoint, "project_id", [project_id])
    found = tx.get_many(Endpoint, [row.endpoint_id for row in given])
    for group in groups_of(tx, project_id):
        found |= {endpoint.id: endpoint for endpoint in endpoints_in(tx, group)}
    return [found[id] for id in sorted(found)]


def shown_to(tx: Tx, project_id: str | None) -> frozenset[str] | None:
    """The ids of the endpoints in a project's catalog; None for all, as long as it was given none."""
    given = endpoints_of(tx, project_id) if project_id else ()
    if not given and tx.app.contract(KeystoneSettings).return_all_endpoints_if_no_filter:
        return None
    return frozenset(endpoint.id for endpoint in given)
