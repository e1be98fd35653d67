# SPDX-License-Identifier: Apache-2.0
"""On which host a router or a network's DHCP service runs, where nothing else decides it."""

from collections import Counter
from typing import Any

import sqlalchemy as sa

from cumulet.kernel.db import Tx
from cumulet.kernel.hosts import HostRow
from cumulet.services.neutron.hosting.publish import PLUGGED
from cumulet.services.neutron.ports.model import DHCP, Port
from cumulet.services.neutron.routers.model import Router


def is_known(tx: Tx, host: str) -> bool:
    return bool(host) and tx.exists(HostRow, HostRow.c.id == host)


def binding(tx: Tx, host: str) -> dict[str, Any]:
    """The columns of a port that is bound to this host, or to none."""
    if not host:
        return {"host": "", "vif_type": "unbound"}
    return {"host": host, "vif_type": PLUGGED if is_known(tx, host) else "binding_failed"}


def host_for_dhcp(tx: Tx, network_id: str) -> str:
    """A host that carries the network, or the one with the fewest DHCP services; empty when there is none."""
    query = sa.select(Port.c.host, sa.func.count()).where(Port.c.device_owner == DHCP).group_by(Port.c.host)
    return _best(tx, [network_id], dict(tx.execute(query).fetchall()))


def host_for_router(tx: Tx, network_ids: list[str]) -> str:
    """The host that carries most ports of the router's networks, or the one with the fewest routers."""
    query = sa.select(Router.c.host, sa.func.count()).group_by(Router.c.host)
    return _best(tx, network_ids, dict(tx.execute(query).fetchall()))


def _best(tx: Tx, network_ids: list[str], load: dict[str, int]) -> str:
    up: list[str] = list(tx.execute(sa.select(HostRow.c.id).where(HostRow.c.state == "up")).scalars())
    if len(up) < 2:
        return up[0] if up else ""
    query = (
        sa.select(Port.c.host, sa.func.count())
        .where(Port.c.network_id.in_(network_ids), Port.c.vif_type == PLUGGED)
        .group_by(Port.c.host)
    )
    near: Counter[str] = Counter(dict(tx.execute(query).fetchall()))
    return min(up, key=lambda host: (-near[host], load.get(host, 0), host))
