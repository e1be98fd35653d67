# SPDX-License-Identifier: Apache-2.0
"""Neutron's manifest."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from cumulet.kernel.app import App
from cumulet.kernel.bus import HostFacts
from cumulet.kernel.db import Tx
from cumulet.kernel.reconcile import Reconciler
from cumulet.kernel.service import Api, CatalogEntry, Check, ReportHandler, Service, own_context


def api() -> Api:
    from cumulet.services.neutron import extensions, ip_availability, quotas, tags, versions
    from cumulet.services.neutron.address_scopes.api import ADDRESS_SCOPES
    from cumulet.services.neutron.agents import api as agents
    from cumulet.services.neutron.agents import scheduling
    from cumulet.services.neutron.errors import over_quota
    from cumulet.services.neutron.floating_ips.api import FLOATING_IPS
    from cumulet.services.neutron.kinds import KINDS
    from cumulet.services.neutron.networks.api import NETWORKS
    from cumulet.services.neutron.policies import POLICIES
    from cumulet.services.neutron.ports.api import PORTS
    from cumulet.services.neutron.routers import extra_routes, interfaces
    from cumulet.services.neutron.routers.api import ROUTERS
    from cumulet.services.neutron.security_groups.api import SECURITY_GROUPS
    from cumulet.services.neutron.security_groups.rules import SECURITY_GROUP_RULES
    from cumulet.services.neutron.subnet_pools import api as subnet_pools
    from cumulet.services.neutron.subnet_pools.api import SUBNET_POOLS
    from cumulet.services.neutron.subnets.api import SUBNETS
    from cumulet.services.neutron.wire import WIRE

    return Api(
        prefix="/v2.0",
        wire=WIRE,
        policies=POLICIES,
        resources=(
            NETWORKS,
            SUBNETS,
            SUBNET_POOLS,
            ADDRESS_SCOPES,
            PORTS,
            ROUTERS,
            FLOATING_IPS,
            SECURITY_GROUPS,
            SECURITY_GROUP_RULES,
            agents.AGENTS,
        ),
        routes=(
            *versions.ROUTES,
            *extensions.ROUTES,
            *interfaces.ROUTES,
            *extra_routes.ROUTES,
            *agents.ROUTES,
            *scheduling.ROUTES,
            *quotas.ROUTES,
            *tags.ROUTES,
            *subnet_pools.ROUTES,
            *ip_availability.ROUTES,
        ),
        quota_list=quotas.QUOTAS,
        over_quota=over_quota,
        kinds=KINDS,
    )


def provides() -> Mapping[type, Any]:
    from cumulet.contracts.neutron import Ports
    from cumulet.services.neutron.contract import ServerPorts

    ports: Ports = ServerPorts()
    return {Ports: ports}


def reports() -> Mapping[str, ReportHandler]:
    from cumulet.services.neutron.ports.reports import port_reported, router_reported

    return {"port": port_reported, "router": router_reported}


def reconcilers() -> list[Reconciler]:
    from cumulet.services.neutron.reconcile import follow_rows

    return [Reconciler(follow_rows, 300.0)]


def invariants() -> Sequence[Check]:
    from cumulet.services.neutron.reconcile import INVARIANTS

    return INVARIANTS


def host_connected(tx: Tx, facts: HostFacts) -> None:
    """The host has its agents, and what waited for a host gets it."""
    from cumulet.services.neutron.agents.model import host_connected as note_agents
    from cumulet.services.neutron.reconcile import place_the_waiting

    note_agents(tx, facts)
    place_the_waiting(tx)


async def devstack(app: App, image: Path | None) -> None:
    from cumulet.services.neutron import devstack as known

    await app.db.transact(known.devstack, app, own_context(app, "neutron"))


SERVICE = Service(
    name="neutron",
    path="/network",
    port=9696,
    catalog=(CatalogEntry("network", "neutron"),),
    admin_rule="context_is_admin",
    api=api,
    provides=provides,
    reports=reports,
    reconcilers=reconcilers,
    invariants=invariants,
    host_connected=host_connected,
    devstack=devstack,
)
