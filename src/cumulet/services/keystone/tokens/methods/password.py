# SPDX-License-Identifier: Apache-2.0
"""By a password."""

from cumulet.kernel.auth.context import Context
from cumulet.kernel.db import Tx
from cumulet.services.keystone.directories.login import log_in_elsewhere
from cumulet.services.keystone.errors import expecting
from cumulet.services.keystone.logins import log_in
from cumulet.services.keystone.people import User
from cumulet.services.keystone.tokens.methods.words import USER
from cumulet.services.keystone.tokens.naming import find_user, may_log_in
from cumulet.services.keystone.tokens.proof import Asked, Proof, Words

SCHEMA = {"type": "object", "properties": {"user": USER}}


async def prove(ctx: Context, words: Words, asked: Asked) -> Proof:
    """The user whose password it is; who is unknown or disabled costs as much to refuse as anybody else."""
    if "user" not in words:
        raise expecting("user", "password")
    shadow = await log_in_elsewhere(ctx, words["user"])
    if shadow is not None:
        return Proof(user_id=shadow.id, methods=("password",))
    candidate = await ctx.read(_candidate, words["user"])
    user = await log_in(ctx, candidate, words["user"].get("password") or "")
    return Proof(user_id=user.id, methods=("password",))


def _candidate(tx: Tx, words: Words) -> User | None:
    user = find_user(tx, words)
    return user if may_log_in(tx, user) else None
