# SPDX-License-Identifier: Apache-2.0
"""An OpenLDAP server of the tests' own: on free ports, with TLS, gone afterwards. Anybody may start it.

It takes a bind with a name and no password for one of nobody, and says yes, as Active Directory does.
"""

import datetime
import ipaddress
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from cumulet.testing.postgres import free_port as free_port

SUFFIX = "dc=town,dc=org"
ADMIN, ADMIN_PASSWORD = f"cn=admin,{SUFFIX}", "admin's"
READER, READER_PASSWORD = f"cn=reader,{SUFFIX}", "reader's"
_MANAGE = ("2.16.840.1.113730.3.4.2", True, None)
"""ManageDsaIT: an entry that is a referral is an entry."""
Attributes = Mapping[str, str | bytes | Sequence[str]]

_CONFIG = """
include /etc/ldap/schema/core.schema
include /etc/ldap/schema/cosine.schema
include /etc/ldap/schema/inetorgperson.schema
include {nis}
{schema}
modulepath {modules}
moduleload back_mdb
pidfile {folder}/slapd.pid
argsfile {folder}/slapd.args
TLSCACertificateFile {folder}/ca.pem
TLSCertificateFile {folder}/server.pem
TLSCertificateKeyFile {folder}/server.key
allow bind_anon_cred
{more}
database mdb
maxsize 67108864
suffix "{suffix}"
rootdn "{admin}"
rootpw {admin_password}
directory {folder}/data
dbnosync
access to attrs=userPassword by anonymous auth by * none
access to * by dn.exact="{reader}" read by anonymous {anonymous} by * none
"""


class OpenLdap:
    """A server and what a client must know of it."""

    def __init__(self, folder: Path, program: str, *, schema: str, more: str, public: bool) -> None:
        self.folder = folder
        self.port, self.tls_port = free_port(), free_port()
        self.url = f"ldap://127.0.0.1:{self.port}"
        self.tls_url = f"ldaps://localhost:{self.tls_port}"
        self.ca = folder / "ca.pem"
        self._program = program
        self._process: subprocess.Popen[bytes] | None = None
        (folder / "data").mkdir()
        _certificates(folder)
        config = _CONFIG.format(
            folder=folder,
            suffix=SUFFIX,
            admin=ADMIN,
            admin_password=ADMIN_PASSWORD,
            reader=READER,
            modules="/usr/lib/ldap",
            nis="/etc/ldap/schema/nis.schema",
            schema=schema,
            more=more,
            anonymous="read" if public else "auth",
        )
        (folder / "slapd.conf").write_text(config)

    def start(self) -> None:
        """It answers."""
        urls = f"{self.url}/ ldaps://127.0.0.1:{self.tls_port}/"
        config = self.folder / "slapd.conf"
        with (self.folder / "log").open("ab") as log:
            command = [self._program, "-f", str(config), "-h", urls, "-d", "0"]
            self._process = subprocess.Popen(command, stdout=log, stderr=log)
        until = time.monotonic() + 20
        while not _listens(self.port):
            if self._process.poll() is not None or time.monotonic() > until:
                self.stop()
                raise RuntimeError("slapd did not start: " + (self.folder / "log").read_text())
            time.sleep(0.01)

    def stop(self) -> None:
        """It answers no more; what it holds stays."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def add(self, dn: str, *classes: str, **attributes: Any) -> None:
        """A new entry below the suffix."""
        with self._connection() as connection:
            connection.add(f"{dn},{SUFFIX}", list(classes), attributes, controls=[_MANAGE])

    def change(self, dn: str, **attributes: Any) -> None:
        """The entry has these values; an empty list takes an attribute away."""
        import ldap3

        changes = {
            name: [(ldap3.MODIFY_REPLACE, value if isinstance(value, list) else [value])]
            for name, value in attributes.items()
        }
        with self._connection() as connection:
            connection.modify(f"{dn},{SUFFIX}", changes)

    def delete(self, dn: str) -> None:
        with self._connection() as connection:
            connection.delete(f"{dn},{SUFFIX}", controls=[_MANAGE])

    def _connection(self) -> Any:
        import ldap3

        server = ldap3.Server(self.url, get_info=ldap3.NONE)
        return ldap3.Connection(
            server, ADMIN, ADMIN_PASSWORD, auto_bind=True, check_names=False, raise_exceptions=True
        )


def program() -> str | None:
    return shutil.which("slapd", path="/usr/sbin:/usr/local/sbin:/usr/bin:/usr/libexec")


@contextmanager
def server(*, schema: str = "", more: str = "", public: bool = False) -> Iterator[OpenLdap]:
    """A running server with a suffix and a reader; `schema` and `more` are lines of slapd.conf.

    Where it is `public` nobody needs to say who they are to read.
    """
    found = program()
    if found is None:
        raise RuntimeError("OpenLDAP's server is not installed: apt-get install slapd")
    folder = Path(tempfile.mkdtemp(prefix="cumulet-ldap-"))
    try:
        ldap = OpenLdap(folder, found, schema=schema, more=more, public=public)
        ldap.start()
        try:
            with ldap._connection() as connection:
                connection.add(SUFFIX, ["domain"], {"dc": "town"})
            ldap.add("cn=reader", "organizationalRole", "simpleSecurityObject", userPassword=READER_PASSWORD)
            yield ldap
        finally:
            ldap.stop()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _listens(port: int) -> bool:
    with socket.socket() as one:
        return one.connect_ex(("127.0.0.1", port)) == 0


def _certificates(folder: Path) -> None:
    """A CA of its own, and a certificate by it for `localhost` and no other name."""
    ca_key, ca_name = ec.generate_private_key(ec.SECP256R1()), _name("A CA of the tests")
    ca = _certificate(ca_name, ca_name, ca_key.public_key())
    ca = ca.add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
    (folder / "ca.pem").write_bytes(ca.sign(ca_key, hashes.SHA256()).public_bytes(_PEM))
    key = ec.generate_private_key(ec.SECP256R1())
    own = _certificate(ca_name, _name("localhost"), key.public_key())
    names = [x509.DNSName("localhost"), x509.IPAddress(ipaddress.ip_address("::1"))]
    own = own.add_extension(x509.SubjectAlternativeName(names), critical=False)
    (folder / "server.pem").write_bytes(own.sign(ca_key, hashes.SHA256()).public_bytes(_PEM))
    secret = key.private_bytes(_PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    (folder / "server.key").write_bytes(secret)


_PEM = serialization.Encoding.PEM


def _name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


def _certificate(issuer: x509.Name, subject: x509.Name, key: Any) -> x509.CertificateBuilder:
    now = datetime.datetime.now(datetime.UTC)
    return (
        x509.CertificateBuilder()
        .issuer_name(issuer)
        .subject_name(subject)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
    )
