# SPDX-License-Identifier: Apache-2.0
"""Signatures, and the keys by which owners let others make them."""

import base64
import binascii
import hmac
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from cumulet.services.swift.asked import Found
from cumulet.services.swift.names import Place

_BY_LENGTH = {40: "sha1", 64: "sha256", 128: "sha512"}


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


def signer(signature: str, texts: Sequence[str], keys: Sequence[Key], allowed: Collection[str]) -> Key | None:
    """The key with which one of these texts was signed, by an allowed digest; None if none of them was."""
    digest, given = _taken_apart(signature)
    if digest not in allowed:
        return None
    for key in keys:
        for text in texts:
            if hmac.compare_digest(hmac.digest(key.secret, text.encode(errors="replace"), digest), given):
                return key
    return None


def _taken_apart(signature: str) -> tuple[str, bytes]:
    """The digest's name and the bytes: hexadecimal, or `sha256:` and base64; "" for what is neither."""
    name, colon, text = signature.partition(":")
    try:
        if not colon:
            return _BY_LENGTH.get(len(signature), ""), bytes.fromhex(signature)
        padded = text.replace("-", "+").replace("_", "/")
        return name, base64.b64decode(padded + "=" * (-len(padded) % 4), validate=True)
    except (ValueError, binascii.Error):
        return "", b""
