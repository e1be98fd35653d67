# SPDX-License-Identifier: Apache-2.0
"""Tokens that are signed and not encrypted (JWS, ES256): whoever has a public key can read and check them.

The folder is laid out as upstream's: `private/private.pem` signs, and every file of `public` verifies. Beside
it lies the next key, whose public half is there from the start: a process that has not yet heard of a
rotation understands the tokens of one that has.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jwt
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from cumulet.services.keystone.roles.effective import Scope
from cumulet.services.keystone.tokens.keys import state_of, write_key
from cumulet.services.keystone.tokens.payload import Claims, in_order
from cumulet.services.keystone.tokens.subject import Delegation, Subject

_ALGORITHM = "ES256"
_SCOPES = {"project": "openstack_project_id", "domain": "openstack_domain_id", "system": "openstack_system"}
_DELEGATIONS = {
    "application_credential": "openstack_app_cred_id",
    "trust": "openstack_trust_id",
    "access_token": "openstack_access_token_id",
}
_GENERATIONS = "cumulet_generations"
_FEDERATION = "cumulet_federation_id"
_THUMBPRINT = "openstack_thumbprint"
_UNCHECKED = {"verify_signature": True, "verify_exp": False, "verify_iat": False, "verify_sub": False}
"""Whether a token is in time is judged where those of all kinds are."""


class JwsKeys:
    """The pairs of keys of one folder, read into memory."""

    def __init__(self, path: Path, max_active_keys: int = 3) -> None:
        self.private, self.public = path / "private", path / "public"
        self.max_active_keys = max_active_keys
        self._seen: object = None
        self.signing: tuple[str, ec.EllipticCurvePrivateKey] | None = None
        """The key that signs, and the name of its public half."""
        self.verifying: dict[str, ec.EllipticCurvePublicKey] = {}

    def open(self) -> None:
        """Read the keys, after making a first and a next pair when there are none."""
        self.private.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.public.mkdir(mode=0o755, exist_ok=True)
        for name in ("private.pem", "next.pem"):
            if not (self.private / name).exists():
                self._make(name)
        self.reload()

    def reload(self) -> bool:
        """Read the keys again if the folders have changed; whether they had."""
        seen = (state_of(self.private), state_of(self.public))
        if seen == self._seen:
            return False
        private = _read_private(self.private / "private.pem")
        mine = _numbers(private.public_key())
        verifying = {path.stem: _read_public(path) for path in self.public.glob("*.pem")}
        name = next((name for name, key in verifying.items() if _numbers(key) == mine), "")
        self.signing, self.verifying, self._seen = (name, private), verifying, seen
        return True

    def rotate(self) -> None:
        """Sign with the next key, make another, and forget the oldest public ones beyond what is kept."""
        if not (self.private / "next.pem").exists():
            self._make("next.pem")
        (self.private / "next.pem").rename(self.private / "private.pem")
        self._make("next.pem")
        old = sorted(int(path.stem) for path in self.public.glob("*.pem") if path.stem.isdecimal())
        for number in old[: max(0, len(old) - self.max_active_keys)]:
            (self.public / f"{number}.pem").unlink()
        self.reload()

    def _make(self, name: str) -> None:
        """A new pair; the public half is there before anything is signed with the private one."""
        key = ec.generate_private_key(ec.SECP256R1())
        known = [int(path.stem) for path in self.public.glob("*.pem") if path.stem.isdecimal()]
        public = key.public_key().public_bytes(
            serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
        )
        private = key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        write_key(self.public / f"{max(known, default=0) + 1}.pem", public, 0o644)
        write_key(self.private / name, private)

    def pack(self, claims: Claims) -> str:
        """The token that says this; what is not said is left out."""
        assert self.signing is not None, "the keys are read before anything is answered"
        name, key = self.signing
        subject = claims.subject
        values: dict[str, Any] = {
            "sub": subject.user_id,
            "iat": claims.issued_at,
            "exp": claims.expires_at,
            "openstack_methods": claims.methods,
            "openstack_audit_ids": claims.audit_ids,
            _GENERATIONS: [claims.user_generation, claims.scope_generation],
        }
        if subject.scope.kind:
            values[_SCOPES[subject.scope.kind]] = subject.scope.id
        if subject.delegation is not None:
            values[_DELEGATIONS[subject.delegation.kind]] = subject.delegation.id
        if subject.federation_id:
            values[_FEDERATION] = subject.federation_id
        if claims.thumbprint:
            values[_THUMBPRINT] = claims.thumbprint
        return jwt.encode(values, key, _ALGORITHM, headers={"kid": name})

    def unpack(self, token: str) -> Claims | None:
        """What a token says; None when it is none of ours."""
        values = next((found for key in self._candidates(token) if (found := _decoded(key, token))), None)
        if values is None:
            return None
        scope = next((Scope(kind, values[name]) for kind, name in _SCOPES.items() if name in values), Scope())
        given = (Delegation(kind, values[name]) for kind, name in _DELEGATIONS.items() if name in values)
        user_generation, scope_generation = values.get(_GENERATIONS, (0, 0))
        return Claims(
            subject=Subject(
                user_id=values["sub"],
                scope=scope,
                delegation=next(given, None),
                federation_id=values.get(_FEDERATION, ""),
            ),
            methods=in_order(values["openstack_methods"]),
            issued_at=values["iat"],
            expires_at=values["exp"],
            audit_ids=tuple(values["openstack_audit_ids"]),
            user_generation=user_generation,
            scope_generation=scope_generation,
            thumbprint=values.get(_THUMBPRINT, ""),
        )

    def _candidates(self, token: str) -> Iterator[ec.EllipticCurvePublicKey]:
        """The keys that may have signed a token: the one that it names, or all."""
        try:
            name = jwt.get_unverified_header(token).get("kid")
        except jwt.InvalidTokenError:
            return
        if name in self.verifying:
            yield self.verifying[name]
        elif name is None:
            yield from self.verifying.values()


def _decoded(key: ec.EllipticCurvePublicKey, token: str) -> dict[str, Any] | None:
    try:
        return jwt.decode(token, key, [_ALGORITHM], options=_UNCHECKED)  # type: ignore[arg-type]
    except jwt.InvalidTokenError:
        return None


def _read_private(path: Path) -> ec.EllipticCurvePrivateKey:
    key = serialization.load_pem_private_key(path.read_bytes(), None)
    assert isinstance(key, ec.EllipticCurvePrivateKey), f"{path} is no key for {_ALGORITHM}"
    return key


def _read_public(path: Path) -> ec.EllipticCurvePublicKey:
    key = serialization.load_pem_public_key(path.read_bytes())
    assert isinstance(key, ec.EllipticCurvePublicKey), f"{path} is no key for {_ALGORITHM}"
    return key


def _numbers(key: ec.EllipticCurvePublicKey) -> ec.EllipticCurvePublicNumbers:
    return key.public_numbers()
