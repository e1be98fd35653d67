# SPDX-License-Identifier: Apache-2.0
"""Typed rows: a class with annotated columns is a frozen dataclass and a table at once.

    class Attachment(Row, table="cinder_attachments"):
        id: str = column(primary=True, default_factory=ids.dashed)
        volume_id: str = column(references="cinder_volumes.id", on_delete="CASCADE")
        server_id: str | None = column(default=None, index=True)

Every table has a `revision`, 0 at first and one more with each update. A change names the revision that it
has seen, so no change is ever lost to another one; a transaction that finds a newer one is run again whole.

Timestamps are text in UTC, `2026-11-20T10:00:00.000000`: they sort by time, and cost nothing to read.
"""

import dataclasses
import types
import typing
from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar, Self, dataclass_transform

import msgspec
import sqlalchemy as sa

from cumulet.lib.timestamps import Timestamp

METADATA = sa.MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    }
)
REQUIRED: Any = object()
"""The default of a column that has none."""

_encode = msgspec.json.encode
_decode = msgspec.json.decode


class Json(sa.types.TypeDecorator[Any]):
    """Any JSON value, stored as text so that both databases keep it alike."""

    impl = sa.Text
    cache_ok = True

    def process_bind_param(self, value: Any, dialect: sa.Dialect) -> str | None:
        return None if value is None else _encode(value).decode()

    def process_result_value(self, value: str | None, dialect: sa.Dialect) -> Any:
        return None if value is None else _decode(value)


_TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
_SQL_TYPES: dict[Any, sa.types.TypeEngine[Any]] = {
    str: _TEXT,
    Timestamp: _TEXT,
    int: sa.BigInteger(),
    float: sa.Float(),
    bool: sa.Boolean(),
    bytes: sa.LargeBinary(),
}


@dataclasses.dataclass(frozen=True, kw_only=True)
class Column:
    """What the database is told of one column. `name` and `type` are read off the annotation."""

    default: Any = REQUIRED
    default_factory: Callable[[], Any] | None = None
    primary: bool = False
    index: bool = False
    unique: bool = False
    references: str = ""
    on_delete: str = "RESTRICT"
    stored: bool = True
    name: str = ""
    type: Any = str
    nullable: bool = False


def column(
    *,
    default: Any = REQUIRED,
    default_factory: Callable[[], Any] | None = None,
    **rules: Any,
) -> Any:
    """A column of a row; the rules are the fields of `Column`."""
    return Column(default=default, default_factory=default_factory, **rules)


def json_column(default_factory: Callable[[], Any] = dict, **rules: Any) -> Any:
    """A column that holds a JSON object, or a list with `default_factory=list`."""
    return Column(default_factory=default_factory, **rules)


def timestamp_now() -> Timestamp:
    """Placeholder default of a timestamp that the transaction fills with its own time when it inserts."""
    return Timestamp("")


@dataclass_transform(
    eq_default=False, kw_only_default=True, frozen_default=True, field_specifiers=(column, json_column)
)
class Row:
    """A frozen record of one row. Subclasses name their table and annotate their columns."""

    table: ClassVar[sa.Table]
    columns: ClassVar[dict[str, Column]]
    c: ClassVar[Any]
    """The table's columns, for conditions: `Volume.c.status == "available"`."""
    primary: ClassVar[str]
    stored: ClassVar[tuple[str, ...]]
    noun: ClassVar[str] = "row"
    """What a person calls it, in messages."""

    revision: int = column(default=0)

    def __init_subclass__(
        cls,
        *,
        table: str = "",
        noun: str = "",
        unique: Sequence[tuple[str, ...]] = (),
        indexes: Sequence[tuple[str, ...]] = (),
        **kwargs: Any,
    ) -> None:
        super().__init_subclass__(**kwargs)
        if not table:
            return
        cls.columns = _collect(cls)
        cls.primary = next((name for name, spec in cls.columns.items() if spec.primary), "id")
        cls.stored = tuple(name for name, spec in cls.columns.items() if spec.stored)
        cls.noun = noun or cls.__name__.lower()
        for name, spec in cls.columns.items():
            setattr(cls, name, _dataclass_default(spec))
            cls.__annotations__.setdefault(name, spec.type)
        dataclasses.dataclass(frozen=True, eq=False, kw_only=True)(cls)
        shared = _shared_table(cls, table)
        cls.table = _table(cls, table, unique, indexes) if shared is None else shared
        cls.c = cls.table.c

    @classmethod
    def load(cls, values: Sequence[Any]) -> Self:
        """A row from the values of its stored columns, in their order, without checking them again."""
        row = object.__new__(cls)
        row.__dict__.update(zip(cls.stored, values, strict=True))
        return row

    def __eq__(self, other: object) -> bool:
        return type(other) is type(self) and other.__dict__ == self.__dict__

    def __hash__(self) -> int:
        return hash((type(self), self.__dict__[self.primary]))

    def values(self) -> dict[str, Any]:
        """The stored columns by name."""
        mine = self.__dict__
        return {name: mine[name] for name in self.stored}

    def but(self, **changes: Any) -> Self:
        """A copy with some columns changed; nothing is written."""
        row = object.__new__(type(self))
        row.__dict__.update(self.__dict__)
        row.__dict__.update(changes)
        return row


def _collect(cls: type[Row]) -> dict[str, Column]:
    """The columns of the class and its bases, the primary key first, each with its name and type."""
    found: dict[str, Column] = {}
    for owner in reversed(cls.__mro__):
        declared = vars(owner).get("columns") if owner is not cls else None
        if isinstance(declared, Mapping):
            found.update(declared)
            continue
        for name, annotation in vars(owner).get("__annotations__", {}).items():
            if typing.get_origin(annotation) is ClassVar or name.startswith("_"):
                continue
            spec = vars(owner).get(name, Column())
            if not isinstance(spec, Column):
                spec = Column(default=spec)
            kind, nullable = _without_none(annotation)
            found[name] = dataclasses.replace(spec, name=name, type=kind, nullable=nullable or spec.nullable)
    revision = found.pop("revision")
    return found | {"revision": revision}


def _without_none(annotation: Any) -> tuple[Any, bool]:
    """`str | None` as (str, True)."""
    if isinstance(annotation, types.UnionType) or typing.get_origin(annotation) is typing.Union:
        kinds = [kind for kind in typing.get_args(annotation) if kind is not types.NoneType]
        nullable = len(kinds) < len(typing.get_args(annotation))
        return (kinds[0] if len(kinds) == 1 else typing.Any), nullable
    return annotation, False


def _dataclass_default(spec: Column) -> Any:
    if not spec.stored:
        return dataclasses.field(default=None)
    if spec.default_factory is not None:
        return dataclasses.field(default_factory=spec.default_factory)
    if spec.default is REQUIRED:
        return dataclasses.field()
    if isinstance(spec.default, dict | list):
        frozen = spec.default
        return dataclasses.field(default_factory=lambda: type(frozen)(frozen))
    return dataclasses.field(default=spec.default)


def sql_type(kind: Any) -> sa.types.TypeEngine[Any]:
    """The database's type for a Python one; what it has no type for is kept as JSON."""
    if typing.get_origin(kind) is typing.Literal:
        return _TEXT
    return _SQL_TYPES.get(kind) or Json()


def _shared_table(cls: type[Row], name: str) -> sa.Table | None:
    """The table of a base class by this name: a subclass may be another face of the same rows."""
    tables = (vars(base).get("table") for base in cls.__mro__[1:])
    return next((table for table in tables if table is not None and table.name == name), None)


def _table(
    cls: type[Row], name: str, unique: Sequence[tuple[str, ...]], indexes: Sequence[tuple[str, ...]]
) -> sa.Table:
    parts: list[Any] = []
    for spec in cls.columns.values():
        if not spec.stored:
            continue
        keys = [sa.ForeignKey(spec.references, ondelete=spec.on_delete)] if spec.references else []
        parts.append(
            sa.Column(
                spec.name,
                sql_type(spec.type),
                *keys,
                primary_key=spec.name == cls.primary,
                autoincrement=False,
                nullable=spec.nullable,
                index=spec.index or None,
                unique=spec.unique or None,
            )
        )
    parts += [sa.UniqueConstraint(*columns) for columns in unique]
    table = sa.Table(name, METADATA, *parts, info={"module": cls.__module__})
    for columns in indexes:
        sa.Index(None, *(table.c[column] for column in columns))
    return table
