# SPDX-License-Identifier: Apache-2.0
"""What a host can be told to make true: one frozen record for each kind of host document.

A service publishes a document in the transaction that changes its rows; the agent of the host makes it
true and reports. A document says what should be, never what to do: a reboot is a counter that grew, a
detached disk is a disk that is no longer listed. Applying one twice changes nothing.

The wire form is JSON (msgspec). A field that is added gets a default, so that a host of the release
before can read a document of this one, and the other way round.
"""

from typing import Literal

import msgspec


class Document(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=False):
    """The head of every kind; what must be true before it is said in `cumulet.agent.needs`."""

    kind = ""

    id: str


# -- networks ---------------------------------------------------------------------------------------


class HostRoute(msgspec.Struct, frozen=True):
    """A static route that DHCP hands out, or that a router holds."""

    destination: str
    nexthop: str


class SubnetSpec(msgspec.Struct, frozen=True, kw_only=True):
    """An address range of a network, as DHCP and router advertisements present it."""

    id: str
    cidr: str
    ip_version: Literal[4, 6]
    gateway_ip: str | None = None
    enable_dhcp: bool = True
    dns_nameservers: tuple[str, ...] = ()
    host_routes: tuple[HostRoute, ...] = ()
    dhcp_ip: str | None = None
    """The address of the network's DHCP port in this subnet; every host of the network answers on it."""
    ipv6_ra_mode: Literal["slaac", "dhcpv6-stateful", "dhcpv6-stateless"] | None = None
    ipv6_address_mode: Literal["slaac", "dhcpv6-stateful", "dhcpv6-stateless"] | None = None


class NetworkDocument(Document, frozen=True, kw_only=True):
    """A layer-2 network is present on the host: a bridge, its DHCP and metadata service.

    An external network is the bridge that joins the host's plane to the machine: the machine itself holds
    the gateway address of each of its subnets there, so floating IPs answer from the machine.
    """

    kind = "network"

    id: str
    mtu: int = 1500
    external: bool = False
    segmentation_id: int | None = None
    dhcp_mac: str | None = None
    subnets: tuple[SubnetSpec, ...] = ()


# -- ports and their filters ------------------------------------------------------------------------------


class FixedIp(msgspec.Struct, frozen=True):
    subnet_id: str
    ip_address: str


class AddressPair(msgspec.Struct, frozen=True):
    """An address, or a CIDR, that a port may send from besides its own."""

    ip_address: str
    mac_address: str


class PortDocument(Document, frozen=True, kw_only=True):
    """A port of a server is plugged: a tap on its network's bridge, with DHCP, anti-spoofing and filters.

    With `port_security` false the port is neither filtered nor checked for spoofing. The tap's name is a
    function of the port's id (`cumulet.contracts.documents.tap_name`), so guests find it.
    """

    kind = "port"

    id: str
    network_id: str
    mac_address: str
    fixed_ips: tuple[FixedIp, ...] = ()
    hostname: str = ""
    server_id: str | None = None
    admin_state_up: bool = True
    port_security: bool = True
    security_group_ids: tuple[str, ...] = ()
    allowed_address_pairs: tuple[AddressPair, ...] = ()
    dhcp_options: tuple[tuple[str, str], ...] = ()


class FilterRule(msgspec.Struct, frozen=True, kw_only=True):
    """One accept rule of a security group; what no rule accepts is dropped. `None` matches anything."""

    direction: Literal["ingress", "egress"]
    ethertype: Literal["IPv4", "IPv6"]
    protocol: str | None = None
    """A name that nft knows (tcp, udp, icmp, ipv6-icmp, sctp ...) or a number from 0 to 255."""
    port_range_min: int | None = None
    """For icmp and ipv6-icmp: the type."""
    port_range_max: int | None = None
    """For icmp and ipv6-icmp: the code."""
    remote_ip_prefix: str | None = None
    remote_group_id: str | None = None


class SecurityGroupDocument(Document, frozen=True, kw_only=True):
    """The rules of a group that ports of this host use.

    Members of a group on this host are read from its port documents; `remote_members` are the addresses of
    members on other hosts.
    """

    kind = "security_group"

    id: str
    stateful: bool = True
    rules: tuple[FilterRule, ...] = ()
    remote_members: tuple[str, ...] = ()


# -- routers ------------------------------------------------------------------------------------------------


class RouterInterface(msgspec.Struct, frozen=True, kw_only=True):
    """A leg of a router; `cidrs` are its addresses with prefix lengths."""

    port_id: str
    network_id: str
    mac_address: str
    mtu: int = 1500
    cidrs: tuple[str, ...]


class RouterGateway(RouterInterface, frozen=True, kw_only=True):
    """The leg to an external network; `next_hops` are the default routes, `snat` masks inner addresses."""

    next_hops: tuple[str, ...] = ()
    snat: bool = True


class FloatingIpSpec(msgspec.Struct, frozen=True, kw_only=True):
    """A 1:1 translation of an external address to the fixed address of a port behind the router."""

    id: str
    floating_ip_address: str
    fixed_ip_address: str


class RouterDocument(Document, frozen=True, kw_only=True):
    """A router runs in a namespace of its own: interfaces, routes, SNAT, floating IPs, metadata."""

    kind = "router"

    id: str
    admin_state_up: bool = True
    interfaces: tuple[RouterInterface, ...] = ()
    gateway: RouterGateway | None = None
    floating_ips: tuple[FloatingIpSpec, ...] = ()
    routes: tuple[HostRoute, ...] = ()


# -- volumes ---------------------------------------------------------------------------------------------


class VolumeSource(msgspec.Struct, frozen=True, kw_only=True):
    """What a new volume, or a snapshot, is filled from; exactly one is set, or none for an empty volume."""

    image_id: str | None = None
    snapshot_id: str | None = None
    volume_id: str | None = None


class VolumeDocument(Document, frozen=True, kw_only=True):
    """A volume's file exists with this size, filled once from its source; it can grow, never shrink.

    With `exported` it is served on a unix socket of the host, named by the volume's id, for guests of this
    host; growing it while it is served works.
    """

    kind = "volume"

    id: str
    size_gb: int
    source: VolumeSource = VolumeSource()
    exported: bool = False


class VolumeSnapshotDocument(Document, frozen=True, kw_only=True):
    """A frozen copy of a volume as it was when this was first applied; it depends on no other file."""

    kind = "volume_snapshot"

    id: str
    volume_id: str


# -- guests ------------------------------------------------------------------------------------------------


class GuestNic(msgspec.Struct, frozen=True, kw_only=True):
    """A NIC of a guest; it is plugged into the tap of its port document."""

    port_id: str
    mac_address: str
    mtu: int = 1500


class GuestDisk(msgspec.Struct, frozen=True, kw_only=True):
    """A volume given to a guest; `device` is the name that the user sees, such as /dev/vdb."""

    volume_id: str
    device: str
    boot_index: int | None = None
    """0 is the disk that the guest boots from, in place of a root disk made from an image."""
    attachment_id: str = ""
    serial: str = ""
    """Shown to the guest; the volume's id by custom."""
    volume_host: str | None = None
    """The host that serves the volume where that is not the guest's, but on its fabric."""


class GuestRescue(msgspec.Struct, frozen=True, kw_only=True):
    """A disk made from an image, from which a guest boots in place of its own disk.

    It comes before the guest's disks, or after them when the rescue is `stable`, so that they keep their
    names. `count` tells one rescue from the next: each has a disk made anew.
    """

    image_id: str
    count: int
    stable: bool = False
    device: str = "disk"
    """disk or cdrom."""
    bus: str = "virtio"
    """One that the host knows: virtio, scsi, sata, ide or usb."""


class GuestDocument(Document, frozen=True, kw_only=True):
    """A virtual machine: what it is made of, and in what power state it should be.

    `reboots` and `hard_reboots` count; when one is higher than what the host has carried out the guest is
    reset once. `rebuilds` counts likewise: the root disk is made anew from `image_id`. With `power` stopped
    the guest gets an ACPI power-down and, after `shutdown_timeout` seconds, is switched off. A suspended
    guest's memory is saved to disk and its process ends.
    """

    kind = "guest"

    id: str
    name: str
    hostname: str
    vcpus: int
    memory_mb: int
    root_gb: int = 0
    """Size of the root disk made from the image; 0 means as large as the image says."""
    ephemeral_gb: int = 0
    swap_mb: int = 0
    image_id: str | None = None
    """None when the guest boots from a volume."""
    disk_from: str | None = None
    """The host on the same fabric that has the guest's disk, while the guest is new here."""
    disks: tuple[GuestDisk, ...] = ()
    nics: tuple[GuestNic, ...] = ()
    power: Literal["running", "stopped", "paused", "suspended"] = "running"
    reboots: int = 0
    hard_reboots: int = 0
    rebuilds: int = 0
    shutdown_timeout: int = 60
    rescue: GuestRescue | None = None
    """While it is there the guest boots from it; its own disks are not changed by its coming and going."""
    config_drive: dict[str, str] | None = None
    """Path on the drive to its content, base64; None when the guest has no config drive."""
    machine: dict[str, str] = {}
    """Properties hw_* of the image and hw:* of the flavor that the host understands."""


DOCUMENTS: dict[str, type[Document]] = {
    cls.kind: cls
    for cls in (
        NetworkDocument,
        PortDocument,
        SecurityGroupDocument,
        RouterDocument,
        VolumeDocument,
        VolumeSnapshotDocument,
        GuestDocument,
    )
}
"""Every kind of document, in the order in which an agent makes them true; it removes in reverse."""


def tap_name(port_id: str) -> str:
    """Name of a port's tap: 14 characters, so that it fits the kernel's 15."""
    return "tap" + port_id[:11]
