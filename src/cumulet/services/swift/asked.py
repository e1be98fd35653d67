# SPDX-License-Identifier: Apache-2.0
"""The rows that a request is about, found in one transaction."""

from dataclasses import dataclass

from cumulet.kernel.db import Tx
from cumulet.services.swift.model import Account, Container, Object
from cumulet.services.swift.names import Place


@dataclass(frozen=True)
class Found:
    """What there is at a place: an account that was never used, or what is not there, is None."""

    account: Account | None
    container: Container | None = None
    object: Object | None = None


def find(tx: Tx, place: Place) -> Found:
    """The account, the container and the object of a place, as far as they exist."""
    account = tx.get(Account, place.account)
    if account is None or not place.container:
        return Found(account)
    container = tx.first_by(Container, account_id=place.account, name=place.container)
    if container is None or not place.name:
        return Found(account, container)
    return Found(account, container, tx.first_by(Object, container_id=container.id, name=place.name))
