# SPDX-License-Identifier: Apache-2.0
"""By a token that one has already: for another scope, never for more time."""

from cumulet.kernel.auth.context import Context
from cumulet.kernel.errors import NotFound
from cumulet.services.keystone.errors import not_allowed
from cumulet.services.keystone.tokens.authority import Authority
from cumulet.services.keystone.tokens.methods.words import TEXT
from cumulet.services.keystone.tokens.payload import why_unknown
from cumulet.services.keystone.tokens.proof import Asked, Proof, Words

SCHEMA = {"type": "object", "required": ["id"], "properties": {"id": TEXT}}


async def prove(ctx: Context, words: Words, asked: Asked) -> Proof:
    """The bearer of the token."""
    authority = ctx.app.contract(Authority)
    token = authority.known(words["id"], ctx.app.clock.now()) or await ctx.read(authority.look, words["id"])
    if token is None:
        raise NotFound(why_unknown(authority.keys, words["id"]))
    claims, subject = token.claims, token.claims.subject
    if subject.scope.kind == "system" and asked.scope is not None and asked.scope[0] in ("project", "domain"):
        raise not_allowed(
            "Using a system-scoped token to create a project-scoped or domain-scoped token is not allowed."
        )
    if subject.delegation is not None:
        raise not_allowed("Using a delegated token to create another token is not allowed.")
    return Proof(
        user_id=subject.user_id,
        methods=("token", *claims.methods),
        expires_at=claims.expires_at,
        chain=claims.chain,
        federation_id=subject.federation_id,
    )
