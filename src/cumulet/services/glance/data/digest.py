# SPDX-License-Identifier: Apache-2.0
"""What is learned of content as it passes: its length, its sums, its format."""

import hashlib
from dataclasses import dataclass

from cumulet.kernel.errors import TooLarge, UnsupportedMediaType
from cumulet.lib.image_format import ImageFormatError, Inspector
from cumulet.lib.image_headers import HEAD

HASH = "sha512"
LARGEST = 1 << 40
"""Bytes of the largest image, as upstream's image_size_cap has it."""

_OPAQUE = ("ovf", "ova", "docker", "compressed")
"""Containers around a disk: what is in them is not looked at."""
_SIGNED_AT_THE_END = ("vhd",)


@dataclass(frozen=True)
class Content:
    """Content that may be kept: its size and the size of the disk in it in bytes, and its sums."""

    size: int
    virtual_size: int | None
    checksum: str
    os_hash_value: str


class Digest:
    """Sums up a stream of bytes that is declared to be an image of these formats."""

    def __init__(
        self, disk_format: str | None, container_format: str | None = None, *, inspected: bool = True
    ) -> None:
        """Unless it is `inspected`, content is only summed up."""
        self.size = 0
        self._format = disk_format or ""
        self._opaque = not inspected or container_format in _OPAQUE
        self._md5 = hashlib.md5(usedforsecurity=False)
        self._hash = hashlib.new(HASH)
        self._inspector = Inspector()

    def feed(self, chunk: bytes) -> None:
        """The next bytes. Raises TooLarge, and UnsupportedMediaType once the content is known to be a lie."""
        before, self.size = self.size, self.size + len(chunk)
        if self.size > LARGEST:
            raise TooLarge("The incoming image is too large: The provided image is too large.")
        self._md5.update(chunk)
        self._hash.update(chunk)
        if self._opaque:
            return
        self._inspector.feed(chunk)
        if before < HEAD <= self.size and self._format not in _SIGNED_AT_THE_END:
            self._require_format()

    def content(self) -> Content:
        """What has passed, all of it. Raises UnsupportedMediaType when it is not what it should be."""
        virtual_size = None
        if not self._opaque:
            self._require_format()
            inspection = self._inspector.result()
            try:
                inspection.require(self._format)
            except ImageFormatError as error:
                raise UnsupportedMediaType(f"Image failed safety checks: {error}") from None
            virtual_size = inspection.virtual_size
        return Content(self.size, virtual_size, self._md5.hexdigest(), self._hash.hexdigest())

    def _require_format(self) -> None:
        found = self._inspector.result()
        if not found.agrees_with(self._format):
            raise UnsupportedMediaType(
                f"Image disk_format {self._format} does not match stream data {found.format}"
            )
