# SPDX-License-Identifier: Apache-2.0
"""By what right a request goes on: a token and the lists of access, or a signed address."""

from dataclasses import dataclass

from cumulet.kernel.auth.context import Context
from cumulet.kernel.errors import Unauthorized
from cumulet.kernel.http.messages import Request
from cumulet.services.swift import access
from cumulet.services.swift.access import Grant
from cumulet.services.swift.asked import Found
from cumulet.services.swift.names import Place


@dataclass(frozen=True)
class Pass:
    """What lets a request in: as whom, and within which account or container a signed address holds."""

    grant: Grant
    within: Place | None = None
    """None where lists of access are asked of every place anew."""

    @property
    def owner(self) -> bool:
        return self.grant.owner

    def covers(self, place: Place) -> bool:
        within = self.within
        return (
            within is not None
            and place.account == within.account
            and within.container in ("", place.container)
        )


def enter(ctx: Context, request: Request, place: Place, found: Found) -> Pass:
    """Raises Unauthorized, Forbidden."""
    return Pass(access.admit(ctx, request, place, found.account, found.container))


def require_reading(ctx: Context, request: Request, entered: Pass, place: Place, found: Found) -> None:
    """Raise Unauthorized or Forbidden unless what has entered may read this place too."""
    if entered.within is None:
        access.permitted(ctx, access.asking(request, place, found.account, found.container, "GET"))
    elif not entered.covers(place):
        raise Unauthorized
