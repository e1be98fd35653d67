# SPDX-License-Identifier: Apache-2.0
"""Whether the content of every object is there, and nothing else is.

Rows are read a page at a time and files a folder at a time, so that it may be asked of a busy store: what
seems wrong is looked at again, for it may have been written or deleted meanwhile.
"""

import asyncio
from typing import TYPE_CHECKING

from cumulet.kernel.db import Tx
from cumulet.services.swift.model import Object, Stored, Version
from cumulet.services.swift.reconcile import lost_in, named_among
from cumulet.services.swift.store import Store

if TYPE_CHECKING:
    from cumulet.kernel.app import App

_PAGE = 1000
_SHOWN = 20


async def every_row_has_its_file(app: "App") -> list[str]:
    """Content that is missing or of another length, some of it by name, and how many files are lost."""
    wrong = [blob for cls in (Object, Version) for blob in await _wrong(app, cls)]
    found = [f"The content {blob} of an object is not as its row says." for blob in wrong[:_SHOWN]]
    if len(wrong) > _SHOWN:
        found.append(f"Neither is that of {len(wrong) - _SHOWN} others.")
    if lost := await _lost(app):
        found.append(f"{lost} files of the object store belong to no object; the next sweep removes them.")
    return found


async def _wrong(app: "App", cls: type[Stored]) -> list[str]:
    """The blobs of these rows whose files are not there, or not as long as they should be."""
    store, found, last = app.contract(Store), [], ""
    while rows := await app.db.read(_rows, cls, last):
        last = rows[-1].id
        sizes = {row.blob: row.size for row in rows if row.blob is not None}
        odd = await asyncio.to_thread(store.odd_among, sizes)
        found += sorted(await app.db.read(named_among, odd)) if odd else []
    return found


def _rows(tx: Tx, cls: type[Stored], last: str) -> list[Stored]:
    return tx.all(cls, cls.c.id > last, order_by=(cls.c.id,), limit=_PAGE)


async def _lost(app: "App") -> int:
    store, number = app.contract(Store), 0
    for folder in await asyncio.to_thread(store.shards):
        if lost := await lost_in(app, folder):
            number += await asyncio.to_thread(store.count_present, lost)
    return number
