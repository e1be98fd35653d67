# SPDX-License-Identifier: Apache-2.0
"""What a token says, packed so small that no token is longer than 255 characters.

Ids of hex digits are packed as bytes. When a token was made stands in the Fernet token itself. A token names
the generation of its user and of its scope: whoever ends all of someone's tokens counts that up, and no list
of revocations has to be read.
"""

import os
from base64 import urlsafe_b64decode, urlsafe_b64encode
from dataclasses import dataclass

import msgspec

from cumulet.services.keystone.roles.effective import Scope
from cumulet.services.keystone.tokens.keys import KeyFolder

METHODS = ("password", "token", "application_credential", "external", "totp", "trust")
_KINDS = ("", "project", "domain", "system")
_encode = msgspec.msgpack.encode
_decode = msgspec.msgpack.decode


@dataclass(frozen=True, slots=True, kw_only=True)
class Claims:
    """What a token says of itself; whether it still holds is another question.

    Moments are seconds since 1970.
    """

    user_id: str
    methods: tuple[str, ...]
    scope: Scope
    issued_at: int
    expires_at: int
    audit_ids: tuple[str, ...]
    """Its own, and for one made from another token that of the first in the chain."""
    user_generation: int = 0
    scope_generation: int = 0
    application_credential_id: str = ""

    @property
    def chain(self) -> str:
        return self.audit_ids[-1]


def new_audit_id() -> str:
    return urlsafe_b64encode(os.urandom(16)).decode()[:22]


def pack(keys: KeyFolder, claims: Claims) -> str:
    """The token that says this."""
    methods = sum(1 << METHODS.index(name) for name in claims.methods)
    values = (
        methods << 2 | _KINDS.index(claims.scope.kind),
        _short(claims.user_id),
        _short(claims.scope.id) if claims.scope.kind in ("project", "domain") else b"",
        claims.expires_at,
        b"".join(urlsafe_b64decode(id + "==") for id in claims.audit_ids),
        claims.user_generation,
        claims.scope_generation,
        bytes.fromhex(claims.application_credential_id),
    )
    return keys.encrypt(_encode(values), claims.issued_at).decode().rstrip("=")


def unpack(keys: KeyFolder, token: str) -> Claims | None:
    """What a token says; None when it is none of ours. What our keys have signed needs no further check."""
    if not token.startswith("gAAAA"):
        return None
    found = keys.decrypt((token + "=" * (-len(token) % 4)).encode())
    if found is None:
        return None
    flags, user, scope, expires, audits, user_generation, scope_generation, credential = _decode(found[0])
    kind = _KINDS[flags & 3]
    return Claims(
        user_id=_long(user),
        methods=tuple(name for bit, name in enumerate(METHODS) if flags >> 2 & 1 << bit),
        scope=Scope(kind, "all" if kind == "system" else _long(scope)),
        issued_at=found[1],
        expires_at=expires,
        audit_ids=tuple(
            urlsafe_b64encode(audits[i : i + 16]).decode()[:22] for i in range(0, len(audits), 16)
        ),
        user_generation=user_generation,
        scope_generation=scope_generation,
        application_credential_id=credential.hex(),
    )


def _short(id: str) -> str | bytes:
    """An id of 32 or 64 hex digits as bytes; others as they are."""
    if len(id) in (32, 64):
        try:
            packed = bytes.fromhex(id)
        except ValueError:
            return id
        return packed if packed.hex() == id else id
    return id


def _long(id: str | bytes) -> str:
    return id if isinstance(id, str) else id.hex()
