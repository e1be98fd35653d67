# SPDX-License-Identifier: Apache-2.0
"""The services around Nova, in memory: small, but true to their contracts, with real host documents."""

import dataclasses
import itertools
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from cumulet.contracts.cinder import NewVolume, VolumeInfo, Volumes
from cumulet.contracts.documents import FixedIp, NetworkDocument, PortDocument, VolumeDocument
from cumulet.contracts.glance import ImageInfo, Images
from cumulet.contracts.neutron import NetworkInfo, Nic, NicRequest, Ports
from cumulet.contracts.placement import Allocator, Candidate, Demand, Inventory, NoRoom
from cumulet.kernel import hosts, ids
from cumulet.kernel.auth.context import Context
from cumulet.kernel.db import Tx
from cumulet.kernel.errors import BadRequest, Conflict, NotFound
from cumulet.kernel.hosts import ImageSource
from cumulet.kernel.http.wire import WireProfile, error_by_name
from cumulet.kernel.service import Api, Service
from cumulet.testing.people import PROJECT

NETWORK = NetworkInfo(id="11111111-1111-4111-8111-111111111111", name="private", project_id=PROJECT)
IMAGE_ID = "22222222-2222-4222-8222-222222222222"


class MemoryPorts:
    """One network, 10.0.0.0/16, with as many as were asked for beside it."""

    def __init__(self) -> None:
        self.networks = {NETWORK.id: NETWORK}
        self.ports: dict[str, tuple[str | None, Nic]] = {}
        self.numbers = itertools.count(10)

    def add_port(self) -> str:
        nic = self._nic(NETWORK, NicRequest(network_id=NETWORK.id), made=False)
        self.ports[nic.port_id] = (None, nic)
        return nic.port_id

    def usable_networks(self, tx: Tx, ctx: Context) -> list[NetworkInfo]:
        return [network for network in self.networks.values() if network.project_id == ctx.project_id]

    def network(self, tx: Tx, ctx: Context, network_id: str) -> NetworkInfo | None:
        return self.networks.get(network_id)

    def plug(self, tx: Tx, ctx: Context, server_id: str, zone: str, nic: NicRequest) -> Nic:
        if nic.port_id:
            if nic.port_id not in self.ports:
                raise NotFound(f"Port {nic.port_id} could not be found.")
            owner, made = self.ports[nic.port_id]
            if owner is not None:
                raise Conflict(f"Port {nic.port_id} is still in use.")
        else:
            made = self._nic(self.networks[str(nic.network_id)], nic, made=True)
        made = dataclasses.replace(made, tag=nic.tag)
        self.ports[made.port_id] = (server_id, made)
        return made

    def _nic(self, network: NetworkInfo, asked: NicRequest, *, made: bool) -> Nic:
        number = next(self.numbers)
        address = asked.fixed_ip or f"10.0.{number // 250}.{number % 250}"
        fixed = {"subnet_id": ids.dashed(), "ip_address": address, "version": 4, "cidr": "10.0.0.0/16"}
        fixed |= {"gateway_ip": "10.0.0.1", "dns_nameservers": ["10.0.0.2"], "host_routes": []}
        groups = tuple((ids.dashed(), name) for name in asked.security_groups or ("default",))
        return Nic(
            port_id=ids.dashed(),
            network_id=network.id,
            network_name=network.name,
            mac_address=f"fa:16:3e:00:{number // 250:02x}:{number % 250:02x}",
            mtu=1450,
            status="DOWN",
            fixed_ips=(fixed,),
            security_groups=groups,
            made_for_server=made,
        )

    def _of(self, server_id: str) -> list[Nic]:
        return [nic for owner, nic in self.ports.values() if owner == server_id]

    def bind(self, tx: Tx, ctx: Context, server_id: str, host: str, hostname: str) -> list[list[Any]]:
        found = []
        for nic in self._of(server_id):
            self.ports[nic.port_id] = (server_id, dataclasses.replace(nic, host=host, status="ACTIVE"))
            hosts.publish(tx, ctx, host, NetworkDocument(id=nic.network_id, mtu=nic.mtu))
            document = PortDocument(
                id=nic.port_id,
                network_id=nic.network_id,
                mac_address=nic.mac_address,
                fixed_ips=tuple(FixedIp(f["subnet_id"], f["ip_address"]) for f in nic.fixed_ips),
                hostname=hostname,
                server_id=server_id,
            )
            found.append([nic.port_id, hosts.publish(tx, ctx, host, document)])
        return found

    def unbind(self, tx: Tx, ctx: Context, server_id: str) -> None:
        for nic in self._of(server_id):
            self._withdraw(tx, ctx, nic)
            self.ports[nic.port_id] = (server_id, dataclasses.replace(nic, host=None, status="DOWN"))

    def _withdraw(self, tx: Tx, ctx: Context, nic: Nic) -> None:
        if nic.host:
            hosts.withdraw(tx, ctx, nic.host, "port", nic.port_id)

    def unplug(self, tx: Tx, ctx: Context, server_id: str, port_id: str | None = None) -> None:
        for nic in self._of(server_id):
            if port_id in (None, nic.port_id):
                self._withdraw(tx, ctx, nic)
                del self.ports[nic.port_id]
                if not nic.made_for_server:
                    self.ports[nic.port_id] = (None, dataclasses.replace(nic, host=None))

    def nics(self, tx: Tx, server_ids: Iterable[str]) -> dict[str, list[Nic]]:
        wanted: dict[str, list[Nic]] = {id: [] for id in server_ids}
        for owner, nic in self.ports.values():
            if owner in wanted:
                wanted[owner].append(nic)
        return wanted

    def server_of_address(
        self, tx: Tx, *, address: str, network_id: str = "", router_id: str = ""
    ) -> str | None:
        for owner, nic in self.ports.values():
            if any(fixed["ip_address"] == address for fixed in nic.fixed_ips):
                return owner
        return None

    def security_groups_of(self, tx: Tx, server_id: str) -> list[tuple[str, str]]:
        return list(dict.fromkeys(group for nic in self._of(server_id) for group in nic.security_groups))

    def _regroup(self, server_id: str, groups: Sequence[tuple[str, str]]) -> None:
        for nic in self._of(server_id):
            self.ports[nic.port_id] = (server_id, dataclasses.replace(nic, security_groups=tuple(groups)))

    def add_security_group(self, tx: Tx, ctx: Context, server_id: str, name: str) -> None:
        self._regroup(server_id, [*self.security_groups_of(tx, server_id), (ids.dashed(), name)])

    def remove_security_group(self, tx: Tx, ctx: Context, server_id: str, name: str) -> None:
        kept = [group for group in self.security_groups_of(tx, server_id) if group[1] != name]
        self._regroup(server_id, kept)

    def bound_ports(self, tx: Tx) -> dict[str, str]:
        return {id: owner for id, (owner, nic) in self.ports.items() if owner and nic.host}


class MemoryAllocator:
    def __init__(self) -> None:
        self.providers: dict[str, tuple[str, Mapping[str, Inventory]]] = {}
        self.held: dict[str, tuple[str, dict[str, int]]] = {}

    def ensure_provider(
        self, tx: Tx, id: str, name: str, inventories: Mapping[str, Inventory], traits: Sequence[str] = ()
    ) -> None:
        self.providers[id] = (name, inventories)

    def _free(self, provider: str) -> dict[str, int]:
        found = {}
        for name, inventory in self.providers[provider][1].items():
            used = sum(held.get(name, 0) for where, held in self.held.values() if where == provider)
            found[name] = int((inventory.total - inventory.reserved) * inventory.allocation_ratio) - used
        return found

    def candidates(self, tx: Tx, demand: Demand) -> list[Candidate]:
        found = []
        for id, (name, _) in self.providers.items():
            free = self._free(id)
            if all(free.get(kind, 0) >= amount for kind, amount in demand.resources.items()):
                found.append(Candidate(id, name, free))
        return found

    def claim(self, tx: Tx, ctx: Context, consumer_id: str, provider_id: str, demand: Demand) -> None:
        free = self._free(provider_id)
        if any(free.get(kind, 0) < amount for kind, amount in demand.resources.items()):
            raise NoRoom(provider_id)
        self.held[consumer_id] = (provider_id, dict(demand.resources))

    def release(self, tx: Tx, consumer_id: str) -> None:
        self.held.pop(consumer_id, None)

    def held_by(self, tx: Tx, consumer_ids: Sequence[str]) -> dict[str, dict[str, dict[str, int]]]:
        return {id: {self.held[id][0]: self.held[id][1]} for id in consumer_ids if id in self.held}

    def usage(self, tx: Tx, provider_ids: Sequence[str]) -> dict[str, dict[str, int]]:
        found: dict[str, dict[str, int]] = {id: {} for id in provider_ids}
        for where, held in self.held.values():
            for kind, amount in held.items():
                if where in found:
                    found[where][kind] = found[where].get(kind, 0) + amount
        return found

    def consumers(self, tx: Tx) -> set[str]:
        return set(self.held)


class MemoryImages:
    def __init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp())
        (self.folder / IMAGE_ID).write_bytes(b"\0" * 4096)
        self.images = {IMAGE_ID: self._image(IMAGE_ID, "cirros")}

    def _image(self, id: str, name: str, **more: Any) -> ImageInfo:
        values: dict[str, Any] = {"status": "active", "size": 4096, "virtual_size": 4096, "min_disk": 0}
        values |= {"min_ram": 0, "disk_format": "raw", "container_format": "bare"}
        return ImageInfo(id=id, name=name, **(values | more))

    def image(self, tx: Tx, ctx: Context, image_id: str) -> ImageInfo | None:
        return self.images.get(image_id)

    def create(self, tx: Tx, ctx: Context, name: str, properties: Mapping[str, object]) -> str:
        id = ids.dashed()
        self.images[id] = self._image(id, name, status="queued", size=None)
        return id

    def upload_path(self, image_id: str) -> Path:
        return self.folder / image_id

    async def uploaded(self, ctx: Context, image_id: str) -> None:
        size = self.upload_path(image_id).stat().st_size
        self.images[image_id] = dataclasses.replace(self.images[image_id], status="active", size=size)

    def abandon(self, tx: Tx, ctx: Context, image_id: str) -> None:
        self.images.pop(image_id, None)

    async def path(self, image_id: str) -> str | None:
        return str(self.folder / image_id) if image_id in self.images else None


class MemoryVolumes:
    """Volumes that are at once there; each is served on the host that asks for it."""

    def __init__(self) -> None:
        self.volumes: dict[str, VolumeInfo] = {}
        self.attached_to: dict[str, dict[str, Any]] = {}

    def add(self, size_gb: int = 1, *, bootable: bool = False, multiattach: bool = False) -> str:
        id = ids.dashed()
        self.volumes[id] = VolumeInfo(
            id=id,
            name=None,
            size_gb=size_gb,
            status="available",
            bootable=bootable,
            multiattach=multiattach,
            host=None,
        )
        return id

    def _set(self, volume_id: str, **changes: Any) -> None:
        self.volumes[volume_id] = dataclasses.replace(self.volumes[volume_id], **changes)

    def volume(self, tx: Tx, ctx: Context, volume_id: str) -> VolumeInfo | None:
        return self.volumes.get(volume_id)

    def create(self, tx: Tx, ctx: Context, new: NewVolume) -> str:
        return self.add(new.size_gb, bootable=bool(new.image_id or new.snapshot_id))

    async def wait_available(self, ctx: Context, volume_id: str) -> None:
        if volume_id not in self.volumes:
            raise ValueError("it is gone")

    def reserve(self, tx: Tx, ctx: Context, volume_id: str, server_id: str) -> str:
        volume = self.volumes.get(volume_id)
        if volume is None:
            raise NotFound(f"Volume {volume_id} could not be found.")
        if volume.status != "available" and not volume.multiattach:
            raise BadRequest(f"Invalid volume: volume {volume_id} is {volume.status}.")
        id = ids.dashed()
        self.attached_to[id] = {
            "id": id, "volume_id": volume_id, "server_id": server_id, "device": None, "status": "reserved",
        }  # fmt: skip
        self._set(volume_id, status="reserved")
        return id

    def export(self, tx: Tx, ctx: Context, attachment_id: str, host: str, device: str) -> list[Any]:
        attachment = self.attached_to[attachment_id]
        attachment |= {"host": host, "device": device}
        volume = self.volumes[attachment["volume_id"]]
        document = VolumeDocument(id=volume.id, size_gb=volume.size_gb, exported=True)
        return [host, volume.id, hosts.publish(tx, ctx, host, document)]

    def attached(self, tx: Tx, ctx: Context, attachment_id: str) -> None:
        self.attached_to[attachment_id]["status"] = "attached"
        self._set(self.attached_to[attachment_id]["volume_id"], status="in-use")

    def release(self, tx: Tx, ctx: Context, attachment_id: str) -> None:
        attachment = self.attached_to.pop(attachment_id, None)
        if attachment is None:
            return
        if attachment.get("host"):
            hosts.withdraw(tx, ctx, attachment["host"], "volume", attachment["volume_id"])
        if attachment["volume_id"] in self.volumes:
            self._set(attachment["volume_id"], status="available")

    def detaching(self, tx: Tx, ctx: Context, volume_id: str, server_id: str) -> str:
        for id, attachment in self.attached_to.items():
            if (attachment["volume_id"], attachment["server_id"]) == (volume_id, server_id):
                self._set(volume_id, status="detaching")
                return id
        raise NotFound(f"Volume {volume_id} could not be found.")

    def attachments(self, tx: Tx, server_ids: Iterable[str]) -> dict[str, list[dict[str, Any]]]:
        found: dict[str, list[dict[str, Any]]] = {id: [] for id in server_ids}
        for attachment in self.attached_to.values():
            if attachment["server_id"] in found:
                found[attachment["server_id"]].append(attachment)
        return found

    def delete(self, tx: Tx, ctx: Context, volume_id: str) -> None:
        self.volumes.pop(volume_id, None)

    def snapshot(self, tx: Tx, ctx: Context, volume_id: str, name: str) -> str:
        return ids.dashed()


@dataclasses.dataclass
class Neighbours:
    """The services around Nova, and their memories."""

    ports: MemoryPorts = dataclasses.field(default_factory=MemoryPorts)
    allocator: MemoryAllocator = dataclasses.field(default_factory=MemoryAllocator)
    images: MemoryImages = dataclasses.field(default_factory=MemoryImages)
    volumes: MemoryVolumes = dataclasses.field(default_factory=MemoryVolumes)

    def services(self) -> list[Service]:
        offers: dict[str, dict[type, Any]] = {
            "neutron": {Ports: self.ports},
            "placement": {Allocator: self.allocator},
            "glance": {Images: self.images, ImageSource: self.images},
            "cinder": {Volumes: self.volumes},
        }
        return [_service(name, offer) for name, offer in offers.items()]


def _service(name: str, offer: dict[type, Any]) -> Service:
    return Service(
        name=name,
        path=f"/{name}",
        port=1,
        catalog=(),
        api=lambda: Api(prefix="", wire=WireProfile(error=error_by_name), policies={}),
        provides=lambda: offer,
    )
