# SPDX-License-Identifier: Apache-2.0
"""GET /limits: what a project may have, and what it has."""

from typing import Any

from cumulet.kernel import quota
from cumulet.kernel.auth.context import Context
from cumulet.kernel.db import Tx
from cumulet.kernel.http.endpoint import route
from cumulet.kernel.http.messages import Request
from cumulet.kernel.resource.shapes import keys, until

# name in the answer: quota, last microversion
MAXIMA = {
    "maxTotalInstances": ("instances", ""),
    "maxTotalCores": ("cores", ""),
    "maxTotalRAMSize": ("ram", ""),
    "maxTotalKeypairs": ("key_pairs", ""),
    "maxServerMeta": ("metadata_items", ""),
    "maxImageMeta": ("metadata_items", "2.38"),
    "maxPersonality": ("injected_files", "2.56"),
    "maxPersonalitySize": ("injected_file_content_bytes", "2.56"),
    "maxServerGroups": ("server_groups", ""),
    "maxServerGroupMembers": ("server_group_members", ""),
}
USED = {
    "totalInstancesUsed": "instances",
    "totalCoresUsed": "cores",
    "totalRAMUsed": "ram",
    "totalServerGroupsUsed": "server_groups",
}
NEUTRONS = {
    "maxTotalFloatingIps": -1,
    "maxSecurityGroups": -1,
    "maxSecurityGroupRules": -1,
    "totalFloatingIpsUsed": 0,
    "totalSecurityGroupsUsed": 0,
}
"""Shown below 2.36, when Nova still asked on Neutron's behalf."""


ABSOLUTE = keys(
    {name: until(last, int) if last else int for name, (_, last) in MAXIMA.items()},
    **dict.fromkeys(USED, int),
    **dict.fromkeys(NEUTRONS, until("2.35", int)),
)


@route(
    "GET",
    "/limits",
    policy="os_compute_api:limits",
    query=("tenant_id",),
    answer=keys(limits=keys(rate=list, absolute=ABSOLUTE)),
)
def show_limits(tx: Tx, ctx: Context, request: Request) -> dict[str, Any]:
    """The limits of the caller's project, or of the one that an administrator names."""
    ctx.require("os_compute_api:limits")
    project = request.query.get("tenant_id") or ctx.project_id or ""
    if project != ctx.project_id:
        ctx.require("os_compute_api:limits:other_project", {"project_id": project})
    quotas = ctx.service.api.quotas
    allowed = quota.limits(tx, "nova", quotas, project)
    found = {
        name: allowed[resource]
        for name, (resource, last) in MAXIMA.items()
        if not last or ctx.version <= _number(last)
    }
    found |= {name: quotas[resource].usage(tx, project) for name, resource in USED.items()}
    if not ctx.at("2.36"):
        found |= NEUTRONS
    return {"limits": {"rate": [], "absolute": found}}


def _number(version: str) -> int:
    from cumulet.kernel.versions import microversion

    return microversion(version)


ROUTES = (show_limits,)
