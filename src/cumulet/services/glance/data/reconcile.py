# SPDX-License-Identifier: Apache-2.0
"""Every file of the store has its row, and every row that waits for an upload has one that is alive.

An upload dies with its process. With SQLite there is one process, and it knows its uploads; with
PostgreSQL others may be carrying them out, and say so in the row every few seconds.
"""

import asyncio
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from cumulet.kernel.db import Tx
from cumulet.lib import timestamps
from cumulet.services.glance.data import transfer, uploads
from cumulet.services.glance.data.store import PartName, Store, read_name
from cumulet.services.glance.images.model import Image

if TYPE_CHECKING:
    from cumulet.kernel.app import App

SAY_ALIVE_EVERY = 20.0
DEAD_AFTER = 90.0


async def keep_alive(app: "App") -> None:
    """Say of this process's uploads that they go on, for as long as it lives."""
    store = app.contract(Store)
    while not app.db.is_sqlite:
        if store.live:
            await app.db.transact(uploads.still_alive, sorted(store.live))
        await app.clock.sleep(SAY_ALIVE_EVERY)


async def sweep(app: "App") -> None:
    """Images whose upload died are queued again, and files that belong to nothing are gone."""
    store = app.contract(Store)
    for image in await app.db.read(_uploading):
        if image.upload_id in store.live or not _silent(app, image):
            continue
        app.log.warning("an upload died; its image is queued again", image=image.id)
        await transfer.undo(app, store, image.id, image.upload_id or "")
    for folder in (store.images, store.staging, store.exchange):
        await _sweep_folder(app, store, folder)


def _uploading(tx: Tx) -> list[Image]:
    return tx.all(Image, Image.c.upload_id.is_not(None))


def _silent(app: "App", image: Image) -> bool:
    since = timestamps.seconds_between(image.upload_seen_at, app.clock.now())
    return app.db.is_sqlite or since > DEAD_AFTER


async def _sweep_folder(app: "App", store: Store, folder: Path) -> None:
    """Look at the files first and at the rows after: a file is never there before its row."""
    names = {path: name for path in await asyncio.to_thread(_files, folder) if (name := read_name(path.name))}
    rows = await app.db.read(Tx.get_many, Image, [name.image_id for name in names.values()])
    orphans = [
        path for path, name in names.items() if _is_orphan(store, folder, name, rows.get(name.image_id))
    ]
    if orphans:
        app.log.warning("removing files that belong to no image", files=[path.name for path in orphans])
        await asyncio.to_thread(_unlink, orphans)


def _files(folder: Path) -> list[Path]:
    return list(folder.iterdir()) if folder.is_dir() else []


def _unlink(paths: Iterable[Path]) -> None:
    for path in paths:
        path.unlink(missing_ok=True)


def _is_orphan(store: Store, folder: Path, name: PartName, image: Image | None) -> bool:
    if image is None:
        return True
    if name.upload_id:
        return image.upload_id != name.upload_id and name.upload_id not in store.live
    statuses = _STATUSES[folder.name]
    return image.status not in statuses


_STATUSES = {
    "images": ("active", "deactivated", "saving", "importing"),
    "staging": ("uploading", "importing"),
    "exchange": ("queued", "saving"),
}
"""In which status an image may have a file in each folder."""
