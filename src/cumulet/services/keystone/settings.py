# SPDX-License-Identifier: Apache-2.0
"""What an operator may want otherwise; the defaults are upstream's."""

from dataclasses import dataclass, field
from typing import Annotated, Literal

import regex
from msgspec import Meta

Positive = Annotated[int, Meta(ge=1)]
Count = Annotated[int, Meta(ge=0)]


@dataclass(frozen=True, kw_only=True)
class KeystoneSettings:
    """Lifetimes and durations are in seconds unless their name says days.

    `allow_expired_window` is how long after its end a token still serves a service that finishes what it was
    asked for.
    `max_active_keys` counts the staged, the primary and the older keys of a key folder; a key that is rotated
    out ends what it made, so rotate no faster than (keys - 2) token lifetimes.
    What is None, and a count of 0, is not asked of anybody.
    """

    token_provider: Literal["fernet", "jws"] = "fernet"
    token_lifetime: Positive = 3600
    allow_expired_window: Count = 172800
    receipt_lifetime: Positive = 300
    totp_included_previous_windows: Annotated[int, Meta(ge=0, le=10)] = 1
    """Passcodes of how many half minutes before the present one are still taken."""
    max_active_keys: Annotated[int, Meta(ge=2)] = 3
    max_project_depth: Positive = 5
    max_redelegation_count: Count = 3
    signature_lifetime: Positive = 900
    """For which a request that was signed for EC2 is believed."""
    request_token_lifetime: Count = 28800
    access_token_lifetime: Count = 86400
    """Of OAuth 1.0a; with 0 they do not end by themselves."""
    max_password_length: Positive = 4096
    list_limit: Positive | None = None
    """Items of a list whose request asks for no number; a domain may have one for its users and groups."""
    return_all_endpoints_if_no_filter: bool = True
    """Whether the catalog of a project that was given no endpoints shows all of them, or none."""

    front_proxy_secret: Annotated[str, Meta(min_length=16)] | None = field(default=None, repr=False)
    """What a web server sends with what identity providers assert; without it nothing has been asserted."""
    assertion_prefix: str = ""
    remote_id_attribute: str = ""
    default_authorization_ttl: Count = 0
    """In minutes."""
    trusted_dashboards: tuple[str, ...] = ()

    lockout_failure_attempts: Positive | None = None
    lockout_duration: Positive | None = 1800
    """None locks until an administrator enables the user again."""
    disable_user_account_days_inactive: Positive | None = None
    password_expires_days: Positive | None = None
    unique_last_password_count: Count = 0
    minimum_password_age: Count = 0
    """In days, and only between changes that users make themselves."""
    password_regex: str | None = None
    password_regex_description: str | None = None
    change_password_upon_first_use: bool = False

    def __post_init__(self) -> None:
        """Raises ValueError for a password_regex that is none."""
        try:
            regex.compile(self.password_regex or "")
        except regex.error as error:
            raise ValueError(f"password_regex cannot be {self.password_regex!r}: {error}.") from None
