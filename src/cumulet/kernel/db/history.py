# SPDX-License-Identifier: Apache-2.0
"""How an old database becomes a new one: the revisions of each branch, run in the order of their numbers.

A revision is a module with a function `upgrade()` that says with Alembic's operations what changes. A
branch is a straight line and never goes back: who wants to go back restores a backup.

SQLite changes a table by copying it, and would delete what refers to the old one; so references are not
enforced meanwhile and checked before the commit.
"""

import asyncio
from collections.abc import Iterable
from importlib import import_module
from typing import Any

import sqlalchemy as sa
import structlog
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.operations import Operations

from cumulet.kernel.db.branches import Branch, Stamp, branches, stamps
from cumulet.kernel.db.engine import Database
from cumulet.kernel.db.rows import METADATA
from cumulet.kernel.db.tx import Tx


async def upgrade_database(db: Database, names: Iterable[str]) -> None:
    """These branches are at their newest revision; the database stays as it was when one cannot be."""
    await asyncio.to_thread(_upgrade, db, set(names))


def _upgrade(db: Database, names: set[str]) -> None:
    engine = sa.create_engine(db.url, poolclass=sa.pool.NullPool)
    with engine.connect() as connection:
        raw: Any = connection.connection.dbapi_connection
        if db.is_sqlite:
            raw.isolation_level = None
            raw.execute("PRAGMA foreign_keys = OFF")
            raw.execute("BEGIN IMMEDIATE")
        tx = Tx(connection, db.clock.now())
        tx.lock("schema")
        known = stamps(tx)
        for branch in branches():
            if branch.name in names:
                run(connection, branch, since=known[branch.name])
                _stamp(tx, branch)
        if db.is_sqlite and (broken := raw.execute("PRAGMA foreign_key_check").fetchall()):
            raw.execute("ROLLBACK")
            raise RuntimeError(f"After the upgrade rows refer to what is not there: {broken[:5]}")
        if db.is_sqlite:
            raw.execute("COMMIT")
        connection.commit()


def _stamp(tx: Tx, branch: Branch) -> None:
    tx.update(tx.need(Stamp, branch.name, f"no stamp of {branch.name}"), number=branch.newest)
    structlog.get_logger().info(
        "upgraded the tables of a service", service=branch.name, revision=branch.newest
    )


def run(connection: sa.Connection, branch: Branch, since: int = 0) -> None:
    """Run the revisions of a branch after this one."""
    with Operations.context(context(connection, branch)):
        for number, module in branch.revisions.items():
            if number > since:
                import_module(module).upgrade()


def context(connection: sa.Connection, branch: Branch) -> MigrationContext:
    """Alembic's view of a connection, in which the declared tables of other branches do not exist."""
    others = METADATA.tables.keys() - {table.name for table in branch.tables}

    def looks_at(item: Any, name: str | None, kind: str, reflected: bool, other: Any) -> bool:
        return kind != "table" or name not in others

    options = {
        "include_object": looks_at,
        "render_as_batch": connection.dialect.name == "sqlite",
        "target_metadata": METADATA,
    }
    return MigrationContext.configure(connection, opts=options)


def differences(connection: sa.Connection, branch: Branch) -> list[str]:
    """What a branch declares otherwise than the tables of a database that holds it alone; a line each."""
    return [_told(difference) for difference in compare_metadata(context(connection, branch), METADATA)]


def _told(difference: Any) -> str:
    if isinstance(difference, list):
        return "; ".join(_told(part) for part in difference)
    kind, *what = difference
    return f"{kind} {' '.join(str(part) for part in what if part is not None)}"
