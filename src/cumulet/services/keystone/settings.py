# SPDX-License-Identifier: Apache-2.0
"""What an operator may want otherwise; the defaults are upstream's."""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class KeystoneSettings:
    """Lifetimes are in seconds.

    `allow_expired_window` is how long after its end a token still serves a service that finishes what it was
    asked for.
    `max_active_keys` counts the staged, the primary and the older keys of a key folder; a key that is rotated
    out ends what it made, so rotate no faster than (keys - 2) token lifetimes.
    `password_regex` and its description are told to whoever asks for the rules of the domain `default`.
    """

    token_lifetime: int = 3600
    allow_expired_window: int = 172800
    max_active_keys: int = 3
    max_project_depth: int = 5
    max_password_length: int = 4096
    password_regex: str | None = None
    password_regex_description: str | None = None
