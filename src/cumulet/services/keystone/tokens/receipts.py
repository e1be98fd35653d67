# SPDX-License-Identifier: Apache-2.0
"""Receipts: what somebody is given who has proved something, but not yet enough for a token.

Like a token a receipt is encrypted and stored nowhere. It says who has proved themselves by which methods,
and lasts a few minutes, in which the missing methods can be shown without the first ones.
"""

from dataclasses import dataclass

import msgspec

from cumulet.services.keystone.tokens.keys import KeyFolder
from cumulet.services.keystone.tokens.payload import (
    long_id,
    method_bits,
    methods_of,
    padded,
    short_id,
)


@dataclass(frozen=True, kw_only=True)
class Receipt:
    """Moments are seconds since 1970."""

    user_id: str
    methods: tuple[str, ...]
    issued_at: int
    expires_at: int


def pack(keys: KeyFolder, receipt: Receipt) -> str:
    """The text that says this."""
    values = (short_id(receipt.user_id), method_bits(receipt.methods), receipt.expires_at)
    return keys.encrypt(msgspec.msgpack.encode(values), receipt.issued_at).decode().rstrip("=")


def unpack(keys: KeyFolder, text: str) -> Receipt | None:
    """What a receipt says; None when it is none of ours."""
    found = keys.decrypt(padded(text))
    if found is None:
        return None
    user_id, bits, expires_at = msgspec.msgpack.decode(found[0])
    return Receipt(
        user_id=long_id(user_id), methods=methods_of(bits), issued_at=found[1], expires_at=expires_at
    )
