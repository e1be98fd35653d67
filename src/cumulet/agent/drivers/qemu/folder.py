# SPDX-License-Identifier: Apache-2.0
"""The folder of a guest, and the record of what was carried out, which survives agents."""

import os
from dataclasses import dataclass
from pathlib import Path

import msgspec

from cumulet.contracts.documents import GuestDocument


class Record(msgspec.Struct, kw_only=True):
    """What the guest's process was last started with, and has been given since.

    It is written before a process is started, with the counters as they are once it runs. So a start that
    was cut short is simply made again, and a reboot happens exactly once: its process is ended, the record
    written, the next process started.
    """

    document: GuestDocument
    """With the disks and NICs that are plugged now, and without what is on the config drive."""
    slots: dict[str, int] = {}
    """PCI slot of every device that can come and go."""
    reboots: int = 0
    hard_reboots: int = 0
    rebuilds: int = 0


@dataclass(frozen=True)
class Folder:
    """Paths of everything that a guest has on the host, but its volumes."""

    path: Path

    @property
    def record(self) -> Path:
        return self.path / "guest.json"

    @property
    def pid(self) -> Path:
        return self.path / "pid"

    @property
    def monitor(self) -> Path:
        return self.path / "qmp.sock"

    @property
    def vnc(self) -> Path:
        return self.path / "vnc.sock"

    @property
    def serial(self) -> Path:
        """A socket that is the guest's serial console, for one client at a time."""
        return self.path / "tty.sock"

    @property
    def console(self) -> Path:
        """All that the guest wrote on its serial console, across reboots."""
        return self.path / "console.log"

    @property
    def older_console(self) -> Path:
        return self.path / "console.log.1"

    @property
    def memory(self) -> Path:
        """The memory of a suspended guest. While it is there, no process has run since it was saved."""
        return self.path / "memory"

    @property
    def unfinished_memory(self) -> Path:
        return self.path / "memory.part"

    def disk(self, name: str) -> Path:
        """File of a local disk: root, ephemeral, swap or config."""
        return self.path / f"{name}.{'qcow2' if name == 'root' else 'raw'}"

    def rescue(self, count: int) -> Path:
        """File of the disk of the guest's nth rescue."""
        return self.path / f"rescue-{count}.qcow2"

    def load(self) -> Record | None:
        """The record, None for a guest that was never started."""
        try:
            return msgspec.json.decode(self.record.read_bytes(), type=Record)
        except FileNotFoundError:
            return None

    def save(self, record: Record) -> None:
        """The record is on the disk, whole, even when the machine loses power."""
        new = self.record.with_suffix(".part")
        with open(new, "wb", opener=_private) as file:
            file.write(msgspec.json.encode(record))
            file.flush()
            os.fsync(file.fileno())
        new.rename(self.record)


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)
