# SPDX-License-Identifier: Apache-2.0
"""From what somebody says they are to what they have proved to be."""

import dataclasses

from cumulet.kernel.auth.context import Context
from cumulet.kernel.db import Tx
from cumulet.kernel.errors import Unauthorized
from cumulet.services.keystone.errors import unauthorized
from cumulet.services.keystone.logins import welcome
from cumulet.services.keystone.people import User
from cumulet.services.keystone.tokens import audit, factors
from cumulet.services.keystone.tokens.methods import METHODS
from cumulet.services.keystone.tokens.payload import in_order
from cumulet.services.keystone.tokens.proof import Asked, Proof

_LOGINS = frozenset({"password", "mapped"})
"""By which of them somebody counts as active, as upstream has it: not by what is left to programs."""


async def authenticate(ctx: Context, asked: Asked) -> Proof:
    """Who has proved what by all the methods of a request, and of the receipt that it shows.

    Raises Unauthorized, MethodsMissing when the user's rules ask for more, and BadRequest for what is
    missing in the request.
    """
    try:
        user, judged = await ctx.read(judge, await proved(ctx, asked), asked.receipt)
    except Unauthorized as error:
        await audit.refuse(ctx, asked.methods, error)
        raise
    if "token" not in judged.methods and not _LOGINS.isdisjoint(judged.methods):
        await welcome(ctx, user, judged.methods)
    return judged


async def proved(ctx: Context, asked: Asked) -> Proof:
    """What the methods of a request prove together; whether that is enough is yet to be judged."""
    proofs = [await METHODS[name].prove(ctx, words, asked) for name, words in asked.methods.items()]
    if len(proofs) == 1:
        return proofs[0]
    if len({proof.user_id for proof in proofs}) != 1:
        raise unauthorized()
    ends = [proof.expires_at for proof in proofs if proof.expires_at is not None]
    return Proof(
        user_id=proofs[0].user_id,
        methods=in_order({name for proof in proofs for name in proof.methods}),
        expires_at=min(ends) if ends else None,
        chain=next((proof.chain for proof in proofs if proof.chain), ""),
        scope=next((proof.scope for proof in proofs if proof.scope), None),
        delegation=next((proof.delegation for proof in proofs if proof.delegation), None),
        federation_id=next((proof.federation_id for proof in proofs if proof.federation_id), ""),
    )


def judge(tx: Tx, proof: Proof, receipt: str) -> tuple[User, Proof]:
    """The user, and the proof with the methods of the receipt, if they are enough."""
    user = tx.get(User, proof.user_id)
    if user is None:
        raise unauthorized()
    methods = factors.with_receipt(tx, user, proof.methods, receipt)
    return user, proof if methods == proof.methods else dataclasses.replace(proof, methods=methods)
