# SPDX-License-Identifier: Apache-2.0
"""Versions: what an object was stays known by its version's id while its container keeps them.

PUT      the object that was there becomes a version, the new one has an id of its own
DELETE   the same, and a marker says when the object went
disabled what has an id stays, what has none goes as it always did
"""

from cumulet.kernel.db import Tx
from cumulet.services.swift import times
from cumulet.services.swift.model import Container, Object, Version

MARKER = "application/x-deleted;swift_versions_deleted=1"


def next_id(tx: Tx, container: Container, old: Object | None) -> str:
    """The id of what is written now, "" where no versions are kept."""
    if not container.versioned:
        return ""
    now = times.stamp(tx.now)
    if old is None or old.version < now:
        return now
    return f"{float(old.version) + 0.00001:016.5f}"


def retire(tx: Tx, container: Container, old: Object) -> bool:
    """Keep an object that is about to be replaced or deleted; False where it is not to be kept."""
    if not (container.versioned or old.version):
        return False
    columns = {name: value for name, value in old.values().items() if name not in ("id", "revision")}
    tx.insert(Version(**{**columns, "version": old.version or times.stamp(old.written_at)}), retry=True)
    return True


def mark_deleted(tx: Tx, container: Container, name: str, version: str) -> None:
    """The versions of an object say that it was deleted now."""
    marker = Version(
        container_id=container.id, name=name, version=version, kind="marker", content_type=MARKER,
        etag="d41d8cd98f00b204e9800998ecf8427e", written_at=tx.now, updated_at=tx.now,
    )  # fmt: skip
    tx.insert(marker, retry=True)


def version_of(tx: Tx, container_id: str, name: str, version: str) -> Object | Version | None:
    """What is known by this id, be it current or not; "null" is a current object without one."""
    current = tx.first_by(Object, container_id=container_id, name=name)
    if current is not None and current.version == ("" if version == "null" else version):
        return current
    return tx.first_by(Version, container_id=container_id, name=name, version=version)
