# SPDX-License-Identifier: Apache-2.0
"""What projects can run out of."""

from cumulet.kernel.db import Row, Tx
from cumulet.kernel.quota import Quota
from cumulet.services.neutron.floating_ips.model import FloatingIp
from cumulet.services.neutron.networks.model import Network
from cumulet.services.neutron.ports.model import Port
from cumulet.services.neutron.routers.model import Router
from cumulet.services.neutron.security_groups.model import SecurityGroup, SecurityGroupRule
from cumulet.services.neutron.subnets.model import Subnet


def counted(name: str, default: int, cls: type[Row]) -> Quota:
    def usage(tx: Tx, project_id: str) -> int:
        return tx.count(cls, cls.c.project_id == project_id)

    return Quota(name, default, usage)


QUOTAS = (
    counted("network", 100, Network),
    counted("subnet", 100, Subnet),
    counted("port", 500, Port),
    counted("router", 10, Router),
    counted("floatingip", 50, FloatingIp),
    counted("security_group", 10, SecurityGroup),
    counted("security_group_rule", 100, SecurityGroupRule),
)
