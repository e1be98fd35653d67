# SPDX-License-Identifier: Apache-2.0
"""Tokens that this process has verified, kept for as long as nothing that they rest on changes.

Keystone verifies. What it said is believed until the token expires or its epoch moves: every change that
could take a right away moves it, in the process that made the change at once and in others when they hear
of it.
"""

from collections import OrderedDict
from collections.abc import Mapping
from typing import TYPE_CHECKING

from cumulet.kernel.auth.context import Authenticator, Identity

if TYPE_CHECKING:
    from cumulet.kernel.app import App

_KEPT = 20_000


class Tokens:
    """The verified tokens of one process."""

    def __init__(self, app: "App") -> None:
        self._app = app
        self._known: OrderedDict[str, Identity] = OrderedDict()
        self._epoch = -1
        self._authenticator: Authenticator | None = None

    @property
    def authenticator(self) -> Authenticator:
        if self._authenticator is None:
            self._authenticator = self._app.contract(Authenticator)
        return self._authenticator

    def cached(self, token: str) -> Identity | None:
        """The identity behind a token that was verified before and still holds."""
        epoch = self.authenticator.epoch()
        if epoch != self._epoch:
            self._known.clear()
            self._epoch = epoch
            return None
        identity = self._known.get(token)
        if identity is not None and identity.expires_at > self._app.clock.now():
            return identity
        return None

    def may_use(self, identity: Identity, headers: Mapping[str, str]) -> bool:
        """Whether this request may bear the token: one that is bound to a certificate comes with it."""
        return not identity.thumbprint or self.authenticator.has_shown(identity.thumbprint, headers)

    async def identity(self, token: str, *, allow_expired: bool = False) -> Identity | None:
        """The identity behind a token, None when it is good for nothing."""
        known = self.cached(token)
        if known is not None:
            return known
        epoch = self.authenticator.epoch()
        identity = await self._app.db.read(self.authenticator.verify, token, allow_expired=allow_expired)
        if identity is not None and epoch == self.authenticator.epoch() and not allow_expired:
            self._known[token] = identity
            if len(self._known) > _KEPT:
                self._known.popitem(last=False)
        return identity
