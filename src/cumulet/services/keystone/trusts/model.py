# SPDX-License-Identifier: Apache-2.0
"""Trusts as rows, and the chain of trusts that one of them rests on."""

from typing import Any

from cumulet.kernel import ids
from cumulet.kernel.auth.context import Context
from cumulet.kernel.db import Tx, column, json_column
from cumulet.kernel.resource import computed, field, given, ident
from cumulet.lib import timestamps
from cumulet.lib.timestamps import Timestamp
from cumulet.services.keystone import compliance
from cumulet.services.keystone.entity import TEXT_OR_NULL, Entity
from cumulet.services.keystone.errors import forbidden, not_found
from cumulet.services.keystone.people import User
from cumulet.services.keystone.roles.naming import NAMED_ROLES
from cumulet.services.keystone.settings import KeystoneSettings

_TEXT = {"type": "string"}


def _never(ctx: Context, row: Any) -> None:
    return None


class Trust(
    Entity,
    service="keystone",
    path="/OS-TRUST/trusts",
    member="trust",
    unique=(("trustor_user_id", "trustee_user_id", "project_id", "impersonation", "expires_at"),),
):
    """The trustee may act with these roles of the trustor, as the trustor if `impersonation` says so."""

    id: str = ident(default_factory=ids.plain)
    trustor_user_id: str = field(create=True, index=True, schema=_TEXT)
    trustee_user_id: str = field(create=True, index=True, schema=_TEXT)
    project_id: str | None = field(default=None, create=True, index=True, schema=TEXT_OR_NULL)
    impersonation: bool = field(create=True, schema={"type": "boolean"})
    expires_at: Timestamp | None = field(default=None, create=True, index=True, schema=TEXT_OR_NULL)
    remaining_uses: int | None = field(
        default=None, create=True, schema={"type": ["integer", "null"], "minimum": 1}
    )
    """How many tokens may still be asked for; None for any number."""
    used_up_at: Timestamp | None = column(default=None, index=True)
    """When the last of them was issued, which may outlive that moment."""
    deleted_at: str | None = computed(_never)
    redelegated_trust_id: str | None = field(default=None, index=True)
    """The trust by which the trustor had the right to make this one."""
    redelegation_count: int = field(
        default=0, create=True, schema={"type": ["integer", "null"], "minimum": 0}
    )
    """How long a chain of trusts may still follow."""
    allow_redelegation: bool | None = given(default=None, schema={"type": ["boolean", "null"]})
    roles: list[dict[str, Any]] | None = given(default=None, schema=NAMED_ROLES)
    role_ids: list[str] = json_column(default_factory=list)
    extra: dict[str, Any] = json_column(default_factory=dict)


def find(tx: Tx, id: str) -> Trust | None:
    """The trust if its time has not passed, whether or not it may be used again."""
    row = tx.get(Trust, id)
    return row if row is not None and not (row.expires_at and row.expires_at < tx.now) else None


def need_usable(tx: Tx, id: str) -> Trust:
    """The trust.

    Raises NotFound when it has ended, or one that it rests on, and Forbidden when somebody in its chain may
    no longer hand it on.
    """
    trust = find(tx, id)
    if trust is None or trust.remaining_uses == 0:
        raise not_found("trust", id)
    pedigree(tx, trust)
    return trust


def pedigree(tx: Tx, trust: Trust) -> list[Trust]:
    """The trust and those that it rests on, the first one last. Raises like `need_usable`."""
    found = [trust]
    settings = tx.app.contract(KeystoneSettings)
    while (id := found[-1].redelegated_trust_id) is not None:
        parent = find(tx, id)
        if parent is None:
            raise not_found("trust", id)
        agent = tx.get(User, parent.trustee_user_id)
        if not 0 < parent.redelegation_count <= settings.max_redelegation_count:
            raise forbidden()
        if agent is None or not compliance.is_enabled(settings, agent, tx.now):
            raise forbidden()
        found.append(parent)
    return found


def use(tx: Tx, trust: Trust) -> None:
    """One use less is left of a trust whose uses are counted."""
    if trust.remaining_uses is not None:
        left = trust.remaining_uses - 1
        tx.update(trust, remaining_uses=left, used_up_at=None if left else tx.now)


def end(tx: Tx, trusts: list[Trust]) -> list[str]:
    """These trusts are gone, and all that rest on them; the ids of all. The caller moves the epoch."""
    ended: list[str] = []
    while trusts:
        for trust in trusts:
            tx.delete(trust)
        ended += [trust.id for trust in trusts]
        trusts = tx.all_in(Trust, "redelegated_trust_id", [trust.id for trust in trusts])
    return ended


def trim(tx: Tx) -> int:
    """Forget trusts on which no token rests any more; how many there were.

    Those whose time has passed, as `keystone-manage trust_flush` does, which show in lists until then; and
    those that were used up so long ago that no token by them could be used in any case.
    """
    settings = tx.app.contract(KeystoneSettings)
    longest = settings.token_lifetime + settings.allow_expired_window
    c = Trust.c
    expired = tx.delete_where(Trust, c.expires_at < tx.now)
    return expired + tx.delete_where(Trust, c.used_up_at < timestamps.add(tx.now, -longest))
