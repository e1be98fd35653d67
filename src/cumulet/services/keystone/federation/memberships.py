# SPDX-License-Identifier: Apache-2.0
"""Memberships that a mapping gave, and that end unless another login gives them again."""

from collections.abc import Iterable

from cumulet.kernel.db import Tx
from cumulet.lib import timestamps
from cumulet.services.keystone.federation.model import IdentityProvider
from cumulet.services.keystone.people import Membership
from cumulet.services.keystone.settings import KeystoneSettings
from cumulet.services.keystone.tokens.revocation import rights_changed


def minutes(settings: KeystoneSettings, idp: IdentityProvider) -> int:
    """For how long a login makes a member; 0 for not at all."""
    return idp.authorization_ttl or settings.default_authorization_ttl


def set_memberships(tx: Tx, user_id: str, idp: IdentityProvider, group_ids: Iterable[str]) -> None:
    """The user has from this identity provider these memberships, for its time from now on, and no other."""
    c = Membership.c
    had = {row.group_id: row for row in tx.all(Membership, c.user_id == user_id, c.idp_id == idp.id)}
    ttl = minutes(tx.app.contract(KeystoneSettings), idp)
    wanted = set(group_ids) if ttl else set()
    ends = timestamps.add(tx.now, ttl * 60)
    for group_id in wanted - had.keys():
        row = Membership(
            id=f"{group_id}/{user_id}/{idp.id}",
            group_id=group_id,
            user_id=user_id,
            idp_id=idp.id,
            expires_at=ends,
        )
        tx.insert(row, retry=True)
    for group_id, row in had.items():
        if group_id in wanted:
            tx.update(row, expires_at=ends)
        else:
            tx.delete(row)
    if wanted != had.keys():
        rights_changed(tx)


def move_ends(tx: Tx, idp: IdentityProvider, seconds: int) -> None:
    """The memberships that this identity provider gave end so much later, or earlier."""
    for row in tx.all(Membership, Membership.c.idp_id == idp.id):
        if row.expires_at is not None:
            tx.update(row, expires_at=timestamps.add(row.expires_at, seconds))


def trim(tx: Tx) -> int:
    """Nobody has roles by a membership that has ended; how many there were."""
    ended = tx.delete_where(Membership, Membership.c.expires_at <= tx.now)
    if ended:
        rights_changed(tx)
    return ended
