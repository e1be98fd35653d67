# SPDX-License-Identifier: Apache-2.0
"""A new database is made, an old one upgraded, a newer one left alone."""

import asyncio
import importlib
import sys
from collections.abc import Awaitable, Callable, Iterator
from typing import Any

import pytest
import sqlalchemy as sa

from cumulet.kernel.clock import SystemClock
from cumulet.kernel.db import Database, Tx, history, schema
from cumulet.kernel.db.branches import Branch, Stamp, branches, stamps
from cumulet.kernel.db.schema import SchemaTooNew

DECLARATION = """
from cumulet.kernel.db import Row, column

class Author(Row, table="oldlibrary_authors"):
    id: str = column(primary=True)

class Book(Row, table="oldlibrary_books"):
    id: str = column(primary=True)
    author_id: str = column(references="oldlibrary_authors.id", on_delete="CASCADE")
    pages: int = column(default=0)
"""
FIRST = """
import sqlalchemy as sa
from alembic import op

def upgrade():
    op.create_table("oldlibrary_authors", sa.Column("id", sa.Text(), primary_key=True),
        sa.Column("name", sa.Text()), sa.Column("revision", sa.BigInteger(), nullable=False))
    op.create_table("oldlibrary_books", sa.Column("id", sa.Text(), primary_key=True),
        sa.Column("author_id", sa.Text(), nullable=False),
        sa.Column("revision", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["author_id"], ["oldlibrary_authors.id"], ondelete="CASCADE"))
"""
SECOND = """
import sqlalchemy as sa
from alembic import op

def upgrade():
    op.add_column("oldlibrary_books", sa.Column("pages", sa.BigInteger(), nullable=False, server_default="1"))
    with op.batch_alter_table("oldlibrary_books") as books:
        books.alter_column("pages", server_default=None)
    with op.batch_alter_table("oldlibrary_authors", recreate="auto") as authors:
        authors.drop_column("name")
"""


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """A package with two tables and the two revisions that led to them."""
    folder = tmp_path_factory.mktemp("packages")
    migrations = folder / "oldlibrary/migrations"
    migrations.mkdir(parents=True)
    (folder / "oldlibrary/__init__.py").write_text(DECLARATION)
    (migrations / "__init__.py").touch()
    (migrations / "r0001_first.py").write_text(FIRST)
    (migrations / "r0002_pages.py").write_text(SECOND)
    sys.path.insert(0, str(folder))
    yield importlib.import_module("oldlibrary")
    sys.path.remove(str(folder))


def branch_of_library() -> Branch:
    return next(branch for branch in branches() if branch.name == "oldlibrary")


def run(url: str, talk: Callable[[Database], Awaitable[None]]) -> None:
    async def whole() -> None:
        db = Database(url, SystemClock())
        try:
            await talk(db)
        finally:
            db.close()

    asyncio.run(whole())


async def go_back(db: Database) -> None:
    """The database is what the first revision made of it, with a book in it."""
    await schema.prepare(db)

    def rewrite(tx: Tx) -> None:
        for table in ("oldlibrary_books", "oldlibrary_authors"):
            tx.connection.exec_driver_sql(f"DROP TABLE {table}")
        history.run(tx.connection, FirstOnly(**vars(branch_of_library())))
        tx.connection.exec_driver_sql("INSERT INTO oldlibrary_authors VALUES ('Le Guin', 'Ursula', 0)")
        tx.connection.exec_driver_sql("INSERT INTO oldlibrary_books VALUES ('Always', 'Le Guin', 0)")
        tx.update(tx.need(Stamp, "oldlibrary"), number=1)

    await db.transact(rewrite)


class FirstOnly(Branch):
    """The branch as it was when it had one revision."""

    @property
    def revisions(self) -> dict[int, str]:
        return {1: super().revisions[1]}


def test_a_new_database_is_stamped_with_the_newest_revision(library: Any, database: str) -> None:
    async def talk(db: Database) -> None:
        await schema.prepare(db)
        assert (await db.read(stamps))["oldlibrary"] == 2

    run(database, talk)


def test_an_old_database_is_upgraded_with_its_rows(library: Any, database: str) -> None:
    async def talk(db: Database) -> None:
        await go_back(db)
        await schema.prepare(db)
        assert (await db.read(stamps))["oldlibrary"] == 2
        books = await db.read(lambda tx: tx.all(library.Book))
        assert [(book.id, book.pages) for book in books] == [("Always", 1)]

    run(database, talk)


def test_an_upgrade_that_fails_changes_nothing(
    library: Any, database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def talk(db: Database) -> None:
        await go_back(db)
        second = importlib.import_module("oldlibrary.migrations.r0002_pages")
        whole = second.upgrade
        monkeypatch.setattr(second, "upgrade", lambda: (whole(), 1 / 0))
        with pytest.raises(ZeroDivisionError):
            await schema.prepare(db)
        assert (await db.read(stamps))["oldlibrary"] == 1
        columns = await db.read(lambda tx: sa.inspect(tx.connection).get_columns("oldlibrary_books"))
        assert "pages" not in [column["name"] for column in columns]

    run(database, talk)


def test_a_database_of_a_later_version_is_left_alone(library: Any, database: str) -> None:
    async def talk(db: Database) -> None:
        await schema.prepare(db)
        await db.transact(lambda tx: tx.update(tx.need(Stamp, "oldlibrary"), number=7))
        with pytest.raises(SchemaTooNew, match=r"revision 7.*up to 2"):
            await schema.prepare(db)

    run(database, talk)


def test_a_service_that_joins_an_old_database_is_made(library: Any, database: str) -> None:
    async def talk(db: Database) -> None:
        await schema.prepare(db)

        def forget(tx: Tx) -> None:
            for table in ("oldlibrary_books", "oldlibrary_authors"):
                tx.connection.exec_driver_sql(f"DROP TABLE {table}")
            tx.delete(tx.need(Stamp, "oldlibrary"))

        await db.transact(forget)
        await schema.prepare(db)
        assert await db.read(lambda tx: tx.all(library.Book)) == []

    run(database, talk)


def test_revisions_that_lead_elsewhere_are_found(library: Any) -> None:
    branch = branch_of_library()
    with sa.create_engine("sqlite://").connect() as connection:
        history.run(connection, FirstOnly(**vars(branch)))
        found = history.differences(connection, branch)
        assert sorted(line.split()[0] for line in found) == ["add_column", "remove_column"]
    with sa.create_engine("sqlite://").connect() as connection:
        history.run(connection, branch)
        assert history.differences(connection, branch) == []
