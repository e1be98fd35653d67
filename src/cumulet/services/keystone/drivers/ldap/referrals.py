# SPDX-License-Identifier: Apache-2.0
"""Where a server says that the rest of an answer is."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import ldap3
from ldap3.utils.uri import parse_uri


@dataclass(frozen=True)
class Referral:
    """A server, and what to ask it; without a scope the one of the question."""

    url: str
    base: str
    scope: str | None


def referrals(response: Sequence[Any], result: Any) -> Iterator[list[Referral]]:
    """Each place to go on at, as the servers among which one may choose; what cannot be read is left out."""
    for item in response:
        if item["type"] == "searchResRef":
            yield _readable(item["uri"])
    if result["referrals"]:
        yield _readable(result["referrals"])


def _readable(uris: Sequence[str]) -> list[Referral]:
    return [referral for uri in uris if (referral := _parse(uri)) is not None]


def _parse(uri: str) -> Referral | None:
    parts = parse_uri(uri)
    if not parts or not parts["host"]:
        return None
    scheme, port = ("ldaps", 636) if parts["ssl"] else ("ldap", 389)
    return Referral(
        f"{scheme}://{parts['host']}:{parts['port'] or port}", parts["base"], _SCOPES.get(parts["scope"])
    )


_SCOPES = {scope: scope for scope in (ldap3.BASE, ldap3.LEVEL, ldap3.SUBTREE)}
