# SPDX-License-Identifier: Apache-2.0
"""Leases: one owner at a time, fenced by an epoch.

An owner that is late in renewing has lost the lease, whether it knows or not: the next owner gets a higher
epoch, and every write that is made under a lease names the epoch it was made under. Expiry is judged by the
database's clock.
"""

import sqlalchemy as sa

from cumulet.kernel.db.rows import Row, column
from cumulet.kernel.db.tx import Tx
from cumulet.lib import timestamps
from cumulet.lib.timestamps import Timestamp

SECONDS = 10.0
RENEW_EVERY = 3.0


class Lease(Row, table="leases"):
    """Who holds what, and until when."""

    id: str = column(primary=True)
    owner: str
    epoch: int
    expires_at: Timestamp = column(index=True)


_POSTGRESQL_NOW = sa.text(
    "SELECT to_char(clock_timestamp() AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.US')"
)


def database_now(tx: Tx) -> Timestamp:
    """The time by which leases are judged."""
    return Timestamp(tx.scalar(_POSTGRESQL_NOW)) if tx.dialect == "postgresql" else tx.now


def acquire(tx: Tx, name: str, owner: str) -> int | None:
    """Take the lease if it is free, expired, or this owner's; its epoch, or None when another holds it."""
    tx.lock(f"lease:{name}")
    now = database_now(tx)
    lease = tx.get(Lease, name)
    expires = timestamps.add(now, SECONDS)
    if lease is None:
        tx.insert(Lease(id=name, owner=owner, epoch=1, expires_at=expires))
        return 1
    if lease.owner == owner and lease.expires_at > now:
        tx.update(lease, expires_at=expires)
        return lease.epoch
    if lease.expires_at > now and lease.owner != owner:
        return None
    return tx.update(lease, owner=owner, epoch=lease.epoch + 1, expires_at=expires).epoch


def renew(tx: Tx, name: str, owner: str, epoch: int) -> bool:
    """Extend a lease that is still held under this epoch; False when it is lost."""
    now = database_now(tx)
    lease = tx.get(Lease, name)
    if lease is None or lease.owner != owner or lease.epoch != epoch or lease.expires_at <= now:
        return False
    tx.update(lease, expires_at=timestamps.add(now, SECONDS))
    return True


def release(tx: Tx, name: str, owner: str) -> None:
    """Give the lease back, so that the next owner need not wait for it to expire."""
    lease = tx.get(Lease, name)
    if lease is not None and lease.owner == owner:
        tx.update(lease, expires_at=database_now(tx))
