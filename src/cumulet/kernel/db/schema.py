# SPDX-License-Identifier: Apache-2.0
"""The schema of a database: made whole where it is new, brought up by migrations where it is old.

Each service has a branch of its own, and the kernel has one: its tables, and the revisions that lead to
them, in the folder `migrations` of its package. What is new is made from the declarations in one
transaction and stamped with the newest revision of each branch. Alembic, which takes more than a second to
load, is only needed for what is old.

A service that joins an old database is new there. A database that knows a later revision than this program
belongs to a later program and is left alone.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from pkgutil import resolve_name

import sqlalchemy as sa

from cumulet.kernel.db.engine import Database
from cumulet.kernel.db.rows import METADATA, Row, column
from cumulet.kernel.db.tx import Tx

KERNEL = "kernel"
_REVISION = re.compile(r"r(\d{4})_\w+\.py")


class SchemaTooNew(Exception):
    """The database was changed by a later version of this program."""


class Stamp(Row, table="schema_stamps"):
    """How far a branch has come in this database."""

    id: str = column(primary=True)
    number: int


@dataclass(frozen=True)
class Branch:
    """The tables of one package, and the revisions that lead to them, by number."""

    name: str
    package: str
    tables: tuple[sa.Table, ...]

    @property
    def folder(self) -> Path:
        return Path(str(resolve_name(self.package).__file__)).parent / "migrations"

    @property
    def revisions(self) -> dict[int, str]:
        """Module names by number; empty for a branch that was never released."""
        found = sorted(file for file in self.folder.glob("r*.py") if _REVISION.fullmatch(file.name))
        return {int(file.stem[1:5]): f"{self.package}.migrations.{file.stem}" for file in found}

    @property
    def newest(self) -> int:
        return max(self.revisions, default=0)


def branches() -> list[Branch]:
    """Everything that the imported modules declare; the kernel first."""
    tables: dict[tuple[str, str], list[sa.Table]] = {}
    for table in METADATA.sorted_tables:
        tables.setdefault(_owner(table.info.get("module", "cumulet.kernel")), []).append(table)
    found = [Branch(name, package, tuple(mine)) for (name, package), mine in tables.items()]
    return sorted(found, key=lambda branch: (branch.name != KERNEL, branch.name))


def _owner(module: str) -> tuple[str, str]:
    """The branch and the package to which a module's tables belong."""
    match module.split("."):
        case ["cumulet", "kernel", *_]:
            return KERNEL, "cumulet.kernel.db"
        case ["cumulet", "services", service, *_]:
            return service, f"cumulet.services.{service}"
        case [package, *_]:
            return package, package
    raise AssertionError(module)


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


def stamps(tx: Tx) -> Mapping[str, int]:
    """The revision of each branch that the database has."""
    return {row.id: row.number for row in tx.all(Stamp)}


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
