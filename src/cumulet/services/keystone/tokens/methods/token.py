# SPDX-License-Identifier: Apache-2.0
"""By a token that one has already: for another scope, never for more time.

A delegation is not got rid of this way.
"""

from cumulet.kernel.auth.context import Context
from cumulet.kernel.errors import NotFound
from cumulet.services.keystone.errors import not_allowed
from cumulet.services.keystone.tokens.authority import Authority
from cumulet.services.keystone.tokens.methods.words import TEXT
from cumulet.services.keystone.tokens.payload import in_order
from cumulet.services.keystone.tokens.proof import Asked, Proof, Words
from cumulet.services.keystone.tokens.subject import Delegation

SCHEMA = {"type": "object", "required": ["id"], "properties": {"id": TEXT}}


async def prove(ctx: Context, words: Words, asked: Asked) -> Proof:
    """The bearer of the token."""
    authority = ctx.app.contract(Authority)
    token = authority.known(words["id"], ctx.app.clock.now()) or await ctx.read(authority.look, words["id"])
    if token is None:
        raise NotFound(authority.keyring.why_unknown(words["id"]))
    claims, subject = token.claims, token.claims.subject
    if subject.scope.kind == "system" and asked.scope is not None and asked.scope[0] in ("project", "domain"):
        raise not_allowed(
            "Using a system-scoped token to create a project-scoped or domain-scoped token is not allowed."
        )
    if claims.thumbprint:
        raise not_allowed("Using a certificate-bound token to create another token. Create a new one instead")
    if subject.delegation is not None:
        _require_same(subject.delegation, asked)
    return Proof(
        user_id=subject.user_id,
        methods=in_order({"token", *claims.methods}),
        expires_at=claims.expires_at,
        chain=claims.chain,
        scope=subject.scope if subject.delegation is not None else None,
        delegation=subject.delegation,
        federation_id=subject.federation_id,
    )


def _require_same(delegation: Delegation, asked: Asked) -> None:
    """Raise Forbidden unless the new token is for the same, which one by an application credential may be."""
    if delegation.kind == "application_credential":
        if asked.scope is not None:
            raise not_allowed(
                "Using an application credential token to create a scoped token is not allowed."
            )
        return
    name = "trust-scoped" if delegation.kind == "trust" else "OAuth-scoped"
    raise not_allowed(f"Using {name} token to create another token. Create a new {name} token instead")
