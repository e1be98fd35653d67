# SPDX-License-Identifier: Apache-2.0
"""What other services ask of Neutron in their own transaction."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from cumulet.contracts.documents import GuestNic
from cumulet.kernel.auth.context import Context
from cumulet.kernel.db import Tx


@dataclass(frozen=True, kw_only=True)
class NicRequest:
    """A NIC that a server wants: on a port that exists, or on a network where one is made for it."""

    network_id: str | None = None
    port_id: str | None = None
    fixed_ip: str | None = None
    security_groups: Sequence[str] = ()
    """Names or ids; the project's default group when there are none."""
    tag: str | None = None


@dataclass(frozen=True, kw_only=True)
class Nic:
    """A port of a server, with what Nova shows and tells the guest. `made_for_server` ports end with
    their server.
    """

    port_id: str
    network_id: str
    network_name: str
    mac_address: str
    mtu: int
    status: str
    fixed_ips: Sequence[dict[str, Any]] = ()
    """{"subnet_id", "ip_address", "version", "cidr", "gateway_ip", "dns_nameservers", "host_routes"}"""
    floating_ips: Sequence[tuple[str, str]] = ()
    """(floating address, fixed address)"""
    security_groups: Sequence[tuple[str, str]] = ()
    """(id, name)"""
    made_for_server: bool = False
    host: str | None = None
    tag: str | None = None

    def guest_nic(self) -> GuestNic:
        return GuestNic(port_id=self.port_id, mac_address=self.mac_address, mtu=self.mtu)


@dataclass(frozen=True)
class NetworkInfo:
    id: str
    name: str
    project_id: str
    shared: bool = False
    subnet_ids: Sequence[str] = field(default_factory=tuple)


class Ports(Protocol):
    """The ports of servers. The caller's policy and quota are checked where a port is made."""

    def usable_networks(self, tx: Tx, ctx: Context) -> list[NetworkInfo]:
        """Networks on which the caller's server would be put when it names none: the project's own,
        else shared ones.
        """

    def network(self, tx: Tx, ctx: Context, network_id: str) -> NetworkInfo | None: ...

    def plug(self, tx: Tx, ctx: Context, server_id: str, zone: str, nic: NicRequest) -> Nic:
        """Make a port for a server, or give it one that exists and is free; it is not bound to a host yet.

        Raises errors.NotFound, Conflict (the port is used), BadRequest and OverQuota in Neutron's words.
        """

    def bind(self, tx: Tx, ctx: Context, server_id: str, host: str, hostname: str) -> list[list[Any]]:
        """Bind every port of a server to a host and publish what the host needs for them.

        Returns [port id, generation] pairs for `Hosts.made_true(host, "port", ...)`. Binding again to the
        same host changes nothing.
        """

    def unbind(self, tx: Tx, ctx: Context, server_id: str) -> None:
        """No port of the server is on a host any more; what was published for them is withdrawn."""

    def unplug(self, tx: Tx, ctx: Context, server_id: str, port_id: str | None = None) -> None:
        """Release one port of a server, or all: those made for it are deleted, the others are free again."""

    def nics(self, tx: Tx, server_ids: Iterable[str]) -> dict[str, list[Nic]]:
        """The ports of servers in the order in which they were plugged, one query for all servers."""

    def server_of_address(
        self, tx: Tx, *, address: str, network_id: str = "", router_id: str = ""
    ) -> str | None:
        """The server that has this fixed address on the network, or behind the router: for metadata."""

    def security_groups_of(self, tx: Tx, server_id: str) -> list[tuple[str, str]]:
        """(id, name) of the groups on a server's ports."""

    def add_security_group(self, tx: Tx, ctx: Context, server_id: str, name: str) -> None: ...

    def remove_security_group(self, tx: Tx, ctx: Context, server_id: str, name: str) -> None: ...

    def bound_ports(self, tx: Tx) -> dict[str, str]:
        """Port id to server id of every bound port, for invariants."""
