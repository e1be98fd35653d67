# SPDX-License-Identifier: Apache-2.0
"""A request for a volume: what it is made from, its size and its type; then the row and its saga."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from cumulet.contracts.glance import ImageInfo, Images
from cumulet.kernel import ids, saga
from cumulet.kernel.auth.context import Context
from cumulet.kernel.db import Tx
from cumulet.kernel.errors import BadRequest, NotFound
from cumulet.kernel.http.messages import as_flag
from cumulet.kernel.ids import is_uuid
from cumulet.kernel.resource.finding import fetch_by_key
from cumulet.lib.units import whole_gib
from cumulet.services.cinder import metadata
from cumulet.services.cinder.errors import InvalidInput, InvalidSnapshot, InvalidVolume, missing
from cumulet.services.cinder.quotas.usage import charge_volume
from cumulet.services.cinder.snapshots.model import Snapshot
from cumulet.services.cinder.types.model import VolumeType, default_type, find_type
from cumulet.services.cinder.volumes import flows, states
from cumulet.services.cinder.volumes.model import Volume

ZONES = ("nova",)
"""The availability zones of storage: all hosts are in one."""
NO_MULTIATTACH = (
    "multiattach parameter has been removed. The default behavior is to use multiattach enabled volume "
    "types. Contact your administrator to create a multiattach enabled volume type and use it to create "
    "multiattach volumes."
)
Given = Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class Source:
    """What a volume is filled from, as far as the volume takes after it. An empty volume's has nothing."""

    least_gb: int = 0
    too_small: str = ""
    type_id: str | None = None
    zone: str | None = None
    is_bootable: bool = False
    image_metadata: Mapping[str, str] = field(default_factory=dict)


def create_volume(tx: Tx, ctx: Context, given: Given) -> Volume:
    """Accept a volume: the row, its quota and the saga that makes it, or nothing."""
    given = _plain(given)
    source = _source(tx, ctx, given)
    volume_type = _type(tx, ctx, given, source)
    size = _size(given, source)
    check_type_size(volume_type, size)
    project_id = str(ctx.project_id)
    charge_volume(tx, ctx, project_id, size, volume_type)
    volume = tx.insert(
        Volume(
            id=ids.dashed(),
            name=given.get("name"),
            description=given.get("description"),
            size=size,
            target_size=size,
            availability_zone=_zone(given, source, volume_type),
            volume_type_id=volume_type.id,
            snapshot_id=given.get("snapshot_id"),
            source_volid=given.get("source_volid"),
            image_id=given.get("image_id"),
            is_bootable=source.is_bootable,
            multiattach=volume_type.multiattach,
            image_metadata=dict(source.image_metadata),
            project_id=project_id,
            user_id=ctx.user_id,
        )
    )
    if words := given.get("metadata"):
        metadata.add(tx, metadata.VolumeMetadata, volume.id, words)
    saga.start(tx, ctx, flows.create_volume, volume_id=volume.id)
    return volume


def _plain(given: Given) -> dict[str, Any]:
    """What was given, without what means nothing; refused where this cloud has no such thing."""
    known = {name: value for name, value in given.items() if value not in (None, "")}
    if as_flag(known.get("multiattach", False)):
        raise BadRequest(NO_MULTIATTACH)
    for name, noun in (("backup_id", "Backup"), ("group_id", "Group"), ("consistencygroup_id", "Group")):
        if name in known:
            raise missing(noun, known[name])
    return known


# -- the source -------------------------------------------------------------------------------------------


def _source(tx: Tx, ctx: Context, given: dict[str, Any]) -> Source:
    names = {"snapshot_id": "snapshot", "source_volid": "source volume", "image_id": "imageRef"}
    asked = [word for name, word in names.items() if name in given]
    if len(asked) > 1:
        raise InvalidInput(f"May specify only one of {', '.join(sorted(names.values()))}")
    if "snapshot_id" in given:
        return _from_snapshot(tx, ctx, given["snapshot_id"])
    if "source_volid" in given:
        return _from_volume(tx, ctx, given["source_volid"])
    if "image_id" in given:
        given["image_id"] = _image_id(given["image_id"])
        return _from_image(tx, ctx, given["image_id"], given)
    return Source()


def _from_snapshot(tx: Tx, ctx: Context, snapshot_id: str) -> Source:
    snapshot: Snapshot = fetch_by_key(tx, ctx, Snapshot, snapshot_id, "volume:get_snapshot")
    if snapshot.status != "available":
        raise InvalidSnapshot("Originating snapshot status must be one of 'available' values")
    return Source(
        least_gb=snapshot.volume_size,
        too_small="Volume size '{size}'GB cannot be smaller than the snapshot size "
        f"{snapshot.volume_size}GB. They must be >= original snapshot size.",
        type_id=snapshot.volume_type_id,
        is_bootable=snapshot.is_bootable,
        image_metadata=snapshot.image_metadata,
    )


def _from_volume(tx: Tx, ctx: Context, volume_id: str) -> Source:
    volume: Volume = fetch_by_key(tx, ctx, Volume, volume_id, "volume:get")
    if volume.status not in states.COPYABLE:
        words = ", ".join(states.COPYABLE)
        raise InvalidVolume(f"Originating source volume status must be one of '{words}' values")
    return Source(
        least_gb=volume.size,
        too_small="Volume size '{size}'GB cannot be smaller than original volume size  "
        f"{volume.size}GB. They must be >= original volume size.",
        type_id=volume.volume_type_id,
        zone=volume.availability_zone,
        is_bootable=volume.is_bootable,
        image_metadata=volume.image_metadata,
    )


def _image_id(reference: str) -> str:
    """The id in an imageRef, which may be a link to the image."""
    id = reference.rstrip("/").rpartition("/")[2]
    if not is_uuid(id):
        raise BadRequest("Invalid imageRef provided.")
    return id


def _from_image(tx: Tx, ctx: Context, image_id: str, given: Given) -> Source:
    ctx.require("volume:create_from_image")
    image = find_image(tx, ctx, image_id)
    if image is None:
        raise BadRequest("Invalid image identifier or unable to access requested image.")
    if image.status != "active":
        raise InvalidInput(f"Image {image_id} is not active.")
    size = int(given.get("size", 0))
    needed = whole_gib(max(image.size or 0, image.virtual_size or 0))
    if needed > size > 0:
        raise InvalidInput(f"Size of specified image {needed}GB is larger than volume size {size}GB.")
    if image.min_disk > size > 0:
        raise InvalidInput(
            f"Volume size {size}GB cannot be smaller than the image minDisk size {image.min_disk}GB."
        )
    return Source(is_bootable=True, image_metadata=described(image))


def find_image(tx: Tx, ctx: Context, image_id: str) -> ImageInfo | None:
    """The image, None when the caller may not see one such, or there is no Glance."""
    if not tx.app.has("glance"):
        return None
    return tx.app.contract(Images).image(tx, ctx.within("glance"), image_id)


def described(image: ImageInfo) -> dict[str, str]:
    """An image as a volume that was made from it remembers it: every value is a text."""
    fixed = {
        "image_id": image.id,
        "image_name": image.name,
        "checksum": image.checksum,
        "container_format": image.container_format,
        "disk_format": image.disk_format,
        "min_disk": image.min_disk,
        "min_ram": image.min_ram,
        "size": image.size,
    }
    known = {key: str(value) for key, value in fixed.items() if value is not None}
    return {**{key: str(value) for key, value in image.properties.items()}, **known}


# -- size, type, zone ---------------------------------------------------------------------------------------


def _size(given: Given, source: Source) -> int:
    size = int(given.get("size", 0)) or source.least_gb
    if size <= 0:
        shown = given.get("size")
        raise InvalidInput(f"Volume size '{shown}' must be an integer and greater than 0")
    if size < source.least_gb:
        raise InvalidInput(source.too_small.format(size=size))
    return size


def _type(tx: Tx, ctx: Context, given: Given, source: Source) -> VolumeType:
    if "volume_type" in given:
        return find_type(tx, ctx, given["volume_type"])
    if source.type_id is not None:
        return tx.need(VolumeType, source.type_id)
    wanted = source.image_metadata.get("cinder_img_volume_type")
    if wanted is not None:
        try:
            return find_type(tx, ctx, wanted)
        except NotFound:
            pass
    return default_type(tx, ctx.project_id)


def check_type_size(volume_type: VolumeType, size: int) -> None:
    """Raise InvalidInput when the type bounds the size of its volumes and this one is outside."""
    least = volume_type.extra_specs.get("provisioning:min_vol_size")
    most = volume_type.extra_specs.get("provisioning:max_vol_size")
    if least and size < int(least):
        raise InvalidInput(
            f"Specified volume size of '{size}' is less than the minimum required size of '{least}' for "
            f"volume type '{volume_type.name}'."
        )
    if most and size > int(most):
        raise InvalidInput(
            f"Specified volume size of '{size}' is greater than the maximum allowable size of '{most}' for "
            f"volume type '{volume_type.name}'."
        )


def _zone(given: Given, source: Source, volume_type: VolumeType) -> str:
    allowed = volume_type.extra_specs.get("RESKEY:availability_zones")
    zones = tuple(word.strip() for word in allowed.split(",")) if allowed else ZONES
    usable = [zone for zone in zones if zone in ZONES]
    if not usable:
        raise BadRequest(f"Volume type is only supported in these availability zones: {', '.join(zones)}")
    zone = given.get("availability_zone") or source.zone or usable[0]
    if zone not in usable:
        raise BadRequest(f"Availability zone '{zone}' is invalid.")
    return str(zone)
