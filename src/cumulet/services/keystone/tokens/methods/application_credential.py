# SPDX-License-Identifier: Apache-2.0
"""By the secret of an application credential."""

from cumulet.kernel.auth.context import Context
from cumulet.kernel.db import Tx
from cumulet.services.keystone.application_credentials.model import ApplicationCredential
from cumulet.services.keystone.errors import expecting, unauthorized
from cumulet.services.keystone.roles.effective import Scope
from cumulet.services.keystone.tokens.authority import Authority
from cumulet.services.keystone.tokens.methods.words import TEXT, USER
from cumulet.services.keystone.tokens.naming import find_user
from cumulet.services.keystone.tokens.proof import Asked, Proof, Words
from cumulet.services.keystone.tokens.subject import Delegation

SCHEMA = {
    "type": "object",
    "required": ["secret"],
    "properties": {"id": TEXT, "name": TEXT, "secret": TEXT, "user": USER},
}


async def prove(ctx: Context, words: Words, asked: Asked) -> Proof:
    """The user of the credential, as far as it goes."""
    found = await ctx.read(_candidate, words)
    stored = found.secret_hash if found is not None else None
    passwords = ctx.app.contract(Authority).passwords
    if not await passwords.matches(words["secret"], stored) or found is None:
        raise unauthorized()
    return Proof(
        user_id=found.user_id,
        methods=("application_credential",),
        scope=Scope("project", found.project_id),
        delegation=Delegation("application_credential", found.id),
    )


def _candidate(tx: Tx, words: Words) -> ApplicationCredential | None:
    found = _credential(tx, words)
    return found if found is not None and not (found.expires_at and found.expires_at <= tx.now) else None


def _credential(tx: Tx, words: Words) -> ApplicationCredential | None:
    if words.get("id"):
        return tx.get(ApplicationCredential, words["id"])
    if not words.get("name"):
        raise expecting("name or ID", "application credential")
    if not words.get("user"):
        raise expecting("user", "application credential")
    user = find_user(tx, words["user"])
    return (
        tx.first_by(ApplicationCredential, user_id=user.id, name=words["name"]) if user is not None else None
    )
