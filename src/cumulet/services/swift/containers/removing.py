# SPDX-License-Identifier: Apache-2.0
"""Containers go."""

from cumulet.kernel.db import Tx
from cumulet.kernel.errors import Conflict, NotFound
from cumulet.services.swift.asked import find
from cumulet.services.swift.counters import count_containers, delete_seen
from cumulet.services.swift.model import Object, Version
from cumulet.services.swift.names import Place


def remove(tx: Tx, place: Place) -> None:
    """The container is not there. Raises NotFound, Conflict while it holds anything, old versions too."""
    container = find(tx, place).container
    if container is None:
        raise NotFound
    if tx.exists(Object, Object.c.container_id == container.id):
        raise Conflict
    if tx.exists(Version, Version.c.container_id == container.id):
        raise Conflict("Delete all versions before deleting container.")
    delete_seen(tx, container)
    count_containers(tx, place.account, -1)
