# SPDX-License-Identifier: Apache-2.0
"""TLS as Python itself checks it: the certificate, and that it is for the server that the URL names."""

import ssl
from typing import Any

import ldap3

from cumulet.services.keystone.drivers.ldap.settings import LdapSettings


class _Tls(ldap3.Tls):  # type: ignore[misc]
    """What ldap3 asks to secure a connection; its own check of names is older than Python's."""

    def __init__(self, context: ssl.SSLContext) -> None:
        super().__init__(validate=context.verify_mode)
        self.context = context

    def wrap_socket(self, connection: Any, do_handshake: bool = False) -> None:
        connection.socket = self.context.wrap_socket(
            connection.socket, server_hostname=connection.server.host, do_handshake_on_connect=do_handshake
        )


def secured(settings: LdapSettings) -> Any:
    """TLS by these settings. Raises ValueError when their certificates cannot be read."""
    try:
        context = ssl.create_default_context(cafile=settings.tls_cacertfile, capath=settings.tls_cacertdir)
    except (OSError, ssl.SSLError) as error:
        raise ValueError(f"the certificates of ldap.tls_cacertfile cannot be read: {error}") from error
    if settings.tls_req_cert != "demand":
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return _Tls(context)
