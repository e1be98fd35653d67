# SPDX-License-Identifier: Apache-2.0
"""The disks that an image names instead of holding one: what a server that boots from a volume leaves behind.

Such an image has no content. Its property `block_device_mapping` lists the disks as a request for a server
does in `block_device_mapping_v2`, and `bdm_v2` says that this is the syntax.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from cumulet.kernel.errors import BadRequest
from cumulet.kernel.resource.schema import compile_schema
from cumulet.lib.memo import memo
from cumulet.services.nova.servers import schemas
from cumulet.services.nova.servers.model import BlockDevice

NEWEST = 2104
PROPERTY, SYNTAX = "block_device_mapping", "bdm_v2"


def written(devices: Sequence[tuple[BlockDevice, str, int]], root: str | None) -> dict[str, str]:
    """The properties of an image that names these snapshots: (device, its snapshot, GiB) of each."""
    disks = [
        {
            "source_type": "snapshot",
            "destination_type": "volume",
            "snapshot_id": snapshot_id,
            "boot_index": device.boot_index,
            "device_name": device.device,
            "delete_on_termination": device.delete_on_termination,
            "volume_size": size_gb,
        }
        for device, snapshot_id, size_gb in devices
    ]
    text = msgspec.json.encode(disks).decode()
    return {PROPERTY: text, SYNTAX: "True", **({"root_device_name": root} if root else {})}


def read(properties: Mapping[str, str]) -> list[dict[str, Any]]:
    """The disks that an image names. Raises BadRequest when they make no sense."""
    if PROPERTY not in properties or properties.get(SYNTAX, "").lower() != "true":
        return []
    try:
        listed = msgspec.json.decode(properties[PROPERTY], type=list[dict[str, Any]])
        known = schemas.device(NEWEST)["properties"]
        items = [{k: v for k, v in item.items() if k in known and v is not None} for item in listed]
    except (msgspec.DecodeError, RecursionError):
        raise _senseless() from None
    if not _validator(NEWEST).is_valid(items):
        raise _senseless()
    return items


def _senseless() -> BadRequest:
    return BadRequest("Block Device Mapping is Invalid: the image's own mapping makes no sense.")


@memo
def _validator(version: int) -> Any:
    return compile_schema({"type": "array", "items": schemas.device(version)})
