# SPDX-License-Identifier: Apache-2.0
"""By what the front proxy found out: the user of the default domain whom it has let in."""

from cumulet.kernel.auth.context import Context
from cumulet.kernel.db import Tx
from cumulet.services.keystone.errors import unauthorized
from cumulet.services.keystone.people import User
from cumulet.services.keystone.tokens.naming import find_user, may_log_in
from cumulet.services.keystone.tokens.proof import Asked, Proof, Words

SCHEMA = {"type": "object"}


async def prove(ctx: Context, words: Words, asked: Asked) -> Proof:
    """The user of that name."""
    user = await ctx.read(_user, asked.asserted.remote_user)
    if user is None:
        raise unauthorized()
    return Proof(user_id=user.id, methods=("external",))


def _user(tx: Tx, name: str) -> User | None:
    user = find_user(tx, {"name": name, "domain": {"id": "default"}}) if name else None
    return user if may_log_in(tx, user) else None
