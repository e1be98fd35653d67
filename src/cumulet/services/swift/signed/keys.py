# SPDX-License-Identifier: Apache-2.0
"""Signatures, and the keys by which owners let others make them."""

import base64
import binascii
import hmac
from dataclasses import dataclass

from cumulet.services.swift.asked import Found
from cumulet.services.swift.names import Place

DIGESTS = ("sha256", "sha512")
_BY_LENGTH = {64: "sha256", 128: "sha512"}


@dataclass(frozen=True)
class Key:
    """A key, and the account or the container for which it was set."""

    secret: bytes
    within: Place


def keys_of(place: Place, found: Found) -> list[Key]:
    """The keys that may have signed something about a place."""
    known = [
        ("Account", found.account, Place(place.account)),
        ("Container", found.container, place.to(place.container)),
    ]
    names = ("Temp-Url-Key", "Temp-Url-Key-2")
    return [
        Key(secret.encode("latin-1"), within)
        for kind, row, within in known
        if row is not None
        for name in names
        if (secret := row.headers.get(f"X-{kind}-Meta-{name}"))
    ]


def signer(signature: str, texts: list[str], keys: list[Key]) -> Key | None:
    """The key with which one of these texts was signed, None for a signature of none of them."""
    taken = _taken_apart(signature)
    if taken is None:
        return None
    digest, given = taken
    for key in keys:
        for text in texts:
            if hmac.compare_digest(hmac.digest(key.secret, text.encode(errors="replace"), digest), given):
                return key
    return None


def _taken_apart(signature: str) -> tuple[str, bytes] | None:
    """The digest's name and the bytes of a signature: hexadecimal, or `sha256:` and base64."""
    name, colon, text = signature.partition(":")
    try:
        if colon:
            padded = text.replace("-", "+").replace("_", "/")
            found = base64.b64decode(padded + "=" * (-len(padded) % 4), validate=True)
        else:
            name, found = _BY_LENGTH.get(len(signature), ""), bytes.fromhex(signature)
    except (ValueError, binascii.Error):
        return None
    return (name, found) if name in DIGESTS else None
