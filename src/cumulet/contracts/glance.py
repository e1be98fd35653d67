# SPDX-License-Identifier: Apache-2.0
"""What other services ask of Glance in their own transaction, and of its store outside one."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from cumulet.kernel.auth.context import Context
from cumulet.kernel.db import Tx


@dataclass(frozen=True, kw_only=True)
class ImageInfo:
    """An image as a server or a volume needs to know it. Sizes are bytes, min_disk GiB, min_ram MiB."""

    id: str
    name: str | None
    status: str
    size: int | None
    virtual_size: int | None
    min_disk: int
    min_ram: int
    disk_format: str | None
    container_format: str | None
    checksum: str | None = None
    properties: Mapping[str, str] = field(default_factory=dict)


class Images(Protocol):
    """Images, and the files behind them. `kernel.hosts.ImageSource` gives hosts their paths."""

    def image(self, tx: Tx, ctx: Context, image_id: str) -> ImageInfo | None:
        """An image that the caller may see, None when there is none such."""

    def create(self, tx: Tx, ctx: Context, name: str, properties: Mapping[str, object]) -> str:
        """A queued image of the caller, for the snapshot of a server or a volume; its id.

        `properties` may hold the fields of an image (disk_format, container_format, min_disk, min_ram,
        visibility) besides custom ones. The caller's policy and quota are checked.
        """

    def with_properties(self, tx: Tx, ctx: Context, said: Mapping[str, str]) -> list[str]:
        """The ids of the images of the caller's project, or of an administrator's all, that say this of
        themselves, the newest first.
        """

    def upload_path(self, image_id: str) -> Path:
        """Where a host should write the content of a queued image; the folder exists and hosts may
        write there.
        """

    async def uploaded(self, ctx: Context, image_id: str) -> None:
        """Take over what was written to `upload_path`: inspect it, sum it up, and make the image active.

        May be called again after a crash. Raises ValueError with a sentence when the file is no good.
        """

    def delete(self, tx: Tx, ctx: Context, image_id: str) -> None:
        """The image that was made for a server is gone, with its content, unless it is protected. Nothing
        being there is fine.
        """

    def abandon(self, tx: Tx, ctx: Context, image_id: str) -> None:
        """The image that was to be uploaded will never be: it and its file go. An undo may call this."""
