# SPDX-License-Identifier: Apache-2.0
"""Tokens for the scope `OS-TRUST:trust`."""

from dataclasses import replace

from cumulet.kernel.auth.context import Context
from cumulet.kernel.db import Tx
from cumulet.kernel.errors import NotFound
from cumulet.services.keystone.errors import expecting, unauthorized
from cumulet.services.keystone.roles.effective import UNSCOPED, Scope
from cumulet.services.keystone.tokens.authority import Authority, Token
from cumulet.services.keystone.tokens.proof import Proof, Words
from cumulet.services.keystone.tokens.subject import Delegation
from cumulet.services.keystone.trusts.model import Trust, need_usable, use


async def issue_by_trust(ctx: Context, proof: Proof, words: Words) -> Token:
    """A token by the trust that a request names; one use less is left of one whose uses are counted."""
    if not words.get("id"):
        raise expecting("trust_id", "trust")
    trust = await ctx.read(Tx.get, Trust, words["id"])
    if trust is None or trust.remaining_uses is None:
        return await ctx.read(_issue, proof, words["id"])
    return await ctx.transact(_issue, proof, words["id"])


def _issue(tx: Tx, proof: Proof, trust_id: str) -> Token:
    authority = tx.app.contract(Authority)
    epoch = authority.epoch()
    try:
        trust = need_usable(tx, trust_id)
    except NotFound:
        raise unauthorized() from None
    scope = Scope("project", trust.project_id) if trust.project_id else UNSCOPED
    token = authority.issue(tx, epoch, replace(proof, delegation=Delegation("trust", trust.id)), scope)
    if token is None:
        raise unauthorized()
    use(tx, trust)
    return token
