# SPDX-License-Identifier: Apache-2.0
"""Events: what happened, written with the row that changed, delivered at least once.

A consumer keeps a cursor, the serial number up to which it has seen everything. A serial number is drawn
before its transaction commits, so a higher one can become visible before a lower one. Consumers therefore
read only below the oldest transaction that is still open; on SQLite, with its one writer, that is
everything.
"""

import dataclasses
from collections.abc import Awaitable, Callable, Mapping
from typing import TYPE_CHECKING, Any

import msgspec
import sqlalchemy as sa

from cumulet.kernel import trace
from cumulet.kernel.db.rows import METADATA, Row, column
from cumulet.kernel.db.tx import Tx
from cumulet.lib import timestamps
from cumulet.lib.timestamps import Timestamp

if TYPE_CHECKING:
    from cumulet.kernel.auth.context import Context

_SERIAL = sa.BigInteger().with_variant(sa.Integer(), "sqlite")

EVENTS = sa.Table(
    "events",
    METADATA,
    sa.Column("serial", _SERIAL, primary_key=True, autoincrement=True),
    sa.Column("transaction", sa.BigInteger(), nullable=False),
    sa.Column("type", sa.Text(), nullable=False),
    sa.Column("request_id", sa.Text(), nullable=False),
    sa.Column("project_id", sa.Text()),
    sa.Column("user_id", sa.Text()),
    sa.Column("resource_id", sa.Text(), nullable=False),
    sa.Column("payload", sa.Text(), nullable=False),
    sa.Column("created_at", sa.Text(), nullable=False, index=True),
    sqlite_autoincrement=True,
)

KEPT_SECONDS = 7 * 86400
_SECRET = ("password", "secret", "private", "token", "blob", "key_hash")


class EventCursor(Row, table="event_cursors"):
    """How far a consumer has come."""

    id: str = column(primary=True)
    serial: int = column(default=0)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Event:
    """One thing that happened:

    `type` is service.thing.verb, `payload` the row's columns that hold no secret, or what else there
    is to tell.
    """

    serial: int
    type: str
    request_id: str
    project_id: str | None
    user_id: str | None
    resource_id: str
    payload: dict[str, Any]
    created_at: Timestamp


Consumer = Callable[[list[Event]], Awaitable[None]]


def emit(tx: Tx, ctx: "Context", type: str, row: Row) -> None:
    """Write an event about a row, in the row's own transaction."""
    values = row.__dict__
    id = str(values[row.primary])
    trace.touch(id)
    payload = {name: values[name] for name in row.stored if not any(word in name for word in _SECRET)}
    project_id = values.get("project_id", ctx.project_id)
    tell(tx, ctx, type, id, payload, project_id=project_id)


def tell(
    tx: Tx,
    ctx: "Context",
    type: str,
    resource_id: str,
    payload: Mapping[str, Any],
    *,
    project_id: str | None = None,
) -> None:
    """Write an event of which other things are to be told than a row says."""
    tx.change(
        _INSERT[tx.dialect],
        {
            "type": f"{ctx.service.name}.{type}",
            "request_id": ctx.request_id,
            "project_id": project_id,
            "user_id": ctx.user_id or None,
            "resource_id": resource_id,
            "payload": msgspec.json.encode(payload).decode(),
            "created_at": tx.now,
        },
    )
    tx.after_commit(tx.app.events_written)


_INSERT = {
    "sqlite": sa.insert(EVENTS).values(transaction=0),
    "postgresql": sa.insert(EVENTS).values(transaction=sa.text("pg_current_xact_id()::text::bigint")),
}


def read_after(tx: Tx, serial: int, limit: int = 500) -> list[Event]:
    """The next events that no open transaction can still slip in before."""
    query = sa.select(EVENTS).where(EVENTS.c.serial > serial).order_by(EVENTS.c.serial).limit(limit)
    if tx.dialect == "postgresql":
        horizon = sa.text("pg_snapshot_xmin(pg_current_snapshot())::text::bigint")
        query = query.where(EVENTS.c.transaction < horizon)
    return [
        Event(
            **{name: row._mapping[name] for name in _COPIED},
            payload=msgspec.json.decode(row._mapping["payload"]),
        )
        for row in tx.execute(query)
    ]


_COPIED = tuple(f.name for f in dataclasses.fields(Event) if f.name != "payload")


def cursor(tx: Tx, consumer: str) -> int:
    row = tx.get(EventCursor, consumer)
    return row.serial if row is not None else 0


def advance(tx: Tx, consumer: str, serial: int) -> None:
    """Remember that the consumer has seen everything up to `serial`."""
    row = tx.get(EventCursor, consumer)
    if row is None:
        tx.insert(EventCursor(id=consumer, serial=serial))
    elif serial > row.serial:
        tx.update(row, serial=serial)


def trim(tx: Tx) -> int:
    """Remove what every consumer has seen, or what is older than seven days; how many there were."""
    oldest = timestamps.add(tx.now, -KEPT_SECONDS)
    where = EVENTS.c.created_at < oldest
    seen = tx.scalar(sa.select(sa.func.min(EventCursor.c.serial)))
    if seen is not None:
        where = sa.or_(where, EVENTS.c.serial <= seen)
    return int(tx.execute(sa.delete(EVENTS).where(where)).rowcount)
