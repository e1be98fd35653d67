# SPDX-License-Identifier: Apache-2.0
"""The attribute `federated` of a user: by which ids identity providers know them."""

from typing import Any

from cumulet.kernel.db import Tx
from cumulet.kernel.errors import BadRequest
from cumulet.services.keystone.federation.identities import FederatedIdentity, identity_id
from cumulet.services.keystone.federation.model import IdentityProvider, Protocol, protocol_id
from cumulet.services.keystone.people import User
from cumulet.services.keystone.storing import unique


def set_federated(tx: Tx, user: User, federated: list[dict[str, Any]] | None) -> None:
    """The user is known by exactly these ids; an empty list changes nothing, as upstream has it.

    Raises BadRequest for an identity provider or protocol that does not exist, Conflict for somebody else's
    id.
    """
    if not federated:
        return
    for one in federated:
        _check(tx, one)
    tx.delete_where(FederatedIdentity, FederatedIdentity.c.user_id == user.id)
    for one in federated:
        for protocol in one["protocols"]:
            ids = (one["idp_id"], protocol["protocol_id"], protocol["unique_id"])
            row = FederatedIdentity(
                id=identity_id(*ids), user_id=user.id, idp_id=ids[0], protocol_id=ids[1], unique_id=ids[2]
            )
            with unique("federated_user", f"Duplicate entry found with unique_id {ids[2]}"):
                tx.insert(row)


def _check(tx: Tx, one: dict[str, Any]) -> None:
    idp_id = one["idp_id"]
    if tx.get(IdentityProvider, idp_id) is None:
        raise BadRequest(f"Could not find Identity Provider: {idp_id}")
    for protocol in one["protocols"]:
        name = protocol["protocol_id"]
        if tx.get(Protocol, protocol_id(idp_id, name)) is None:
            raise BadRequest(f"Could not find federated protocol {name} for Identity Provider: {idp_id}.")
