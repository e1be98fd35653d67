# SPDX-License-Identifier: Apache-2.0
"""What hosts are told: documents, published in the transaction that changes the rows they speak of."""

from collections.abc import Mapping
from typing import Any, Protocol

import msgspec
import sqlalchemy as sa

from cumulet.kernel.auth.context import Context
from cumulet.kernel.db.rows import Row, column, json_column
from cumulet.kernel.db.tx import Tx
from cumulet.lib.timestamps import Timestamp


class HostRow(Row, table="hosts"):
    """A host that has connected at least once. `epoch` and `n` are the generation of its newest document."""

    id: str = column(primary=True)
    state: str = column(default="up")
    boot_id: str = column(default="")
    facts: dict[str, Any] = json_column()
    epoch: int = column(default=1)
    n: int = column(default=0)
    seen_at: Timestamp = column(default=Timestamp(""))
    created_at: Timestamp = column(default=Timestamp(""))


class DocumentRow(Row, table="documents", indexes=(("host", "n"),)):
    """What a host should make true, and what it said of it last. Without a body it should not exist."""

    id: str = column(primary=True)
    host: str
    kind: str
    thing_id: str = column(index=True)
    epoch: int
    n: int
    body: str | None
    request_id: str = column(default="")
    seen_epoch: int = column(default=0)
    seen_n: int = column(default=0)
    state: Any = json_column(default_factory=lambda: None, nullable=True)
    error: str | None = column(default=None)
    retrying: bool = column(default=False)
    updated_at: Timestamp = column(default=Timestamp(""))


class HostFailed(Exception):
    """The host could not make a document true; the text says why."""


class Documented(Protocol):
    """A document as the kernel needs it: a frozen record with a kind and an id."""

    @property
    def kind(self) -> str: ...
    @property
    def id(self) -> str: ...


class ImageSource(Protocol):
    """Where hosts find the files of images."""

    async def path(self, image_id: str) -> str | None: ...


class MetadataSource(Protocol):
    """Who answers the metadata requests of guests."""

    async def answer(
        self, peer: Mapping[str, str], path: str, posted: bytes | None
    ) -> tuple[int, str, bytes]: ...


def publish(tx: Tx, ctx: Context, host: str, document: Documented) -> list[int]:
    """Have the host make this document true; its generation as [epoch, n], for `made_true`.

    A document that says what the host was told already keeps its generation.
    """
    body = msgspec.json.encode(document).decode()
    key = f"{host}/{document.kind}/{document.id}"
    row = tx.get(DocumentRow, key)
    if row is not None and row.body == body:
        return [row.epoch, row.n]
    return _write(tx, ctx, key, row, body)


def withdraw(tx: Tx, ctx: Context, host: str, kind: str, id: str) -> list[int] | None:
    """Have the host remove this; its generation, None when the host was never told of it."""
    key = f"{host}/{kind}/{id}"
    row = tx.get(DocumentRow, key)
    if row is None:
        return None
    if row.body is None:
        return [row.epoch, row.n]
    return _write(tx, ctx, key, row, None)


def reaching(tx: Tx, host: str) -> set[str]:
    """The hosts that can use the disks and volumes of this one: itself, and those on its fabric."""
    fabrics = {row.id: row.facts.get("fabric") for row in tx.all(HostRow)}
    fabric = fabrics.get(host)
    return {host, *(id for id, other in fabrics.items() if fabric and other == fabric)}


def hosts_of(tx: Tx, kind: str, id: str) -> list[str]:
    """The hosts that are told to have this now."""
    rows = tx.all(DocumentRow, DocumentRow.c.thing_id == id, DocumentRow.c.kind == kind)
    return [row.host for row in rows if row.body is not None]


def ever_told(tx: Tx, kind: str, id: str) -> list[str]:
    """The hosts that are told to have this, and those that have not yet said that it is gone."""
    rows = tx.all(DocumentRow, DocumentRow.c.thing_id == id, DocumentRow.c.kind == kind)
    return [row.host for row in rows]


def published(tx: Tx, host: str, kind: str, id: str) -> bool:
    """Whether the host is told to have this now."""
    row = tx.get(DocumentRow, f"{host}/{kind}/{id}")
    return row is not None and row.body is not None


def _write(tx: Tx, ctx: Context, key: str, row: DocumentRow | None, body: str | None) -> list[int]:
    host, kind, id = key.split("/", 2)
    [(epoch, n)] = tx.rows(_NEXT, {"host": host})
    story = ctx.request_id
    if row is None:
        tx.insert(
            DocumentRow(
                id=key, host=host, kind=kind, thing_id=id, epoch=epoch, n=n, body=body, request_id=story
            ),
            retry=True,
        )
    else:
        tx.update(row, epoch=epoch, n=n, body=body, request_id=story)
    tx.after_commit(lambda: tx.app.hosts.hint(host))
    return [epoch, n]


_NEXT = (
    sa.update(HostRow.table)
    .where(HostRow.c.id == sa.bindparam("host"))
    .values(n=HostRow.c.n + 1)
    .returning(HostRow.c.epoch, HostRow.c.n)
)
