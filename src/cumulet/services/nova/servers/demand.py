# SPDX-License-Identifier: Apache-2.0
"""What a server takes of its host, in Placement's words."""

import re
from typing import Any

from cumulet.contracts.placement import Demand
from cumulet.services.nova.servers.model import Server

_RESOURCE = re.compile(r"resources:([A-Z0-9_]+)")
_TRAIT = re.compile(r"trait:([A-Z0-9_]+)")


def demand_of(server: Server) -> Demand:
    """The server's flavor and image as amounts and traits; `resources:X` in the flavor replaces an amount."""
    amounts = {"VCPU": server.vcpus, "MEMORY_MB": server.memory_mb, "DISK_GB": server.disk_gb}
    specs: dict[str, Any] = {**server.flavor_copy.get("extra_specs", {})}
    required: list[str] = []
    forbidden: list[str] = []
    for key, value in {**server.image_properties, **specs}.items():
        if (match := _RESOURCE.fullmatch(key)) and key in specs and str(value).isdecimal():
            amounts[match[1]] = int(value)
        elif match := _TRAIT.fullmatch(key):
            {"required": required, "forbidden": forbidden}.get(str(value), []).append(match[1])
    return Demand(
        resources={name: amount for name, amount in amounts.items() if amount > 0},
        required=required,
        forbidden=forbidden,
    )
