# SPDX-License-Identifier: Apache-2.0
"""Passwords: hashed and compared in a small pool of their own, at low priority, outside any transaction.

A hash takes some 30 ms of CPU on purpose. The pool leaves one core to who answers requests, and no more wait
for it than are served in a few seconds. New hashes are argon2id with 19 MiB; those of older Keystones are
read, and replaced when their user shows the password. Who does not exist, or has no password, costs as much
to refuse as anybody else.
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

from cumulet.kernel.errors import Unavailable
from cumulet.services.keystone import old_hashes

P = ParamSpec("P")
T = TypeVar("T")

_WAITING = 100
"""How many may wait for each thread: three seconds or so."""
_GENERATED = "$sha256$"
_PRIORITY = 10


class Passwords:
    """Makes and checks hashes. Raises Unavailable when too many are asked for at once."""

    def __init__(self, threads: int = 0) -> None:
        self._hasher = argon2.PasswordHasher(time_cost=2, memory_cost=19456, parallelism=1)
        self._threads = threads or max(1, len(os.sched_getaffinity(0)) - 1)
        self._pool = ThreadPoolExecutor(self._threads, "password", initializer=_be_nice)
        self._waiting = 0
        self._nobody: str | None = None

    async def hash(self, password: str) -> str:
        return await self._run(self.hash_here, password)

    async def matches(self, password: str, stored: str | None) -> bool:
        """Whether the password is the one that was stored; False, as slowly, when nothing was."""
        return await self._run(self._matches, password, stored)

    async def renewed(self, password: str, stored: str) -> str | None:
        """A hash as new ones are made of the password that matches; None if the stored one is as good."""
        return await self.hash(password) if self._is_outdated(password, stored) else None

    def hash_here(self, password: str) -> str:
        """`hash` in the calling thread."""
        return str(self._hasher.hash(password))

    def close(self) -> None:
        self._pool.shutdown(wait=False)

    async def _run(self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        if self._waiting >= self._threads * _WAITING:
            raise Unavailable("Too many passwords are to be checked at once; ask again.", retry_after=3)
        self._waiting += 1
        try:
            run = functools.partial(function, *args, **kwargs)
            return await asyncio.get_running_loop().run_in_executor(self._pool, run)
        finally:
            self._waiting -= 1

    def _matches(self, password: str, stored: str | None) -> bool:
        if stored is None:
            self._nobody = self._nobody or self.hash_here(secrets.token_hex(16))
            self._verify(password, self._nobody)
            return False
        return self._verify(password, stored)

    def _verify(self, password: str, stored: str) -> bool:
        if stored.startswith(_GENERATED):
            return hmac.compare_digest(hash_generated(password), stored)
        if old_hashes.is_old(stored):
            return old_hashes.matches(password.encode(), stored)
        try:
            return bool(self._hasher.verify(stored, password))
        except (argon2.exceptions.VerificationError, argon2.exceptions.InvalidHashError):
            return False

    def _is_outdated(self, password: str, stored: str) -> bool:
        if stored.startswith(_GENERATED):
            return False
        if old_hashes.is_old(stored):
            return old_hashes.is_of_all(password.encode(), stored)
        return bool(self._hasher.check_needs_rehash(stored))


def hash_generated(secret: str) -> str:
    """The hash of a secret that we drew ourselves: nobody can guess 64 random bytes, so it may be fast."""
    return _GENERATED + hashlib.sha256(secret.encode()).hexdigest()


def _be_nice() -> None:
    """Let those who answer requests go first; on Linux a thread has a priority of its own."""
    with contextlib.suppress(OSError):
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), _PRIORITY)
