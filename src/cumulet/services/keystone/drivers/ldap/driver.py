# SPDX-License-Identifier: Apache-2.0
"""An LDAP directory behind the seam: its searches and logins run in threads of their own."""

import asyncio
from collections.abc import Callable, Collection, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import ParamSpec, TypeVar

from cumulet.services.keystone.drivers.directory import DirectoryError, DirectoryGroup, DirectoryUser
from cumulet.services.keystone.drivers.ldap.reading import Reader
from cumulet.services.keystone.drivers.ldap.settings import LdapSettings
from cumulet.services.keystone.drivers.ldap.wire import Wire

P = ParamSpec("P")
T = TypeVar("T")


class LdapDirectory:
    """A Directory. Logins have threads of their own, so that a long list does not hold them up."""

    def __init__(self, settings: LdapSettings) -> None:
        """Nothing is opened yet. Raises ValueError for settings that cannot be meant."""
        self._wire = Wire(settings)
        self._reader = Reader(settings, self._wire)
        self._searches = ThreadPoolExecutor(settings.pool_size, "ldap")
        self._logins = ThreadPoolExecutor(settings.auth_pool_size, "ldap-login")

    async def user_named(self, name: str) -> DirectoryUser | None:
        return await self._search(self._reader.user_named, name)

    async def group_named(self, name: str) -> DirectoryGroup | None:
        return await self._search(self._reader.group_named, name)

    async def users(self, ids: Collection[str] | None = None) -> Sequence[DirectoryUser]:
        return await self._search(self._reader.users, ids)

    async def groups(self, ids: Collection[str] | None = None) -> Sequence[DirectoryGroup]:
        return await self._search(self._reader.groups, ids)

    async def authenticate(self, user: DirectoryUser, password: str) -> bool:
        return await _run(self._logins, self._wire.accepts, user.place, password)

    async def groups_of(self, user: DirectoryUser) -> Sequence[DirectoryGroup]:
        return await self._search(self._reader.groups_of, user)

    async def members_of(self, group: DirectoryGroup) -> Sequence[DirectoryUser]:
        return await self._search(self._reader.members_of, group)

    async def close(self) -> None:
        for pool in (self._searches, self._logins):
            pool.shutdown(wait=False)
        self._wire.close()

    async def _search(self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        return await _run(self._searches, function, *args, **kwargs)


async def _run(pool: ThreadPoolExecutor, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    try:
        running = pool.submit(function, *args, **kwargs)
    except RuntimeError as error:  # The pool is closed.
        raise DirectoryError("its configuration has changed meanwhile") from error
    return await asyncio.wrap_future(running)
