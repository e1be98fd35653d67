# SPDX-License-Identifier: Apache-2.0
"""Addresses of a subnet as integers: allocation pools, the next free address, SLAAC.

A pool is a pair of integers, so an IPv6 /64 costs what a /24 does: nothing here walks through the
addresses of a pool, only through those that are taken.
"""

import ipaddress
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from random import Random

IpNetwork = ipaddress.IPv4Network | ipaddress.IPv6Network


class PoolError(ValueError):
    """Allocation pools that a subnet cannot have; `pools` are those to blame.

    PoolError
    ├── InvalidPool          not two addresses of one family, first before last
    ├── PoolOutOfBounds      beyond the subnet's addresses for hosts
    ├── PoolsOverlap         one address in two pools
    └── GatewayInPool        the gateway would be handed out
    """

    def __init__(self, message: str, *pools: "Pool") -> None:
        super().__init__(message)
        self.pools = pools


class InvalidPool(PoolError):
    """Not two addresses of one family, the first before the last."""


class PoolOutOfBounds(PoolError):
    """Beyond the subnet's addresses for hosts."""


class PoolsOverlap(PoolError):
    """One address is in two pools."""


class GatewayInPool(PoolError):
    """The gateway would be handed out."""


@dataclass(frozen=True, order=True, slots=True)
class Pool:
    """The addresses from `first` to `last`, both included, of IP version 4 or 6."""

    version: int
    first: int
    last: int

    @classmethod
    def parse(cls, start: str, end: str) -> "Pool":
        """The pool that an API writes as `{"start": ..., "end": ...}`; InvalidPool when it is none."""
        try:
            first, last = ipaddress.ip_address(start), ipaddress.ip_address(end)
        except ValueError as error:
            raise InvalidPool(f"The allocation pool {start}-{end} is not valid: {error}.") from None
        if first.version != last.version or int(first) > int(last):
            raise InvalidPool(f"The allocation pool {start}-{end} is not valid.")
        return cls(first.version, int(first), int(last))

    @property
    def start(self) -> str:
        """The first address as text."""
        return to_text(self.first, self.version)

    @property
    def end(self) -> str:
        """The last address as text."""
        return to_text(self.last, self.version)

    @property
    def size(self) -> int:
        """How many addresses it has."""
        return self.last - self.first + 1

    def __contains__(self, address: int) -> bool:
        return self.first <= address <= self.last

    def __str__(self) -> str:
        return f"{self.start}-{self.end}"


def to_int(address: str) -> int:
    """The address as an integer; ValueError when it is none."""
    return int(ipaddress.ip_address(address))


def to_text(address: int, version: int) -> str:
    """The address in its canonical spelling."""
    return str(ipaddress.IPv4Address(address) if version == 4 else ipaddress.IPv6Address(address))


def overlap(one: str, other: str) -> bool:
    """Whether two networks share an address; never across IP versions."""
    a, b = ipaddress.ip_network(one, strict=False), ipaddress.ip_network(other, strict=False)
    if isinstance(a, ipaddress.IPv4Network):
        return isinstance(b, ipaddress.IPv4Network) and a.overlaps(b)
    return isinstance(b, ipaddress.IPv6Network) and a.overlaps(b)


# -- the pools of a subnet ----------------------------------------------------------------------------


def default_pools(cidr: str, gateway: str | None) -> tuple[Pool, ...]:
    """The pools of a subnet whose user named none: every address for hosts but the gateway's.

    As in neutron's generate_pools: no network address, no broadcast address in IPv4, the one address of
    a /32 or /128, and nothing in a /31 or /127.
    """
    network = ipaddress.ip_network(cidr, strict=False)
    if network.num_addresses == 1:
        return (Pool(network.version, int(network[0]), int(network[0])),)
    first, last = _host_bounds(network)
    if first >= last:
        return ()
    whole = Pool(network.version, first, last)
    if gateway is None or to_int(gateway) not in whole:
        return (whole,)
    split = to_int(gateway)
    sides = ((first, split - 1), (split + 1, last))
    return tuple(Pool(network.version, low, high) for low, high in sides if low <= high)


def validate_pools(pools: Iterable[Pool], cidr: str, gateway: str | None = None) -> None:
    """Raise the PoolError that says why a subnet cannot have these pools.

    As in neutron's validate_allocation_pools, a pool of a /32 or /128 is always out of bounds.
    """
    network = ipaddress.ip_network(cidr, strict=False)
    first, last = _host_bounds(network)
    ordered = sorted(pools)
    for pool in ordered:
        if pool.version != network.version or pool.first > pool.last:
            raise InvalidPool(f"The allocation pool {pool} is not valid for the subnet {cidr}.", pool)
        if pool.first < first or pool.last > last:
            raise PoolOutOfBounds(f"The allocation pool {pool} spans beyond the subnet cidr {cidr}.", pool)
        if gateway is not None and to_int(gateway) in pool:
            raise GatewayInPool(f"Gateway ip {gateway} conflicts with allocation pool {pool}.", pool)
    for one, other in pairwise(ordered):
        if other.first <= one.last:
            raise PoolsOverlap(f"Found overlapping allocation pools: {one} {other} for {cidr}.", one, other)


def _host_bounds(network: IpNetwork) -> tuple[int, int]:
    broadcast = 1 if network.version == 4 else 0
    return int(network.network_address) + 1, int(network.broadcast_address) - broadcast


# -- free addresses -----------------------------------------------------------------------------------


def first_free(pools: Sequence[Pool], taken: Iterable[int]) -> int | None:
    """The lowest address of the pools that is not taken, or None when all are."""
    return next((gap.first for gap in free_ranges(pools, taken)), None)


def random_free(pools: Sequence[Pool], taken: Iterable[int], random: Random) -> int | None:
    """An address of the pools that is not taken, each with the same chance, or None when all are."""
    gaps = list(free_ranges(pools, taken))
    if not gaps:
        return None
    steps = random.randrange(sum(gap.size for gap in gaps))
    for gap in gaps:
        if steps < gap.size:
            return gap.first + steps
        steps -= gap.size
    raise AssertionError("the steps are fewer than the free addresses")


def free_ranges(pools: Sequence[Pool], taken: Iterable[int]) -> Iterator[Pool]:
    """What is left of the pools without the taken addresses, in order; the pools must not overlap."""
    busy = sorted(set(taken))
    index = 0
    for pool in sorted(pools):
        start = pool.first
        while index < len(busy) and busy[index] <= pool.last:
            if busy[index] >= start:
                if busy[index] > start:
                    yield Pool(pool.version, start, busy[index] - 1)
                start = busy[index] + 1
            index += 1
        if start <= pool.last:
            yield Pool(pool.version, start, pool.last)


# -- SLAAC --------------------------------------------------------------------------------------------


def slaac_address(cidr: str, mac: str) -> str:
    """The address that a host with this MAC gives itself in an IPv6 /64: modified EUI-64 (RFC 4291).

    ValueError when the network is not an IPv6 one of at most 64 bits of prefix, or the MAC is no 48 bits.
    """
    network = ipaddress.IPv6Network(cidr, strict=False)
    if network.prefixlen > 64:
        raise ValueError(f"SLAAC needs a prefix of 64 bits or fewer, and {cidr} has {network.prefixlen}.")
    octets = bytes.fromhex(mac.replace(":", "").replace("-", ""))
    if len(octets) != 6:
        raise ValueError(f"{mac} is not a MAC address of six octets.")
    interface = bytes([octets[0] ^ 0x02, *octets[1:3], 0xFF, 0xFE, *octets[3:]])
    return str(network.network_address + int.from_bytes(interface, "big"))
