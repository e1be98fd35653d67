# SPDX-License-Identifier: Apache-2.0
"""The servers of a directory, of which the first that answers counts."""

import random
import re
import time
from collections.abc import Callable
from typing import Any

import ldap3
from ldap3.core.exceptions import LDAPCommunicationError, LDAPException, LDAPStartTLSError

from cumulet.services.keystone.drivers.directory import DirectoryError
from cumulet.services.keystone.drivers.ldap.pool import end
from cumulet.services.keystone.drivers.ldap.settings import LdapSettings
from cumulet.services.keystone.drivers.ldap.tls import secured

Ready = Callable[[Any], None]
"""Does with a new connection what must be done before it is used: a bind, most often."""

_PATIENCE = 10
"""Seconds that a server may take to say yes or no, where nothing else is said."""


class Servers:
    """Opens connections. `patience` is how many seconds a server may take to answer."""

    def __init__(self, settings: LdapSettings) -> None:
        """Nothing is opened yet. Raises ValueError for settings that cannot be meant."""
        self._settings = s = settings
        self._urls = [url for url in re.split(r"[\s,]+", s.url) if url]
        secure = s.use_tls or s.chase_referrals or any(url.lower().startswith("ldaps:") for url in self._urls)
        self._tls = secured(s) if secure else None
        self.patience = next(
            (time for time in (s.connection_timeout, s.pool_connection_timeout) if time > 0), _PATIENCE
        )
        for url in self._urls:
            self._server(url)

    def connect(self, ready: Ready) -> Any:
        """A new connection to the first server that answers, made ready.

        They are tried again as long as they refuse at once; who waited for silence has waited enough.
        """
        tries = self._settings.pool_retry_max if self._settings.use_pool else 1
        until = time.monotonic() + self.patience
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
                    return self.open(url, ready)
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
                connect_timeout=self.patience,
            )
        except LDAPException as error:
            raise ValueError(f"ldap.url cannot be read: {error}") from error

    def open(self, url: str, ready: Ready) -> Any:
        """A new connection to this server, made ready. Raises LDAPException."""
        wire = ldap3.Connection(
            self._server(url),
            auto_referrals=False,
            check_names=False,
            raise_exceptions=True,
            receive_timeout=self.patience,
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
