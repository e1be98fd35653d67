# SPDX-License-Identifier: Apache-2.0
"""The rows of sagas, and how one is started and cancelled."""

from typing import TYPE_CHECKING, Any

import msgspec

from cumulet.kernel import ids, trace
from cumulet.kernel.auth.context import Context, Identity
from cumulet.kernel.db.rows import Row, column, json_column
from cumulet.kernel.db.tx import Tx
from cumulet.kernel.errors import StateConflict
from cumulet.kernel.saga.declare import Saga
from cumulet.lib.timestamps import Timestamp

if TYPE_CHECKING:
    from cumulet.kernel.app import App

LIVE = ("waiting", "running", "unwinding", "stuck")


class SagaRow(Row, table="sagas", indexes=(("state", "owner"),)):
    """One run of a saga.

    `owner` is the worker that runs it; every write of the run checks that it still is.
    """

    id: str = column(primary=True, default_factory=ids.dashed)
    name: str
    service: str
    arguments: dict[str, Any] = json_column()
    initiator: dict[str, Any] = json_column()
    """The ids and roles of who asked; never a token."""
    request_id: str = column(default="")
    state: str = column(default="running")
    owner: str | None = column(default=None)
    pivoted: bool = column(default=False)
    cancelled: bool = column(default=False)
    why: str | None = column(default=None)
    tries: int = column(default=0)
    created_at: Timestamp = column(default=Timestamp(""))
    updated_at: Timestamp = column(default=Timestamp(""), index=True)


class SagaKey(Row, table="saga_keys"):
    """A key that a live saga holds, or waits for."""

    id: str = column(primary=True)
    saga_id: str = column(index=True)
    key: str = column(index=True)
    created_at: Timestamp = column(default=Timestamp(""))


class SagaStep(Row, table="saga_steps"):
    """A step that was begun. `call` names it within its saga; `outcome` is begun, done or failed."""

    id: str = column(primary=True)
    saga_id: str = column(index=True)
    n: int
    call: str
    step: str
    arguments: list[Any] = json_column(default_factory=list)
    outcome: str = column(default="begun")
    result: Any = json_column(default_factory=lambda: None, nullable=True)
    error: str | None = column(default=None)
    undone: bool = column(default=False)


_IDENTITY_KEPT = (
    "user_id",
    "user_name",
    "user_domain_id",
    "project_id",
    "project_name",
    "project_domain_id",
    "domain_id",
    "system_scope",
    "roles",
    "is_admin_project",
)


def start(tx: Tx, ctx: Context, saga: Saga, **arguments: Any) -> str:
    """Write the intent to run a saga, in the transaction that changes the row; its id.

    Raises StateConflict when another saga holds one of its keys and it is not a queued one.
    """
    keys = saga.key_texts(arguments)
    tx.lock(*(f"saga:{key}" for key in keys))
    held = bool(keys) and tx.exists(SagaKey, SagaKey.c.key.in_(keys))
    if held and not saga.queued:
        raise StateConflict(f"Another operation on {keys[0].replace(':', ' ')} is still running.")
    worker = tx.app.sagas
    row = SagaRow(
        name=saga.name,
        service=ctx.service.name,
        arguments=arguments,
        initiator={name: getattr(ctx.identity, name) for name in _IDENTITY_KEPT} | {"elevated": ctx.elevated},
        request_id=ctx.request_id or trace.current_story(),
        state="waiting" if held else "running",
        owner=None if held else worker.owner,
    )
    row = tx.insert(row)
    tx.insert_many([SagaKey(id=f"{row.id}:{key}", saga_id=row.id, key=key) for key in keys])
    if held:
        tx.after_commit(worker.wake)
    else:
        tx.after_commit(lambda: worker.launch(row))
    return row.id


def busy(tx: Tx, key: str) -> bool:
    """Whether a live saga holds or waits for this key."""
    return tx.exists(SagaKey, SagaKey.c.key == key)


def cancel(tx: Tx, key: str) -> None:
    """Have every saga that holds this key and has not passed its pivot unwind, soon."""
    for held in tx.all(SagaKey, SagaKey.c.key == key):
        row = tx.get(SagaRow, held.saga_id)
        if row is not None and row.state in ("running", "waiting") and not row.pivoted and not row.cancelled:
            tx.update(row, cancelled=True)
            tx.after_commit(lambda id=row.id: tx.app.sagas.interrupt(id))  # type: ignore[misc]


def context_of(app: "App", row: SagaRow) -> Context:
    """The context in which a saga's steps run: its initiator's, in its own service."""
    known = {name: value for name, value in row.initiator.items() if name != "elevated"}
    identity = Identity(**{**known, "roles": tuple(known.get("roles", ()))})
    return Context(
        app, app.service(row.service), identity, row.request_id, elevated=row.initiator.get("elevated", False)
    )


def plain(value: Any) -> Any:
    """A step's result as it will be read back: a tuple becomes a list.

    Raises TypeError for what is no JSON.
    """
    if value is None or isinstance(value, str | int | float | bool):
        return value
    return msgspec.json.decode(msgspec.json.encode(value))
