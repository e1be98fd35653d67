# SPDX-License-Identifier: Apache-2.0
"""Logging in by a password, and who may not.

The password is compared outside any transaction; what follows from it is judged in one. Where failures are
counted, judgements on one user come one after another, on all processes: however many guesses are made at
once, no more of them count than the lockout allows, and a right one that is judged later is refused like a
wrong one. Who was refused does not learn whether it was the password, the lock, or that nobody has that name.

A hash as older Keystones made them is replaced when its password is shown. That is no new password: it ends
no tokens, and no rule about passwords takes notice.
"""

import contextlib
from typing import Any

from cumulet.kernel.auth.context import Context
from cumulet.kernel.db import Tx
from cumulet.kernel.errors import Unauthorized, Unavailable
from cumulet.lib.timestamps import Timestamp
from cumulet.services.keystone import compliance
from cumulet.services.keystone.errors import Unproved, unauthorized
from cumulet.services.keystone.people import User
from cumulet.services.keystone.settings import KeystoneSettings
from cumulet.services.keystone.tokens import audit
from cumulet.services.keystone.tokens.authority import Authority


async def log_in(ctx: Context, user: User | None, password: str, *, expired: bool = False) -> User:
    """The user, whose password it is; with `expired` also when it must be changed before anything else.

    Raises Unauthorized, as slowly for nobody as for anybody.
    """
    try:
        found = await _compared(ctx, user, password, expired=expired)
    except _Replaced as error:
        return await log_in(ctx, await ctx.read(Tx.get, User, error.user_id), password, expired=expired)
    return await _renewed(ctx, found, password)


class _Replaced(Unproved):
    """The stored hash is no longer the one that was compared: that was right then, and says nothing now."""

    def __init__(self, user_id: str) -> None:
        super().__init__()
        self.user_id = user_id


async def _compared(ctx: Context, user: User | None, password: str, *, expired: bool) -> User:
    stored = user.password_hash if user is not None else None
    right = await ctx.app.contract(Authority).passwords.matches(password, stored)
    if user is None:
        raise unauthorized()
    counted = compliance.can_be_locked(ctx.app.contract(KeystoneSettings), user)
    if counted:
        return await ctx.transact(judge, user, right, expired=expired)
    if not right:
        raise unauthorized()
    return await ctx.read(_admitted, user, expired=expired)


def judge(tx: Tx, seen: User, right: bool, *, expired: bool = False) -> User:
    """The user as they are now; `right` says whether the user as seen has proved themselves.

    Raises Unauthorized; a failure is counted all the same.
    """
    tx.lock(f"keystone.login:{seen.id}")
    if not right:
        raise unauthorized(_count_failure(tx, seen), commit=True)
    return _admitted(tx, seen, expired=expired)


def _admitted(tx: Tx, seen: User, *, expired: bool) -> User:
    """The user as they are now, if nothing keeps them out. Raises Unauthorized."""
    user = tx.get(User, seen.id)
    settings = tx.app.contract(KeystoneSettings)
    if user is None:
        raise unauthorized()
    if user.password_hash != seen.password_hash:
        raise _Replaced(user.id)
    if compliance.is_locked(settings, user, tx.now):
        raise unauthorized(_locked(user))
    if not compliance.is_enabled(settings, user, tx.now):
        raise Unauthorized(f"The account is disabled for user: {user.id}.")
    if compliance.has_expired(user, tx.now) and not expired:
        raise Unauthorized(f"The password is expired and needs to be changed for user: {user.id}.")
    return user


def _count_failure(tx: Tx, seen: User) -> str:
    """One failure more, unless the user is locked out already: guessing on does not make it longer.

    What there is to say of it besides.
    """
    user = tx.get(User, seen.id)
    settings = tx.app.contract(KeystoneSettings)
    if user is None:
        return ""
    if compliance.is_locked(settings, user, tx.now):
        return _locked(user)
    most = settings.lockout_failure_attempts or 0
    before = user.failed_auth_count
    if before >= most:
        before = 0  # They were locked out, and are no longer.
    user = tx.update(user, failed_auth_count=before + 1, failed_auth_at=tx.now)
    if not compliance.is_locked(settings, user, tx.now):
        return ""
    return f"Maximum number of {most} login attempts exceeded."


def _locked(user: User) -> str:
    return f"The account is locked for user: {user.id}."


async def _renewed(ctx: Context, user: User, password: str) -> User:
    """The user, whose password is hashed as new ones are; where that cannot be done now, it waits."""
    assert user.password_hash is not None, "it was compared"
    with contextlib.suppress(Unavailable):
        hash = await ctx.app.contract(Authority).passwords.renewed(password, user.password_hash)
        if hash is not None:
            return await ctx.transact(_store, user, hash)
    return user


def _store(tx: Tx, seen: User, hash: str) -> User:
    user = tx.get(User, seen.id)
    if user is None or user.password_hash != seen.password_hash:
        return seen
    return tx.update(user, password_hash=hash)


async def welcome(ctx: Context, user: User, methods: tuple[str, ...]) -> None:
    """Old failures of somebody who has proved all that they must are forgiven, and the login is noted.

    Not earlier: who knows the password could else guess passcodes for ever. A disk that is full keeps nobody
    out; it is noted the next time.
    """
    told = audit.success(ctx, user, methods)
    if told is not None or _news(user, ctx.app.clock.now()):
        with contextlib.suppress(Unavailable):
            await ctx.transact(_note, ctx, user.id, told)


def _note(tx: Tx, ctx: Context, user_id: str, told: audit.Payload | None) -> None:
    if told is not None:
        audit.write(tx, ctx, user_id, told)
    user = tx.get(User, user_id)
    if user is not None and (changes := _news(user, tx.now)):
        tx.update(user, **changes)


def _news(user: User, now: Timestamp) -> dict[str, Any]:
    """What a login changes in a user's row: nothing, as a rule, but for the first one on a day."""
    changes: dict[str, Any] = {}
    if user.failed_auth_count:
        changes |= {"failed_auth_count": 0, "failed_auth_at": None}
    if (user.last_active_at or "")[:10] != now[:10]:
        changes["last_active_at"] = now
    return changes
