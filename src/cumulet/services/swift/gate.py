# SPDX-License-Identifier: Apache-2.0
"""By what right a request goes on: a token and the lists of access, or a signed address."""

from dataclasses import dataclass

from cumulet.kernel.auth.context import Context
from cumulet.kernel.errors import Unauthorized
from cumulet.kernel.http.messages import Reply, Request
from cumulet.services.swift import access
from cumulet.services.swift.access import GUEST, Grant
from cumulet.services.swift.asked import Found
from cumulet.services.swift.names import Place
from cumulet.services.swift.signed import addresses
from cumulet.services.swift.signed.addresses import Address


@dataclass(frozen=True)
class Pass:
    """What lets a request in: as whom, and the signed address by which it came."""

    grant: Grant
    address: Address | None = None

    def covers(self, place: Place) -> bool:
        """Whether it came by an address, of whose account or container this place is."""
        if self.address is None:
            return False
        within = self.address.within
        return place.account == within.account and within.container in ("", place.container)

    def dressed(self, reply: Reply) -> Reply:
        """The answer as who came in this way may see it."""
        return reply if self.address is None else self.address.dressed(reply)


def enter(ctx: Context, request: Request, place: Place, found: Found) -> Pass:
    """Raises Unauthorized, Forbidden."""
    if addresses.is_signed(request):
        return Pass(GUEST, addresses.enter(ctx, request, place, found))
    return Pass(access.admit(ctx, request, place, found.account, found.container))


def require_reading(ctx: Context, request: Request, entered: Pass, place: Place, found: Found) -> None:
    """Raise Unauthorized or Forbidden unless what has entered may read this place too."""
    if entered.address is None:
        access.permitted(ctx, access.asking(request, place, found.account, found.container, "GET"))
    elif not entered.covers(place):
        raise Unauthorized
