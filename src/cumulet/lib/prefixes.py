# SPDX-License-Identifier: Apache-2.0
"""Sets of addresses as networks: the fewest that hold them, and what is left of them."""

import ipaddress
from collections.abc import Iterable
from typing import Any

Network = ipaddress.IPv4Network | ipaddress.IPv6Network


def compacted(cidrs: Iterable[str]) -> list[str]:
    """The fewest networks that hold the same addresses, in order; all of one IP version."""
    return [str(network) for network in ipaddress.collapse_addresses(_parsed(cidrs))]


def left(cidrs: Iterable[str], taken: Iterable[str]) -> list[Network]:
    """The networks that remain of these when others are taken out, in order; all of one IP version."""
    gone = sorted((int(network[0]), int(network[-1])) for network in _parsed(taken))
    found: list[Network] = []
    for network in ipaddress.collapse_addresses(_parsed(cidrs)):
        address: Any = type(network[0])
        at, end = int(network[0]), int(network[-1])
        for first, last in gone:
            if last < at or first > end:
                continue
            if first > at:
                found += ipaddress.summarize_address_range(address(at), address(first - 1))
            at = last + 1
        if at <= end:
            found += ipaddress.summarize_address_range(address(at), address(end))
    return found


def _parsed(cidrs: Iterable[str]) -> list[Any]:
    return [ipaddress.ip_network(cidr) for cidr in cidrs]
