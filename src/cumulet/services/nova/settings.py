# SPDX-License-Identifier: Apache-2.0
"""What an operator may want otherwise; the defaults are upstream's."""

from dataclasses import dataclass
from typing import Annotated

from msgspec import Meta


@dataclass(frozen=True, kw_only=True)
class NovaSettings:
    """Durations are in seconds."""

    reclaim_instance_interval: Annotated[int, Meta(ge=0)] = 0
    """For which a deleted server can be restored; 0 for never."""
    shelved_offload_time: Annotated[int, Meta(ge=-1)] = 0
    """After which a shelved server leaves its host; -1 keeps it there until somebody asks."""
    resize_confirm_window: Annotated[int, Meta(ge=0)] = 0
    """After which a resize or a migration is confirmed by itself; 0 leaves that to users."""
