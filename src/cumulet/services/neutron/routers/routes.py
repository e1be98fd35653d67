# SPDX-License-Identifier: Apache-2.0
"""The static routes of a router."""

from collections.abc import Sequence

from cumulet.kernel.db import Tx
from cumulet.kernel.errors import BadRequest
from cumulet.services.neutron.ports.model import addresses_of
from cumulet.services.neutron.routers.legs import legs_of, subnets_of_ports
from cumulet.services.neutron.routers.model import Router
from cumulet.services.neutron.subnets.rules import inside

MAX_ROUTES = 30


def check_routes(tx: Tx, router: Router, routes: Sequence[dict[str, str]]) -> None:
    """Refuse routes whose next hop the router cannot reach, or is itself."""
    if len(routes) > MAX_ROUTES:
        raise BadRequest(
            f"Unable to complete operation for {router.id}. The number of routes exceeds the maximum "
            f"{MAX_ROUTES}.",
            kind="RoutesExhausted",
        )
    legs = legs_of(tx, router.id)
    cidrs = [subnet.cidr for subnet in subnets_of_ports(tx, legs)]
    own = {fixed["ip_address"] for held in addresses_of(tx, None, legs).values() for fixed in held}
    for route in routes:
        if not any(inside(cidr, route["nexthop"]) for cidr in cidrs):
            raise _invalid(routes, "the nexthop is not connected with router")
        if route["nexthop"] in own:
            raise _invalid(routes, "the nexthop is used by router")


def _invalid(routes: Sequence[dict[str, str]], reason: str) -> BadRequest:
    return BadRequest(f"Invalid format for routes: {list(routes)}, {reason}", kind="InvalidRoutes")
