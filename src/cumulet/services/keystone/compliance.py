# SPDX-License-Identifier: Apache-2.0
"""The rules of security compliance, as upstream's section of that name has them: who is locked out, inactive,
or has a password that is too old, too new or too weak.

Each rule asks the settings, one user's row and the time; nothing here reads or writes.
"""

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import regex

from cumulet.kernel.errors import BadRequest, Forbidden
from cumulet.lib import timestamps
from cumulet.lib.timestamps import Timestamp
from cumulet.services.keystone.settings import KeystoneSettings

if TYPE_CHECKING:
    from cumulet.services.keystone.people import User

_DAY = 86400.0
_PATIENCE = 0.1
"""Seconds for which a password is compared with an expression."""


def ignores(user: "User", option: str) -> bool:
    """Whether a user is exempt from a rule, by an option of theirs."""
    return user.options.get(option) is True


# -- logging in -----------------------------------------------------------------------------------------


def can_be_locked(settings: KeystoneSettings, user: "User") -> bool:
    """Whether failures of this user are counted."""
    return bool(settings.lockout_failure_attempts) and not ignores(user, "ignore_lockout_failure_attempts")


def is_locked(settings: KeystoneSettings, user: "User", now: Timestamp) -> bool:
    """Whether a user has failed too often, and not long enough ago."""
    if not can_be_locked(settings, user) or user.failed_auth_count < (settings.lockout_failure_attempts or 0):
        return False
    return not lock_has_lapsed(settings, user, now)


def lock_has_lapsed(settings: KeystoneSettings, user: "User", now: Timestamp) -> bool:
    """Whether the last failure is so long ago that counting begins anew, were the user locked by it."""
    if settings.lockout_duration is None or user.failed_auth_at is None:
        return False
    return timestamps.add(user.failed_auth_at, settings.lockout_duration) <= now


def has_expired(user: "User", now: Timestamp) -> bool:
    """Whether the password must be changed before anything else."""
    if user.password_expires_at is None or ignores(user, "ignore_password_expiry"):
        return False
    return user.password_expires_at <= now


def inactive_from(settings: KeystoneSettings, user: "User") -> Timestamp | None:
    """From when on a user who does not log in counts as disabled; None for never.

    Days are those of the calendar. Whether users of a directory stay away too long is its own business.
    """
    days = settings.disable_user_account_days_inactive
    since = user.last_active_at or user.created_at
    if not days or not since or user.local_id or ignores(user, "ignore_user_inactivity"):
        return None
    return timestamps.add(timestamps.parse(since[:10]), days * _DAY)


def is_enabled(settings: KeystoneSettings, user: "User", now: Timestamp) -> bool:
    """Whether nobody has disabled a user, nor they themselves by staying away."""
    until = inactive_from(settings, user)
    return user.enabled and (until is None or now < until)


def forgiven(
    settings: KeystoneSettings, user: "User", changes: Mapping[str, Any], now: Timestamp
) -> dict[str, Any]:
    """What else changes when an administrator changes a user who is enabled then.

    The user is locked out no longer; one who was enabled again has until further notice been active.
    """
    if not changes.get("enabled", user.enabled):
        return {}
    more: dict[str, Any] = {"failed_auth_count": 0, "failed_auth_at": None}
    if "enabled" in changes and settings.disable_user_account_days_inactive:
        more["last_active_at"] = now
    return more


# -- new passwords --------------------------------------------------------------------------------------


def check_strength(settings: KeystoneSettings, password: str | None) -> None:
    """Raise BadRequest for a password that is too weak, Forbidden for one that is too long."""
    size = settings.max_password_length
    if password is not None and len(password) > size:
        raise Forbidden(
            f"The password length must be less than or equal to {size}. The server could not comply with the "
            "request because the password is invalid."
        )
    if not settings.password_regex:
        return
    if password is None:
        raise BadRequest("Password validation error: Password must be a string type.")
    if not _matches(settings.password_regex, password):
        why = settings.password_regex_description
        raise BadRequest(f"The password does not match the requirements: {why}.")


def _matches(expression: str, password: str) -> bool:
    """Whether the beginning of a password matches; one that takes too long to tell does not."""
    try:
        return regex.match(expression, password, timeout=_PATIENCE) is not None
    except TimeoutError:
        return False


def check_age(settings: KeystoneSettings, user: "User", now: Timestamp) -> None:
    """Raise BadRequest when a user has changed their password themselves too short a time ago."""
    days = settings.minimum_password_age
    if not days or not user.password_self_service or user.password_created_at is None:
        return
    left = timestamps.seconds_between(now, timestamps.add(user.password_created_at, days * _DAY))
    if left > 0:
        raise BadRequest(
            "You cannot change your password at this time due to the minimum password age. Once you change "
            f"your password, it must be used for {days} day(s) before it can be changed. Please try again in "
            f"{math.floor(left / _DAY)} day(s) or contact your administrator to reset your password."
        )


def expiry(settings: KeystoneSettings, options: Mapping[str, Any], now: Timestamp) -> Timestamp | None:
    """When a password that is set now expires, to the second; None for never."""
    if not settings.password_expires_days or options.get("ignore_password_expiry") is True:
        return None
    later = timestamps.add(now, settings.password_expires_days * _DAY)
    return Timestamp(f"{later[:19]}.000000")


def must_be_changed_first(settings: KeystoneSettings, options: Mapping[str, Any]) -> bool:
    """Whether a password that somebody else has chosen serves only to choose another."""
    exempt = options.get("ignore_change_password_upon_first_use") is True
    return settings.change_password_upon_first_use and not exempt
