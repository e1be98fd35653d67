# SPDX-License-Identifier: Apache-2.0
"""Cinder's own refusals: the lead of each sentence is what clients match on."""

from cumulet.kernel.errors import BadRequest, Error, NotFound, OverQuota
from cumulet.kernel.quota import Shortage


class InvalidVolume(BadRequest):
    """The volume is not in a state for this."""

    def __init__(self, reason: str) -> None:
        super().__init__(f"Invalid volume: {reason}")


class InvalidSnapshot(BadRequest):
    """The snapshot is not in a state for this."""

    def __init__(self, reason: str) -> None:
        super().__init__(f"Invalid snapshot: {reason}")


class InvalidInput(BadRequest):
    """What was asked for makes no sense, whatever the state of things."""

    def __init__(self, reason: str) -> None:
        super().__init__(f"Invalid input received: {reason}")


class LimitExceeded(OverQuota):
    """A quota of the project would be passed; Cinder answers 413."""

    status = 413
    title = "Request Entity Too Large"

    def __init__(self, message: str, *resources: str) -> None:
        super().__init__(message, resources=resources)
        self.headers["Retry-After"] = "0"


def over_quota(short: list[Shortage]) -> Error:
    """Upstream's sentence for the first shortage."""
    item, names = short[0], [shortage.resource for shortage in short]
    if item.resource == "per_volume_gigabytes":
        return LimitExceeded(
            f"Requested volume size {item.requested}G is larger than maximum allowed limit {item.limit}G.",
            *names,
        )
    if item.resource.startswith("gigabytes"):
        return LimitExceeded(
            f"Requested volume or snapshot exceeds allowed {item.resource} quota. "
            f"Requested {item.requested}G, quota is {item.limit}G and {item.used}G has been consumed.",
            *names,
        )
    if item.resource.startswith("snapshots"):
        return LimitExceeded(f"Maximum number of snapshots allowed ({item.limit}) exceeded", *names)
    return LimitExceeded(
        f"Maximum number of volumes allowed ({item.limit}) exceeded for quota '{item.resource}'.", *names
    )


def missing(noun: str, id: str) -> NotFound:
    """404 for a thing of a kind that this cloud has none of."""
    return NotFound(f"{noun} {id} could not be found.")
