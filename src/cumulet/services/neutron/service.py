# SPDX-License-Identifier: Apache-2.0
"""Neutron's manifest."""

from collections.abc import Mapping
from typing import Any

from cumulet.kernel.service import Api, CatalogEntry, ReportHandler, Service


def api() -> Api:
    from cumulet.services.neutron.errors import over_quota
    from cumulet.services.neutron.kinds import KINDS
    from cumulet.services.neutron.networks.api import NETWORKS
    from cumulet.services.neutron.policies import POLICIES
    from cumulet.services.neutron.ports.api import PORTS
    from cumulet.services.neutron.quotas import QUOTAS
    from cumulet.services.neutron.security_groups.api import SECURITY_GROUPS
    from cumulet.services.neutron.security_groups.rules import SECURITY_GROUP_RULES
    from cumulet.services.neutron.subnets.api import SUBNETS
    from cumulet.services.neutron.wire import WIRE

    return Api(
        prefix="/v2.0",
        wire=WIRE,
        policies=POLICIES,
        resources=(NETWORKS, SUBNETS, PORTS, SECURITY_GROUPS, SECURITY_GROUP_RULES),
        quota_list=QUOTAS,
        over_quota=over_quota,
        kinds=KINDS,
    )


def provides() -> Mapping[type, Any]:
    from cumulet.contracts.neutron import Ports
    from cumulet.services.neutron.contract import ServerPorts

    return {Ports: ServerPorts()}


def reports() -> Mapping[str, ReportHandler]:
    from cumulet.services.neutron.ports.reports import port_reported, router_reported

    return {"port": port_reported, "router": router_reported}


SERVICE = Service(
    name="neutron",
    path="/network",
    port=9696,
    catalog=(CatalogEntry("network", "neutron"),),
    admin_rule="context_is_admin",
    api=api,
    provides=provides,
    reports=reports,
)
