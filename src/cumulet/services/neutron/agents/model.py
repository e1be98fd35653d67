# SPDX-License-Identifier: Apache-2.0
"""What an agent is: one for each host and kind of work, alive as long as its host is."""

import uuid
from collections.abc import Sequence
from typing import Any

from cumulet.kernel.auth.context import Context
from cumulet.kernel.bus import HostFacts
from cumulet.kernel.db import Tx
from cumulet.kernel.hosts import HostRow
from cumulet.kernel.resource import Resource, field, ident, loaded
from cumulet.lib import timestamps
from cumulet.lib.timestamps import Timestamp
from cumulet.services.neutron import values

DHCP_AGENT, L3_AGENT, L2_AGENT = "DHCP agent", "L3 agent", "Linux bridge agent"
_KINDS = {
    DHCP_AGENT: ("neutron-dhcp-agent", "dhcp_agent"),
    L3_AGENT: ("neutron-l3-agent", "l3_agent"),
    L2_AGENT: ("neutron-linuxbridge-agent", "N/A"),
}
_NAMESPACE = uuid.UUID("6d1c8a2e-5b7d-4c9e-9f0a-2f1d3b5e7a90")


def hosts_of(tx: Tx, rows: Sequence[Any]) -> dict[str, HostRow]:
    return tx.get_many(HostRow, {row.host for row in rows})


def alive_of(tx: Tx, ctx: Context, rows: Sequence[Any]) -> dict[str, bool]:
    hosts = hosts_of(tx, rows)
    return {row.id: hosts[row.host].state == "up" for row in rows if row.host in hosts}


def heartbeats_of(tx: Tx, ctx: Context, rows: Sequence[Any]) -> dict[str, str]:
    """When each host was last heard of, as agents have always written it."""
    hosts = hosts_of(tx, rows)
    return {row.id: spaced(hosts[row.host].seen_at) for row in rows if row.host in hosts}


def spaced(moment: Timestamp) -> str:
    """`2026-11-20 10:00:00`"""
    return timestamps.without_zone(moment)[:19].replace("T", " ")


class Agent(Resource, service="neutron", path="/agents", member="agent"):
    """A part of Neutron on a host."""

    missing = "Agent {id} could not be found."

    id: str = ident()
    agent_type: str = field(filter=True, sort=True)
    binary: str = field(filter=True, sort=True)
    topic: str = field(filter=True, sort=True)
    host: str = field(filter=True, sort=True, index=True)
    admin_state_up: bool = field(default=True, update=True, filter=True, sort=True, convert=values.flag)
    description: str | None = field(
        default=None, update=True, filter=True, sort=True, convert=values.or_none(values.text(255))
    )
    availability_zone: str = field(default="nova", filter=True)
    configurations: dict[str, Any] = field(default_factory=dict)
    resources_synced: bool | None = field(default=None)
    created_at: str = field(default="", sort=True)
    started_at: str = field(default="", sort=True)
    alive: bool = loaded(alive_of, default=False)
    heartbeat_timestamp: str = loaded(heartbeats_of, default=None)

    @classmethod
    def visible(cls, ctx: Context) -> Any:
        return None


def host_connected(tx: Tx, facts: HostFacts) -> None:
    """A host that connects has one agent of each kind."""
    for kind, (binary, topic) in _KINDS.items():
        id = agent_id(facts.name, kind)
        row = tx.get(Agent, id)
        moment = spaced(tx.now)
        if row is None:
            tx.insert(
                Agent(
                    id=id,
                    agent_type=kind,
                    binary=binary,
                    topic=topic,
                    host=facts.name,
                    created_at=moment,
                    started_at=moment,
                )
            )
        else:
            tx.update(row, started_at=moment)


def agent_id(host: str, kind: str) -> str:
    """The same id whenever the host comes back."""
    return str(uuid.uuid5(_NAMESPACE, f"{host}/{kind}"))
