# SPDX-License-Identifier: Apache-2.0
"""Branches of the schema: the tables of the kernel and of each service, and the revisions that lead to them.

A branch's revisions lie in the folder `migrations` of its package, in modules named by number and subject.
How far a database has come on each branch stands in the database.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from pkgutil import resolve_name

import sqlalchemy as sa

from cumulet.kernel.db.rows import METADATA, Row, column
from cumulet.kernel.db.tx import Tx

KERNEL = "kernel"
_REVISION = re.compile(r"r(\d{4})_\w+\.py")


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


def stamps(tx: Tx) -> Mapping[str, int]:
    """The revision of each branch that the database has."""
    return {row.id: row.number for row in tx.all(Stamp)}
