# SPDX-License-Identifier: Apache-2.0
"""Passwords: hashed and compared in a small pool of their own, at low priority, outside any transaction.

A hash takes some 30 ms of CPU on purpose. New ones are argon2id with 19 MiB; bcrypt ones, from an older
Keystone, are read. Who does not exist, or has no password, costs as much to refuse as anybody else.
"""

import asyncio
import contextlib
import functools
import hashlib
import hmac
import os
import secrets
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import ParamSpec, TypeVar

import argon2
import bcrypt

P = ParamSpec("P")
T = TypeVar("T")

_BCRYPT_LENGTH = 72
_THREADS = 2
_GENERATED = "$sha256$"
_PRIORITY = 10


class Passwords:
    """Makes and checks hashes."""

    def __init__(self) -> None:
        self._hasher = argon2.PasswordHasher(time_cost=2, memory_cost=19456, parallelism=1)
        self._pool = ThreadPoolExecutor(_THREADS, "password", initializer=_be_nice)
        self._nobody: str | None = None

    async def hash(self, password: str) -> str:
        return await self._run(self.hash_here, password)

    async def matches(self, password: str, stored: str | None) -> bool:
        """Whether the password is the one that was stored; False, as slowly, when nothing was."""
        return await self._run(self._matches, password, stored)

    def hash_here(self, password: str) -> str:
        """`hash` in the calling thread."""
        return str(self._hasher.hash(password))

    def close(self) -> None:
        self._pool.shutdown(wait=False)

    async def _run(self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        run = functools.partial(function, *args, **kwargs)
        return await asyncio.get_running_loop().run_in_executor(self._pool, run)

    def _matches(self, password: str, stored: str | None) -> bool:
        if stored is None:
            self._nobody = self._nobody or self.hash_here(secrets.token_hex(16))
            self._verify(password, self._nobody)
            return False
        return self._verify(password, stored)

    def _verify(self, password: str, stored: str) -> bool:
        if stored.startswith(_GENERATED):
            return hmac.compare_digest(hash_generated(password), stored)
        if stored.startswith("$2"):
            return bcrypt.checkpw(password.encode()[:_BCRYPT_LENGTH], stored.encode())
        try:
            return bool(self._hasher.verify(stored, password))
        except (argon2.exceptions.VerificationError, argon2.exceptions.InvalidHashError):
            return False


def hash_generated(secret: str) -> str:
    """The hash of a secret that we drew ourselves: nobody can guess 64 random bytes, so it may be fast."""
    return _GENERATED + hashlib.sha256(secret.encode()).hexdigest()


def _be_nice() -> None:
    """Let those who answer requests go first; on Linux a thread has a priority of its own."""
    with contextlib.suppress(OSError):
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), _PRIORITY)
