# SPDX-License-Identifier: Apache-2.0
"""What is always true of Cinder's rows together, for `cumulet doctor`."""

import sqlalchemy as sa

from cumulet.kernel import hosts
from cumulet.kernel.db import Tx
from cumulet.services.cinder.attachments.model import Attachment
from cumulet.services.cinder.reconcile import (
    KINDS,
    SNAPSHOT_WORK,
    VOLUME_WORK,
    orphans,
    strays,
)
from cumulet.services.cinder.snapshots.model import Snapshot
from cumulet.services.cinder.volumes.model import Volume


def volumes_in_use_are_attached(tx: Tx) -> list[str]:
    """A volume is in-use exactly when some server has it."""
    attached = sa.select(Attachment.c.volume_id).where(Attachment.c.status == "attached")
    idle = tx.all(Volume, Volume.c.status == "in-use", Volume.c.id.not_in(attached))
    taken = tx.all(Volume, Volume.c.status.in_(("available", "reserved")), Volume.c.id.in_(attached))
    return [
        *(f"Volume {volume.id} is in-use and no server has it." for volume in idle),
        *(f"Volume {volume.id} is {volume.status} and a server has it." for volume in taken),
    ]


def hosts_keep_what_there_is(tx: Tx) -> list[str]:
    """A host is told to keep every volume and snapshot that can be used, and nothing else."""
    found = [
        f"Host {document.host} keeps {document.kind} {document.thing_id}, which does not exist."
        for document in orphans(tx)
    ]
    for kind, cls in KINDS.items():
        for row in tx.all(cls, cls.c.status.in_(("available", "in-use"))):
            if row.host is None or not hosts.published(tx, row.host, kind, row.id):
                found.append(f"{row.noun.capitalize()} {row.id} is {row.status} and kept by no host.")
    return found


def work_has_a_worker(tx: Tx) -> list[str]:
    """What is in a transient status is worked on by a saga."""
    lost = [*strays(tx, Volume, "volume", VOLUME_WORK), *strays(tx, Snapshot, "snapshot", SNAPSHOT_WORK)]
    return [f"{row.noun.capitalize()} {row.id} is {row.status} and nothing works on it." for row in lost]


CHECKS = (volumes_in_use_are_attached, hosts_keep_what_there_is, work_has_a_worker)
