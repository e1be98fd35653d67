# SPDX-License-Identifier: Apache-2.0
"""Floating IPs let go of ports that are no more."""

from cumulet.kernel.auth.context import Context
from cumulet.kernel.db import Tx
from cumulet.services.neutron.floating_ips.model import FloatingIp
from cumulet.services.neutron.hosting import publish


def release_port(tx: Tx, ctx: Context, port_id: str, addresses: set[str] | None = None) -> None:
    """No floating IP leads to the port any more, or to these of its addresses."""
    routers = set()
    for floating in tx.all(FloatingIp, FloatingIp.c.port_id == port_id):
        if addresses is not None and floating.fixed_ip_address not in addresses:
            continue
        if floating.router_id is not None:
            routers.add(floating.router_id)
        tx.update(floating, port_id=None, fixed_ip_address=None, router_id=None, status="DOWN")
    for router_id in sorted(routers):
        publish.router(tx, ctx, router_id)


def is_floated(tx: Tx, port_id: str, addresses: set[str]) -> bool:
    """Whether a floating IP leads to one of these addresses of the port."""
    return tx.exists(
        FloatingIp, FloatingIp.c.port_id == port_id, FloatingIp.c.fixed_ip_address.in_(addresses)
    )
