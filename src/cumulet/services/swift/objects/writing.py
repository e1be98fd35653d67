# SPDX-License-Identifier: Apache-2.0
"""Objects come to be, are replaced and go, each with its counters, in one transaction.

What these functions give back are the blobs that no row names any more; their files go after the commit.
"""

from dataclasses import dataclass

from cumulet.kernel.db import Tx
from cumulet.kernel.errors import NotFound, PreconditionFailed
from cumulet.lib.timestamps import Timestamp
from cumulet.services.swift import quotas, times
from cumulet.services.swift.asked import Found, find
from cumulet.services.swift.counters import count, delete_seen
from cumulet.services.swift.model import Container, Object, Stored
from cumulet.services.swift.names import Place
from cumulet.services.swift.objects.draft import Draft, object_of
from cumulet.services.swift.versions import archive, keeping

Blobs = tuple[str | None, ...]


@dataclass(frozen=True)
class Written:
    """An object as it is now, and what is left over of the one before."""

    object: Object
    dead: Blobs = ()


@dataclass(frozen=True)
class Removed:
    """What is left over of an object; `version` is the id of the marker that stands for it."""

    dead: Blobs = ()
    version: str = ""
    existed: bool = True


def put(
    tx: Tx, place: Place, draft: Draft, *, only_new: bool = False, bound_by_account: bool = True
) -> Written:
    """The object is there, with what the draft says.

    Raises NotFound without its container, PreconditionFailed when it exists and must not, TooLarge.
    """
    found = find(tx, place)
    container, old = needed(found), found.object
    if only_new and old is not None and not is_expired(old, tx.now):
        raise PreconditionFailed
    quotas.require_room(found, draft.size, bound_by_account=bound_by_account)
    version = keeping.next_id(tx, container, old)
    if old is None:
        count(tx, container, objects=1, bytes=draft.size)
        return Written(tx.insert(object_of(tx, container.id, place.name, draft, version), retry=True))
    kept = keeping.retire(tx, container, old)
    archived = not kept and _archive(tx, container, old)
    count(tx, container, bytes=draft.size if kept else draft.size - old.size)
    return Written(tx.update(old, **draft.columns(tx, version)), () if kept or archived else (old.blob,))


def remove(tx: Tx, place: Place) -> Removed:
    """The object is not there. Raises NotFound without it or its container."""
    found = find(tx, place)
    container, old = needed(found), found.object
    if container.versioned:
        return _remove_versioned(tx, container, place.name, old)
    if old is None or is_expired(old, tx.now):
        return _remove_absent(tx, container, place.name)
    if container.headers.get(archive.STACK):
        return _pop(tx, container, old)
    kept = keeping.retire(tx, container, old)
    archived = not kept and _archive(tx, container, old)
    if archived and (into := archive.archive_of(tx, container)) is not None:
        archive.keep_marker(tx, into, old.name)
    _take_out(tx, container, old, kept=kept)
    return Removed(() if kept or archived else (old.blob,))


def needed(found: Found) -> Container:
    """The container that a request needs. Raises NotFound."""
    if found.container is None:
        raise NotFound
    return found.container


def is_expired(stored: Stored, now: Timestamp) -> bool:
    return stored.delete_at is not None and stored.delete_at <= times.seconds(now)


def _take_out(tx: Tx, container: Container, old: Object, *, kept: bool) -> None:
    delete_seen(tx, old)
    count(tx, container, objects=-1, bytes=0 if kept else -old.size)


def _archive(tx: Tx, container: Container, old: Object) -> bool:
    """Whether an object that goes is in the archive of its container now."""
    into = archive.archive_of(tx, container)
    if into is None:
        return False
    archive.keep(tx, into, old)
    return True


def _remove_versioned(tx: Tx, container: Container, name: str, old: Object | None) -> Removed:
    """A marker stands for the object, also for one that was not there."""
    version = keeping.next_id(tx, container, old)
    if old is not None:
        keeping.retire(tx, container, old)
        _take_out(tx, container, old, kept=True)
    keeping.mark_deleted(tx, container, name, version)
    return Removed((), version, existed=old is not None)


def _remove_absent(tx: Tx, container: Container, name: str) -> Removed:
    """Raise NotFound; where history is kept, also of what was deleted already, it gets one more marker."""
    if container.headers.get(archive.HISTORY) and (into := archive.archive_of(tx, container)) is not None:
        archive.keep_marker(tx, into, name)
        return Removed(existed=False)
    raise NotFound


def _pop(tx: Tx, container: Container, old: Object) -> Removed:
    """What was archived last is there again in place of the object, if anything was."""
    into = archive.archive_of(tx, container)
    last = archive.newest(tx, into, old.name) if into is not None else None
    if into is None or last is None:
        _take_out(tx, container, old, kept=False)
        return Removed((old.blob,))
    if last.content_type == keeping.MARKER:
        archive.take(tx, into, last)
        _take_out(tx, container, old, kept=False)
        return Removed((old.blob,))
    draft = archive.take(tx, into, last)
    count(tx, container, bytes=draft.size - old.size)
    tx.update(old, **draft.columns(tx, ""))
    return Removed((old.blob,))
