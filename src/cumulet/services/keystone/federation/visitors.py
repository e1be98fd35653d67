# SPDX-License-Identifier: Apache-2.0
"""Users who are known only from an identity provider: made when they first come, gone with it."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from cumulet.kernel import events, ids
from cumulet.kernel.auth.context import Context
from cumulet.kernel.db import Tx
from cumulet.services.keystone.errors import unauthorized
from cumulet.services.keystone.federation.identities import FederatedIdentity, identity_id
from cumulet.services.keystone.federation.model import Protocol
from cumulet.services.keystone.people import User
from cumulet.services.keystone.tokens.revocation import rights_changed

_LONGEST = 255


@dataclass(frozen=True)
class Visitor:
    """Whom a mapping has made of an assertion: `unique_id` tells them from all others of the protocol."""

    unique_id: str
    name: str
    domain_id: str
    email: str = ""

    def check(self) -> None:
        """Raise Unauthorized for names that nobody can have."""
        if not 0 < len(self.unique_id) <= _LONGEST or not 0 < len(self.name) <= _LONGEST:
            raise unauthorized()


def unique_id(id: str) -> str:
    """An id as it can stand in an address."""
    return quote(id)


def welcome(tx: Tx, ctx: Context, protocol: Protocol, visitor: Visitor) -> User:
    """The user that somebody is here, made at their first visit, with the name and email of this one."""
    visitor.check()
    key = identity_id(protocol.idp_id, protocol.name, visitor.unique_id)
    known = tx.get(FederatedIdentity, key)
    user = tx.get(User, known.user_id) if known is not None else None
    if user is None:
        user = _new(tx, protocol, visitor, key)
        events.emit(tx, ctx, "user.create", user)
        return user
    changes: dict[str, Any] = {}
    if user.visitor and user.name != visitor.name:
        changes["name"] = visitor.name
        rights_changed(tx)
    if visitor.email and user.extra.get("email") != visitor.email:
        changes["extra"] = {**user.extra, "email": visitor.email}
    if (user.last_active_at or "")[:10] != tx.now[:10]:
        changes["last_active_at"] = tx.now
    return tx.update(user, **changes) if changes else user


def _new(tx: Tx, protocol: Protocol, visitor: Visitor, key: str) -> User:
    id = ids.plain()
    user = User(
        id=id,
        name=visitor.name,
        domain_id=visitor.domain_id,
        visitor=id,
        extra={"email": visitor.email} if visitor.email else {},
        created_at=tx.now,
        last_active_at=tx.now,
    )
    tx.insert(user)
    identity = FederatedIdentity(
        id=key,
        user_id=id,
        idp_id=protocol.idp_id,
        protocol_id=protocol.name,
        unique_id=visitor.unique_id,
    )
    tx.insert(identity, retry=True)
    return user


def only_known_by(tx: Tx, idp_ids: Iterable[str], protocol_id: str | None = None) -> list[str]:
    """Ids of the users whom nobody knows but these identity providers, or they by this protocol alone."""
    theirs = [
        row
        for row in tx.all_in(FederatedIdentity, "idp_id", idp_ids)
        if protocol_id in (None, row.protocol_id)
    ]
    ended = {row.id for row in theirs}
    whole = tx.all_in(FederatedIdentity, "user_id", [row.user_id for row in theirs])
    kept = {row.user_id for row in whole if row.id not in ended}
    visitors = {
        user.id for user in tx.get_many(User, [row.user_id for row in theirs]).values() if user.visitor
    }
    return sorted(visitors - kept)
