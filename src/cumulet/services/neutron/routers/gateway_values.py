# SPDX-License-Identifier: Apache-2.0
"""external_gateway_info as users send it."""

from typing import Any

from cumulet.services.neutron import values

_KEYS = {"network_id", "enable_snat", "external_fixed_ips", "qos_policy_id"}


def gateway_info(value: Any) -> dict[str, Any]:
    """What is asked of a gateway; empty for none."""
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise ValueError(f"'{value}' is not a dictionary")
    if not value:
        return {}
    if "network_id" not in value:
        raise ValueError(
            "Validation of dictionary's keys failed. "
            f"Expected keys: {{'network_id'}} Provided keys: {sorted(value)}"
        )
    if extra := sorted(set(value) - _KEYS):
        raise ValueError(f"Unexpected keys supplied: {', '.join(extra)}")
    found: dict[str, Any] = {"network_id": values.uuid(value["network_id"])}
    if value.get("enable_snat") is not None:
        found["enable_snat"] = values.flag(value["enable_snat"])
    if value.get("external_fixed_ips") is not None:
        found["external_fixed_ips"] = values.fixed_ips(value["external_fixed_ips"])
    return found
