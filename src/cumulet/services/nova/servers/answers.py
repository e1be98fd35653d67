# SPDX-License-Identifier: Apache-2.0
"""How a server is answered after it was changed."""

from typing import Any

from cumulet.kernel.auth.context import Context
from cumulet.kernel.db import Tx
from cumulet.kernel.resource.views import render
from cumulet.services.nova.servers.model import Server

LATER = frozenset(
    {
        "OS-EXT-AZ:availability_zone",
        "config_drive",
        "key_name",
        "OS-EXT-STS:task_state",
        "OS-EXT-STS:vm_state",
        "OS-EXT-STS:power_state",
        "OS-SRV-USG:launched_at",
        "OS-SRV-USG:terminated_at",
        "os-extended-volumes:volumes_attached",
        "security_groups",
        "host_status",
    }
)
"""What an update and a rebuild answer from 2.75 only, besides all OS-EXT-SRV-ATTR."""


def changed_view(tx: Tx, ctx: Context, server: Server) -> dict[str, Any]:
    """A server as an update answers it: like a show from 2.75, shorter before."""
    body = render(tx, ctx, Server, [server])[0]
    if ctx.at("2.75"):
        return body
    for name in [name for name in body if name in LATER or name.startswith("OS-EXT-SRV-ATTR:")]:
        del body[name]
    for listed in body["addresses"].values():
        for item in listed:
            del item["OS-EXT-IPS:type"], item["OS-EXT-IPS-MAC:mac_addr"]
    return body
