# SPDX-License-Identifier: Apache-2.0
"""Hashes that older Keystones have made: bcrypt (of SHA-256, too), scrypt, PBKDF2 and SHA-crypt with SHA-512.

They begin with a name between two dollar signs; what follows are its parameters, the salt, and the hash.
"""

import base64
import hashlib
import hmac
from collections.abc import Callable, Mapping

import bcrypt

from cumulet.lib import sha512_crypt

_BCRYPT_LENGTH = 72
"""Bytes of a password that bcrypt looks at."""
_SCRYPT_MEMORY = 1 << 28


def is_old(stored: str) -> bool:
    return _name(stored) in _CHECKS


def is_of_all(password: bytes, stored: str) -> bool:
    """Whether an old hash is one of the whole password, so that another of all of it means the same."""
    return _CHECKS[_name(stored)] is not _is_bcrypt or len(password) <= _BCRYPT_LENGTH


def matches(password: bytes, stored: str) -> bool:
    """Whether this is the hash of the password; False for what is none."""
    try:
        return _CHECKS[_name(stored)](password, stored)
    except (ValueError, KeyError):
        return False


def _name(stored: str) -> str:
    return stored[1:].partition("$")[0]


def _is_bcrypt(password: bytes, stored: str) -> bool:
    return bcrypt.checkpw(password[:_BCRYPT_LENGTH], stored.encode())


def _is_bcrypt_sha256(password: bytes, stored: str) -> bool:
    """`$bcrypt-sha256$v=2,t=2b,r=12$SALT$HASH`: bcrypt of an HMAC whose key is the salt."""
    _, _, parameters, salt, digest = stored.split("$")
    given = _parameters(parameters)
    inner = base64.b64encode(hmac.digest(salt.encode(), password, "sha256"))
    return bcrypt.checkpw(inner, f"${given['t']}${int(given['r']):02}${salt}{digest}".encode())


def _is_scrypt(password: bytes, stored: str) -> bool:
    """`$scrypt$ln=16,r=8,p=1$SALT$HASH`"""
    _, _, parameters, salt, digest = stored.split("$")
    given = _parameters(parameters)
    wanted = _bytes(digest)
    made = hashlib.scrypt(
        password,
        salt=_bytes(salt),
        n=1 << int(given["ln"]),
        r=int(given["r"]),
        p=int(given["p"]),
        maxmem=_SCRYPT_MEMORY,
        dklen=len(wanted),
    )
    return hmac.compare_digest(made, wanted)


def _is_pbkdf2_sha512(password: bytes, stored: str) -> bool:
    """`$pbkdf2-sha512$25000$SALT$HASH`"""
    _, _, rounds, salt, digest = stored.split("$")
    wanted = _bytes(digest)
    made = hashlib.pbkdf2_hmac("sha512", password, _bytes(salt), int(rounds), len(wanted))
    return hmac.compare_digest(made, wanted)


def _parameters(text: str) -> dict[str, str]:
    """`ln=16,r=8` as a mapping. Raises ValueError."""
    return dict(part.split("=", 1) for part in text.split(","))


def _bytes(text: str) -> bytes:
    """Base64 without padding, with `.` for `+` as older ones have it."""
    return base64.b64decode(text.replace(".", "+") + "=" * (-len(text) % 4), validate=True)


_CHECKS: Mapping[str, Callable[[bytes, str], bool]] = {
    **dict.fromkeys(("2", "2a", "2b", "2x", "2y"), _is_bcrypt),
    "bcrypt-sha256": _is_bcrypt_sha256,
    "scrypt": _is_scrypt,
    "pbkdf2-sha512": _is_pbkdf2_sha512,
    "6": sha512_crypt.matches,
}
