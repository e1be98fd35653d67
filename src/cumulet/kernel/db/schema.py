# SPDX-License-Identifier: Apache-2.0
"""The schema of a database: made whole when it is new, brought up by migrations when it is old.

A new database is made from the declarations in one transaction and stamped with the newest revision of each
service's branch; Alembic, which takes more than a second to load, is only needed for an old one.
"""

import sqlalchemy as sa

from cumulet.kernel.db.rows import METADATA
from cumulet.kernel.db.tx import Tx


def create(tx: Tx) -> bool:
    """Make every table that the imported services declare; False when the database was not new."""
    tx.lock("schema")
    if sa.inspect(tx.connection).has_table("sagas"):
        return False
    for statement in statements(tx.connection.dialect):
        tx.connection.exec_driver_sql(statement)
    return True


def statements(dialect: sa.Dialect) -> list[str]:
    """The DDL of everything that is declared, in an order that works."""
    found = []
    for table in METADATA.sorted_tables:
        found.append(str(sa.schema.CreateTable(table).compile(dialect=dialect)))
        found += [
            str(sa.schema.CreateIndex(index).compile(dialect=dialect))
            for index in sorted(table.indexes, key=lambda index: str(index.name))
        ]
    return found
