# SPDX-License-Identifier: Apache-2.0
"""From what an identity provider asserts to who has proved to be whom here.

The mapping is read in one transaction, worked out in none, and what comes of it is written in another: the
visitor, their memberships, their projects, and the assertion that their tokens name.
"""

import asyncio
from collections import abc
from typing import Any

from cumulet.kernel.auth.context import Context
from cumulet.kernel.db import Tx
from cumulet.lib.attribute_mapping import LOCAL, Mapped, map_assertion
from cumulet.lib.mapping_templates import MappingError
from cumulet.services.keystone.errors import forbidden, not_found, unauthorized
from cumulet.services.keystone.federation.front_proxy import Asserted
from cumulet.services.keystone.federation.identities import Assertion, assertion_id, remember
from cumulet.services.keystone.federation.memberships import set_memberships
from cumulet.services.keystone.federation.model import IdentityProvider, Mapping, Protocol, RemoteId
from cumulet.services.keystone.federation.naming import group_ids, need_domain
from cumulet.services.keystone.federation.protocols import need_protocol, need_provider
from cumulet.services.keystone.federation.provisioning import provision, revoke_others
from cumulet.services.keystone.federation.visitors import Visitor, unique_id, welcome
from cumulet.services.keystone.settings import KeystoneSettings
from cumulet.services.keystone.tokens.naming import find_user, may_log_in
from cumulet.services.keystone.tokens.proof import Proof

_SYNC_FROM = "3.0"


async def log_in(ctx: Context, idp_id: str, protocol_id: str, asserted: Asserted) -> Proof:
    """Who the assertion says somebody is.

    Raises NotFound for what does not exist, Forbidden for an identity provider that is disabled or another
    one than it says, Unauthorized for whom the mapping does not know.
    """
    mapping = await ctx.read(_mapping, ctx, idp_id, protocol_id, asserted)
    mapped = await map_person(ctx, mapping, asserted.attributes)
    return await ctx.transact(_admit, ctx, (idp_id, protocol_id), (mapped, mapping.schema_version), asserted)


async def map_person(ctx: Context, mapping: Mapping, attributes: abc.Mapping[str, str]) -> Mapped:
    """Whom the mapping makes of what was asserted. Raises Unauthorized for nobody."""
    try:
        return await asyncio.to_thread(map_assertion, mapping.rules, attributes, mapping.schema_version)
    except MappingError as error:
        ctx.app.log.info("nobody was mapped", mapping=mapping.id, why=str(error))
        raise unauthorized(str(error)) from None


def _open(tx: Tx, ctx: Context, idp_id: str, protocol_id: str) -> tuple[IdentityProvider, Protocol]:
    idp = need_provider(tx, ctx, idp_id)
    if not idp.enabled:
        raise forbidden()
    return idp, need_protocol(tx, idp_id, protocol_id)


def _mapping(tx: Tx, ctx: Context, idp_id: str, protocol_id: str, asserted: Asserted) -> Mapping:
    idp, protocol = _open(tx, ctx, idp_id, protocol_id)
    _check_remote_id(tx, idp, protocol, asserted)
    mapping = tx.get(Mapping, protocol.mapping_id)
    if mapping is None:
        raise not_found("mapping", protocol.mapping_id)
    return mapping


def _check_remote_id(tx: Tx, idp: IdentityProvider, protocol: Protocol, asserted: Asserted) -> None:
    """Raise unless the assertion comes from this identity provider, where it has told how to know that."""
    name = remote_id_attribute(tx.app.contract(KeystoneSettings), protocol)
    known = {row.id for row in tx.all(RemoteId, RemoteId.c.idp_id == idp.id)}
    if not name or not known:
        return
    if name not in asserted.attributes:
        raise unauthorized()
    if asserted.attributes[name] not in known:
        raise forbidden()


def remote_id_attribute(settings: KeystoneSettings, protocol: Protocol) -> str:
    """The attribute in which an assertion says whose it is; empty for none."""
    return protocol.remote_id_attribute or settings.remote_id_attribute


def _admit(
    tx: Tx, ctx: Context, way: tuple[str, str], mapped: tuple[Mapped, str], asserted: Asserted
) -> Proof:
    idp, protocol = _open(tx, ctx, *way)
    person, version = mapped
    if person.user["type"] == LOCAL:
        user = find_user(tx, person.user)
        if user is None or not may_log_in(tx, user):
            raise unauthorized()
        return Proof(user_id=user.id, methods=("mapped",))
    groups = group_ids(tx, person.group_ids, person.group_names)
    visitor = _visitor(tx, idp, person.user, asserted)
    user = welcome(tx, ctx, protocol, visitor)
    set_memberships(tx, user.id, idp, groups)
    if person.projects or version >= _SYNC_FROM:
        given = provision(tx, ctx, user, person.projects, idp.domain_id)
        if version >= _SYNC_FROM:
            revoke_others(tx, user, given)
    return Proof(user_id=user.id, methods=("mapped",), federation_id=_assertion(tx, idp, protocol, groups))


def _visitor(tx: Tx, idp: IdentityProvider, user: dict[str, Any], asserted: Asserted) -> Visitor:
    id = user.get("id")
    name = user.get("name") or asserted.remote_user or id
    if not name:
        raise unauthorized()
    domain = need_domain(tx, user.get("domain") or {"id": idp.domain_id})
    return Visitor(unique_id(id or name), name, domain.id, user.get("email") or "")


def _assertion(tx: Tx, idp: IdentityProvider, protocol: Protocol, groups: list[str]) -> str:
    """The id of the row that says how somebody came."""
    return remember(
        tx,
        Assertion(
            id=assertion_id((idp.era, protocol.era), groups),
            idp_id=idp.id,
            protocol_id=protocol.name,
            group_ids=groups,
            seen_at=tx.now,
        ),
    )
