# SPDX-License-Identifier: Apache-2.0
"""New passwords: what they must be like, what they change, and a user's own change of theirs.

They are hashed before the transaction begins.
"""

from collections.abc import Mapping
from typing import Any

from cumulet.kernel import events
from cumulet.kernel.auth.context import Context
from cumulet.kernel.db import Tx
from cumulet.kernel.errors import BadRequest, Unauthorized
from cumulet.kernel.http.endpoint import route, told
from cumulet.kernel.http.messages import Request
from cumulet.kernel.resource import schema
from cumulet.services.keystone import compliance
from cumulet.services.keystone.directories.login import log_in_elsewhere
from cumulet.services.keystone.directories.shadows import check_is_here
from cumulet.services.keystone.errors import unauthorized
from cumulet.services.keystone.logins import log_in
from cumulet.services.keystone.people import OldPassword, User
from cumulet.services.keystone.settings import KeystoneSettings
from cumulet.services.keystone.tokens import audit
from cumulet.services.keystone.tokens.authority import Authority
from cumulet.services.keystone.tokens.revocation import end_tokens_of
from cumulet.services.keystone.wire import WIRE


async def with_hash(ctx: Context, given: dict[str, Any]) -> dict[str, Any]:
    """What was given, with the hash of the password in its place.

    Raises BadRequest for a password that is too weak, Forbidden for one that is too long.
    """
    if "password" not in given:
        return given
    password = given.pop("password")
    compliance.check_strength(ctx.app.contract(KeystoneSettings), password)
    return {**given, "password_hash": await _hash(ctx, password) if password is not None else None}


async def _hash(ctx: Context, password: str) -> str:
    return await ctx.app.contract(Authority).passwords.hash(password)


def columns(tx: Tx, hash: str | None, options: Mapping[str, Any], *, self_service: bool) -> dict[str, Any]:
    """What a new password changes in its user's row; one that others have chosen may serve only once."""
    settings = tx.app.contract(KeystoneSettings)
    expires_at = compliance.expiry(settings, options, tx.now)
    if not self_service and hash is not None and compliance.must_be_changed_first(settings, options):
        expires_at = tx.now
    return {
        "password_hash": hash,
        "password_created_at": tx.now,
        "password_expires_at": expires_at,
        "password_self_service": self_service,
    }


def remember(tx: Tx, user: User) -> None:
    """The password that a user has had is kept among those that they may not choose again."""
    if user.password_hash is None:
        return
    wanted = tx.app.contract(KeystoneSettings).unique_last_password_count - 1
    created = user.password_created_at or tx.now
    if wanted > 0:
        tx.insert(OldPassword(user_id=user.id, hash=user.password_hash, created_at=created))
    for old in _old_passwords(tx, user.id)[max(wanted, 0) :]:
        tx.delete(old)


def _old_passwords(tx: Tx, user_id: str) -> list[OldPassword]:
    """The passwords that a user had before, the last one first."""
    c = OldPassword.c
    return tx.all(OldPassword, c.user_id == user_id, order_by=[c.created_at.desc(), c.id.desc()])


# -- a user's own change --------------------------------------------------------------------------------

_PASSWORDS = {
    "type": "object",
    "properties": {
        "user": {
            "type": "object",
            "properties": {
                "original_password": {"type": "string"},
                "password": {"type": "string"},
            },
            "required": ["original_password", "password"],
        }
    },
    "required": ["user"],
}
_password_body = schema.compile_schema(_PASSWORDS)


@route("POST", "/users/{user_id}/password", schema=told(_PASSWORDS), public=True, status=204)
async def change_password(ctx: Context, request: Request) -> None:
    """A user's own new password; it takes the old one and no token, and ends all of their tokens."""
    schema.check(_password_body, request.body, WIRE)
    words = request.body["user"]
    found = await ctx.read(Tx.get, User, request.params["user_id"])
    if found is not None and found.local_id:
        await log_in_elsewhere(ctx, {"id": found.id, "password": words["original_password"]})
        check_is_here(found)
    try:
        user = await log_in(ctx, found, words["original_password"], expired=True)
    except Unauthorized as error:
        claim = {"id": request.params["user_id"]}
        await audit.refuse(ctx, {"password": {"user": claim}}, error)
        raise
    compliance.check_strength(ctx.app.contract(KeystoneSettings), words["password"])
    await ctx.read(_check_may_change, user)
    await _check_is_new(ctx, user, words["password"])
    await ctx.transact(_store, ctx, user, await _hash(ctx, words["password"]))


def _check_may_change(tx: Tx, user: User) -> None:
    if compliance.ignores(user, "lock_password"):
        raise BadRequest(
            "You cannot change your password at this time due to password policy disallowing password "
            "changes. Please contact your administrator to reset your password."
        )
    compliance.check_age(tx.app.contract(KeystoneSettings), user, tx.now)


async def _check_is_new(ctx: Context, user: User, password: str) -> None:
    """Raise BadRequest for a password that is among the last ones of its user."""
    count = ctx.app.contract(KeystoneSettings).unique_last_password_count
    if not count:
        return
    before = [old.hash for old in await ctx.read(_old_passwords, user.id)]
    passwords = ctx.app.contract(Authority).passwords
    for hash in [user.password_hash, *before][:count]:
        if hash is not None and await passwords.matches(password, hash):
            raise BadRequest(
                "The new password cannot be identical to a previous password. The total number which "
                f"includes the new password must be unique is {count}."
            )


def _store(tx: Tx, ctx: Context, seen: User, hash: str) -> None:
    """The new hash in the place of the one that was compared.

    Raises Unauthorized if that has changed meanwhile.
    """
    user = tx.get(User, seen.id)
    if user is None or user.password_hash != seen.password_hash:
        raise unauthorized()
    remember(tx, user)
    user = tx.update(end_tokens_of(tx, user), **columns(tx, hash, user.options, self_service=True))
    events.emit(tx, ctx, "user.update", user)


ROUTES = (change_password,)
