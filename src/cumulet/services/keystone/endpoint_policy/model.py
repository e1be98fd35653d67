# SPDX-License-Identifier: Apache-2.0
"""Policies, and what they are associated with, as rows."""

from typing import Any

from cumulet.kernel import ids
from cumulet.kernel.db import Row, Tx, column, json_column
from cumulet.kernel.resource import field, ident
from cumulet.services.keystone.catalog.model import Endpoint, Region
from cumulet.services.keystone.entity import Entity


class Policy(Entity, service="keystone", path="/policies", member="policy", plural="policies"):
    """A text of some type that says who may do what."""

    id: str = ident(default_factory=ids.plain)
    type: str = field(create=True, update=True, filter=True, schema={"type": "string", "maxLength": 255})
    blob: str = field(create=True, update=True, schema={"type": "string"})
    extra: dict[str, Any] = json_column(default_factory=dict)


class PolicyAssociation(Row, table="keystone_policy_associations"):
    """The policy of an endpoint, of a service, or of a service in a region; each has one at most.

    "" stands for no endpoint in `id`, which is made of the other three; they go with what they name.
    """

    id: str = column(primary=True)
    policy_id: str = column(references="keystone_policies.id", on_delete="CASCADE", index=True)
    endpoint_id: str | None = column(
        default=None, references="keystone_endpoints.id", on_delete="CASCADE", index=True
    )
    service_id: str | None = column(
        default=None, references="keystone_services.id", on_delete="CASCADE", index=True
    )
    region_id: str | None = column(
        default=None, references="keystone_regions.id", on_delete="CASCADE", index=True
    )


def key_of(*, endpoint_id: str = "", service_id: str = "", region_id: str = "") -> str:
    """The id of the association of a thing, whatever policy it is with."""
    return f"{endpoint_id}/{service_id}/{region_id}"


def policy_of(tx: Tx, endpoint: Endpoint) -> Policy | None:
    """The endpoint's own policy, or that of its service in its region or the nearest one around it, or the
    service's.
    """
    region_id, keys = endpoint.region_id, [key_of(endpoint_id=endpoint.id)]
    while region_id is not None:
        keys.append(key_of(service_id=endpoint.service_id, region_id=region_id))
        region = tx.get(Region, region_id)
        region_id = region.parent_region_id if region is not None else None
    keys.append(key_of(service_id=endpoint.service_id))
    found = tx.get_many(PolicyAssociation, keys)
    nearest = next((found[key] for key in keys if key in found), None)
    return tx.get(Policy, nearest.policy_id) if nearest is not None else None


def endpoints_of(tx: Tx, policy_id: str) -> list[Endpoint]:
    """The endpoints that a policy is associated with, by themselves, by service or by region."""
    found: dict[str, Endpoint] = {}
    for row in tx.all_in(PolicyAssociation, "policy_id", [policy_id], order=("id",)):
        where = [Endpoint.c.id == row.endpoint_id]
        if row.service_id is not None:
            where = [Endpoint.c.service_id == row.service_id]
        if row.region_id is not None:
            where.append(Endpoint.c.region_id.in_(_regions_within(tx, row.region_id)))
        found |= {endpoint.id: endpoint for endpoint in tx.all(Endpoint, *where, order_by=[Endpoint.c.id])}
    return list(found.values())


def _regions_within(tx: Tx, region_id: str) -> list[str]:
    """The region and those inside it."""
    found = [region_id]
    for id in found:
        found += [row.id for row in tx.all_in(Region, "parent_region_id", [id])]
    return found
