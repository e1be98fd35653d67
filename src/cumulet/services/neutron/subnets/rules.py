# SPDX-License-Identifier: Apache-2.0
"""What a subnet may be: refusals in the order, and with the sentences, of upstream."""

import ipaddress
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from cumulet.kernel.errors import BadRequest, Conflict
from cumulet.lib import cidr
from cumulet.lib.cidr import GatewayInPool, InvalidPool, Pool, PoolError, PoolOutOfBounds
from cumulet.services.neutron.errors import BadResource, InvalidInput
from cumulet.services.neutron.subnets.model import AUTOMATIC, parsed

MAX_NAMESERVERS = 5
MAX_ROUTES = 20


def check_cidr(text: str | None, version: int) -> str:
    """The range of a subnet. Refuses one that has none, or one of the other IP version."""
    if not text:
        raise BadResource("subnets", "a subnetpool must be specified in the absence of a cidr")
    check_version(version, text, "cidr")
    network = parsed(text)
    if network.prefixlen == 0:
        raise InvalidInput("0 is not allowed as CIDR prefix length")
    if version == 6 and int(network.network_address) == 0:
        raise InvalidInput("IPv6 subnet '::' is not supported")
    return text


def check_version(version: int, text: str, name: str) -> None:
    if (":" in text) != (version == 6):
        raise InvalidInput(f"{name} '{text}' does not match the ip_version '{version}'")


def check_dhcp(text: str, version: int) -> None:
    """Refuse DHCP where it cannot work."""
    network = parsed(text)
    if network.prefixlen > (30 if version == 4 else 126):
        raise InvalidInput("Subnet has a prefix length that is incompatible with DHCP service enabled")
    if network.is_multicast:
        raise InvalidInput("Multicast IP subnet is not supported if enable_dhcp is True")
    if network.is_loopback:
        raise InvalidInput("Loopback IP subnet is not supported if enable_dhcp is True")
    if version == 4 and int(network.network_address) == 0:
        raise InvalidInput("First IP '0.0.0.0' of network is not supported if enable_dhcp is True.")


def check_gateway(text: str, version: int, gateway: str | None) -> None:
    """Refuse a gateway that is the network's or the broadcast address; one outside of the subnet is fine."""
    if gateway is None:
        return
    check_version(version, gateway, "gateway_ip")
    network, number = parsed(text), cidr.to_int(gateway)
    unusable = {int(network.network_address)} if network.prefixlen < network.max_prefixlen - 1 else set()
    if version == 4 and network.prefixlen < 31:
        unusable.add(int(network.broadcast_address))
    if number in unusable:
        raise InvalidInput("Gateway is not valid on subnet")


def check_names_and_routes(version: int, given: Mapping[str, Any], id: str) -> None:
    nameservers, routes = given.get("dns_nameservers", ()), given.get("host_routes", ())
    if len(nameservers) > MAX_NAMESERVERS:
        raise BadRequest(
            f"Unable to complete operation for {id}. The number of DNS nameservers exceeds the limit "
            f"{MAX_NAMESERVERS}.",
            kind="DNSNameServersExhausted",
        )
    for server in nameservers:
        check_version(version, server, "dns_nameserver")
    if len(routes) > MAX_ROUTES:
        raise BadRequest(
            f"Unable to complete operation for {id}. The number of host routes exceeds the limit "
            f"{MAX_ROUTES}.",
            kind="HostRoutesExhausted",
        )
    for route in routes:
        check_version(version, route["nexthop"], "nexthop")
        check_version(version, route["destination"], "destination")


def check_ipv6_modes(given: Mapping[str, Any], text: str, version: int) -> None:
    announced, addressed = given.get("ipv6_ra_mode"), given.get("ipv6_address_mode")
    if version == 4:
        for name, mode in (("ipv6_ra_mode", announced), ("ipv6_address_mode", addressed)):
            if mode is not None:
                raise InvalidInput(f"{name} is not valid when ip_version is 4")
        return
    if (announced or addressed) and not given.get("enable_dhcp", True):
        raise InvalidInput("ipv6_ra_mode or ipv6_address_mode cannot be set when enable_dhcp is set to False")
    if announced and addressed and announced != addressed:
        raise InvalidInput(
            f"ipv6_ra_mode set to '{announced}' with ipv6_address_mode set to '{addressed}' is not "
            "valid. If both "
            "attributes are set, they must be the same value"
        )
    if (announced in AUTOMATIC or addressed in AUTOMATIC) and parsed(text).prefixlen != 64:
        raise InvalidInput(
            f"Invalid CIDR {text} for IPv6 address mode. OpenStack uses the EUI-64 address format, "
            "which requires the "
            "prefix to be /64"
        )


def check_overlap(text: str, others: Iterable[str], network_id: str) -> None:
    """The subnets of a network share no address."""
    if any(cidr.overlap(text, other) for other in others):
        raise InvalidInput(
            f"Requested subnet with cidr: {text} for network: {network_id} overlaps with another subnet"
        )


# -- gateway and pools ----------------------------------------------------------------------------------


def usual_gateway(text: str) -> str | None:
    """The first address of a subnet, None where it has no other."""
    network = parsed(text)
    return str(network[1]) if network.num_addresses > 1 else None


def pools_for(
    text: str, gateway: str | None, asked: Sequence[Mapping[str, str]] | None
) -> list[dict[str, str]]:
    """The allocation pools of a subnet, as the API writes them."""
    if asked is None:
        return [_as_sent(pool) for pool in cidr.default_pools(text, gateway)]
    try:
        pools = [Pool.parse(pool["start"], pool["end"]) for pool in asked]
        cidr.validate_pools(pools, text, gateway)
    except PoolError as error:
        raise _pool_refusal(error, text, asked) from None
    return [_as_sent(pool) for pool in sorted(pools)]


def _as_sent(pool: Pool) -> dict[str, str]:
    return {"start": pool.start, "end": pool.end}


def _pool_refusal(error: PoolError, text: str, asked: Sequence[Mapping[str, str]]) -> BadRequest | Conflict:
    named = [str(pool) for pool in error.pools] or [f"{pool['start']}-{pool['end']}" for pool in asked]
    if isinstance(error, GatewayInPool):
        return Conflict(str(error), kind="GatewayConflictWithAllocationPools")
    if isinstance(error, PoolOutOfBounds):
        return BadRequest(str(error), kind="OutOfBoundsAllocationPool")
    if isinstance(error, InvalidPool):
        return BadRequest(f"The allocation pool {named[0]} is not valid.", kind="InvalidAllocationPool")
    return Conflict(
        f"Found overlapping allocation pools: {' '.join(named)} for subnet {text}.",
        kind="OverlappingAllocationPools",
    )


def inside(text: str, address: str) -> bool:
    return ipaddress.ip_address(address) in parsed(text)
