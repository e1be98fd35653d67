# SPDX-License-Identifier: Apache-2.0
"""What hosts say: that they are there, and what became of their documents.

A report of an older generation than was seen before changes nothing.
"""

from typing import Any

import msgspec
import sqlalchemy as sa

from cumulet.kernel.bus import NEVER, Generation, HostFacts, Report
from cumulet.kernel.db.tx import Retry, Tx
from cumulet.kernel.hosts.documents import DocumentRow, HostRow


def register(tx: Tx, facts: HostFacts) -> None:
    """The host is up, with what it says of itself; every service that keeps something of hosts knows."""
    row = tx.get(HostRow, facts.name)
    said = msgspec.to_builtins(facts)
    if row is None:
        row = tx.insert(HostRow(id=facts.name, boot_id=facts.boot_id, facts=said, seen_at=tx.now))
    else:
        row = tx.update(row, state="up", boot_id=facts.boot_id, facts=said, seen_at=tx.now)
    if facts.seen > Generation(row.epoch, row.n):
        _begin_epoch(tx, row, facts.seen.epoch + 1)
    for service in tx.app.services.values():
        if service.manifest.host_connected is not None:
            service.manifest.host_connected(tx, facts)


def store(tx: Tx, name: str, reports: list[Report]) -> list[Report]:
    """Keep what the host observed; the reports of what it was told.

    What it said before, and does again after its agent was restarted, took no time in anybody's story.
    """
    news = []
    for report in reports:
        key = f"{name}/{report.kind}/{report.id}"
        row = tx.get(DocumentRow, key)
        seen = NEVER if row is None else Generation(row.seen_epoch, row.seen_n)
        if row is None or report.generation < seen:
            continue
        again = report.generation == seen and report.error == row.error and not row.retrying
        news.append(msgspec.structs.replace(report, took=None) if again else report)
        gone = row.body is None and report.generation == Generation(row.epoch, row.n) and report.error is None
        if gone:
            _forget(tx, row)
        else:
            tx.update(
                row,
                seen_epoch=report.generation.epoch,
                seen_n=report.generation.n,
                state=report.state,
                error=report.error,
                retrying=report.retrying,
            )
        _hand_over(tx, name, report)
    return news


def _hand_over(tx: Tx, host: str, report: Report) -> None:
    handler = tx.app.report_handlers.get(report.kind)
    if handler is not None:
        handler(tx, host, report)


def _forget(tx: Tx, row: DocumentRow) -> None:
    """Remove a tombstone that was reported gone, unless the thing is wanted again by now."""
    seen = (DocumentRow.c.id == row.id, DocumentRow.c.revision == row.revision)
    if not tx.delete_where(DocumentRow, *seen):
        raise Retry(f"document {row.id} has changed")


def _begin_epoch(tx: Tx, host: HostRow, epoch: int) -> None:
    """Publish everything again under a new epoch, to a host that has seen more than this database knows of.

    That is so after the database was restored from a backup, or made anew.
    """
    rows = tx.all(DocumentRow, DocumentRow.c.host == host.id, order_by=(DocumentRow.c.n,))
    for n, row in enumerate(rows, 1):
        tx.update(row, epoch=epoch, n=n)
    tx.update(host, epoch=epoch, n=len(rows))


def changed(tx: Tx, host: str, since: Generation) -> list[DocumentRow]:
    """The documents of a host that are newer than this, oldest first."""
    where: list[Any] = [DocumentRow.c.host == host]
    if since != NEVER:
        newer = sa.and_(DocumentRow.c.epoch == since.epoch, DocumentRow.c.n > since.n)
        where.append(sa.or_(DocumentRow.c.epoch > since.epoch, newer))
    return tx.all(DocumentRow, *where, order_by=(DocumentRow.c.epoch, DocumentRow.c.n))


def newest(tx: Tx, hosts: list[str]) -> dict[str, Generation]:
    """The generation of each host's newest document."""
    return {row.id: Generation(row.epoch, row.n) for row in tx.get_many(HostRow, hosts).values()}


def beat(tx: Tx, name: str) -> None:
    """The host was heard of just now."""
    tx.update_where(HostRow, {"seen_at": tx.now, "state": "up"}, HostRow.c.id == name)
