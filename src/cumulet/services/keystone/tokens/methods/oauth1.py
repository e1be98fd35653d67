# SPDX-License-Identifier: Apache-2.0
"""By the signature of a consumer, with an access token that a user has granted it."""

from cumulet.kernel.auth.context import Context
from cumulet.kernel.db import Tx
from cumulet.services.keystone.credentials.model import unseal
from cumulet.services.keystone.errors import unauthorized
from cumulet.services.keystone.oauth1.model import AccessToken, Consumer, need_access_token
from cumulet.services.keystone.oauth1.signing import Signed, has_signed
from cumulet.services.keystone.roles.effective import Scope
from cumulet.services.keystone.tokens.authority import Authority
from cumulet.services.keystone.tokens.proof import Asked, Proof, Words
from cumulet.services.keystone.tokens.subject import Delegation

SCHEMA = {"type": "object"}


async def prove(ctx: Context, words: Words, asked: Asked) -> Proof:
    """The user, as far as they have granted it."""
    signed = Signed(f"{ctx.base_url}/v3/auth/tokens", asked.authorization)
    granted = await ctx.read(_verified, signed)
    return Proof(
        user_id=granted.authorizing_user_id,
        methods=("oauth1",),
        scope=Scope("project", granted.project_id),
        delegation=Delegation("access_token", granted.id),
    )


def _verified(tx: Tx, signed: Signed) -> AccessToken:
    """The access token with which a request is signed. Raises NotFound for one that is gone."""
    granted = need_access_token(tx, signed.need("oauth_token"))
    if granted.expires_at is not None and granted.expires_at < tx.now:
        raise unauthorized()
    consumer = tx.get(Consumer, granted.consumer_id)
    if consumer is None or signed.parameters.get("oauth_consumer_key") != consumer.id:
        raise unauthorized()
    authority = tx.app.contract(Authority)
    if not has_signed(signed, unseal(authority, consumer.secret), unseal(authority, granted.secret)):
        raise unauthorized()
    return granted
