# SPDX-License-Identifier: Apache-2.0
"""The schema of a database: made whole where it is new, brought up by migrations where it is old.

What is new is made from the declarations in one transaction and stamped with the newest revision of each
branch. Alembic, which takes more than a second to load, is only needed for what is old.

A service that joins an old database is new there. A database that knows a later revision than this program
belongs to a later program and is left alone.
"""

from collections.abc import Iterable

import sqlalchemy as sa

from cumulet.kernel.db.branches import Branch, Stamp, branches, stamps
from cumulet.kernel.db.engine import Database
from cumulet.kernel.db.tx import Tx


class SchemaTooNew(Exception):
    """The database was changed by a later version of this program."""


async def prepare(db: Database) -> None:
    """The database is as this program declares it. Raises SchemaTooNew."""
    if old := await db.transact(create):
        from cumulet.kernel.db import history

        await history.upgrade_database(db, old)


def create(tx: Tx) -> list[str]:
    """Make and stamp the tables of every new branch; the names of the old ones, which need an upgrade."""
    tx.lock("schema")
    there = set(sa.inspect(tx.connection).get_table_names())
    known = stamps(tx) if Stamp.table.name in there else {}
    old = []
    for branch in branches():
        number = known.get(branch.name)
        if number is None:
            _make(tx, branch, there)
        elif number < branch.newest:
            old.append(branch.name)
        elif number > branch.newest:
            raise SchemaTooNew(
                f"The tables of {branch.name} are of revision {number}, and this version of Cumulet "
                f"knows them up to {branch.newest}. Start the version that was used last, or a later one."
            )
    return old


def _make(tx: Tx, branch: Branch, there: set[str]) -> None:
    for statement in statements(tx.connection.dialect, (t for t in branch.tables if t.name not in there)):
        tx.connection.exec_driver_sql(statement)
    if branch.newest:
        tx.insert(Stamp(id=branch.name, number=branch.newest))


def statements(dialect: sa.Dialect, tables: Iterable[sa.Table]) -> list[str]:
    """The DDL of these tables, in their order."""
    found = []
    for table in tables:
        found.append(str(sa.schema.CreateTable(table).compile(dialect=dialect)))
        found += [
            str(sa.schema.CreateIndex(index).compile(dialect=dialect))
            for index in sorted(table.indexes, key=lambda index: str(index.name))
        ]
    return found
