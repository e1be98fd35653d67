# SPDX-License-Identifier: Apache-2.0
"""Refusals in the sentences that clients of Keystone match on."""

from collections.abc import Mapping
from typing import Any

from cumulet.kernel.errors import BadRequest, Conflict, Forbidden, NotFound, Unauthorized

_CLIENT_IN_ERROR = (
    "The server could not comply with the request since it is either malformed or otherwise incorrect. "
    "The client is assumed to be in error."
)


def malformed(what: str) -> BadRequest:
    """A sentence without its full stop, and whose fault it is."""
    return BadRequest(f"{what}. {_CLIENT_IN_ERROR}")


def expecting(attribute: str, target: str) -> BadRequest:
    """Something is missing in a body."""
    return malformed(f"Expecting to find {attribute} in {target}")


def not_allowed(action: str) -> Forbidden:
    """Forbidden for a reason that is no policy rule."""
    return Forbidden(f"You are not authorized to perform the requested action: {action}.")


def forbidden() -> Forbidden:
    """Forbidden, and upstream does not say why."""
    return Forbidden("You are not authorized to perform the requested action.")


class Unproved(Unauthorized):
    """Something was wrong with who somebody claims to be; they are not told what.

    `reason` tells it to who looks after the cloud, where more is to be said than that the proof was none.
    """

    def __init__(self, reason: str = "", *, commit: bool = False) -> None:
        super().__init__("The request you have made requires authentication.", commit=commit)
        self.reason = reason


def unauthorized(reason: str = "", *, commit: bool = False) -> Unproved:
    return Unproved(reason, commit=commit)


class MethodRefused(Unauthorized):
    """A method of proving who one is cannot serve here; `identity` is what the answer tells of methods."""

    def __init__(self, message: str, identity: Mapping[str, Any]) -> None:
        super().__init__(message)
        self.identity = identity


class MethodsMissing(Unauthorized):
    """Somebody has proved something, but not enough; the answer is a receipt of that."""

    def __init__(self, receipt: str, body: Mapping[str, Any]) -> None:
        super().__init__(headers={"Openstack-Auth-Receipt": receipt, "Vary": "X-Auth-Token"})
        self.body = body


def not_found(noun: str, id: str) -> NotFound:
    return NotFound(f"Could not find {noun}: {id}.")


def conflict(noun: str, details: str) -> Conflict:
    return Conflict(f"Conflict occurred attempting to store {noun} - {details}.")


def immutable(noun: str, id: str, verb: str) -> Forbidden:
    """`verb` is update or delete."""
    return Forbidden(
        f'Unable to {verb} immutable {noun} resource: `{id}. Set resource option "immutable" to false first.'
    )
