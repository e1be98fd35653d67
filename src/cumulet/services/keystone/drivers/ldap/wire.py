# SPDX-License-Identifier: Apache-2.0
"""Searches and logins. Everything here waits, so it runs in threads of the driver.

Searches go over connections that are bound as the directory's user, logins over others that are bound anew
each time. Both are kept for a while.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from typing import Any, TypeVar

import ldap3
from ldap3.core.exceptions import (
    LDAPBusyResult,
    LDAPCommunicationError,
    LDAPException,
    LDAPNoSuchObjectResult,
    LDAPOperationResult,
    LDAPUnavailableResult,
)

from cumulet.services.keystone.drivers.directory import DirectoryError
from cumulet.services.keystone.drivers.ldap.entries import Entry
from cumulet.services.keystone.drivers.ldap.pool import Kept, Line, end
from cumulet.services.keystone.drivers.ldap.referrals import Referral, referrals
from cumulet.services.keystone.drivers.ldap.servers import Servers
from cumulet.services.keystone.drivers.ldap.settings import LdapSettings

T = TypeVar("T")

BASE = ldap3.BASE
_SCOPES = {"one": ldap3.LEVEL, "sub": ldap3.SUBTREE}
_ALIASES = {
    "never": ldap3.DEREF_NEVER,
    "searching": ldap3.DEREF_SEARCH,
    "finding": ldap3.DEREF_BASE,
    "always": ldap3.DEREF_ALWAYS,
    "default": ldap3.DEREF_NEVER,
}
_LONGER = 60
"""Seconds that a server may take to go on with a list."""
_PAGED = "1.2.840.113556.1.4.319"
_SUCCESS, _SIZE_LIMIT, _REFERRAL, _NO_SUCH_OBJECT = 0, 4, 10, 32


class Wire:
    """Searches and binds. Raises DirectoryError with a reason for the operator."""

    def __init__(self, settings: LdapSettings) -> None:
        """Nothing is opened yet. Raises ValueError for settings that cannot be meant."""
        self._settings = s = settings
        self._scope = _SCOPES[s.query_scope]
        self._servers = Servers(s)
        self._bound = Kept(s.pool_size if s.use_pool else 0, s.pool_connection_lifetime)
        auth = s.auth_pool_size if s.use_pool and s.use_auth_pool else 0
        self._unbound = Kept(auth, s.auth_pool_connection_lifetime)

    def close(self) -> None:
        self._bound.close()
        self._unbound.close()

    # -- what it is for ---------------------------------------------------------------------------------

    def search(
        self, base: str, filter: str, attributes: Sequence[str], scope: str | None = None
    ) -> list[Entry]:
        """The entries that match, page by page if the settings say so; none below what does not exist."""
        return self._over(
            self._bound, self._bind, lambda wire: self._pages(wire, base, filter, attributes, scope)
        )

    def accepts(self, dn: str, password: str) -> bool:
        """Whether somebody can bind with this password.

        An empty password binds nobody in LDAP and succeeds all the same, so it is never sent, and neither is
        one that a server written in C could take for empty.
        """
        if not dn or not password or "\0" in password:
            return False
        return self._over(self._unbound, _for_logins, lambda wire: _binds(wire, dn, password))

    def _pages(
        self, wire: Any, base: str, filter: str, attributes: Sequence[str], scope: str | None
    ) -> list[Entry]:
        found: list[Entry] = []
        elsewhere: list[list[Referral]] = []
        size, cookie = self._settings.page_size or None, None
        while True:
            try:
                wire.search(
                    base,
                    filter,
                    scope or self._scope,
                    dereference_aliases=_ALIASES[self._settings.alias_dereferencing],
                    attributes=list(attributes),
                    paged_size=size,
                    paged_cookie=cookie,
                    auto_escape=False,
                )
            except LDAPNoSuchObjectResult:
                return []
            _check(wire.result)
            found += _entries(wire)
            if self._settings.chase_referrals:
                elsewhere += referrals(wire.response or (), wire.result)
            control = (wire.result.get("controls") or {}).get(_PAGED)
            cookie = control["value"]["cookie"] if control else None
            if not cookie:
                return [*found, *self._chase(elsewhere, filter, attributes)]

    def _chase(
        self, elsewhere: Sequence[Sequence[Referral]], filter: str, attributes: Sequence[str]
    ) -> Iterator[Entry]:
        """What the servers have to which we were sent, who are asked anonymously, and no further.

        No password goes to whom a referral names. One that does not answer adds nothing, as in libldap.
        """
        for servers in elsewhere:
            for referral in servers:
                with suppress(LDAPException, ValueError):
                    wire = self._servers.open(referral.url, _anonymously)
                    try:
                        scope = referral.scope or self._scope
                        wire.search(
                            referral.base, filter, scope, attributes=list(attributes), auto_escape=False
                        )
                        yield from _entries(wire)
                        break
                    finally:
                        end(wire)

    # -- connections ------------------------------------------------------------------------------------

    def _over(self, kept: Kept, ready: Callable[[Any], None], use: Callable[[Any], T]) -> T:
        """Use a connection and keep it. Where one that was kept has died, the others have too."""
        try:
            if (line := kept.take()) is not None:
                try:
                    return self._use(kept, line, use)
                except LDAPCommunicationError:
                    kept.clear()
            return self._use(kept, Line(self._servers.connect(ready), time.monotonic()), use)
        except LDAPException as error:
            raise DirectoryError(str(error) or type(error).__name__) from error

    def _use(self, kept: Kept, line: Line, use: Callable[[Any], T]) -> T:
        try:
            result = use(line.wire)
        except BaseException:
            end(line.wire)
            raise
        kept.give(line)
        return result

    def _bind(self, wire: Any) -> None:
        """Bound as the directory's user; anonymously if there is none."""
        user, password = self._settings.user, self._settings.password
        if user and password:
            _bind_as(wire, user, password)
        else:
            wire.bind(read_server_info=False)
        wire.socket.settimeout(max(_LONGER, self._servers.patience))


def _entries(wire: Any) -> list[Entry]:
    return [
        Entry(item["dn"], {name.lower(): values for name, values in item["raw_attributes"].items()})
        for item in wire.response or ()
        if item["type"] == "searchResEntry"
    ]


def _binds(wire: Any, dn: str, password: str) -> bool:
    """Whether the server takes the password. Who is locked out or has none is refused by it, not by us."""
    try:
        _bind_as(wire, dn, password)
        return bool(wire.bound)
    except (LDAPBusyResult, LDAPUnavailableResult):
        raise
    except LDAPOperationResult:
        return False


def _bind_as(wire: Any, dn: str, password: str) -> None:
    """The bind was answered. The password goes as bytes, for ldap3 would prepare text, perhaps to nothing."""
    wire.user, wire.password, wire.authentication = dn, password.encode(), ldap3.SIMPLE
    try:
        wire.bind(read_server_info=False)
    finally:
        wire.password = None


def _check(result: Any) -> None:
    code = result["result"]
    if code == _SIZE_LIMIT:
        raise DirectoryError("it gives fewer entries at once than there are; set ldap.page_size")
    if code not in (_SUCCESS, _REFERRAL, _NO_SUCH_OBJECT):
        raise DirectoryError(f"it answered a search with {result['description']}: {result['message']}")


def _for_logins(wire: Any) -> None:
    """A connection over which logins go needs nothing."""


def _anonymously(wire: Any) -> None:
    wire.bind(read_server_info=False)
