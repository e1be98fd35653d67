# SPDX-License-Identifier: Apache-2.0
"""What must be true on a host before something else can be: the order among its documents.

Applies go from the ground up: a guest waits for its ports and volumes, a port for its network and its
security groups. Letting go runs the other way: what a thing holds stays until the thing has released it.
"""

from cumulet.contracts.documents import (
    Document,
    GuestDocument,
    PortDocument,
    RouterDocument,
    VolumeDocument,
    VolumeSnapshotDocument,
)

Key = tuple[str, str]
"""Kind and id of a document."""

_MAY_HOLD = {
    "guest": ("port", "volume"),
    "port": ("network", "security_group"),
    "router": ("network",),
}


def needs(document: Document, exists: bool = False) -> list[Key]:
    """The documents of the host that must be true before this one can be.

    A volume needs its source, and a snapshot its volume, only until it is filled: once it `exists` it stands
    on its own.
    """
    match document:
        case GuestDocument(nics=nics, disks=disks):
            volumes = [("volume", disk.volume_id) for disk in disks if disk.volume_host is None]
            return [("port", nic.port_id) for nic in nics] + volumes
        case PortDocument(network_id=network_id, security_group_ids=groups):
            return [("network", network_id)] + [("security_group", group) for group in groups]
        case RouterDocument(interfaces=interfaces, gateway=gateway):
            legs = interfaces if gateway is None else (*interfaces, gateway)
            return [("network", network_id) for network_id in dict.fromkeys(leg.network_id for leg in legs)]
        case VolumeDocument(source=source) if not exists:
            if source.snapshot_id is not None:
                return [("volume_snapshot", source.snapshot_id)]
            return [] if source.volume_id is None else [("volume", source.volume_id)]
        case VolumeSnapshotDocument(volume_id=volume_id) if not exists:
            return [("volume", volume_id)]
    return []


def is_copied(document: Document) -> bool:
    """Whether what the document needs must only be there, rather than be all that its own document says."""
    return isinstance(document, VolumeDocument | VolumeSnapshotDocument)


def may_hold(kind: str, held_kind: str) -> bool:
    """Whether a thing of one kind can stand on one of the other, for things of unknown making."""
    return held_kind in _MAY_HOLD.get(kind, ())


def withdraws(document: Document | None) -> bool:
    """Whether making this true takes something away from those who hold it: absence, or an ended export."""
    return document is None or (isinstance(document, VolumeDocument) and not document.exported)
