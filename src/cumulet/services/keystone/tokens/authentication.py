# SPDX-License-Identifier: Apache-2.0
"""From what somebody says they are to what they have proved to be."""

from cumulet.kernel.auth.context import Context
from cumulet.services.keystone.errors import unauthorized
from cumulet.services.keystone.tokens.methods import METHODS
from cumulet.services.keystone.tokens.payload import METHOD_NAMES
from cumulet.services.keystone.tokens.proof import Asked, Proof


async def authenticate(ctx: Context, asked: Asked) -> Proof:
    """Who has proved what by all the methods of a request.

    Raises Unauthorized, and BadRequest for what is missing.
    """
    proofs = [await METHODS[name].prove(ctx, words, asked) for name, words in asked.methods.items()]
    if len({proof.user_id for proof in proofs}) != 1:
        raise unauthorized()
    methods = {name for proof in proofs for name in proof.methods}
    ends = [proof.expires_at for proof in proofs if proof.expires_at is not None]
    return Proof(
        user_id=proofs[0].user_id,
        methods=tuple(name for name in METHOD_NAMES if name in methods),
        expires_at=min(ends) if ends else None,
        chain=next((proof.chain for proof in proofs if proof.chain), ""),
        scope=next((proof.scope for proof in proofs if proof.scope), None),
        delegation=next((proof.delegation for proof in proofs if proof.delegation), None),
        federation_id=next((proof.federation_id for proof in proofs if proof.federation_id), ""),
    )
