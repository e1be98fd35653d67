# SPDX-License-Identifier: Apache-2.0
"""What is stored encrypted is encrypted with the primary key, soon after keys were rotated.

A number that tells the primary key from others is kept beside the epoch. While it is another than the
primary key's, all that is encrypted is looked through; it is noted once nothing had to be changed any more,
for another process may have gone on with the old key for a moment.
"""

from typing import TYPE_CHECKING, Any

from cumulet.kernel.db import Tx
from cumulet.services.keystone.credentials.model import Credential
from cumulet.services.keystone.domain_config.model import DomainOption
from cumulet.services.keystone.oauth1.model import AccessToken, Consumer, RequestToken
from cumulet.services.keystone.tokens.authority import Authority
from cumulet.services.keystone.tokens.model import Epoch

if TYPE_CHECKING:
    from cumulet.kernel.app import App

_SEALED: tuple[tuple[type[Any], str], ...] = (
    (Credential, "blob"),
    (DomainOption, "value"),
    (Consumer, "secret"),
    (RequestToken, "secret"),
    (AccessToken, "secret"),
)
"""Columns that hold what `seal` has made, in some of their rows at least."""
_AT_ONCE = 200
_NOTE = "credential-keys"


async def renew(app: "App") -> None:
    """Nothing is encrypted with another key than the primary one, unless that has just changed."""
    wanted = app.contract(Authority).keyring.credential.fingerprint
    if await app.db.read(_noted) == wanted:
        return
    changed = 0
    for cls, name in _SEALED:
        after: str | None = ""
        while after is not None:
            after, some = await app.db.transact(_renew_some, cls, name, after)
            changed += some
    if not changed:
        await app.db.transact(_note, wanted)


def _renew_some(tx: Tx, cls: type[Any], name: str, after: str) -> tuple[str | None, int]:
    """The id of the last row that was looked at, None after the very last, and how many were changed."""
    keys = tx.app.contract(Authority).keyring.credential
    rows = tx.all(cls, cls.c.id > after, order_by=[cls.c.id], limit=_AT_ONCE)
    changed = 0
    for row in rows:
        new = keys.renewed(getattr(row, name).encode())
        if new is not None:
            tx.update(row, **{name: new.decode()})
            changed += 1
    return rows[-1].id if len(rows) == _AT_ONCE else None, changed


def _noted(tx: Tx) -> int | None:
    row = tx.get(Epoch, _NOTE)
    return row.value if row is not None else None


def _note(tx: Tx, fingerprint: int) -> None:
    row = tx.get(Epoch, _NOTE)
    if row is None:
        tx.insert(Epoch(id=_NOTE, value=fingerprint), retry=True)
    else:
        tx.update(row, value=fingerprint)
