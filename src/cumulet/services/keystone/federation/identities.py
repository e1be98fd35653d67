# SPDX-License-Identifier: Apache-2.0
"""Who is who with an identity provider, and by which assertion a token's bearer came, as rows."""

import hashlib
import json
from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa

from cumulet.kernel.auth.context import Context
from cumulet.kernel.db import Row, Tx, column, json_column
from cumulet.kernel.http.messages import Query
from cumulet.kernel.resource.views import OMIT
from cumulet.lib import timestamps
from cumulet.lib.timestamps import Timestamp
from cumulet.services.keystone.settings import KeystoneSettings

FEDERATED = {
    "type": "array",
    "items": {
        "type": "object",
        "properties": {
            "idp_id": {"type": "string"},
            "protocols": {
                "type": "array",
                "minItems": 1,
                "items": {
                    "type": "object",
                    "properties": {
                        "protocol_id": {"type": "string"},
                        "unique_id": {"type": "string", "minLength": 1, "maxLength": 255},
                    },
                    "required": ["protocol_id", "unique_id"],
                },
            },
        },
        "required": ["idp_id", "protocols"],
    },
}
_DAY = 86400.0
_FILTERS = ("idp_id", "protocol_id", "unique_id")


class FederatedIdentity(Row, table="keystone_federated_users", indexes=(("idp_id", "protocol_id"),)):
    """A user is the one whom an identity provider knows by `unique_id`, when it speaks this protocol."""

    id: str = column(primary=True)
    user_id: str = column(index=True, references="keystone_users.id", on_delete="CASCADE")
    idp_id: str = column(references="keystone_identity_providers.id", on_delete="CASCADE")
    protocol_id: str = column()
    unique_id: str = column(index=True)


def identity_id(idp_id: str, protocol_id: str, unique_id: str) -> str:
    return f"{idp_id}/{protocol_id}/{unique_id}"


def federated_of(tx: Tx, ctx: Context, rows: Sequence[Any]) -> dict[str, Any]:
    """What the attribute `federated` of each user says; those whom only we know have none."""
    found: dict[str, dict[str, list[dict[str, str]]]] = {}
    for row in tx.all_in(FederatedIdentity, "user_id", [row.id for row in rows], order=("id",)):
        protocols = found.setdefault(row.user_id, {}).setdefault(row.idp_id, [])
        protocols.append({"protocol_id": row.protocol_id, "unique_id": row.unique_id})
    return {
        row.id: [{"idp_id": id, "protocols": protocols} for id, protocols in found[row.id].items()]
        if row.id in found
        else OMIT
        for row in rows
    }


def known_as(query: Query, user_id: Any) -> list[Any]:
    """The condition for users whom somebody knows as the filters of a query say."""
    c = FederatedIdentity.c
    where = [c[name] == value for name in _FILTERS if (value := query.get(name)) is not None]
    return [user_id.in_(sa.select(c.user_id).where(*where))] if where else []


class Assertion(Row, table="keystone_assertions", indexes=(("idp_id", "protocol_id"),)):
    """Who came by this identity provider and protocol with these groups.

    The id is made of the content and of the eras of both: a token that names one ends with the row, and one
    that is made again later is another.
    """

    id: str = column(primary=True)
    idp_id: str = column(references="keystone_identity_providers.id", on_delete="CASCADE")
    protocol_id: str = column()
    group_ids: list[str] = json_column(default_factory=list)
    seen_at: Timestamp = column(index=True)
    """When somebody last came so, to the day: no token outlives it by long."""

    @property
    def body(self) -> dict[str, Any]:
        """What tokens show of it."""
        return {
            "groups": [{"id": id} for id in self.group_ids],
            "identity_provider": {"id": self.idp_id},
            "protocol": {"id": self.protocol_id},
        }


def assertion_id(eras: Sequence[str], group_ids: Sequence[str]) -> str:
    """32 hex digits, as short in a token as any other id."""
    return hashlib.sha256(json.dumps([*eras, sorted(group_ids)]).encode()).hexdigest()[:32]


def remember(tx: Tx, wanted: Assertion) -> str:
    """The id of this assertion, written down if nobody has come like this before."""
    known = tx.get(Assertion, wanted.id)
    if known is None:
        tx.insert(wanted, retry=True)
    elif known.seen_at[:10] != wanted.seen_at[:10]:
        tx.update(known, seen_at=wanted.seen_at)
    return wanted.id


def trim(tx: Tx) -> int:
    """Forget assertions on which no token rests any more; how many there were."""
    settings = tx.app.contract(KeystoneSettings)
    longest = settings.token_lifetime + settings.allow_expired_window
    return tx.delete_where(Assertion, Assertion.c.seen_at < timestamps.add(tx.now, -longest - _DAY))


def forget_assertions(tx: Tx, idp_id: str) -> None:
    """No token of who came by this identity provider holds."""
    tx.delete_where(Assertion, Assertion.c.idp_id == idp_id)


def forget_ways(tx: Tx, idp_id: str, protocol_id: str) -> None:
    """Nobody is known by this protocol, and no token of who came by it holds."""
    for cls in (Assertion, FederatedIdentity):
        tx.delete_where(cls, cls.c.idp_id == idp_id, cls.c.protocol_id == protocol_id)
