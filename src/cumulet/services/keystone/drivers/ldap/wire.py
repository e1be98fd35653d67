# SPDX-License-Identifier: Apache-2.0
"""Connections to the servers of a directory. Everything here waits, so it runs in threads of the driver.

Searches go over connections that are bound as the directory's user, logins over others that are bound anew
each time. Both are kept for a while. Of several servers the first that answers counts.
"""

import random
import re
import time
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import ldap3
from ldap3.core.exceptions import (
    LDAPBusyResult,
    LDAPCommunicationError,
    LDAPException,
    LDAPNoSuchObjectResult,
    LDAPOperationResult,
    LDAPStartTLSError,
    LDAPUnavailableResult,
)

from cumulet.services.keystone.drivers.directory import DirectoryError
from cumulet.services.keystone.drivers.ldap.entries import Entry
from cumulet.services.keystone.drivers.ldap.pool import Kept, Line, end
from cumulet.services.keystone.drivers.ldap.settings import LdapSettings
from cumulet.services.keystone.drivers.ldap.tls import secured

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
_PATIENCE, _LONGER = 10, 60
"""Seconds that a server may take to say yes or no, where nothing else is said, and to begin with a list."""
_PAGED = "1.2.840.113556.1.4.319"
_SUCCESS, _SIZE_LIMIT, _NO_SUCH_OBJECT = 0, 4, 32


class Wire:
    """Searches and binds. Raises DirectoryError with a reason for the operator."""

    def __init__(self, settings: LdapSettings) -> None:
        """Nothing is opened yet. Raises ValueError for settings that cannot be meant."""
        self._settings = s = settings
        self._scope = _SCOPES[s.query_scope]
        self._urls = [url for url in re.split(r"[\s,]+", s.url) if url]
        secure = s.use_tls or any(url.lower().startswith("ldaps:") for url in self._urls)
        self._tls = secured(s) if secure else None
        self._patience = next(
            (time for time in (s.connection_timeout, s.pool_connection_timeout) if time > 0), _PATIENCE
        )
        for url in self._urls:
            self._server(url)
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
            found += [_entry(item) for item in wire.response or () if item["type"] == "searchResEntry"]
            control = (wire.result.get("controls") or {}).get(_PAGED)
            cookie = control["value"]["cookie"] if control else None
            if not cookie:
                return found

    # -- connections ------------------------------------------------------------------------------------

    def _over(self, kept: Kept, ready: Callable[[Any], None], use: Callable[[Any], T]) -> T:
        """Use a connection and keep it. Where one that was kept has died, the others have too."""
        try:
            if (line := kept.take()) is not None:
                try:
                    return self._use(kept, line, use)
                except LDAPCommunicationError:
                    kept.clear()
            return self._use(kept, Line(self._connect(ready), time.monotonic()), use)
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

    def _connect(self, ready: Callable[[Any], None]) -> Any:
        """A new connection to the first server that answers, made ready.

        They are tried again as long as they refuse at once; who waited for silence has waited enough.
        """
        tries = self._settings.pool_retry_max if self._settings.use_pool else 1
        until = time.monotonic() + self._patience
        failure: Exception = DirectoryError("no server is named")
        for attempt in range(max(1, tries)):
            if attempt and time.monotonic() > until:
                break
            if attempt:
                time.sleep(self._settings.pool_retry_delay)
            urls = list(self._urls)
            if self._settings.randomize_urls:
                random.shuffle(urls)
            for url in urls:
                try:
                    return self._open(url, ready)
                except (LDAPCommunicationError, LDAPStartTLSError) as error:
                    failure = error
        raise failure

    def _server(self, url: str) -> Any:
        """What stands for a server; made anew each time, for one that did not answer remembers it too long.

        Raises ValueError for what is no URL.
        """
        try:
            return ldap3.Server(
                url,
                tls=self._tls,
                get_info=ldap3.NONE,
                connect_timeout=self._patience,
                allowed_referral_hosts=[("*", False)],  # Whom a referral names gets no password.
            )
        except LDAPException as error:
            raise ValueError(f"ldap.url cannot be read: {error}") from error

    def _open(self, url: str, ready: Callable[[Any], None]) -> Any:
        wire = ldap3.Connection(
            self._server(url),
            auto_referrals=bool(self._settings.chase_referrals),
            check_names=False,
            raise_exceptions=True,
            receive_timeout=self._patience,
        )
        try:
            wire.open(read_server_info=False)
            if self._settings.use_tls:
                wire.start_tls(read_server_info=False)
            ready(wire)
        except BaseException:
            end(wire)
            raise
        return wire

    def _bind(self, wire: Any) -> None:
        """Bound as the directory's user; anonymously if there is none."""
        user, password = self._settings.user, self._settings.password
        if user and password:
            _bind_as(wire, user, password)
        else:
            wire.bind(read_server_info=False)
        wire.socket.settimeout(max(_LONGER, self._patience))


def _entry(item: Any) -> Entry:
    return Entry(item["dn"], {name.lower(): values for name, values in item["raw_attributes"].items()})


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
    if code not in (_SUCCESS, _NO_SUCH_OBJECT):
        raise DirectoryError(f"it answered a search with {result['description']}: {result['message']}")


def _for_logins(wire: Any) -> None:
    """The server answers a login itself: where a referral leads, somebody else would say yes to nobody."""
    wire.auto_referrals = False
