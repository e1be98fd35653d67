# SPDX-License-Identifier: Apache-2.0
"""The network of a host, made of what Linux has: bridges, taps, nft, dnsmasq, namespaces.

    plane = Plane(Path("/var/lib/cumulet/network"), "host1", owner=qemu_uid)
    drivers = linux_network(plane)

`plane.namespace` names the namespace in which guests' taps live; `plane.open_tap(port_id)` hands one out.
"""

from cumulet.agent.drivers.linux_network.network import NetworkDriver
from cumulet.agent.drivers.linux_network.plane import Plane
from cumulet.agent.drivers.linux_network.port import PortDriver
from cumulet.agent.drivers.linux_network.router import RouterDriver
from cumulet.agent.drivers.linux_network.security import SecurityGroupDriver

LinuxNetwork = tuple[NetworkDriver, PortDriver, SecurityGroupDriver, RouterDriver]


def linux_network(plane: Plane) -> LinuxNetwork:
    """The four drivers of one plane, in the order in which they start."""
    networks = NetworkDriver(plane)
    return networks, PortDriver(plane, networks), SecurityGroupDriver(plane), RouterDriver(plane)


__all__ = [
    "LinuxNetwork",
    "NetworkDriver",
    "Plane",
    "PortDriver",
    "RouterDriver",
    "SecurityGroupDriver",
    "linux_network",
]
