# SPDX-License-Identifier: Apache-2.0
"""The machine's end of a host's network: its one link here, which says whose it is.

A host's namespaces are named by the host alone, so two clouds that called this machine the same would undo
one another's networks. The link's alias names the folder of the plane that made it, as long as it exists.
"""

import hashlib
from pathlib import Path

LINKS = Path("/sys/class/net")


def machine_link(host: str) -> str:
    """The name of the link: the host's name when it fits in 15 characters, else its digest."""
    name = f"cml-{host}"
    return name if len(name) <= 15 else "cml-" + hashlib.sha256(host.encode()).hexdigest()[:11]


def other_owner(alias: str, folder: Path) -> Path | None:
    """The folder of another plane that a link's alias names, if that still exists."""
    _, _, said = alias.partition(" ")
    return Path(said) if said and Path(said) != folder and Path(said).exists() else None


def taken_by(host: str, folder: Path) -> Path | None:
    """The folder of another plane that has this host's networks on this machine now."""
    try:
        alias = (LINKS / machine_link(host) / "ifalias").read_text().strip()
    except OSError:
        return None
    return other_owner(alias, folder)
