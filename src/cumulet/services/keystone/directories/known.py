# SPDX-License-Identifier: Apache-2.0
"""Which directory each domain has, opened when it is first asked and kept until its configuration changes."""

import asyncio
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from cumulet.kernel.db import Tx
from cumulet.kernel.errors import Unavailable
from cumulet.services.keystone.directories.shadows import HERE
from cumulet.services.keystone.domain_config.model import Config, DomainOption, substituted, value_of
from cumulet.services.keystone.drivers.directory import Directory, DirectoryError
from cumulet.services.keystone.tokens.authority import Authority

if TYPE_CHECKING:
    from cumulet.kernel.app import App

NewDirectory = Callable[[Mapping[str, Any]], Directory]
"""Makes a driver of the options of a domain's group `ldap`. Raises ValueError for what cannot be meant."""


def new_ldap(options: Mapping[str, Any]) -> Directory:
    try:
        from cumulet.services.keystone.drivers.ldap.driver import LdapDirectory
    except ImportError as error:
        raise ValueError("LDAP needs the extra: pip install 'cumulet[ldap]'") from error
    from cumulet.services.keystone.drivers.ldap.settings import LdapSettings

    return LdapDirectory(LdapSettings.parse(options))


DRIVERS: Mapping[str, NewDirectory] = {"ldap": new_ldap}


@dataclass(frozen=True)
class _Opened:
    """What came of a configuration: a directory, or why there is none."""

    config: Config
    directory: Directory | None
    fault: str = ""


class Directories:
    """One for each process. What it knows is of the present epoch of the Authority."""

    def __init__(self, drivers: Mapping[str, NewDirectory] = DRIVERS) -> None:
        self._drivers = drivers
        self._epoch = -1
        self._opened: dict[str, _Opened] = {}
        self._lock = asyncio.Lock()

    async def of(self, app: "App", domain_id: str) -> Directory | None:
        """The directory of a domain, None for one whose users live here.

        Raises Unavailable when its configuration makes none.
        """
        found = (await self._known(app)).get(domain_id)
        if found is None:
            return None
        if found.directory is None:
            raise unavailable(app, domain_id, found.fault)
        return found.directory

    async def domains(self, app: "App") -> Collection[str]:
        """The domains that have a directory; without any nothing needs to be asked or looked up."""
        return (await self._known(app)).keys()

    async def close(self) -> None:
        await self._close(self._opened.values())
        self._opened = {}

    async def _known(self, app: "App") -> Mapping[str, _Opened]:
        authority = app.contract(Authority)
        if self._epoch == authority.epoch():
            return self._opened
        async with self._lock:
            epoch = authority.epoch()
            if self._epoch == epoch:
                return self._opened
            configs = await app.db.read(_configs)
            before = self._opened
            self._opened = {
                domain_id: before[domain_id]
                if domain_id in before and before[domain_id].config == config
                else self._open(config)
                for domain_id, config in configs.items()
            }
            self._epoch = epoch
            kept = {id(opened) for opened in self._opened.values()}
            await self._close(opened for opened in before.values() if id(opened) not in kept)
            return self._opened

    def _open(self, config: Config) -> _Opened:
        name = str(config["identity"]["driver"])
        new = self._drivers.get(name)
        if new is None:
            return _Opened(config, None, f"there is no identity driver {name!r}")
        try:
            return _Opened(config, new(config.get("ldap", {})))
        except ValueError as error:
            return _Opened(config, None, str(error))

    async def _close(self, opened: Any) -> None:
        for each in opened:
            if each.directory is not None:
                await each.directory.close()


def _configs(tx: Tx) -> dict[str, Config]:
    """The configurations of the domains that have a directory."""
    c = DomainOption.c
    drivers = tx.all(DomainOption, c.group == "identity", c.option == "driver", order_by=[c.id])
    elsewhere = [row.domain_id for row in drivers if value_of(tx, row) not in (None, "", HERE)]
    return {domain_id: substituted(tx, domain_id) for domain_id in elsewhere}


@contextmanager
def asking(app: "App", domain_id: str) -> Iterator[None]:
    """A directory is being asked; Unavailable when it does not answer."""
    try:
        yield
    except DirectoryError as error:
        raise unavailable(app, domain_id, str(error)) from error


def unavailable(app: "App", domain_id: str, why: str) -> Unavailable:
    """What callers are told; what is wrong is for the operator's eyes alone."""
    app.log.warning("a domain's directory cannot be asked", domain=domain_id, why=why)
    return Unavailable(
        f"The users and groups of domain {domain_id} live in a directory that does not answer now. "
        "Please try again later."
    )
