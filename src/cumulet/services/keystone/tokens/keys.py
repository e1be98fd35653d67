# SPDX-License-Identifier: Apache-2.0
"""Fernet keys in a folder, as upstream lays them out.

The file with the highest number is the primary key, which encrypts. `0` is the staged key, which becomes
primary when the keys are rotated. All of them decrypt, so a process that has not yet heard of a rotation
understands the tokens of one that has.
"""

import hashlib
import os
from base64 import urlsafe_b64decode
from pathlib import Path

from cryptography.fernet import Fernet, InvalidToken, MultiFernet


class KeyFolder:
    """The keys of one folder, read into memory; nobody but their owner may read the files."""

    def __init__(self, path: Path, max_active_keys: int = 3) -> None:
        self.path = path
        self.max_active_keys = max_active_keys
        self._seen: object = None
        self._fernet = MultiFernet([Fernet(Fernet.generate_key())])
        self._primary = Fernet(Fernet.generate_key())
        self.fingerprint = 0
        """A number that tells the primary key from others, and says nothing about it."""

    def open(self) -> None:
        """Read the keys, after making a first pair when there are none."""
        self.path.mkdir(mode=0o700, parents=True, exist_ok=True)
        if not self._numbers():
            for number in (0, 1):
                self._write(number, Fernet.generate_key())
        self.reload()

    def reload(self) -> bool:
        """Read the keys again if the folder has changed; whether it had."""
        seen = state_of(self.path)
        if seen == self._seen:
            return False
        keys = [(self.path / str(number)).read_bytes().strip() for number in sorted(self._numbers())[::-1]]
        fernets = [Fernet(key) for key in keys]
        self._primary, self._fernet, self._seen = fernets[0], MultiFernet(fernets), seen
        self.fingerprint = int.from_bytes(hashlib.sha256(keys[0]).digest()[:6], "big")
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

    def renewed(self, token: bytes) -> bytes | None:
        """The token as the primary key makes it; None when it is that already, or none of ours."""
        try:
            self._primary.decrypt(token)
        except InvalidToken:
            found = self.decrypt(token)
            return self.encrypt(*found) if found is not None else None
        return None

    def _numbers(self) -> list[int]:
        return [int(name) for name in os.listdir(self.path) if name.isdecimal()]

    def _write(self, number: int, key: bytes) -> None:
        write_key(self.path / str(number), key)


def state_of(folder: Path) -> object:
    """What differs when a file of a folder was written, replaced or removed.

    A time alone would not do: clocks of file systems tick slower than files are written.
    """
    with os.scandir(folder) as found:
        return sorted((entry.name, entry.inode(), entry.stat().st_mtime_ns) for entry in found)


def write_key(path: Path, key: bytes, mode: int = 0o600) -> None:
    """The file appears whole or not at all, and belongs to whom its folder belongs."""
    new = path.with_name(f".{path.name}.new")
    descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode)
    with os.fdopen(descriptor, "wb") as file:
        if os.geteuid() == 0:
            owner = path.parent.stat()
            os.fchown(descriptor, owner.st_uid, owner.st_gid)
        file.write(key)
        file.flush()
        os.fsync(descriptor)
    new.rename(path)


def _raw_time(token: bytes) -> bytes:
    """The eight bytes of time that follow the version byte of a Fernet token."""
    return urlsafe_b64decode(token[:12])[1:9]
