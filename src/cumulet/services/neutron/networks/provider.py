# SPDX-License-Identifier: Apache-2.0
"""What a network is made of: its type, the physical network below it, its number there, and its MTU."""

from collections.abc import Mapping
from typing import Any

import sqlalchemy as sa

from cumulet.kernel.db import Tx
from cumulet.kernel.errors import Conflict
from cumulet.services.neutron.errors import InvalidInput
from cumulet.services.neutron.networks.model import Network

TYPES = ("vxlan", "flat", "local")
ATTRIBUTES = ("network_type", "physical_network", "segmentation_id")
_MTU = {"vxlan": 1450, "flat": 1500, "local": 1500}
_LAST_VNI = 2**24 - 1


def provided(tx: Tx, given: Mapping[str, Any]) -> dict[str, Any]:
    """The provider columns of a new network; a tenant's is a VXLAN with the next free number."""
    kind = given.get("network_type")
    physical, number = given.get("physical_network"), given.get("segmentation_id")
    if kind is None and (physical is not None or number is not None):
        raise InvalidInput("network_type required")
    kind = kind or "vxlan"
    if kind not in TYPES:
        raise InvalidInput(f"network_type value '{kind}' not supported")
    if kind == "vxlan":
        _check_vxlan(tx, physical, number)
        return {"network_type": kind, "physical_network": None, "segmentation_id": number or _next(tx)}
    if number is not None:
        raise InvalidInput(f"segmentation_id prohibited for {kind} provider network")
    if kind == "flat":
        _check_flat(tx, physical)
    elif physical is not None:
        raise InvalidInput("physical_network prohibited for local provider network")
    return {"network_type": kind, "physical_network": physical, "segmentation_id": None}


def _check_vxlan(tx: Tx, physical: str | None, number: int | None) -> None:
    if physical is not None:
        raise InvalidInput("provider:physical_network specified for vxlan network")
    if number is None:
        return
    if not 1 <= number <= _LAST_VNI:
        raise InvalidInput(f"segmentation_id out of range (1 through {_LAST_VNI})")
    if tx.exists(Network, Network.c.network_type == "vxlan", Network.c.segmentation_id == number):
        raise Conflict(
            f"Unable to create the network. The tunnel ID {number} is in use.", kind="TunnelIdInUse"
        )


def _check_flat(tx: Tx, physical: str | None) -> None:
    if not physical:
        raise InvalidInput("physical_network required for flat provider network")
    if tx.exists(Network, Network.c.network_type == "flat", Network.c.physical_network == physical):
        raise Conflict(
            f"Unable to create the flat network. Physical network {physical} is in use.",
            kind="FlatNetworkInUse",
        )


def _next(tx: Tx) -> int:
    highest = tx.scalar(
        sa.select(sa.func.max(Network.c.segmentation_id)).where(Network.c.network_type == "vxlan")
    )
    return int(highest or 0) + 1


def mtu(kind: str | None, asked: int) -> int:
    """The MTU of a network of this type; what its encapsulation leaves when none is asked for."""
    largest = _MTU[kind or "vxlan"]
    if asked > largest:
        raise InvalidInput(f"Requested MTU is too big, maximum is {largest}")
    return asked or largest
