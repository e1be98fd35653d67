# SPDX-License-Identifier: Apache-2.0
"""What a guest wrote on its serial console: kept across reboots, bounded, read from the end.

QEMU appends to the log for ever. When it grows too long its end is kept aside and it is cut to nothing;
QEMU goes on at the new end.
"""

import os
from pathlib import Path

from cumulet.agent.drivers.qemu.folder import Folder

LONGEST = 4 << 20
"""Bytes of log before it is cut."""

KEPT = 1 << 20
"""Bytes of its end that are kept."""


def console_tail(folder: Folder, lines: int | None) -> str:
    """The last lines, or all that is kept."""
    text = b"".join(_end(path, LONGEST) for path in (folder.older_console, folder.console))
    decoded = text.decode(errors="replace").replace("\r\n", "\n")
    return decoded if lines is None else "".join(decoded.splitlines(keepends=True)[-lines:] if lines else [])


def cut_console(folder: Folder) -> None:
    """The log is not longer than it may be."""
    if folder.console.exists() and folder.console.stat().st_size > LONGEST:
        folder.older_console.write_bytes(_end(folder.console, KEPT))
        os.truncate(folder.console, 0)


def _end(path: Path, length: int) -> bytes:
    try:
        with path.open("rb") as file:
            file.seek(max(0, path.stat().st_size - length))
            return file.read()
    except FileNotFoundError:
        return b""
