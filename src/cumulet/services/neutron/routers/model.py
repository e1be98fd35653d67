# SPDX-License-Identifier: Apache-2.0
"""What a router is."""

from collections.abc import Sequence
from typing import Any

from cumulet.kernel.auth.context import Context
from cumulet.kernel.db import Tx
from cumulet.kernel.resource import computed, field, loaded
from cumulet.services.neutron import values
from cumulet.services.neutron.ports.model import addresses_of
from cumulet.services.neutron.routers.gateway_values import gateway_info
from cumulet.services.neutron.standard import Standard


def gateways_of(tx: Tx, ctx: Context, rows: Sequence[Any]) -> dict[str, dict[str, Any]]:
    """external_gateway_info of routers that have one."""
    with_gateway = {row.gateway_port_id: row for row in rows if row.gateway_port_id is not None}
    held = addresses_of(tx, ctx, [_PortId(port_id) for port_id in with_gateway])
    return {
        row.id: {
            "network_id": row.gateway_network_id,
            "enable_snat": row.enable_snat,
            "external_fixed_ips": held.get(port_id, []),
        }
        for port_id, row in with_gateway.items()
    }


class _PortId:
    """As much of a port as a loader of ports looks at."""

    def __init__(self, id: str) -> None:
        self.id = id


class Router(Standard, service="neutron", path="/routers", member="router"):
    """Joins subnets with each other and, by its gateway, with an external network. It runs on one host."""

    missing = "Router {id} could not be found"

    admin_state_up: bool = field(
        default=True, create=True, update=True, filter=True, sort=True, convert=values.flag
    )
    status: str = field(default="ACTIVE", filter=True, sort=True)
    external_gateway_info: dict[str, Any] | None = loaded(
        gateways_of,
        default=None,
        create=True,
        update=True,
        set_rule="{verb}_router:external_gateway_info",
        convert=gateway_info,
    )
    routes: list[dict[str, str]] = field(
        default_factory=list, update=True, convert=values.or_empty(values.routes)
    )
    availability_zone_hints: list[str] = field(default_factory=list, create=True, convert=values.texts(255))
    availability_zones: list[str] = computed(lambda ctx, row: ["nova"] if row.host else [])
    flavor_id: str | None = computed(lambda ctx, row: None)
    enable_snat: bool = field(default=True, hidden=True)
    gateway_network_id: str | None = field(
        default=None, hidden=True, references="neutron_networks.id", index=True
    )
    gateway_port_id: str | None = field(default=None, hidden=True, references="neutron_ports.id", index=True)
    host: str = field(default="", hidden=True, index=True)
