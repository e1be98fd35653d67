# SPDX-License-Identifier: Apache-2.0
"""What containers and accounts hold, counted in the transaction that changes it."""

import sqlalchemy as sa

from cumulet.kernel.db import Tx
from cumulet.kernel.db.rows import Row
from cumulet.kernel.db.tx import Retry
from cumulet.kernel.errors import NotFound
from cumulet.lib.memo import memo
from cumulet.services.swift.model import Account, Container


def count(tx: Tx, container: Container, *, objects: int = 0, bytes: int = 0) -> None:
    """So many more objects and bytes are in a container and its account. Raises NotFound when it is gone.

    The counters are added to where they are: of two who count at once neither is lost, nor has to wait long.
    """
    if not objects and not bytes:
        return
    if not tx.change(_adding(Container), {"row": container.id, "more": objects, "longer": bytes}):
        raise NotFound
    tx.change(_adding(Account), {"row": container.account_id, "more": objects, "longer": bytes})


def count_containers(tx: Tx, account_id: str, more: int) -> None:
    """So many more containers are in an account."""
    tx.change(_CONTAINERS, {"row": account_id, "more": more})


def delete_seen(tx: Tx, row: Row) -> None:
    """Remove a row as it was read; the transaction is run again when it has changed or is gone.

    What is counted must go once: of two who delete it at once one finds it gone.
    """
    c = type(row).c
    if (
        tx.delete_where(type(row), c[row.primary] == row.__dict__[row.primary], c.revision == row.revision)
        != 1
    ):
        raise Retry(f"{row.noun} has changed")


@memo
def _adding(cls: type[Row]) -> sa.Update:
    c = cls.c
    return (
        sa.update(cls.table)
        .where(c.id == sa.bindparam("row"))
        .values(
            objects=c.objects + sa.bindparam("more"),
            bytes=c.bytes + sa.bindparam("longer"),
            revision=c.revision + 1,
        )
    )


_CONTAINERS = (
    sa.update(Account.table)
    .where(Account.c.id == sa.bindparam("row"))
    .values(containers=Account.c.containers + sa.bindparam("more"), revision=Account.c.revision + 1)
)
