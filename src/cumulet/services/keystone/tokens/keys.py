# SPDX-License-Identifier: Apache-2.0
"""Fernet keys in a folder, as upstream lays them out.

The file with the highest number is the primary key, which encrypts. `0` is the staged key, which becomes
primary when the keys are rotated. All of them decrypt, so a process that has not yet heard of a rotation
understands the tokens of one that has.
"""

import os
from pathlib import Path

from cryptography.fernet import Fernet, InvalidToken, MultiFernet


class KeyFolder:
    """The keys of one folder, read into memory; nobody but their owner may read the files."""

    def __init__(self, path: Path, max_active_keys: int = 3) -> None:
        self.path = path
        self.max_active_keys = max_active_keys
        self._seen = 0
        self._fernet = MultiFernet([Fernet(Fernet.generate_key())])
        self._primary = Fernet(Fernet.generate_key())

    def open(self) -> None:
        """Read the keys, after making a first pair when there are none."""
        self.path.mkdir(mode=0o700, parents=True, exist_ok=True)
        if not self._numbers():
            for number in (0, 1):
                self._write(number, Fernet.generate_key())
        self.reload()

    def reload(self) -> bool:
        """Read the keys again if the folder has changed; whether it had."""
        changed = self.path.stat().st_mtime_ns
        if changed == self._seen:
            return False
        numbers = self._numbers()
        order = sorted(numbers, key=lambda number: -number)
        keys = [Fernet((self.path / str(number)).read_bytes().strip()) for number in order]
        self._primary, self._fernet, self._seen = keys[0], MultiFernet(keys), changed
        return True

    def rotate(self) -> None:
        """Make the staged key primary, stage a new one, and forget the oldest beyond what is kept."""
        numbers = self._numbers()
        staged = (self.path / "0").read_bytes()
        self._write(max(numbers) + 1, staged)
        self._write(0, Fernet.generate_key())
        old = sorted(number for number in self._numbers() if number)
        for number in old[: max(0, len(old) - (self.max_active_keys - 1))]:
            (self.path / str(number)).unlink()
        self.reload()

    def encrypt(self, data: bytes, at: int) -> bytes:
        """The data as a Fernet token that says it was made at that second of the epoch."""
        return self._primary.encrypt_at_time(data, at)

    def decrypt(self, token: bytes) -> tuple[bytes, int] | None:
        """What a token holds and the second it was made at; None when no key of ours made it."""
        try:
            return self._fernet.decrypt(token), int.from_bytes(_raw_time(token), "big")
        except (InvalidToken, ValueError, TypeError):
            return None

    def _numbers(self) -> list[int]:
        return [int(name) for name in os.listdir(self.path) if name.isdecimal()]

    def _write(self, number: int, key: bytes) -> None:
        """The file appears whole or not at all."""
        new = self.path / f".{number}.new"
        descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(key)
            file.flush()
            os.fsync(file.fileno())
        new.rename(self.path / str(number))


def _raw_time(token: bytes) -> bytes:
    """The eight bytes of time that follow the version byte of a Fernet token."""
    from base64 import urlsafe_b64decode

    return urlsafe_b64decode(token[:12])[1:9]
