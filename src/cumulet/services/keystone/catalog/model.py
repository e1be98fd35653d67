# SPDX-License-Identifier: Apache-2.0
"""Services, endpoints and regions as rows."""

from typing import Any

from cumulet.kernel import ids
from cumulet.kernel.db import column, json_column
from cumulet.kernel.resource import computed, field, ident
from cumulet.services.keystone.entity import TEXT_OR_NULL, Entity

_REGION_ID = {"type": ["string", "null"], "minLength": 0, "maxLength": 255}
_URL = {"type": "string", "minLength": 0, "maxLength": 225, "pattern": "^[a-zA-Z0-9+.-]+:.+"}


class Region(Entity, service="keystone", path="/regions", member="region"):
    """A place, perhaps inside another one, where endpoints are."""

    id: str = ident(default_factory=ids.plain, create=True, schema=_REGION_ID)
    parent_region_id: str | None = field(
        default=None, create=True, update=True, filter=True, schema=_REGION_ID
    )
    description: str | None = field(default="", create=True, update=True, max=255)
    extra: dict[str, Any] = json_column(default_factory=dict)


class CatalogService(
    Entity, service="keystone", path="/services", member="service", table="keystone_services"
):
    """A kind of API that the cloud has."""

    missing_kind = "ServiceNotFound"
    id: str = ident(default_factory=ids.plain)
    type: str = field(create=True, update=True, filter=True, min=1, max=255)
    name: str = field(default="", create=True, update=True, filter=True, max=255)
    enabled: bool = field(default=True, create=True, update=True, schema={"type": "boolean"})
    extra: dict[str, Any] = json_column(default_factory=dict)
    bootstrapped: bool = column(default=False)


class Endpoint(Entity, service="keystone", path="/endpoints", member="endpoint"):
    """An address of a service, for the public, for other services, or for operators."""

    id: str = ident(default_factory=ids.plain)
    interface: str = field(create=True, update=True, filter=True, one_of=("admin", "internal", "public"))
    region_id: str | None = field(default=None, create=True, update=True, filter=True, schema=TEXT_OR_NULL)
    region: str | None = computed(
        lambda ctx, row: row.region_id, default=None, create=True, update=True, schema=TEXT_OR_NULL
    )
    service_id: str = field(create=True, update=True, filter=True, index=True)
    url: str = field(create=True, update=True, schema=_URL)
    enabled: bool = field(default=True, create=True, update=True, schema={"type": "boolean"})
    extra: dict[str, Any] = json_column(default_factory=dict)
    bootstrapped: bool = column(default=False)
    """Whether bootstrap made it, and so keeps it at the address of this cloud."""
