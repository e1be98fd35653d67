# SPDX-License-Identifier: Apache-2.0
"""Settings of a process, handed in from the command line; nothing reads them from anywhere else."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any


@dataclass(frozen=True, kw_only=True)
class Settings:
    """What differs between one cloud and another.

    `state` is the folder that holds everything the cloud keeps. `public_url` is the address by which
    clients come, for the catalog.
    """

    state: Path
    public_url: str = "http://127.0.0.1:9600"
    region: str = "RegionOne"
    admin_password: str = ""
    cors_origins: tuple[str, ...] = ()
    classic_ports: bool = False
    policies: dict[str, dict[str, Any]] = field(default_factory=dict)
    """Operators' overrides of policy rules, by service."""
