# SPDX-License-Identifier: Apache-2.0
"""Makes tokens and says which hold: the one place where keys, facts and revocations meet.

A token holds if one of our keys made it, it is in time, its facts hold, it names their present generations,
and it was not ended by its audit id. None of this costs more when more has been revoked.

What was found is kept in memory for one epoch. The epoch moves when a change commits that could make it
untrue, in this process before the change is answered, in others within a second. Whoever fills the memory
reads the epoch first, before the first query: what it then finds is at least as new, and is thrown away if
the epoch moved meanwhile.
"""

import asyncio
import dataclasses
import threading
from collections import OrderedDict
from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import msgspec

from cumulet.kernel.auth.context import Identity
from cumulet.kernel.db import Tx
from cumulet.kernel.errors import Error
from cumulet.lib import timestamps
from cumulet.lib.timestamps import Timestamp
from cumulet.services.keystone import certificates
from cumulet.services.keystone.hashing import Passwords
from cumulet.services.keystone.roles.effective import Scope
from cumulet.services.keystone.settings import KeystoneSettings
from cumulet.services.keystone.tokens import facts as facts_of
from cumulet.services.keystone.tokens.facts import Catalog, Facts
from cumulet.services.keystone.tokens.keyring import Keyring
from cumulet.services.keystone.tokens.model import TOKENS, Epoch, RevokedToken
from cumulet.services.keystone.tokens.naming import find_scope
from cumulet.services.keystone.tokens.payload import Claims, new_audit_id
from cumulet.services.keystone.tokens.proof import Proof, Words
from cumulet.services.keystone.tokens.subject import Subject

if TYPE_CHECKING:
    from cumulet.kernel.app import App

_KEPT_TOKENS = 20_000
_KEPT_FACTS = 2_000
_KEPT_SCOPES = 2_000
_LOOK_EVERY = 0.5
_encode = msgspec.json.encode


@dataclass(frozen=True, slots=True)
class Token:
    """A token that holds, and what it rests on."""

    text: str
    claims: Claims
    facts: Facts
    identity: Identity

    def body(self, *, catalog: bool) -> bytes:
        """The answer that shows it, as JSON."""
        claims = self.claims
        told: dict[str, Any] = {
            "methods": claims.methods,
            "audit_ids": claims.audit_ids,
            "expires_at": _moment(claims.expires_at),
            "issued_at": _moment(claims.issued_at),
        }
        if claims.thumbprint:
            told["oauth2_credential"] = {"x5t#S256": claims.thumbprint}
        own = _encode(told)
        parts = [b'{"token":', own[:-1], b",", self.facts.body]
        if catalog and self.facts.scoped:
            parts += [b',"catalog":', self.facts.catalog_body]
        return b"".join([*parts, b"}}"])


class Authority:
    """The kernel's Authenticator. One for each process."""

    def __init__(self, settings: KeystoneSettings) -> None:
        self.settings = settings
        self.passwords = Passwords()
        self.admin_hash: str | None = None
        self._keyring: Keyring | None = None
        self._epoch = 0
        self._day = ""
        self._lock = threading.Lock()
        self._tokens: OrderedDict[str, Token] = OrderedDict()
        self._facts: OrderedDict[Hashable, Facts | Catalog] = OrderedDict()
        self._scopes: OrderedDict[Hashable, Scope] = OrderedDict()

    # -- life -------------------------------------------------------------------------------------------

    @property
    def keyring(self) -> Keyring:
        assert self._keyring is not None, "the keys are read before anything is answered"
        return self._keyring

    def open(self, app: "App") -> None:
        """Read the keys, making the first ones in a new cloud."""
        keyring = Keyring(app.settings.state, self.settings)
        keyring.open()
        self._keyring = keyring

    async def watch(self, app: "App") -> None:
        """Notice keys that were rotated, and on PostgreSQL the changes that other processes have made."""
        seen = -1
        try:
            while True:
                await app.clock.sleep(_LOOK_EVERY)
                seen = await self._look_around(app, seen)
        finally:
            self.passwords.close()

    async def _look_around(self, app: "App", seen: int) -> int:
        """The stored epoch as it is now; what cannot be checked is not believed either."""
        try:
            if await asyncio.to_thread(self.keyring.reload) or self._day_has_passed(app.clock.now()):
                self.moved()
            if app.db.is_sqlite:
                return seen
            stored = await app.db.read(_stored_epoch)
        except Exception:
            self.moved()
            app.log.exception("keystone could not look for changes made elsewhere")
            return seen
        if stored != seen:
            self.moved()
        return stored

    def _day_has_passed(self, now: Timestamp) -> bool:
        """Whether it is another day than before, and users who stay away for some count as disabled."""
        before, self._day = self._day, now[:10]
        return before != self._day and self.settings.disable_user_account_days_inactive is not None

    # -- the epoch --------------------------------------------------------------------------------------

    def epoch(self) -> int:
        return self._epoch

    def moved(self) -> None:
        """Forget all that was found: some of it may no longer hold."""
        with self._lock:
            self._epoch += 1
            self._tokens.clear()
            self._facts.clear()
            self._scopes.clear()

    def _keep(self, memory: OrderedDict[Any, Any], key: Hashable, value: Any, epoch: int, most: int) -> None:
        with self._lock:
            if epoch == self._epoch:
                memory[key] = value
                if len(memory) > most:
                    memory.popitem(last=False)

    # -- verifying --------------------------------------------------------------------------------------

    def verify(self, tx: Tx, token: str, *, allow_expired: bool) -> Identity | None:
        """The identity behind a token, None when it does not hold."""
        found = self.known(token, tx.now) or self.look(tx, token, allow_expired=allow_expired)
        return found.identity if found is not None else None

    def has_shown(self, thumbprint: str, headers: Mapping[str, str]) -> bool:
        """Whether a request comes, by the front proxy, from who holds the key of this certificate."""
        certificate = certificates.shown(self.settings, headers)
        return bool(certificate) and certificates.thumbprint(certificate) == thumbprint

    def known(self, token: str, now: Timestamp) -> Token | None:
        """A token that was found to hold in this epoch, without asking the database."""
        found = self._tokens.get(token)
        return found if found is not None and found.identity.expires_at > now else None

    def look(self, tx: Tx, token: str, *, allow_expired: bool = False) -> Token | None:
        """The token behind a text, None when it does not hold. Nothing was asked in `tx` before."""
        epoch = self._epoch
        claims = self.keyring.unpack(token)
        if claims is None or not self._in_time(claims, tx.now, allow_expired):
            return None
        try:
            facts = self.facts(tx, epoch, claims.subject)
        except Error:
            return None
        if facts is None or (claims.user_generation, claims.scope_generation) != (
            facts.user_generation,
            facts.scope_generation,
        ):
            return None
        if tx.get(RevokedToken, claims.audit_ids[0]) or tx.get(RevokedToken, f"chain:{claims.chain}"):
            return None
        found = _token(token, claims, facts)
        self._keep(self._tokens, token, found, epoch, _KEPT_TOKENS)
        return found

    def _in_time(self, claims: Claims, now: Timestamp, allow_expired: bool) -> bool:
        grace = self.settings.allow_expired_window if allow_expired else 0
        return timestamps.to_epoch(now) < claims.expires_at + grace

    def facts(self, tx: Tx, epoch: int, subject: Subject) -> Facts | None:
        """What tokens of this subject rest on, None when they could not hold.

        `epoch` is the one before anything was asked in `tx`.
        """
        found = self._facts.get(subject)
        if found is None:
            catalog = self.catalog(tx, epoch)
            found = facts_of.build(tx, subject, catalog)
            if found is not None:
                self._keep(self._facts, subject, found, epoch, _KEPT_FACTS)
        assert not isinstance(found, Catalog)
        return found

    def catalog(self, tx: Tx, epoch: int) -> Catalog:
        """The catalog, read once in an epoch."""
        found = self._facts.get("catalog")
        if found is None:
            found = facts_of.read_catalog(tx)
            self._keep(self._facts, "catalog", found, epoch, _KEPT_FACTS)
        assert isinstance(found, Catalog)
        return found

    def scope(self, tx: Tx, epoch: int, kind: str, words: Words) -> Scope:
        """The scope that a request names, found once in an epoch. Raises Unauthorized if there is none."""
        key = (kind, *_names(words), *_names(words.get("domain", {})))
        found = self._scopes.get(key)
        if found is None:
            found = find_scope(tx, kind, words)
            self._keep(self._scopes, key, found, epoch, _KEPT_SCOPES)
        return found

    # -- making -----------------------------------------------------------------------------------------

    def issue(self, tx: Tx, epoch: int, proof: Proof, scope: Scope) -> Token | None:
        """A new token for who has proved themselves; None when they have nothing to do there.

        Raises what their delegation says of why it may not be used.
        """
        subject = Subject(proof.user_id, scope, proof.delegation, proof.federation_id)
        facts = self.facts(tx, epoch, subject)
        if facts is None:
            return None
        now = int(timestamps.to_epoch(tx.now))
        ends = [proof.expires_at or now + self.settings.token_lifetime]
        if facts.expires_at is not None:
            ends.append(facts.expires_at)
        claims = Claims(
            subject=subject,
            methods=proof.methods,
            issued_at=now,
            expires_at=min(ends),
            audit_ids=(new_audit_id(), proof.chain) if proof.chain else (new_audit_id(),),
            user_generation=facts.user_generation,
            scope_generation=facts.scope_generation,
            thumbprint=proof.thumbprint,
        )
        if claims.expires_at <= now:
            return None
        text = self.keyring.pack(claims)
        made = _token(text, claims, facts)
        self._keep(self._tokens, text, made, epoch, _KEPT_TOKENS)
        return made


def _token(text: str, claims: Claims, facts: Facts) -> Token:
    identity = dataclasses.replace(
        facts.identity,
        expires_at=timestamps.from_epoch(claims.expires_at),
        token=text,
        audit_ids=claims.audit_ids,
        methods=claims.methods,
        thumbprint=claims.thumbprint,
    )
    return Token(text, claims, facts, identity)


def _names(words: Words) -> tuple[str | None, str | None]:
    return words.get("id"), words.get("name")


def _moment(second: int) -> str:
    return timestamps.zulu_with_microseconds(timestamps.from_epoch(second))


def _stored_epoch(tx: Tx) -> int:
    row = tx.get(Epoch, TOKENS)
    return row.value if row is not None else 0
