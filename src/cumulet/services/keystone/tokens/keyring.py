# SPDX-License-Identifier: Apache-2.0
"""All the keys of Keystone, each kind in a folder of its own."""

import sys
from pathlib import Path

from cumulet.services.keystone.settings import KeystoneSettings
from cumulet.services.keystone.tokens.keys import KeyFolder


class Keyring:
    """`tokens` and `receipts` are what Keystone gives out, `credentials` what it stores for users."""

    def __init__(self, state: Path, settings: KeystoneSettings) -> None:
        self.tokens = KeyFolder(state / "fernet-keys", settings.max_active_keys)
        self.receipts = KeyFolder(state / "receipt-keys", settings.max_active_keys)
        # Nothing is encrypted anew, so no key of theirs is ever dropped.
        self.credentials = KeyFolder(state / "credential-keys", max_active_keys=sys.maxsize)

    def open(self) -> None:
        """Read the keys, making the first ones in a new cloud."""
        for folder in self._folders:
            folder.open()

    def reload(self) -> None:
        """Read again what has changed."""
        for folder in self._folders:
            folder.reload()

    @property
    def _folders(self) -> tuple[KeyFolder, ...]:
        return self.tokens, self.receipts, self.credentials
