# SPDX-License-Identifier: Apache-2.0
"""What has expired is gone, and every file of the store has its row.

A file without a row is what a process left that died before its commit, or after the one that took the row
away. With SQLite there is one process, which knows the blobs that it has not committed yet; with PostgreSQL
others may be writing, and a file is left alone for a day.
"""

import asyncio
import time
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from cumulet.kernel.db import Tx
from cumulet.services.swift import times
from cumulet.services.swift.counters import count, delete_seen
from cumulet.services.swift.model import Container, Object, Version
from cumulet.services.swift.objects.discarding import discard
from cumulet.services.swift.store import Store

if TYPE_CHECKING:
    from cumulet.kernel.app import App

_AT_ONCE = 500
_LEFT_ALONE = 86400.0


async def expire(app: "App") -> None:
    """Objects whose time has come are gone, and their content is."""
    while True:
        dead = await app.db.transact(_expire)
        await discard(app, dead)
        if len(dead) < _AT_ONCE:
            return


def _expire(tx: Tx) -> list[str | None]:
    """Remove some expired rows; their blobs."""
    now = times.seconds(tx.now)
    dead: list[str | None] = []
    for cls in (Object, Version):
        c = cls.c
        rows = tx.all(cls, c.delete_at <= now, order_by=(c.delete_at,), limit=_AT_ONCE - len(dead))
        for row in rows:
            container = tx.need(Container, row.container_id)
            delete_seen(tx, row)
            count(tx, container, objects=-1 if cls is Object else 0, bytes=-row.size)
            dead.append(row.blob)
    return dead


async def sweep(app: "App") -> None:
    """Files that no row names are gone."""
    for folder in await asyncio.to_thread(app.contract(Store).shards):
        if lost := await lost_in(app, folder):
            app.log.warning("files that belong to no object are removed", number=len(lost))
            await discard(app, lost)


async def lost_in(app: "App", folder: Path) -> list[str]:
    """The blobs of a folder that no row names. The files are seen first, so that no new row is missed."""
    store, lost = app.contract(Store), []
    blobs = await asyncio.to_thread(_old_enough, folder, 0.0 if app.db.is_sqlite else _LEFT_ALONE)
    for start in range(0, len(blobs), _AT_ONCE):
        some = [blob for blob in blobs[start : start + _AT_ONCE] if blob not in store.live]
        known = await app.db.read(named_among, some)
        lost += [blob for blob in some if blob not in known and blob not in store.live]
    return lost


def named_among(tx: Tx, blobs: Iterable[str]) -> set[str]:
    """The blobs of these that rows name."""
    wanted = list(blobs)
    rows = [row for cls in (Object, Version) for row in tx.all_in(cls, "blob", wanted)]
    return {row.blob for row in rows if row.blob is not None}


def _old_enough(folder: Path, seconds: float) -> list[str]:
    latest = time.time() - seconds
    return [path.name for path in folder.iterdir() if path.stat().st_ctime <= latest]
