# SPDX-License-Identifier: Apache-2.0
"""What a volume shows that is not in its row as it stands."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any
from uuid import NAMESPACE_DNS, uuid5

from cumulet.kernel.auth.context import Context
from cumulet.kernel.db import Tx
from cumulet.kernel.resource.views import OMIT
from cumulet.services.cinder.attachments.model import Attachment, attachments_of
from cumulet.services.cinder.types.model import types_by_id

if TYPE_CHECKING:
    from cumulet.services.cinder.volumes.model import Volume

BACKEND = "local"
"""The name of the one backend that a host has: its own disk."""


def backend_host(host: str) -> str:
    """A host as the service that keeps its volumes is called."""
    return f"{host}@{BACKEND}"


def pool(host: str) -> str:
    """The one pool of a host, as os-vol-host-attr:host and get_pools write it."""
    return f"{host}@{BACKEND}#{BACKEND}"


def pool_of(ctx: Context, volume: "Volume") -> str | None:
    return pool(volume.host) if volume.host else None


def service_of(ctx: Context, volume: "Volume") -> str | None:
    """A UUID for the service that keeps the volume; the same host always has the same."""
    return str(uuid5(NAMESPACE_DNS, backend_host(volume.host))) if volume.host else None


def bootable_word(ctx: Context, volume: "Volume") -> str:
    """Cinder writes this boolean as a word."""
    return "true" if volume.is_bootable else "false"


def image_metadata(ctx: Context, volume: "Volume") -> Any:
    """What is known of the image that the volume was made from, if there is anything."""
    return volume.image_metadata or OMIT


def type_names(tx: Tx, ctx: Context, volumes: "Sequence[Volume]") -> dict[str, str]:
    """The name of each volume's type."""
    types = types_by_id(tx, {volume.volume_type_id for volume in volumes})
    return {volume.id: types[volume.volume_type_id].name for volume in volumes}


def attachment_list(tx: Tx, ctx: Context, volumes: "Sequence[Volume]") -> dict[str, list[dict[str, Any]]]:
    """Who has each volume now. Hosts are named to administrators and services only."""
    shows_hosts = ctx.is_admin or "service" in ctx.identity.roles or "service" in ctx.service_roles
    time = ctx.service.api.wire.time
    found = attachments_of(tx, [volume.id for volume in volumes])

    def view(item: Attachment) -> dict[str, Any]:
        return {
            "id": item.volume_id,
            "attachment_id": item.id,
            "volume_id": item.volume_id,
            "server_id": item.server_id,
            "host_name": item.host if shows_hosts else None,
            "device": item.device,
            "attached_at": time(item.attached_at) if item.attached_at else None,
        }

    return {
        volume_id: [view(item) for item in items if item.status == "attached"]
        for volume_id, items in found.items()
    }
