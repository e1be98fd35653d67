# SPDX-License-Identifier: Apache-2.0
"""All the keys of Keystone, each kind in a folder of its own, and the form of its tokens that they make."""

import sys
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from cumulet.services.keystone.settings import KeystoneSettings
from cumulet.services.keystone.tokens import payload
from cumulet.services.keystone.tokens.keys import KeyFolder
from cumulet.services.keystone.tokens.payload import Claims

if TYPE_CHECKING:
    from cumulet.services.keystone.tokens.jws import JwsKeys


class Keyring:
    """`fernet` or `jws` make tokens, `receipt` receipts; `credential` encrypts what is stored for users."""

    def __init__(self, state: Path, settings: KeystoneSettings) -> None:
        self.fernet = KeyFolder(state / "fernet-keys", settings.max_active_keys)
        self.receipt = KeyFolder(state / "receipt-keys", settings.max_active_keys)
        # A restored database may need the oldest of them.
        self.credential = KeyFolder(state / "credential-keys", max_active_keys=sys.maxsize)
        self._state, self._kept = state, settings.max_active_keys
        self._signs = settings.token_provider == "jws"

    @cached_property
    def jws(self) -> "JwsKeys":
        """Made when they are asked for: what they import is slow to load, and seldom wanted."""
        from cumulet.services.keystone.tokens.jws import JwsKeys

        return JwsKeys(self._state / "jws-keys", self._kept)

    def open(self) -> None:
        """Read the keys that are used, making the first ones in a new cloud."""
        for folder in self._used:
            folder.open()

    def reload(self) -> bool:
        """Read again what has changed; whether anything had."""
        changed = [folder.reload() for folder in self._used]
        return any(changed)

    @property
    def _used(self) -> "tuple[KeyFolder | JwsKeys, ...]":
        return self.jws if self._signs else self.fernet, self.receipt, self.credential

    def rotate(self, kind: str) -> None:
        """The keys of a kind make place for new ones. Raises OSError where there are none."""
        folder: KeyFolder | JwsKeys = getattr(self, kind)
        folder.rotate()

    def pack(self, claims: Claims) -> str:
        """The token that says this."""
        return self.jws.pack(claims) if self._signs else payload.pack(self.fernet, claims)

    def unpack(self, token: str) -> Claims | None:
        """What a token says; None when it is none of ours."""
        return self.jws.unpack(token) if self._signs else payload.unpack(self.fernet, token)

    def why_unknown(self, text: str) -> str:
        """Upstream's sentence for a token that was not sent, is none, or does not hold."""
        if not text:
            return "No token in the request"
        return DOES_NOT_HOLD if self.unpack(text) is not None else f"Could not find token: {text}."


DOES_NOT_HOLD = "Failed to validate token"
