# SPDX-License-Identifier: Apache-2.0
"""What other services ask of Cinder in their own transaction."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from cumulet.kernel.auth.context import Context
from cumulet.kernel.db import Tx


@dataclass(frozen=True, kw_only=True)
class VolumeInfo:
    """A volume as a server needs to know it."""

    id: str
    name: str | None
    size_gb: int
    status: str
    bootable: bool
    multiattach: bool
    host: str | None
    image_properties: Mapping[str, str] = field(default_factory=dict)
    """Those of the image that it was made from."""


@dataclass(frozen=True, kw_only=True)
class NewVolume:
    """A volume that a server wants made for it."""

    name: str = ""
    size_gb: int
    image_id: str | None = None
    snapshot_id: str | None = None
    volume_type: str | None = None
    availability_zone: str | None = None


class Volumes(Protocol):
    """The volumes of servers. The caller's policy and quota are checked where a volume is made."""

    def volume(self, tx: Tx, ctx: Context, volume_id: str) -> VolumeInfo | None:
        """A volume that the caller may see."""

    def create(self, tx: Tx, ctx: Context, new: NewVolume) -> str:
        """Accept a volume and start its making; its id."""

    async def wait_available(self, ctx: Context, volume_id: str) -> None:
        """Return once a volume that is being made can be used. Raises ValueError with its fault when
        it went wrong.
        """

    def reserve(self, tx: Tx, ctx: Context, volume_id: str, server_id: str) -> str:
        """Reserve an available volume (or a multi-attach one) for a server; the attachment's id.

        Raises errors.NotFound and BadRequest in Cinder's words.
        """

    def export(self, tx: Tx, ctx: Context, attachment_id: str, host: str, device: str) -> list[Any]:
        """Have the volume served to guests of a host; [volume's host, volume id, generation] for
        `Hosts.made_true`.
        """

    def unexport(self, tx: Tx, ctx: Context, attachment_id: str) -> None:
        """The attachment is as when it was reserved: no host has the volume by it, and its server still may.
        Nothing being there is fine.
        """

    def attached(self, tx: Tx, ctx: Context, attachment_id: str) -> None:
        """The guest has the volume: it is in-use."""

    def release(self, tx: Tx, ctx: Context, attachment_id: str) -> None:
        """End an attachment, whatever its state; the export goes with the last one. Nothing being
        there is fine.
        """

    def detaching(self, tx: Tx, ctx: Context, volume_id: str, server_id: str) -> str:
        """Mark an attached volume as being detached; the attachment's id. Raises NotFound, BadRequest."""

    def attachments(self, tx: Tx, server_ids: Iterable[str]) -> dict[str, list[dict[str, Any]]]:
        """Attachments of servers: {"id", "volume_id", "device", "status"}."""

    def delete(self, tx: Tx, ctx: Context, volume_id: str) -> None:
        """Accept the end of a volume that was made for a server (delete_on_termination)."""

    def snapshot(self, tx: Tx, ctx: Context, volume_id: str, name: str) -> str:
        """Accept a snapshot of a volume, also while it is in use; its id."""

    async def wait_snapshot(self, ctx: Context, snapshot_id: str) -> None:
        """Return once a snapshot can be used. Raises ValueError with its fault when it went wrong."""

    def delete_snapshot(self, tx: Tx, ctx: Context, snapshot_id: str) -> None:
        """Accept the end of a snapshot that was made for a server. Nothing being there is fine."""
