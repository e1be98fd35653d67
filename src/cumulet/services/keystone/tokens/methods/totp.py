# SPDX-License-Identifier: Apache-2.0
"""By a passcode of six digits that changes every half minute (RFC 6238), from a secret that both sides know.

The secret is the blob of a credential of type totp, in base32. A passcode serves once: the half minute that
it is of is written down before it counts, and that one and those before it are refused from then on.
"""

import base64
import binascii
import hmac
from collections.abc import Iterator
from dataclasses import dataclass

from cryptography.hazmat.primitives.hashes import SHA1
from cryptography.hazmat.primitives.twofactor.totp import TOTP

from cumulet.kernel.auth.context import Context
from cumulet.kernel.db import Row, Tx, column
from cumulet.lib import timestamps
from cumulet.services.keystone import compliance
from cumulet.services.keystone.credentials.model import Credential, unseal
from cumulet.services.keystone.errors import expecting, unauthorized
from cumulet.services.keystone.logins import judge
from cumulet.services.keystone.people import User
from cumulet.services.keystone.settings import KeystoneSettings
from cumulet.services.keystone.tokens.authority import Authority
from cumulet.services.keystone.tokens.methods.words import USER
from cumulet.services.keystone.tokens.naming import find_user, may_log_in
from cumulet.services.keystone.tokens.proof import Asked, Proof, Words

SCHEMA = {"type": "object", "properties": {"user": USER}}
_DIGITS = 6
_PERIOD = 30


class UsedPasscode(Row, table="keystone_used_passcodes"):
    """The last half minute, counted from 1970, of which a passcode of a credential was taken."""

    id: str = column(primary=True, references="keystone_credentials.id", on_delete="CASCADE")
    period: int = column()


@dataclass(frozen=True)
class _Match:
    credential_id: str
    period: int


async def prove(ctx: Context, words: Words, asked: Asked) -> Proof:
    """The user whose secret has made the passcode."""
    if "user" not in words:
        raise expecting("user", "totp")
    user, match = await ctx.read(_look, words["user"])
    if user is None:
        raise unauthorized()
    if match is None and not compliance.can_be_locked(ctx.app.contract(KeystoneSettings), user):
        raise unauthorized()
    await ctx.transact(_use, user, match)
    return Proof(user_id=user.id, methods=("totp",))


def _look(tx: Tx, words: Words) -> tuple[User | None, _Match | None]:
    """The user if they may log in, and what the passcode matches of theirs."""
    user = find_user(tx, words)
    if user is None or not may_log_in(tx, user):
        return None, None
    authority = tx.app.contract(Authority)
    c = Credential.c
    secrets = {
        row.id: unseal(authority, row.blob)
        for row in tx.all(Credential, c.user_id == user.id, c.type == "totp")
    }
    now = int(timestamps.to_epoch(tx.now)) // _PERIOD
    before = tx.app.contract(KeystoneSettings).totp_included_previous_windows
    said = str(words.get("passcode")).encode()
    matches = [
        _Match(id, period)
        for id, secret in secrets.items()
        for period, code in _passcodes(secret, range(now, now - before - 1, -1))
        if hmac.compare_digest(code, said)
    ]
    return user, matches[0] if matches else None


def _passcodes(secret: str, periods: range) -> Iterator[tuple[int, bytes]]:
    """The passcode of each half minute; none for what is no secret."""
    try:
        key = base64.b32decode(secret + "=" * (-len(secret) % 8))
        totp = TOTP(key, _DIGITS, SHA1(), _PERIOD)
    except (binascii.Error, ValueError):
        return
    for period in periods:
        yield period, totp.generate(period * _PERIOD)


def _use(tx: Tx, user: User, match: _Match | None) -> None:
    """The passcode serves no more. Raises Unauthorized when there is none, or it has served already."""
    judge(tx, user, match is not None, expired=True)
    assert match is not None, "it was judged"
    used = tx.get(UsedPasscode, match.credential_id)
    if used is None:
        tx.insert(UsedPasscode(id=match.credential_id, period=match.period), retry=True)
    elif used.period < match.period:
        tx.update(used, period=match.period)
    else:
        raise unauthorized()
