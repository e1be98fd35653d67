# SPDX-License-Identifier: Apache-2.0
"""What a floating IP is."""

from collections.abc import Sequence
from typing import Any

from cumulet.kernel.auth.context import Context
from cumulet.kernel.db import Tx
from cumulet.kernel.resource import field, given, loaded
from cumulet.services.neutron import values
from cumulet.services.neutron.ports.model import Port
from cumulet.services.neutron.standard import Owned, tags_of


def port_details_of(tx: Tx, ctx: Context, rows: Sequence[Any]) -> dict[str, dict[str, Any]]:
    """What is worth knowing of the ports behind floating IPs."""
    ports: dict[str, Port] = tx.get_many(Port, (row.port_id for row in rows if row.port_id is not None))
    return {
        row.id: {name: ports[row.port_id].__dict__[name] for name in _DETAILS}
        for row in rows
        if row.port_id in ports
    }


_DETAILS = ("name", "network_id", "mac_address", "admin_state_up", "status", "device_id", "device_owner")


class FloatingIp(
    Owned,
    service="neutron",
    path="/floatingips",
    member="floatingip",
    noun="floating ip",
    unique=(("port_id", "fixed_ip_address", "floating_network_id"),),
):
    """An address of an external network that a router translates to a port's."""

    missing = "Floating IP {id} could not be found"
    missing_kind = "FloatingIPNotFound"

    tags: list[str] = loaded(tags_of, default=())
    floating_network_id: str = field(
        create=True, filter=True, sort=True, references="neutron_networks.id", index=True, convert=values.uuid
    )
    floating_ip_address: str = field(
        default="",
        create=True,
        filter=True,
        sort=True,
        index=True,
        set_rule="{verb}_floatingip:floating_ip_address",
        convert=values.or_none(values.address),
    )
    floating_port_id: str = field(default="", hidden=True, index=True)
    subnet_id: str | None = given(default=None, convert=values.or_none(values.uuid))
    port_id: str | None = field(
        default=None,
        create=True,
        update=True,
        filter=True,
        references="neutron_ports.id",
        convert=values.or_none(values.uuid),
    )
    fixed_ip_address: str | None = field(
        default=None, create=True, update=True, filter=True, sort=True, convert=values.or_none(values.address)
    )
    router_id: str | None = field(
        default=None, filter=True, sort=True, references="neutron_routers.id", index=True
    )
    status: str = field(default="DOWN", filter=True, sort=True)
    dns_name: str = field(default="", create=True, convert=values.host_name)
    dns_domain: str = field(default="", create=True, convert=values.domain_name)
    port_details: dict[str, Any] | None = loaded(port_details_of, default=None)
