# SPDX-License-Identifier: Apache-2.0
"""Neutron's own refusals: clients match on type and sentence, which are those of upstream's exceptions.

Most are raised where they arise, as `Conflict(sentence, kind="NetworkInUse")`; here are those with a common
form.
"""

from cumulet.kernel.errors import BadRequest, Conflict, Error, NotFound
from cumulet.kernel.quota import Shortage


class BadResource(BadRequest):
    """A request that makes no sense for its resource: `Bad router request: ...`."""

    def __init__(self, resource: str, text: str) -> None:
        super().__init__(f"Bad {resource} request: {text}.", kind="BadRequest")


class InvalidInput(BadRequest):
    """A value that upstream's plugins, rather than its validators, refuse."""

    def __init__(self, text: str) -> None:
        super().__init__(f"Invalid input for operation: {text}.", kind="InvalidInput")


class QuotaExceeded(Conflict):
    """A limit of the project would be passed; Neutron answers 409."""


def over_quota(short: list[Shortage]) -> Error:
    names = sorted(item.resource for item in short)
    return QuotaExceeded(f"Quota exceeded for resources: {names}.", kind="OverQuota")


def hidden() -> NotFound:
    """What is said of a thing that the caller may not even know of."""
    return NotFound("The resource could not be found.", kind="HTTPNotFound")
