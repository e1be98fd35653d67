# SPDX-License-Identifier: Apache-2.0
"""Where a host keeps its things, and as whom the programs that touch foreign content run.

Images and disks hold what users wrote, so nothing that parses them runs as root: an agent that is root starts
each such program through `setpriv` as the site's user, and gives that user the files. An agent that is not
root runs them as itself.
"""

import os
import shutil
import stat
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from cumulet.agent.driver import DriverError

LONGEST_STATE_DIR = 107 - len("/guests//qmp.sock") - 36
"""Bytes in the path of a unix socket on Linux, less what follows the state directory for a guest."""

KVM = Path("/dev/kvm")


@dataclass(frozen=True)
class Site:
    """A state directory, and the user and group of unprivileged programs (None: those of the agent).

    The directory must be one that the user may pass through. Socket paths have a limit, so it may be 54 bytes
    long at most.
    """

    state_dir: Path
    uid: int | None = None
    gid: int | None = None
    exchange_dir: Path | None = None
    """The folder that the control process shares with this host; one of the host's own without."""

    @property
    def guests(self) -> Path:
        return self.state_dir / "guests"

    @property
    def images(self) -> Path:
        return self.state_dir / "images"

    @property
    def volumes(self) -> Path:
        return self.state_dir / "volumes"

    @property
    def snapshots(self) -> Path:
        return self.state_dir / "snapshots"

    @property
    def exchange(self) -> Path:
        """Where the agent leaves files for the control process, such as images made of guests."""
        return self.exchange_dir or self.state_dir / "exchange"

    @property
    def drops_privileges(self) -> bool:
        return self.uid is not None and os.geteuid() == 0 and self.uid != 0

    def prepare(self, folder: Path) -> None:
        """The folder exists and belongs to the site's user."""
        if len(os.fsencode(self.state_dir)) > LONGEST_STATE_DIR:
            raise DriverError(
                f"The state directory {self.state_dir} is too long a path for unix sockets; "
                f"choose one of at most {LONGEST_STATE_DIR} bytes."
            )
        self.state_dir.mkdir(parents=True, exist_ok=True)
        folder.mkdir(mode=0o711, exist_ok=True)
        self.give(folder)

    def give(self, *paths: Path) -> None:
        """The files belong to the site's user."""
        if self.drops_privileges:
            assert self.uid is not None
            for path in paths:
                os.chown(path, self.uid, -1 if self.gid is None else self.gid)

    def command(self, argv: Sequence[str]) -> list[str]:
        """The argument vector that runs a program as the site's user, without any way to become more."""
        if not self.drops_privileges:
            return list(argv)
        gid = self.uid if self.gid is None else self.gid
        groups = f"--groups={kvm}" if (kvm := _kvm_group()) else "--clear-groups"
        return [
            *("setpriv", f"--reuid={self.uid}", f"--regid={gid}", groups),
            *("--inh-caps=-all", "--bounding-set=-all", "--no-new-privs", *argv),
        ]

    def exchange_target(self, path: str) -> Path:
        """The path of a file to be written, once it is known to lie in the exchange folder.

        The control process names it, and must not have a root agent write elsewhere.
        """
        target = Path(path)
        self.exchange.mkdir(parents=True, exist_ok=True)
        if target.parent.resolve() != self.exchange.resolve() or target.is_symlink():
            raise DriverError(f"{path} is not a file directly in the exchange folder {self.exchange}.")
        return target

    def hand_over(self, made: Path, target: Path) -> None:
        """The file that a program made is now at `target`, owned like the folder that it is in."""
        made.chmod(0o644)
        owner = target.parent.stat()
        if os.geteuid() == 0:
            os.chown(made, owner.st_uid, owner.st_gid)
        shutil.move(made, target)


def volume_socket(state_dir: Path, volume_id: str) -> Path:
    """The unix socket on which an exported volume is served by NBD, under its id, to guests of this host."""
    return state_dir / "volumes" / f"{volume_id}.sock"


def _kvm_group() -> int | None:
    """The group that may use KVM, other than root's."""
    try:
        status = KVM.stat()
    except OSError:
        return None
    return status.st_gid if status.st_gid and status.st_mode & stat.S_IWGRP else None
