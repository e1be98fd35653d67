# SPDX-License-Identifier: Apache-2.0
"""The smallest valid image files: for snapshots of guests and volumes that exist in imagination only."""

import asyncio
from pathlib import Path

from cumulet.lib.qcow2 import empty_qcow2


async def write_empty_image(path: str, virtual_bytes: int, image_format: str = "qcow2") -> int:
    """A file that holds an empty disk of this size; how many bytes long it is."""
    return await asyncio.to_thread(_write, Path(path), virtual_bytes, image_format)


async def file_bytes(path: str) -> int:
    """How long a file is; 0 when it is not there."""
    return await asyncio.to_thread(_length, Path(path))


def _write(path: Path, virtual_bytes: int, image_format: str) -> int:
    content = empty_qcow2(virtual_bytes) if image_format == "qcow2" else bytes(512)
    path.write_bytes(content)
    return len(content)


def _length(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0
