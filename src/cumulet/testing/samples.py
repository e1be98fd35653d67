# SPDX-License-Identifier: Apache-2.0
"""Documents to try drivers with: one of each kind, what it needs on its host, and how it may change."""

from collections.abc import Callable
from dataclasses import dataclass
from uuid import uuid4

from msgspec.structs import replace

from cumulet.contracts.documents import (
    Document,
    FilterRule,
    FixedIp,
    GuestDisk,
    GuestDocument,
    GuestNic,
    HostRoute,
    NetworkDocument,
    PortDocument,
    RouterDocument,
    RouterInterface,
    SecurityGroupDocument,
    SubnetSpec,
    VolumeDocument,
    VolumeSnapshotDocument,
)


@dataclass(frozen=True)
class Sample:
    """`changed` is the same thing a generation later, `other` a second thing that may exist beside it."""

    document: Document
    changed: Document
    other: Document
    needs: tuple[Document, ...] = ()


def sample_of(kind: str, image_id: str) -> Sample:
    """A sample with ids that were never used."""
    return _SAMPLES[kind](image_id)


def _network() -> NetworkDocument:
    subnet = SubnetSpec(
        id=_id(), cidr="10.77.0.0/24", ip_version=4, gateway_ip="10.77.0.1", dhcp_ip="10.77.0.2"
    )
    return NetworkDocument(id=_id(), mtu=1450, dhcp_mac="fa:16:3e:77:00:02", subnets=(subnet,))


def _group() -> SecurityGroupDocument:
    ssh = FilterRule(
        direction="ingress", ethertype="IPv4", protocol="tcp", port_range_min=22, port_range_max=22
    )
    return SecurityGroupDocument(id=_id(), rules=(FilterRule(direction="egress", ethertype="IPv4"), ssh))


def _port(network: NetworkDocument, group: SecurityGroupDocument, last: int) -> PortDocument:
    return PortDocument(
        id=_id(),
        network_id=network.id,
        mac_address=f"fa:16:3e:77:00:{last:02x}",
        fixed_ips=(FixedIp(network.subnets[0].id, f"10.77.0.{last}"),),
        hostname=f"host-{last}",
        security_group_ids=(group.id,),
    )


def _volume() -> VolumeDocument:
    return VolumeDocument(id=_id(), size_gb=1)


def _network_sample(image_id: str) -> Sample:
    document = _network()
    other = NetworkDocument(id=_id())
    return Sample(document, replace(document, mtu=1400), other)


def _group_sample(image_id: str) -> Sample:
    document = _group()
    return Sample(document, replace(document, rules=document.rules[:1]), _group())


def _port_sample(image_id: str) -> Sample:
    network, group = _network(), _group()
    document = _port(network, group, 10)
    changed = replace(document, port_security=False, security_group_ids=())
    return Sample(document, changed, _port(network, group, 11), (network, group))


def _router_sample(image_id: str) -> Sample:
    network = _network()
    leg = RouterInterface(
        port_id=_id(), network_id=network.id, mac_address="fa:16:3e:77:00:01", cidrs=("10.77.0.1/24",)
    )
    document = RouterDocument(id=_id(), interfaces=(leg,))
    changed = replace(document, routes=(HostRoute("192.0.2.0/24", "10.77.0.9"),))
    return Sample(document, changed, RouterDocument(id=_id()), (network,))


def _volume_sample(image_id: str) -> Sample:
    document = _volume()
    return Sample(document, replace(document, size_gb=2, exported=True), _volume())


def _snapshot_sample(image_id: str) -> Sample:
    volume = _volume()
    document = VolumeSnapshotDocument(id=_id(), volume_id=volume.id)
    return Sample(document, document, VolumeSnapshotDocument(id=_id(), volume_id=volume.id), (volume,))


def _guest_sample(image_id: str) -> Sample:
    network, group, volume = _network(), _group(), replace(_volume(), exported=True)
    port = _port(network, group, 10)
    document = GuestDocument(
        id=_id(),
        name="instance-00000001",
        hostname="sample",
        vcpus=1,
        memory_mb=128,
        image_id=image_id,
        nics=(GuestNic(port_id=port.id, mac_address=port.mac_address, mtu=network.mtu),),
        disks=(GuestDisk(volume_id=volume.id, device="/dev/vdb", serial=volume.id),),
    )
    changed = replace(document, disks=(), power="stopped", shutdown_timeout=0)
    other = replace(document, id=_id(), name="instance-00000002", nics=(), disks=())
    return Sample(document, changed, other, (network, group, port, volume))


def _id() -> str:
    return str(uuid4())


_SAMPLES: dict[str, Callable[[str], Sample]] = {
    "network": _network_sample,
    "security_group": _group_sample,
    "port": _port_sample,
    "router": _router_sample,
    "volume": _volume_sample,
    "volume_snapshot": _snapshot_sample,
    "guest": _guest_sample,
}
