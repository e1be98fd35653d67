# SPDX-License-Identifier: Apache-2.0
"""Volumes and snapshots as qcow2 files; a qemu-storage-daemon serves each exported volume to guests."""

from cumulet.agent.drivers.qsd.snapshots import SnapshotDriver
from cumulet.agent.drivers.qsd.volumes import VolumeDriver

__all__ = ["SnapshotDriver", "VolumeDriver"]
