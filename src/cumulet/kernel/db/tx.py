# SPDX-License-Identifier: Apache-2.0
"""What a plain function may do to the database: one transaction, from its first read to its commit.

A function that is given a `Tx` does no other I/O, so it may be run again whole: when another transaction was
faster (a newer revision, a serialization failure, a deadlock) or when it asks for it by raising `Retry`.
"""

import hashlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError

from cumulet.kernel.db.prepared import driver_of, prepared
from cumulet.kernel.db.rows import Row
from cumulet.kernel.db.shapes import order_of, presence, removal, selection, shape_of
from cumulet.kernel.errors import Conflict, Duplicate, NotFound, StateConflict
from cumulet.lib.memo import memo
from cumulet.lib.timestamps import Timestamp

if TYPE_CHECKING:
    from cumulet.kernel.app import App

R = TypeVar("R", bound=Row)


class Retry(Exception):
    """Run the whole transaction again: what it has read is no longer true."""


class Tx:
    """One transaction. `now` is one instant for all that it writes."""

    def __init__(self, connection: sa.Connection, now: Timestamp, app: "App | None" = None) -> None:
        self.connection = connection
        self._driver = driver_of(connection)
        self.now = now
        self._app = app
        self.committed: list[Callable[[], None]] = []

    @property
    def app(self) -> "App":
        """The process this transaction belongs to."""
        if self._app is None:
            raise RuntimeError("this transaction was opened outside an application")
        return self._app

    @property
    def dialect(self) -> str:
        return self.connection.dialect.name

    def after_commit(self, call: Callable[[], None]) -> None:
        """Have `call` run on the event loop once this is committed; never when it is not."""
        self.committed.append(call)

    # -- reading --------------------------------------------------------------------------------------

    def get(self, cls: type[R], id: Any) -> R | None:
        """The row with this primary key."""
        found = self.rows(_by_primary(cls), {"id": id})
        return cls.load(found[0]) if found else None

    def need(self, cls: type[R], id: Any, message: str = "") -> R:
        """The row with this primary key; NotFound when there is none."""
        row = self.get(cls, id)
        if row is None:
            raise NotFound(message or f"{cls.noun.capitalize()} {id} could not be found.")
        return row

    def get_many(self, cls: type[R], ids: Iterable[Any]) -> dict[Any, R]:
        """Rows by primary key, in one query for each 500 ids; those that do not exist are left out."""
        return {row.__dict__[cls.primary]: row for row in self.all_in(cls, cls.primary, ids)}

    def all_in(
        self, cls: type[R], name: str, values: Iterable[Any], *, order: tuple[str, ...] = ()
    ) -> list[R]:
        """Every row whose column has one of these values, for batch loaders; the statement is built once.

        There is one query for each 500 values; `order` names columns, and sorts the rows of one value.
        """
        wanted = list(dict.fromkeys(values))
        if len(wanted) == 1:
            return [cls.load(row) for row in self.rows(_by_value(cls, name, order), {"value": wanted[0]})]
        found: list[R] = []
        for start in range(0, len(wanted), 500):
            values = {"values": wanted[start : start + 500]}
            found += [cls.load(row) for row in self.rows(_by_values(cls, name, order), values)]
        return found

    def first(self, cls: type[R], *where: Any, order_by: Sequence[Any] = ()) -> R | None:
        found = self.all(cls, *where, order_by=order_by, limit=1)
        return found[0] if found else None

    def first_by(self, cls: type[R], **equal: Any) -> R | None:
        """A row whose columns equal these values (None for NULL); the statement is built only once."""
        names = tuple(sorted(name for name, value in equal.items() if value is not None))
        nulls = tuple(sorted(name for name, value in equal.items() if value is None))
        values = {f"is_{name}": equal[name] for name in names}
        found = self.rows(_by_columns(cls, names, nulls), values)
        return cls.load(found[0]) if found else None

    def all(
        self, cls: type[R], *where: Any, order_by: Sequence[Any] = (), limit: int | None = None
    ) -> list[R]:
        """Every row that meets all conditions."""
        known, order = shape_of(cls, where), order_of(cls, order_by)
        if known is not None and order is not None:
            shape, values = known
            if limit is not None:
                values["limit"] = limit
            statement = selection(cls, shape, order, limit is not None)
            return [cls.load(row) for row in self.rows(statement, values)]
        query = _select(cls).where(*where).order_by(*order_by) if where or order_by else _select(cls)
        if limit is not None:
            query = query.limit(limit)
        load = cls.load
        return [load(row) for row in self.connection.execute(query).fetchall()]

    def count(self, cls: type[Row], *where: Any) -> int:
        return int(self.scalar(sa.select(sa.func.count()).select_from(cls.table).where(*where)))

    def sum(self, cls: type[Row], column: Any, *where: Any) -> int:
        """The sum of a column over the rows that meet all conditions, 0 when there are none."""
        return int(self.scalar(sa.select(sa.func.coalesce(sa.func.sum(column), 0)).where(*where)))

    def exists(self, cls: type[Row], *where: Any) -> bool:
        """Whether any row meets all conditions."""
        if (known := shape_of(cls, where)) is not None:
            shape, values = known
            return bool(self.rows(presence(cls, shape), values))
        return (
            self.connection.execute(
                sa.select(sa.literal(1)).select_from(cls.table).where(*where).limit(1)
            ).first()
            is not None
        )

    def rows(self, statement: Any, values: Mapping[str, Any]) -> Sequence[Sequence[Any]]:
        """What a statement finds that is built once: a constant of a module, or remembered by its shape."""
        if self._driver is not None:
            ready = prepared(statement, tuple(values))
            try:
                return ready.rows(ready.execute(self._driver, values))
            except Exception:  # SQLAlchemy meets it again, and says it in its words.
                pass
        return self.connection.execute(statement, values).fetchall()

    def change(self, statement: Any, values: Mapping[str, Any]) -> int:
        """How many rows a statement has changed that is built once, as for `rows`."""
        if self._driver is not None:
            try:
                return prepared(statement, tuple(values)).execute(self._driver, values).rowcount
            except Exception:  # As in `rows`.
                pass
        return self.connection.execute(statement, values).rowcount

    def execute(self, statement: Any, parameters: Any = None) -> Any:
        """Any other statement; the way out for what the methods here do not say."""
        return self.connection.execute(statement, parameters)

    def scalar(self, statement: Any) -> Any:
        return self.connection.execute(statement).scalar()

    # -- writing --------------------------------------------------------------------------------------

    def insert(self, row: R, *, retry: bool = False) -> R:
        """Store a new row, filling empty `created_at` and `updated_at`.

        Raises Duplicate when a unique column is taken; with `retry` the transaction is run again instead,
        for rows whose unique value was chosen by reading.
        """
        row = self._stamped(row)
        try:
            self.change(_insert(type(row)), row.values())
        except IntegrityError as error:
            raise _integrity(row, error, retry) from error
        return row

    def insert_many(self, rows: Sequence[R]) -> Sequence[R]:
        """Store several new rows of one class in one statement."""
        if rows:
            rows = [self._stamped(row) for row in rows]
            try:
                self.connection.execute(_insert(type(rows[0])), [row.values() for row in rows])
            except IntegrityError as error:
                raise _integrity(rows[0], error, False) from error
        return rows

    def update(self, row: R, **changes: Any) -> R:
        """Change columns of a row as it was read; the row as it is now.

        The transaction is run again when the row has changed since it was read.
        """
        if "updated_at" in row.columns and "updated_at" not in changes:
            changes["updated_at"] = self.now
        changes["revision"] = row.revision + 1
        statement = _update(type(row), tuple(sorted(changes)))
        values = {f"new_{name}": value for name, value in changes.items()}
        try:
            done = self.change(statement, {"key": getattr(row, row.primary), "seen": row.revision, **values})
        except IntegrityError as error:
            raise _integrity(row.but(**changes), error, False) from error
        if done != 1:
            raise Retry(f"{row.noun} {getattr(row, row.primary)} has changed")
        return row.but(**changes)

    def move(self, row: R, to: str, *, when: Sequence[str], **changes: Any) -> R:
        """Change the row's `status` from one of `when`, or refuse with StateConflict."""
        status = row.__dict__["status"]
        if status not in when:
            raise StateConflict(
                f"{row.noun.capitalize()} {getattr(row, row.primary)} is {status}; "
                f"this needs it to be {' or '.join(when)}."
            )
        return self.update(row, status=to, **changes)

    def delete(self, row: Row) -> None:
        """Remove a row; nothing happens when it is gone already."""
        try:
            self.change(_delete(type(row)), {"key": getattr(row, row.primary)})
        except IntegrityError as error:
            raise Conflict(f"{row.noun.capitalize()} {getattr(row, row.primary)} is still in use.") from error

    def delete_where(self, cls: type[Row], *where: Any) -> int:
        """Remove every row that meets all conditions; how many there were."""
        if (known := shape_of(cls, where)) is not None:
            shape, values = known
            return self.change(removal(cls, shape), values)
        return int(self.connection.execute(sa.delete(cls.table).where(*where)).rowcount)

    def update_where(self, cls: type[Row], values: Mapping[str, Any], *where: Any) -> int:
        """Change columns of every row that meets all conditions; how many there were."""
        changed = {**values, "revision": cls.c.revision + 1}
        return int(self.connection.execute(sa.update(cls.table).where(*where).values(**changed)).rowcount)

    def lock(self, *keys: str) -> None:
        """Let no other transaction hold any of these keys until this one ends.

        Taken once, before the first decisive read. SQLite has one writer, so there is nothing to do there.
        """
        if self.dialect != "postgresql":
            return
        for number in sorted({_lock_number(key) for key in keys}):
            self.connection.execute(_ADVISORY_LOCK, {"number": number})

    def _stamped(self, row: R) -> R:
        mine = row.__dict__
        empty = {name: self.now for name in ("created_at", "updated_at") if mine.get(name) == ""}
        return row.but(**empty) if empty else row


_ADVISORY_LOCK = sa.text("SELECT pg_advisory_xact_lock(:number)")


def _lock_number(key: str) -> int:
    return int.from_bytes(hashlib.blake2b(key.encode(), digest_size=8).digest(), "big", signed=True)


@memo
def _select(cls: type[Row]) -> sa.Select[Any]:
    return sa.select(cls.table)


@memo
def _by_primary(cls: type[Row]) -> sa.Select[Any]:
    return _select(cls).where(cls.c[cls.primary] == sa.bindparam("id"))


@memo
def _by_columns(cls: type[Row], names: tuple[str, ...], nulls: tuple[str, ...]) -> sa.Select[Any]:
    equal = (cls.c[name] == sa.bindparam(f"is_{name}", type_=cls.c[name].type) for name in names)
    return _select(cls).where(*equal, *(cls.c[name].is_(None) for name in nulls)).limit(1)


@memo
def _by_value(cls: type[Row], name: str, order: tuple[str, ...]) -> sa.Select[Any]:
    column = cls.c[name]
    equal = column == sa.bindparam("value", type_=column.type)
    return _select(cls).where(equal).order_by(*(cls.c[key] for key in order))


@memo
def _by_values(cls: type[Row], name: str, order: tuple[str, ...]) -> sa.Select[Any]:
    column = cls.c[name]
    among = column.in_(sa.bindparam("values", type_=column.type, expanding=True))
    return _select(cls).where(among).order_by(*(cls.c[key] for key in order))


@memo
def _insert(cls: type[Row]) -> sa.Insert:
    return sa.insert(cls.table)


@memo
def _update(cls: type[Row], names: tuple[str, ...]) -> sa.Update:
    values = {name: sa.bindparam(f"new_{name}", type_=cls.c[name].type) for name in names}
    seen = cls.c.revision == sa.bindparam("seen")
    return sa.update(cls.table).where(cls.c[cls.primary] == sa.bindparam("key"), seen).values(**values)


@memo
def _delete(cls: type[Row]) -> sa.Delete:
    return sa.delete(cls.table).where(cls.c[cls.primary] == sa.bindparam("key"))


def _integrity(row: Row, error: IntegrityError, retry: bool) -> Exception:
    """What a broken constraint means: a taken unique value, or a reference that does not hold."""
    columns = _violated_unique(row, error)
    if not columns and not _is_reference(error):
        return error
    if not columns:
        return Conflict(f"{row.noun.capitalize()} refers to something that does not exist or is in use.")
    if retry:
        return Retry(f"{row.noun} with this {', '.join(columns)} was made by another")
    taken = ", ".join(f"{name} {row.__dict__.get(name)}" for name in columns)
    return Duplicate(f"{row.noun.capitalize()} with {taken} already exists.", columns=columns)


def _is_reference(error: IntegrityError) -> bool:
    return getattr(error.orig, "sqlstate", "") == "23503" or str(error.orig).startswith("FOREIGN KEY")


def _violated_unique(row: Row, error: IntegrityError) -> tuple[str, ...]:
    origin = error.orig
    diagnosis = getattr(origin, "diag", None)
    if diagnosis is not None:
        if getattr(origin, "sqlstate", "") != "23505":
            return ()
        name = diagnosis.constraint_name
        if name == f"{row.table.name}_pkey":
            return (row.primary,)
        found: Iterable[Any] = (*row.table.constraints, *row.table.indexes)
        for constraint in found:
            if constraint.name == name:
                return tuple(column.name for column in constraint.columns)
        return (str(name),)
    text = str(origin)
    if not text.startswith("UNIQUE constraint failed: "):
        return ()
    return tuple(part.rsplit(".", 1)[-1] for part in text.split(": ", 1)[1].split(", "))
