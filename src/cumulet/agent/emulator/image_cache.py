# SPDX-License-Identifier: Apache-2.0
"""Images that this host has used, kept so that root disks can be overlays of them.

A cached image is `images/<id>.qcow2`, made once and never written again, so one copy carries many guests.
An image is immutable, so there is nothing to refresh. What is being made has a name that ends in `.part`.
"""

import asyncio
import shutil
from pathlib import Path
from uuid import uuid4

from cumulet.agent.driver import DriverError, Surroundings
from cumulet.agent.emulator import disk_images, programs
from cumulet.agent.emulator.site import Site


class ImageCache:
    """The cached images of a site; its drivers share one."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self._making: dict[str, asyncio.Lock] = {}

    def start(self) -> None:
        """The folder is there, without the remains of an agent that was killed."""
        self._site.prepare(self._site.images)
        for part in self._site.images.glob("*.part"):
            part.unlink()

    def sweep(self, used: set[str]) -> None:
        """Only images with these ids are kept."""
        for path in self._site.images.glob("*.qcow2"):
            if path.stem not in used:
                path.unlink(missing_ok=True)

    async def path(self, image_id: str, around: Surroundings) -> Path:
        """The cached qcow2 file of an image. Raises DriverError when there is none or it is unfit."""
        cached = self._site.images / f"{image_id}.qcow2"
        async with self._making.setdefault(image_id, asyncio.Lock()):
            if not cached.exists():
                source = await around.image_path(image_id)
                if source is None:
                    raise DriverError(f"Image {image_id} could not be found.")
                await self._fill(Path(source), cached)
        return cached

    async def _fill(self, source: Path, cached: Path) -> None:
        copied = self._new_part()
        converted = self._new_part()
        try:
            await programs.run(["cp", "--sparse=always", "--reflink=auto", str(source), str(copied)])
            self._site.give(copied)
            facts = await disk_images.inspect(self._site, copied)
            if facts.format == "qcow2":
                converted = copied
            else:
                await disk_images.convert(self._site, copied, converted, facts.format)
            converted.chmod(0o444)
            converted.rename(cached)
        finally:
            await asyncio.to_thread(_discard, copied, converted)

    def _new_part(self) -> Path:
        return self._site.images / f"{uuid4()}.part"

    def purge(self) -> None:
        """Nothing is cached any more."""
        shutil.rmtree(self._site.images, ignore_errors=True)


def _discard(*paths: Path) -> None:
    for path in paths:
        path.unlink(missing_ok=True)
