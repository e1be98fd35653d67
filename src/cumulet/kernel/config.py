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
    host_grace: float = 60.0
    """For how many seconds a host that is down is waited for by what only it could have. An agent is back
    in seconds and most machines within a minute; a user would rather be told than wait much longer."""
    limit_model: str = "flat"
    """How a domain's unified limits bear on its projects: flat or strict_two_level."""
    policies: dict[str, dict[str, Any]] = field(default_factory=dict)
    """Operators' overrides of policy rules, by service."""
