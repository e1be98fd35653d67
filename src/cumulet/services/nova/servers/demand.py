# SPDX-License-Identifier: Apache-2.0
"""What a server takes of its host, in Placement's words."""

import re
from collections.abc import Mapping
from typing import Any

from cumulet.contracts.placement import Demand
from cumulet.services.nova.servers.model import Server

_RESOURCE = re.compile(r"resources:([A-Z0-9_]+)")
_TRAIT = re.compile(r"trait:([A-Z0-9_]+)")
USUAL = ("VCPU", "MEMORY_MB", "DISK_GB")
"""The resource classes of which every flavor says something by itself."""


def asked_for(extra_specs: Mapping[str, Any]) -> dict[str, int]:
    """The amounts of resource classes that a flavor names in its extra specs."""
    matches = ((_RESOURCE.fullmatch(key), str(value)) for key, value in extra_specs.items())
    return {match[1]: int(value) for match, value in matches if match and value.isdecimal()}


def demand_of(server: Server) -> Demand:
    """The server's flavor and image as amounts and traits; `resources:X` in the flavor replaces an amount."""
    specs: dict[str, Any] = {**server.flavor_copy.get("extra_specs", {})}
    usual = dict(zip(USUAL, (server.vcpus, server.memory_mb, server.disk_gb), strict=True))
    amounts = usual | asked_for(specs)
    required: list[str] = []
    forbidden: list[str] = []
    for key, value in {**server.image_properties, **specs}.items():
        if match := _TRAIT.fullmatch(key):
            {"required": required, "forbidden": forbidden}.get(str(value), []).append(match[1])
    return Demand(
        resources={name: amount for name, amount in amounts.items() if amount > 0},
        required=required,
        forbidden=forbidden,
    )
