# SPDX-License-Identifier: Apache-2.0
"""When the metadata of a volume may be changed."""

from cumulet.services.cinder.errors import InvalidVolume
from cumulet.services.cinder.volumes.model import Volume
from cumulet.services.cinder.volumes.states import METADATA_LOCKED


def check_unlocked(volume: Volume, doing: str = "Updating") -> None:
    """Raise InvalidVolume while something reads the metadata that must not change under it."""
    if volume.status in METADATA_LOCKED:
        raise InvalidVolume(f"{doing} volume metadata is not allowed for volumes in {volume.status} status.")
