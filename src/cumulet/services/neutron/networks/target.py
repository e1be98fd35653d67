# SPDX-License-Identifier: Apache-2.0
"""Policy targets that know their network: rules ask for its owner, and whether it is shared or external."""

from collections.abc import Mapping
from typing import Any

from cumulet.kernel.db import Tx
from cumulet.services.neutron.networks.model import Network

_OF_NETWORK = ("network:project_id", "network:tenant_id", "shared", "router:external")


class NetworkTarget(dict[str, Any]):
    """The fields of a thing on a network; what is the network's own is read when a rule asks for it."""

    def __init__(self, tx: Tx, fields: Mapping[str, Any]) -> None:
        super().__init__(fields)
        self._tx = tx

    def __missing__(self, key: str) -> Any:
        if key not in _OF_NETWORK:
            raise KeyError(key)
        network = self._tx.get(Network, self.get("network_id"))
        owner = network.project_id if network is not None else ""
        shared = network is not None and network.shared
        external = network is not None and network.external
        self.update(zip(_OF_NETWORK, (owner, owner, shared, external), strict=True))
        return self[key]


def of_network(tx: Tx, fields: Mapping[str, Any]) -> NetworkTarget:
    return NetworkTarget(tx, fields)
