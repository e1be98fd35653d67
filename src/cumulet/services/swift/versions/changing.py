# SPDX-License-Identifier: Apache-2.0
"""One version goes, or becomes what the object is."""

from dataclasses import dataclass

from cumulet.kernel.db import Tx
from cumulet.kernel.errors import BadRequest, NotFound
from cumulet.services.swift.asked import find
from cumulet.services.swift.counters import count, delete_seen
from cumulet.services.swift.model import Object, Version
from cumulet.services.swift.names import Place
from cumulet.services.swift.objects.draft import draft_of, object_of
from cumulet.services.swift.objects.writing import Written, needed
from cumulet.services.swift.versions import keeping
from cumulet.services.swift.versions.asking import require_version


@dataclass(frozen=True)
class Forgotten:
    """What is left over of a version, and which one is current now."""

    dead: tuple[str | None, ...]
    current: str


def forget(tx: Tx, place: Place, version: str) -> Forgotten:
    """The version is not there; if it was the current one, the object is not. Raises NotFound, BadRequest."""
    found = find(tx, place)
    container, current = needed(found), found.object
    require_version(container, version)
    gone = keeping.version_of(tx, container.id, place.name, version)
    if gone is None:
        raise NotFound
    delete_seen(tx, gone)
    was_current = isinstance(gone, Object)
    count(tx, container, objects=-1 if was_current else 0, bytes=-gone.size)
    left = None if was_current else current
    return Forgotten((gone.blob,), (left.version or "null") if left is not None else "null")


def restore(tx: Tx, place: Place, version: str) -> Written:
    """The object is what it was in this version. Raises NotFound, BadRequest."""
    found = find(tx, place)
    container, old = needed(found), found.object
    if version == "null":
        raise BadRequest("Invalid version parameter")
    require_version(container, version)
    wanted = keeping.version_of(tx, container.id, place.name, version)
    if wanted is None or wanted.kind == "marker":
        raise NotFound("The specified version does not exist")
    if isinstance(wanted, Object):
        return Written(wanted)
    assert isinstance(wanted, Version)
    delete_seen(tx, wanted)
    draft = draft_of(wanted)
    if old is None:
        count(tx, container, objects=1)
        return Written(tx.insert(object_of(tx, container.id, place.name, draft, version), retry=True))
    kept = keeping.retire(tx, container, old)
    if not kept:
        count(tx, container, bytes=-old.size)
    return Written(tx.update(old, **draft.columns(tx, version)), () if kept else (old.blob,))
