# SPDX-License-Identifier: Apache-2.0
"""The disks that a request for a server describes, checked and made ready to be written down."""

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from cumulet.contracts.cinder import NewVolume, VolumeInfo, Volumes
from cumulet.contracts.glance import ImageInfo, Images
from cumulet.kernel.auth.context import Context
from cumulet.kernel.db import Tx
from cumulet.kernel.errors import BadRequest, Error, Forbidden, NotFound, OverQuota
from cumulet.kernel.http.messages import as_flag
from cumulet.services.nova.flavors.model import Flavor
from cumulet.services.nova.servers import image_devices
from cumulet.services.nova.servers.asking import Asked
from cumulet.services.nova.servers.devices import name_at
from cumulet.services.nova.servers.model import BlockDevice

_INVALID = "Block Device Mapping is Invalid"


@dataclass(frozen=True, kw_only=True)
class Disk:
    """One disk of a request: what it is made from, and whether it is a volume or on the host itself."""

    source: str
    to_volume: bool
    source_id: str | None = None
    boot_index: int | None = None
    size_gb: int | None = None
    device: str | None = None
    delete_on_termination: bool = False
    tag: str | None = None
    volume_type: str | None = None
    guest_format: str | None = None
    volume: VolumeInfo | None = None
    image: ImageInfo | None = None


@dataclass(frozen=True, kw_only=True)
class Layout:
    """All disks of a server: the image of a local root disk or None, and the volumes in their order."""

    image: ImageInfo | None
    volumes: Sequence[Disk]
    properties: Mapping[str, str]
    """What the image says of itself that the guest is made by, also where a volume was made of it."""

    @property
    def root_is_local(self) -> bool:
        return self.image is not None


def plan(tx: Tx, ctx: Context, asked: Asked, flavor: Flavor, image: ImageInfo | None) -> Layout:
    """The disks that the request means. Raises BadRequest in upstream's words."""
    disks = [_from_legacy(item, number, asked) for number, item in enumerate(asked.legacy_devices)]
    disks += [_disk(item) for item in asked.devices if not _dropped(item)]
    disks, image = _with_those_of_image(tx, ctx, disks, image)
    _check_local(disks, flavor)
    volumes = [_looked_up(tx, ctx, disk) for disk in disks if disk.to_volume]
    origin, image = image, _local_root(tx, ctx, asked, disks, image)
    _check_boot_order(volumes, has_image=image is not None)
    if asked.several and any(disk.source == "volume" for disk in volumes):
        raise BadRequest("Cannot attach one or more volumes to multiple instances")
    root = next((disk for disk in volumes if disk.boot_index == 0), None)
    if root is None:
        return Layout(image=image, volumes=volumes, properties=image.properties if image else {})
    properties = _properties(root) or (origin.properties if origin else {})
    return Layout(image=None, volumes=volumes, properties=properties)


def _local_root(
    tx: Tx, ctx: Context, asked: Asked, disks: list[Disk], image: ImageInfo | None
) -> ImageInfo | None:
    """The image of which the root disk is made; where disks are listed, the list has to name it as such."""
    named = next((disk for disk in disks if disk.source == "image" and not disk.to_volume), None)
    if named is None:
        return None if asked.devices else image
    return image or _image(tx, ctx, str(named.source_id))


def _with_those_of_image(
    tx: Tx, ctx: Context, disks: list[Disk], image: ImageInfo | None
) -> tuple[list[Disk], ImageInfo | None]:
    """The disks with those that the image names, and the image unless one of these is the root.

    A disk of the request takes the place of the image's with the same device name.
    """
    origin = image
    root = next((disk for disk in disks if disk.boot_index == 0), None)
    if origin is None and root is not None and root.source == "image":
        origin = _image(tx, ctx, str(root.source_id))
    named = _named_by(origin) if origin is not None else []
    if any(disk.boot_index == 0 for disk in named):
        disks, image = [disk for disk in disks if disk is not root or disk.source != "image"], None
    taken = {disk.device for disk in disks if disk.device}
    return [*(disk for disk in named if disk.device not in taken), *disks], image


def _named_by(image: ImageInfo) -> list[Disk]:
    return [dataclasses.replace(_disk(item), image=image) for item in image_devices.read(image.properties)]


def _dropped(item: Mapping[str, Any]) -> bool:
    return bool(item.get("no_device"))


def _from_legacy(item: Mapping[str, Any], number: int, asked: Asked) -> Disk:
    """The first syntax: the first disk is the root when there is no image."""
    snapshot = item.get("snapshot_id")
    return Disk(
        source="snapshot" if snapshot else "volume",
        to_volume=True,
        source_id=snapshot or item.get("volume_id"),
        boot_index=0 if number == 0 and asked.image_id is None else None,
        size_gb=int(item["volume_size"]) if item.get("volume_size") else None,
        device=_device_name(item.get("device_name")),
        delete_on_termination=as_flag(item.get("delete_on_termination", False)),
    )


def _disk(item: Mapping[str, Any]) -> Disk:
    source = item.get("source_type") or "blank"
    to = item.get("destination_type") or ("volume" if source in ("volume", "snapshot") else "local")
    index = item.get("boot_index")
    number = None if index is None or int(index) < 0 else int(index)
    source_id = item.get("uuid") or item.get(f"{source}_id")
    if source != "blank" and not source_id:
        raise BadRequest(f"{_INVALID}: Missing device UUID.")
    if source == "volume" and to == "local":
        raise BadRequest(f"{_INVALID}: Mapping volume to local is not supported.")
    if source == "image" and to == "local" and number != 0:
        raise BadRequest(f"{_INVALID}: Mapping image to local is not supported.")
    return Disk(
        source=source,
        to_volume=to == "volume",
        source_id=source_id,
        boot_index=number,
        size_gb=int(item["volume_size"]) if item.get("volume_size") else None,
        device=_device_name(item.get("device_name")),
        delete_on_termination=as_flag(item.get("delete_on_termination", False)),
        tag=item.get("tag"),
        volume_type=item.get("volume_type"),
        guest_format=item.get("guest_format"),
    )


def _device_name(name: str | None) -> str | None:
    if not name:
        return None
    return name if name.startswith("/dev/") else f"/dev/{name}"


def _check_local(disks: Sequence[Disk], flavor: Flavor) -> None:
    local = [disk for disk in disks if disk.source == "blank" and not disk.to_volume]
    swap = sum(disk.size_gb or 0 for disk in local if disk.guest_format == "swap")
    ephemeral = sum(disk.size_gb or 0 for disk in local if disk.guest_format != "swap")
    if swap > flavor.swap_mb:
        raise BadRequest("Swap drive requested is larger than instance type allows.")
    if ephemeral > flavor.ephemeral:
        raise BadRequest(
            "Ephemeral disks requested are larger than the instance type allows. If no size is given in one "
            "block device mapping, flavor ephemeral size will be used."
        )


def _looked_up(tx: Tx, ctx: Context, disk: Disk) -> Disk:
    """The disk with what it is made from; BadRequest when that cannot be used."""
    if disk.source == "blank" and not disk.size_gb:
        raise BadRequest("Blank volumes (source: 'blank', dest: 'volume') need to have non-zero size")
    if disk.source == "image":
        image = _image(tx, ctx, str(disk.source_id))
        if not disk.size_gb:
            raise BadRequest("Images with destination_type 'volume' need to have a non-zero size specified")
        if disk.size_gb < image.min_disk:
            raise BadRequest(
                f"Volume is smaller than the minimum size specified in image metadata. Volume size is "
                f"{disk.size_gb * 2**30} bytes, minimum size is {image.min_disk * 2**30} bytes."
            )
        return dataclasses.replace(disk, image=image)
    if disk.source != "volume":
        return disk
    volume = tx.app.contract(Volumes).volume(tx, ctx, str(disk.source_id))
    if volume is None:
        raise BadRequest(f"{_INVALID}: failed to get volume {disk.source_id}.")
    if disk.boot_index == 0 and not volume.bootable:
        raise BadRequest(f"Block Device {volume.id} is not bootable.")
    check_multiattach(ctx, volume)
    return dataclasses.replace(disk, volume=volume)


def check_multiattach(ctx: Context, volume: VolumeInfo) -> None:
    if volume.multiattach and not ctx.at("2.60"):
        raise BadRequest("Multiattach volumes are only supported starting with compute API version 2.60.")


def _image(tx: Tx, ctx: Context, image_id: str) -> ImageInfo:
    image = tx.app.contract(Images).image(tx, ctx, image_id)
    if image is None:
        raise BadRequest(f"{_INVALID}: failed to get image {image_id}.")
    return image


def _check_boot_order(volumes: Sequence[Disk], *, has_image: bool) -> None:
    """Boot indexes count from 0 without gaps; the image's local disk has 0 where there is one."""
    indexes = sorted(disk.boot_index for disk in volumes if disk.boot_index is not None)
    if has_image:
        indexes = [0, *indexes]
    if not indexes or indexes != list(range(len(indexes))):
        raise BadRequest(
            f"{_INVALID}: Boot sequence for the instance and image/block device mapping combination is not "
            "valid."
        )


def _properties(root: Disk) -> Mapping[str, str]:
    if root.image is not None:
        return root.image.properties
    return root.volume.image_properties if root.volume is not None else {}


# -- writing them down --------------------------------------------------------------------------------


def write(tx: Tx, ctx: Context, server_id: str, zone: str, layout: Layout) -> None:
    """The server's volumes are reserved, or accepted to be made, and noted as its own.

    Raises BadRequest or Forbidden in Cinder's words.
    """
    taken = {disk.device for disk in layout.volumes if disk.device}
    number = 1 if layout.root_is_local else 0
    for disk in sorted(layout.volumes, key=lambda d: (d.boot_index is None, d.boot_index or 0)):
        device = disk.device if disk.device and disk.boot_index != 0 else None
        while device is None or (device in taken and device != disk.device):
            device, number = name_at(number), number + 1
        tx.insert(_device(tx, ctx, server_id, disk, device))


def _device(tx: Tx, ctx: Context, server_id: str, disk: Disk, device: str) -> BlockDevice:
    volumes = tx.app.contract(Volumes)
    attachment = None
    try:
        if disk.source == "volume":
            volume_id = str(disk.source_id)
            attachment = volumes.reserve(tx, ctx, volume_id, server_id)
        else:
            volume_id = volumes.create(tx, ctx, _new_volume(disk))
    except OverQuota as error:
        raise Forbidden(error.message) from error
    except NotFound as error:
        raise BadRequest(error.message) from error
    except Error as error:
        if error.status == 413:
            raise Forbidden(error.message) from error
        raise
    return BlockDevice(
        server_id=server_id,
        volume_id=volume_id,
        attachment_id=attachment,
        source=disk.source,
        boot_index=disk.boot_index,
        device=device,
        tag=disk.tag,
        delete_on_termination=disk.delete_on_termination,
        made_here=disk.source != "volume",
    )


def _new_volume(disk: Disk) -> NewVolume:
    return NewVolume(
        size_gb=disk.size_gb or 0,
        image_id=disk.source_id if disk.source == "image" else None,
        snapshot_id=disk.source_id if disk.source == "snapshot" else None,
        volume_type=disk.volume_type,
    )
