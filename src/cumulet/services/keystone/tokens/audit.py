# SPDX-License-Identifier: Apache-2.0
"""Events of logins, `user.authenticate`: who has tried to get in, from where, and what became of it.

`outcome` is success, failure, or pending where more factors are to be shown. A failure has its `reason` in
upstream's words, which who has failed is not told. As upstream has it, no event tells of a token by a token,
nor of programs that have succeeded: they log in all the time.

Nobody fills the disk by guessing. In a minute a process writes no more than ten events of one user, address
and outcome, and no more than sixty of all that were not let in, with the texts of strangers cut: in the seven
days for which events are kept these come to a gigabyte at most. Those beyond are counted, and the next event
tells how many were left out before it.
"""

from collections import Counter
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from cumulet.kernel import events
from cumulet.kernel.auth.context import Context
from cumulet.kernel.db import Tx
from cumulet.kernel.errors import BadRequest, Unauthorized, Unavailable
from cumulet.lib.timestamps import Timestamp
from cumulet.services.keystone.errors import MethodsMissing, Unproved
from cumulet.services.keystone.people import User
from cumulet.services.keystone.tokens.naming import find_user, may_log_in
from cumulet.services.keystone.tokens.payload import CERTIFIED
from cumulet.services.keystone.tokens.proof import Words

_TYPE = "user.authenticate"
_OF_ONE, _REFUSED = 10, 60
_LONGEST = 64
_NAME_USERS = ("password", "totp", "application_credential", CERTIFIED)
_WRONG = {"password": "Invalid user / password", "totp": "Invalid username or TOTP passcode"}

Payload = dict[str, Any]


class Bound:
    """Counts the events of this minute. Only the event loop asks it."""

    def __init__(self) -> None:
        self._minute = ""
        self._written: Counter[str] = Counter()
        self._left_out = 0

    def admit(self, payload: Payload, now: Timestamp) -> bool:
        """Whether this may be written; if so, it tells what was left out before it."""
        if now[:16] != self._minute:
            self._minute = now[:16]
            self._written.clear()
        keys = {str(payload): _OF_ONE}
        if payload["outcome"] != "success":
            keys["refused"] = _REFUSED
        if any(self._written[key] >= most for key, most in keys.items()):
            self._left_out += 1
            return False
        self._written.update(keys.keys())
        payload["left_out"], self._left_out = self._left_out, 0
        return True


def success(ctx: Context, user: User, methods: tuple[str, ...]) -> Payload | None:
    """What `write` is to tell of who was let in; None for nothing."""
    who = {"user_id": user.id, "user_name": user.name, "domain_id": user.domain_id}
    return _admitted(ctx, "success", methods, who)


async def refuse(ctx: Context, methods: Mapping[str, Words], error: Unauthorized) -> None:
    """An event tells that who came by these methods was not let in. Without disk there is none."""
    if methods.keys() == {"token"}:
        return
    outcome = "pending" if isinstance(error, MethodsMissing) else "failure"
    payload = _admitted(ctx, outcome, tuple(methods), _claimed(methods))
    if payload is not None:
        with suppress(Unavailable):
            await ctx.transact(_write_refusal, ctx, methods, error, payload)


def write(tx: Tx, ctx: Context, user_id: str, payload: Payload) -> None:
    events.tell(tx, ctx, _TYPE, user_id, payload)


def _admitted(ctx: Context, outcome: str, methods: tuple[str, ...], who: Mapping[str, str]) -> Payload | None:
    payload = {"outcome": outcome, "methods": methods, **who, "address": ctx.address}
    return payload if ctx.app.contract(Bound).admit(payload, ctx.app.clock.now()) else None


def _claimed(methods: Mapping[str, Words]) -> dict[str, str]:
    """Who somebody says to be, without what they say as a proof."""
    found: dict[str, str] = {}
    for method, words in methods.items():
        said = {name: words.get(name) for name in ("identity_provider", "protocol")}
        if method in _NAME_USERS:
            user = words.get("user") or {}
            domain = user.get("domain") or {}
            said = {"user_id": user.get("id"), "user_name": user.get("name")}
            said |= {"domain_id": domain.get("id"), "domain_name": domain.get("name")}
        if method == "application_credential":
            said |= {f"{method}_id": words.get("id"), f"{method}_name": words.get("name")}
        found |= {name: str(value)[:_LONGEST] for name, value in said.items() if value}
    return found


def _write_refusal(
    tx: Tx, ctx: Context, methods: Mapping[str, Words], error: Unauthorized, payload: Payload
) -> None:
    users = [words.get("user") for method, words in methods.items() if method in _NAME_USERS]
    named = next(filter(None, users), None)
    user = None
    with suppress(BadRequest):
        user = find_user(tx, named) if named else None
    if payload["outcome"] == "failure":
        payload = {**payload, "reason": _reason(tx, methods, error, user, named)}
    write(tx, ctx, user.id if user is not None else "", payload)


def _reason(
    tx: Tx, methods: Mapping[str, Words], error: Unauthorized, user: User | None, named: Words | None
) -> dict[str, str]:
    """Why somebody was not let in, as CADF says it; what the error says, if it is told to nobody else."""
    text = error.reason if isinstance(error, Unproved) else error.message
    code = error.status
    if not text and named and user is None:
        text, code = f"Could not find user: {str(named.get('id') or named.get('name'))[:_LONGEST]}.", 404
    elif not text and user is not None and not may_log_in(tx, user):
        text = f"The account is disabled for user: {user.id}."
    text = text or next((_WRONG[name] for name in methods if name in _WRONG), error.message)
    return {"reasonType": text, "reasonCode": str(code)}
