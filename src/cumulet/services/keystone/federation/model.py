# SPDX-License-Identifier: Apache-2.0
"""Identity providers, their protocols, attribute mappings and service providers as rows."""

from collections.abc import Iterable, Sequence
from typing import Any

from cumulet.kernel import ids
from cumulet.kernel.auth.context import Context
from cumulet.kernel.db import Row, Tx, column
from cumulet.kernel.resource import field, ident, loaded
from cumulet.services.keystone.entity import ID_OR_NULL, TEXT_OR_NULL, Entity
from cumulet.services.keystone.storing import unique

_FEDERATION = "/OS-FEDERATION"
_MINUTES_OR_NULL = {"type": ["integer", "null"], "minimum": 0, "maximum": 2**31 - 1}
_REMOTE_IDS = {
    "type": ["array", "null"],
    "items": {"type": "string", "minLength": 1, "maxLength": 255},
    "uniqueItems": True,
}
_NAME_OR_NULL = {**TEXT_OR_NULL, "maxLength": 64}
_MAPPING_ID = {"type": "string", "minLength": 1, "maxLength": 64}
_URL = {"type": "string", "maxLength": 225, "pattern": "^[a-zA-Z0-9+.-]+:.+"}


def providers_of(tx: Tx, domain_id: str) -> list[str]:
    """Ids of the identity providers whose people are in this domain."""
    return [row.id for row in tx.all(IdentityProvider, IdentityProvider.c.domain_id == domain_id)]


def forget_providers_of(tx: Tx, domain_id: str) -> None:
    """There is no identity provider whose people are in this domain."""
    tx.delete_where(IdentityProvider, IdentityProvider.c.domain_id == domain_id)


class RemoteId(Row, table="keystone_idp_remote_ids"):
    """A name by which an identity provider speaks of itself, that of no other."""

    id: str = column(primary=True)
    idp_id: str = column(index=True, references="keystone_identity_providers.id", on_delete="CASCADE")


def remote_ids_of(tx: Tx, ctx: Context, rows: Sequence["IdentityProvider"]) -> dict[str, list[str]]:
    """The remote ids of each identity provider, sorted."""
    found: dict[str, list[str]] = {}
    for row in tx.all_in(RemoteId, "idp_id", [row.id for row in rows], order=("id",)):
        found.setdefault(row.idp_id, []).append(row.id)
    return found


def set_remote_ids(tx: Tx, idp_id: str, remote_ids: Iterable[str]) -> None:
    """The identity provider has exactly these remote ids."""
    tx.delete_where(RemoteId, RemoteId.c.idp_id == idp_id)
    for remote_id in remote_ids:
        with unique("identity_provider", f"Duplicate remote ID: {remote_id}"):
            tx.insert(RemoteId(id=remote_id, idp_id=idp_id))


class IdentityProvider(
    Entity,
    service="keystone",
    path=f"{_FEDERATION}/identity_providers",
    member="identity_provider",
):
    """Somebody whose word we take for who people are."""

    related = ("protocols",)
    missing = "Could not find Identity Provider: {id}."
    id: str = ident()
    enabled: bool = field(default=False, create=True, update=True, filter=True)
    description: str | None = field(default=None, create=True, update=True, schema=TEXT_OR_NULL)
    remote_ids: list[str] = loaded(remote_ids_of, default=[], create=True, update=True, schema=_REMOTE_IDS)
    domain_id: str = field(default="", create=True, index=True, schema=ID_OR_NULL)
    authorization_ttl: int | None = field(default=None, create=True, update=True, schema=_MINUTES_OR_NULL)
    era: str = column(default_factory=ids.plain)
    """Tokens of its people name the era in which they came; a new one ends them all."""


class Protocol(
    Entity,
    service="keystone",
    path=f"{_FEDERATION}/identity_providers/{{idp_id}}/protocols",
    member="protocol",
    key="name",
):
    """A way in which an identity provider speaks, and the mapping of what it says that way."""

    row_id: str = ident(hidden=True)
    name: str = field(wire="id")
    idp_id: str = field(index=True, references="keystone_identity_providers.id", on_delete="CASCADE")
    mapping_id: str = field(create=True, update=True, schema=_MAPPING_ID)
    remote_id_attribute: str | None = field(default=None, create=True, update=True, schema=_NAME_OR_NULL)
    era: str = column(default_factory=ids.plain)
    """As that of an identity provider."""


def protocol_id(idp_id: str, name: str) -> str:
    return f"{idp_id}/{name}"


class Mapping(Entity, service="keystone", path=f"{_FEDERATION}/mappings", member="mapping"):
    """Rules by which what is asserted of somebody becomes a user, groups and projects here."""

    id: str = ident()
    rules: list[Any] = field(create=True, update=True)
    schema_version: str = field(default="1.0", create=True, update=True, schema=TEXT_OR_NULL)


class ServiceProvider(
    Entity,
    service="keystone",
    path=f"{_FEDERATION}/service_providers",
    member="service_provider",
):
    """Another cloud that takes our word for who people are."""

    missing = "Could not find Service Provider: {id}."
    id: str = ident()
    enabled: bool = field(default=False, create=True, update=True, filter=True)
    description: str | None = field(default=None, create=True, update=True, schema=TEXT_OR_NULL)
    auth_url: str = field(create=True, update=True, schema=_URL)
    sp_url: str = field(create=True, update=True, schema=_URL)
    relay_state_prefix: str | None = field(default="ss:mem:", create=True, update=True, schema=TEXT_OR_NULL)
