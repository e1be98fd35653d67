# SPDX-License-Identifier: Apache-2.0
"""What a token says, packed so small that no token is longer than 255 characters.

Ids of hex digits are packed as bytes. When a token was made stands in the Fernet token itself. A token names
the generation of its user and of its scope: whoever ends all of someone's tokens counts that up, and no list
of revocations has to be read.
"""

import os
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Collection
from dataclasses import dataclass

import msgspec

from cumulet.services.keystone.roles.effective import Scope
from cumulet.services.keystone.tokens.keys import KeyFolder
from cumulet.services.keystone.tokens.subject import DELEGATIONS, Delegation, Subject

METHOD_NAMES = (
    "password",
    "token",
    "application_credential",
    "external",
    "totp",
    "mapped",
    "oauth1",
    "ec2credential",
    "saml2",
    "openid",
    "kerberos",
    "x509",
    "oauth2_credential",
)
"""Only ever longer: a token names a method by its place."""
CERTIFIED = "oauth2_credential"
"""The method of tokens that are bound to a certificate."""
_KINDS = ("", "project", "domain", "system")
_encode = msgspec.msgpack.encode
_decode = msgspec.msgpack.decode


@dataclass(frozen=True, slots=True, kw_only=True)
class Claims:
    """What a token says of itself; whether it still holds is another question.

    Moments are seconds since 1970.
    """

    subject: Subject
    methods: tuple[str, ...]
    issued_at: int
    expires_at: int
    audit_ids: tuple[str, ...]
    """Its own, and for one made from another token that of the first in the chain."""
    user_generation: int = 0
    scope_generation: int = 0
    thumbprint: str = ""
    """That of the certificate with which alone the token is good."""

    @property
    def chain(self) -> str:
        return self.audit_ids[-1]


def new_audit_id() -> str:
    return urlsafe_b64encode(os.urandom(16)).decode()[:22]


def pack(keys: KeyFolder, claims: Claims) -> str:
    """The token that says this."""
    subject = claims.subject
    scope, delegation = subject.scope, subject.delegation
    delegated = 1 + DELEGATIONS.index(delegation.kind) if delegation is not None else 0
    values = (
        method_bits(claims.methods) << 4 | delegated << 2 | _KINDS.index(scope.kind),
        short_id(subject.user_id),
        short_id(scope.id) if scope.kind in ("project", "domain") else b"",
        claims.expires_at,
        b"".join(urlsafe_b64decode(id + "==") for id in claims.audit_ids),
        claims.user_generation,
        claims.scope_generation,
        *((short_id(delegation.id),) if delegation is not None else ()),
        *((short_id(subject.federation_id),) if subject.federation_id else ()),
        *((urlsafe_b64decode(claims.thumbprint),) if claims.thumbprint else ()),
    )
    return keys.encrypt(_encode(values), claims.issued_at).decode().rstrip("=")


def unpack(keys: KeyFolder, token: str) -> Claims | None:
    """What a token says; None when it is none of ours. What our keys have signed needs no further check."""
    if not token.startswith("gAAAA"):
        return None
    found = keys.decrypt(padded(token))
    if found is None:
        return None
    flags, user, scope, expires, audits, user_generation, scope_generation, *more = _decode(found[0])
    kind = _KINDS[flags & 3]
    delegated, methods = flags >> 2 & 3, methods_of(flags >> 4)
    thumbprint = urlsafe_b64encode(more.pop()).decode() if CERTIFIED in methods else ""
    delegation = Delegation(DELEGATIONS[delegated - 1], long_id(more.pop(0))) if delegated else None
    return Claims(
        subject=Subject(
            user_id=long_id(user),
            scope=Scope(kind, "all" if kind == "system" else long_id(scope)),
            delegation=delegation,
            federation_id=long_id(more[0]) if more else "",
        ),
        methods=methods,
        issued_at=found[1],
        expires_at=expires,
        audit_ids=tuple(
            urlsafe_b64encode(audits[i : i + 16]).decode()[:22] for i in range(0, len(audits), 16)
        ),
        user_generation=user_generation,
        scope_generation=scope_generation,
        thumbprint=thumbprint,
    )


def padded(text: str) -> bytes:
    """A text in base64 with the padding that ours have not."""
    return (text + "=" * (-len(text) % 4)).encode()


def in_order(methods: Collection[str]) -> tuple[str, ...]:
    """Methods in the order of METHOD_NAMES."""
    return tuple(name for name in METHOD_NAMES if name in methods)


def method_bits(methods: Collection[str]) -> int:
    return sum(1 << METHOD_NAMES.index(name) for name in methods)


def methods_of(bits: int) -> tuple[str, ...]:
    return tuple(name for bit, name in enumerate(METHOD_NAMES) if bits & 1 << bit)


def short_id(id: str) -> str | bytes:
    """An id of 32 or 64 hex digits as bytes; others as they are."""
    if len(id) in (32, 64):
        try:
            packed = bytes.fromhex(id)
        except ValueError:
            return id
        return packed if packed.hex() == id else id
    return id


def long_id(id: str | bytes) -> str:
    return id if isinstance(id, str) else id.hex()
