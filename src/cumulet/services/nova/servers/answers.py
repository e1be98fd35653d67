# SPDX-License-Identifier: Apache-2.0
"""How a server is answered after it was changed."""

from typing import Any

from cumulet.kernel.auth.context import Context
from cumulet.kernel.db import Tx
from cumulet.kernel.resource.shapes import Answer, At, Part, Shape, bare, keys, shape
from cumulet.kernel.resource.views import render
from cumulet.kernel.versions import microversion
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
    for name in [name for name in body if _is_later(name)]:
        del body[name]
    for listed in body["addresses"].values():
        for item in listed:
            del item["OS-EXT-IPS:type"], item["OS-EXT-IPS-MAC:mac_addr"]
    return body


def changed(**beside: Part) -> Answer:
    """The schema of `changed_view`, and of what stands beside it."""

    def made(at: At) -> Shape:
        whole = shape(bare(Server, **beside), at)
        if at.version >= microversion("2.75"):
            return whole
        kept = shape(keys(beside), at)["properties"]
        parts = {n: part for n, part in whole["properties"].items() if n in kept or not _is_later(n)}
        return {**whole, "properties": parts, "required": [n for n in whole["required"] if n in parts]}

    return made


def _is_later(name: str) -> bool:
    return name in LATER or name.startswith("OS-EXT-SRV-ATTR:")
