# SPDX-License-Identifier: Apache-2.0
"""A host that is only imagined: twins of every driver, over one world in memory.

The twins check what the real drivers check and observe what they observe, so that the whole cloud runs
without root, without KVM and in milliseconds, in `--simulate` and in tests. Nothing listens on an address,
and nobody computes anything inside a guest.
"""

from typing import Any

from cumulet.agent.driver import Driver
from cumulet.agent.drivers.simulated.faults import Faults
from cumulet.agent.drivers.simulated.guests import SimulatedGuests
from cumulet.agent.drivers.simulated.networks import (
    SimulatedNetworks,
    SimulatedPorts,
    SimulatedRouters,
    SimulatedSecurityGroups,
)
from cumulet.agent.drivers.simulated.volumes import SimulatedSnapshots, SimulatedVolumes
from cumulet.agent.drivers.simulated.world import World

__all__ = ["Faults", "World", "simulated_drivers"]


def simulated_drivers(world: World) -> list[Driver[Any]]:
    """A driver of every kind over this world; a second set finds what the first one made."""
    return [
        SimulatedNetworks(world),
        SimulatedSecurityGroups(world),
        SimulatedPorts(world),
        SimulatedRouters(world),
        SimulatedVolumes(world),
        SimulatedSnapshots(world),
        SimulatedGuests(world),
    ]
