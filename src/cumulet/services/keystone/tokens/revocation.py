# SPDX-License-Identifier: Apache-2.0
"""Ends tokens: one by its audit id, a chain by that of its first, all of somebody by a new generation.

What else takes rights away (a role, an assignment, a membership, a disabled thing) needs nothing but
`rights_changed`: a token's roles are read anew from the rows. Who asks afterwards which tokens have ended is
told of those that hold no longer at all, not of those that hold with fewer roles.
"""

from typing import Any

from cumulet.kernel.db import Tx
from cumulet.lib import timestamps
from cumulet.services.keystone.people import User
from cumulet.services.keystone.projects.model import Project
from cumulet.services.keystone.tokens.authority import Authority, Token
from cumulet.services.keystone.tokens.model import TOKENS, Epoch, Revocation, RevokedToken

TRUST, CONSUMER, ACCESS_TOKEN = "OS-TRUST:trust_id", "OS-OAUTH1:consumer_id", "OS-OAUTH1:access_token_id"


def rights_changed(tx: Tx) -> None:
    """Move the epoch when this commits; to be called by whatever changes what a token says or rests on."""
    moved = tx.app.contract(Authority).moved
    if moved not in tx.committed:
        tx.update_where(Epoch, {"value": Epoch.c.value + 1}, Epoch.c.id == TOKENS)
        tx.after_commit(moved)


def revoke(tx: Tx, token: Token) -> None:
    """This token holds no longer; those that were made from it do."""
    _revoke(tx, token.claims.audit_ids[0], token)


def revoke_chain(tx: Tx, token: Token) -> None:
    """Neither this token holds nor any other that came from the same proof."""
    _revoke(tx, f"chain:{token.claims.chain}", token)


def _revoke(tx: Tx, id: str, token: Token) -> None:
    window = tx.app.contract(Authority).settings.allow_expired_window
    if tx.get(RevokedToken, id) is None:
        ends = timestamps.from_epoch(token.claims.expires_at + window)
        tx.insert(RevokedToken(id=id, expires_at=ends), retry=True)
        chain, _, audit_id = id.rpartition(":")
        _tell(tx, "audit_chain_id" if chain else "audit_id", audit_id)
    rights_changed(tx)


def tell_ended(tx: Tx, about: str, value: str) -> None:
    """The tokens that have this in common have ended with what they rested on, which the caller removes."""
    rights_changed(tx)
    _tell(tx, about, value)


def _tell(tx: Tx, about: str, value: str) -> None:
    tx.insert(Revocation(about=about, value=value, revoked_at=tx.now))


def end_tokens_of(tx: Tx, row: User | Project) -> Any:
    """No token of this user, or for this project or domain, holds; the row as it is now."""
    tell_ended_with(tx, row)
    return tx.update(row, generation=row.generation + 1)


def tell_ended_with(tx: Tx, row: User | Project) -> None:
    """The tokens of this user, or for this project or domain, have ended with it."""
    kind = "user_id" if isinstance(row, User) else "domain_id" if row.is_domain else "project_id"
    tell_ended(tx, kind, row.id)


def end_tokens_within(tx: Tx, domain_id: str) -> None:
    """No token of a user of this domain, or for a project of it, holds."""
    for cls in (User, Project):
        tx.update_where(cls, {"generation": cls.c.generation + 1}, cls.c.domain_id == domain_id)
    rights_changed(tx)


def trim(tx: Tx) -> int:
    """Forget revocations of tokens that have ended by themselves; how many there were."""
    settings = tx.app.contract(Authority).settings
    oldest = timestamps.add(tx.now, -settings.token_lifetime - settings.allow_expired_window)
    tx.delete_where(Revocation, Revocation.c.revoked_at < oldest)
    return tx.delete_where(RevokedToken, RevokedToken.c.expires_at < tx.now)
