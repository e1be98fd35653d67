# SPDX-License-Identifier: Apache-2.0
"""Search filters. What comes from outside goes through `equals`, where nothing in it can end the value."""

import uuid
from collections.abc import Iterable

from ldap3.utils.conv import escape_bytes, escape_filter_chars

_IN_CHAIN = "1.2.840.113556.1.4.1941"
"""Active Directory's LDAP_MATCHING_RULE_IN_CHAIN: a member, or a member of a member."""

GUID = "objectguid"
"""Active Directory's id of an entry, which is no text."""

AT_ONCE = 50
"""Values in one filter; servers bound the size of a request."""


def equals(attribute: str, value: str) -> str:
    if attribute.lower() == GUID and (guid := _guid(value)) is not None:
        return f"({attribute}={escape_bytes(guid)})"
    return f"({attribute}={escape_filter_chars(value)})"


def _guid(value: str) -> bytes | None:
    """The bytes of Active Directory's objectGUID, which is shown as a UUID."""
    try:
        return uuid.UUID(value).bytes_le
    except ValueError:
        return None


def present(attribute: str) -> str:
    return f"({attribute}=*)"


def in_chain(attribute: str, place: str) -> str:
    """Entries whose attribute names this place or, over any number of steps, something in it."""
    return f"({attribute}:{_IN_CHAIN}:={escape_filter_chars(place)})"


def all_of(*filters: str) -> str:
    """The filters that are not empty, at once."""
    given = [text for text in filters if text]
    return given[0] if len(given) == 1 else f"(&{''.join(given)})"


def any_of(filters: Iterable[str]) -> str:
    return f"(|{''.join(filters)})"


def enclosed(text: str | None) -> str:
    """An operator's filter, in the brackets that it may lack."""
    text = (text or "").strip()
    return text if not text or text.startswith("(") else f"({text})"
