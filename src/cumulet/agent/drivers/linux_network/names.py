# SPDX-License-Identifier: Apache-2.0
"""What the plane calls its namespaces and links, so that each can be found again, and only ours is removed.

A link's name holds 15 characters; the kind in front and the first 11 of an id fit. The whole id stands in the
link's alias.
"""

import re
from typing import NamedTuple

from cumulet.contracts.documents import tap_name

MACHINE_BRIDGE = "br-machine"
"""The one bridge of all external networks, joined to the machine."""

MACHINE_PEER = "machine"
"""The plane's end of the pair to the machine."""

_HOST = re.compile(r"[A-Za-z0-9][A-Za-z0-9.-]{0,63}")
_OWNED = re.compile(r"(?P<kind>dhcp|router)-(?P<id>.+)")


class Owned(NamedTuple):
    """A namespace of the plane besides its first: what it serves."""

    kind: str
    id: str


class Names:
    """The names of one host's plane. The underscore, which no host name holds, ends the host's part."""

    def __init__(self, host: str) -> None:
        if not _HOST.fullmatch(host):
            raise ValueError(f"{host!r} is no host name: use letters, digits, dots and hyphens.")
        self.plane = f"cumulet-{host}"

    def dhcp(self, network_id: str) -> str:
        return f"{self.plane}_dhcp-{network_id}"

    def router(self, router_id: str) -> str:
        return f"{self.plane}_router-{router_id}"

    def owned(self, namespace: str) -> Owned | None:
        """What a namespace serves; None when it is the plane's first, or not ours at all."""
        head, mark, tail = namespace.partition("_")
        match = _OWNED.fullmatch(tail) if head == self.plane and mark else None
        return Owned(match["kind"], match["id"]) if match else None


def bridge_name(network_id: str) -> str:
    return "br-" + network_id[:11]


def dhcp_names(network_id: str) -> tuple[str, str]:
    """The bridge's end and the namespace's end of a network's DHCP leg."""
    return "dh-" + network_id[:11], "ns-" + network_id[:11]


def leg_names(port_id: str, *, gateway: bool = False) -> tuple[str, str]:
    """The bridge's end and the router's end of a router's leg."""
    return "rp-" + port_id[:11], ("qg-" if gateway else "qr-") + port_id[:11]


__all__ = [
    "MACHINE_BRIDGE",
    "MACHINE_PEER",
    "Names",
    "Owned",
    "bridge_name",
    "dhcp_names",
    "leg_names",
    "tap_name",
]
