# SPDX-License-Identifier: Apache-2.0
"""Certificates by which clients have proved, in TLS, who they are to the web server in front of us.

It checks them and passes them on as `SSL-Client-Cert`: PEM, percent-encoded (nginx has
`$ssl_client_escaped_cert`, Apache `%{escape:%{SSL_CLIENT_CERT}}`) or with spaces for ends of lines. As all
that it says they count only together with its secret.
"""

import base64
import binascii
import hashlib
import re
import ssl
from collections.abc import Iterator, Mapping
from urllib.parse import unquote

from cryptography import x509
from cryptography.x509.oid import NameOID

from cumulet.services.keystone.federation.front_proxy import is_from_proxy
from cumulet.services.keystone.settings import KeystoneSettings

HEADER = "ssl-client-cert"
_PEM = re.compile(r"\s*-----BEGIN CERTIFICATE-----([A-Za-z0-9+/=\s]+)-----END CERTIFICATE-----\s*")


def shown(settings: KeystoneSettings, headers: Mapping[str, str]) -> bytes:
    """The certificate (DER) that the client has shown; nothing where the front proxy vouches for none."""
    if HEADER not in headers or not is_from_proxy(settings, headers):
        return b""
    found = _PEM.fullmatch(unquote(headers[HEADER]))
    try:
        return base64.b64decode("".join(found[1].split()), validate=True) if found else b""
    except binascii.Error:
        return b""


def thumbprint(certificate: bytes) -> str:
    """What tokens name a certificate by, `x5t#S256`: as upstream has it, the SHA-256 of its PEM."""
    pem = ssl.DER_cert_to_PEM_cert(certificate)
    return base64.urlsafe_b64encode(hashlib.sha256(pem.encode()).digest()).decode()


def attributes(certificate: bytes) -> dict[str, str]:
    """Whose it is and who says so, as mappings see it: `SSL_CLIENT_SUBJECT_DN_CN`, `SSL_CLIENT_ISSUER_DN_O`.

    Of what is there several times the last counts. Values with a semicolon are left out: mappings would take
    each for several. Raises ValueError for what is no certificate.
    """
    found = x509.load_der_x509_certificate(certificate)
    return dict([*_names("SUBJECT", found.subject), *_names("ISSUER", found.issuer)])


def _names(whose: str, name: x509.Name) -> Iterator[tuple[str, str]]:
    for part in name:
        short = "EMAILADDRESS" if part.oid == NameOID.EMAIL_ADDRESS else part.rfc4514_attribute_name.upper()
        if isinstance(part.value, str) and ";" not in part.value:
            yield f"SSL_CLIENT_{whose}_DN_{short}", part.value
