# SPDX-License-Identifier: Apache-2.0
"""Containers come to be, and what is said of them changes."""

from cumulet.kernel.db import Tx
from cumulet.services.swift import limits
from cumulet.services.swift.asked import find
from cumulet.services.swift.containers.changes import Changes
from cumulet.services.swift.counters import count_containers
from cumulet.services.swift.model import Account, Container
from cumulet.services.swift.names import Place


def make(tx: Tx, place: Place, changes: Changes) -> bool:
    """The container is there, with these changes; whether it was before."""
    limits.require_names(place)
    found = find(tx, place)
    if found.container is not None:
        changes.require_policy(of_existing=True)
        changes.apply(tx, found.container)
        return True
    changes.require_policy(of_existing=False)
    if found.account is None:
        tx.insert(Account(id=place.account), retry=True)
    blank = Container(account_id=place.account, name=place.container)
    tx.insert(changes.applied(tx, blank), retry=True)
    count_containers(tx, place.account, 1)
    return False
