# SPDX-License-Identifier: Apache-2.0
"""Archive containers, the older way to keep what objects were.

With X-Versions-Location a deletion brings back what was there before; with X-History-Location it leaves a
marker. An archived object is named by the length of its name, its name, and when it was written.
"""

from cumulet.kernel.db import Tx
from cumulet.kernel.errors import PreconditionFailed
from cumulet.services.swift import times
from cumulet.services.swift.counters import count, delete_seen
from cumulet.services.swift.listing.walk import follower
from cumulet.services.swift.model import Container, Object
from cumulet.services.swift.names import unescaped
from cumulet.services.swift.objects.draft import Draft, draft_of, object_of
from cumulet.services.swift.versions.keeping import MARKER

STACK, HISTORY = "X-Versions-Location", "X-History-Location"


def archive_of(tx: Tx, container: Container) -> Container | None:
    """Where a container's old objects go. Raises PreconditionFailed when that container does not exist."""
    name = container.headers.get(STACK) or container.headers.get(HISTORY)
    if not name:
        return None
    name = unescaped(name)
    found = tx.first_by(Container, account_id=container.account_id, name=name)
    if found is None:
        raise PreconditionFailed("There was a problem saving the old version: its container does not exist.")
    return found


def archived_name(name: str, stamp: str) -> str:
    return f"{_prefix(name)}{stamp}"


def _prefix(name: str) -> str:
    return f"{len(name.encode()):03x}{name}/"


def keep(tx: Tx, archive: Container, old: Object) -> None:
    """The object is in the archive; the caller takes it out of its container, with the content's size."""
    _add(tx, archive, archived_name(old.name, times.stamp(old.written_at)), draft_of(old))


def keep_marker(tx: Tx, archive: Container, name: str) -> None:
    """The archive says that the object was deleted now."""
    _add(tx, archive, archived_name(name, times.stamp(tx.now)), Draft(MARKER))


def _add(tx: Tx, archive: Container, name: str, draft: Draft) -> None:
    if tx.first_by(Object, container_id=archive.id, name=name) is not None:
        name += "0"
    tx.insert(object_of(tx, archive.id, name, draft, ""), retry=True)
    count(tx, archive, objects=1, bytes=draft.size)


def newest(tx: Tx, archive: Container, name: str) -> Object | None:
    """What was archived last of an object."""
    prefix = _prefix(name)
    c = Object.c
    return tx.first(
        Object,
        c.container_id == archive.id,
        c.name >= prefix,
        c.name < follower(prefix),
        order_by=(c.name.desc(),),
    )


def take(tx: Tx, archive: Container, archived: Object) -> Draft:
    """An object is no longer in the archive; its content is the caller's."""
    delete_seen(tx, archived)
    count(tx, archive, objects=-1, bytes=-archived.size)
    return draft_of(archived)
