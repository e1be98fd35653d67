# SPDX-License-Identifier: Apache-2.0
"""By what an identity provider asserts, or by a token that rests on that."""

import dataclasses

from cumulet.kernel.auth.context import Context
from cumulet.services.keystone.errors import expecting, unauthorized
from cumulet.services.keystone.federation.logins import log_in
from cumulet.services.keystone.tokens.methods import token
from cumulet.services.keystone.tokens.methods.words import TEXT
from cumulet.services.keystone.tokens.proof import Asked, Proof, Words

SCHEMA = {"type": "object", "properties": {"id": TEXT, "identity_provider": TEXT, "protocol": TEXT}}
NAMES = ("mapped", "saml2", "openid")
"""Methods that are this one; a protocol of another name is `mapped`."""


async def prove(ctx: Context, words: Words, asked: Asked, *, method: str) -> Proof:
    """Whom the mapping of the protocol makes of the assertion; the bearer of a token that was got so."""
    if "id" in words:
        proof = await token.prove(ctx, words, asked)
        if not proof.federation_id:
            raise unauthorized()
        return proof
    for name in ("identity_provider", "protocol"):
        if name not in words:
            raise expecting(name, "mapped")
    proof = await log_in(ctx, words["identity_provider"], words["protocol"], asked.asserted)
    return dataclasses.replace(proof, methods=(method,))
