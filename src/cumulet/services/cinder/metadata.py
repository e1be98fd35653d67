# SPDX-License-Identifier: Apache-2.0
"""Metadata: pairs of words that users hang on volumes and snapshots, in tables that lists can search."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import sqlalchemy as sa

from cumulet.kernel.auth.context import Context
from cumulet.kernel.db import Tx
from cumulet.kernel.db.rows import Row, column


class VolumeMetadata(Row, table="cinder_volume_metadata", indexes=(("key", "value"),)):
    """One pair of a volume; its id is the volume's and the key."""

    id: str = column(primary=True)
    owner_id: str = column(index=True, references="cinder_volumes.id", on_delete="CASCADE")
    key: str
    value: str


class SnapshotMetadata(Row, table="cinder_snapshot_metadata", indexes=(("key", "value"),)):
    """One pair of a snapshot; its id is the snapshot's and the key."""

    id: str = column(primary=True)
    owner_id: str = column(index=True, references="cinder_snapshots.id", on_delete="CASCADE")
    key: str
    value: str


Pairs = type[VolumeMetadata] | type[SnapshotMetadata]


def of_volumes(tx: Tx, ctx: Context, volumes: Sequence[Any]) -> dict[str, dict[str, str]]:
    """With the flag that an administrator has set, as Cinder shows it."""
    found = load(tx, VolumeMetadata, [volume.id for volume in volumes])
    for volume in volumes:
        if volume.readonly is not None:
            found[volume.id]["readonly"] = str(volume.readonly)
    return found


def of_snapshots(tx: Tx, ctx: Context, snapshots: Sequence[Any]) -> dict[str, dict[str, str]]:
    return load(tx, SnapshotMetadata, [snapshot.id for snapshot in snapshots])


def load(tx: Tx, pairs: Pairs, owner_ids: Iterable[str]) -> dict[str, dict[str, str]]:
    """The metadata of those who have any."""
    found: dict[str, dict[str, str]] = defaultdict(dict)
    for pair in tx.all_in(pairs, "owner_id", owner_ids, order=("id",)):
        found[pair.owner_id][pair.key] = pair.value
    return found


def merge(tx: Tx, pairs: Pairs, owner_id: str, changes: Mapping[str, str]) -> dict[str, str]:
    """Set these keys and keep the others; all of them as they are then."""
    known = load(tx, pairs, [owner_id]).get(owner_id, {})
    return replace(tx, pairs, owner_id, {**known, **changes})


def replace(tx: Tx, pairs: Pairs, owner_id: str, wanted: Mapping[str, str]) -> dict[str, str]:
    """Keep exactly these keys."""
    tx.delete_where(pairs, pairs.c.owner_id == owner_id)
    add(tx, pairs, owner_id, wanted)
    return dict(wanted)


def add(tx: Tx, pairs: Pairs, owner_id: str, wanted: Mapping[str, str]) -> None:
    """Give these keys to one who has none yet."""
    tx.insert_many(
        [
            pairs(id=f"{owner_id}/{key}", owner_id=owner_id, key=key, value=value)
            for key, value in wanted.items()
        ]
    )


def remove(tx: Tx, pairs: Pairs, owner_id: str, key: str) -> bool:
    """Take one key away; whether it was there."""
    return tx.delete_where(pairs, pairs.c.id == f"{owner_id}/{key}") > 0


def having(pairs: Pairs, owner: Any, wanted: Mapping[str, str]) -> Any:
    """The condition that the owner (a column of ids) has all of these pairs."""
    return sa.and_(
        sa.true(),
        *(
            owner.in_(sa.select(pairs.c.owner_id).where(pairs.c.key == key, pairs.c.value == value))
            for key, value in wanted.items()
        ),
    )
