# SPDX-License-Identifier: Apache-2.0
"""Which addresses a port gets.

An address belongs to one port because its row's key is made of subnet and address. Choosing reads what is
taken and may be too late; the insert then runs the transaction again. A pool with many addresses is tried at
random before it is read whole, so that the thousandth port costs what the first did.
"""

import random
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import sqlalchemy as sa

from cumulet.kernel.db import Tx
from cumulet.kernel.errors import BadRequest, Conflict
from cumulet.lib import cidr
from cumulet.services.neutron.errors import InvalidInput
from cumulet.services.neutron.ports.model import DHCP, ROUTER_GATEWAY, ROUTER_INTERFACE, Address
from cumulet.services.neutron.subnets.model import Subnet, parsed

MAX_FIXED_IPS = 5
_SMALL_POOL = 256
_TRIES = 12
_random = random.Random()

Chosen = tuple[str, str]
"""Subnet id and address."""


@dataclass(frozen=True)
class Wish:
    """Who wants addresses, and on which network; `mine` are those that the port holds already."""

    network_id: str
    mac_address: str
    device_owner: str
    mine: Sequence[dict[str, str]] = ()

    @property
    def is_router(self) -> bool:
        return self.device_owner in (ROUTER_INTERFACE, ROUTER_GATEWAY)


def subnets_of(tx: Tx, network_id: str) -> list[Subnet]:
    return tx.all(Subnet, Subnet.c.network_id == network_id, order_by=(Subnet.c.created_at, Subnet.c.id))


def choose(tx: Tx, wish: Wish, asked: Sequence[dict[str, str]] | None) -> list[Chosen]:
    """The addresses for a port that asks for these, or for whatever is usual with None."""
    subnets = subnets_of(tx, wish.network_id)
    found: list[Chosen] = []
    if asked is None:
        for version in (4, 6):
            plain = [s for s in subnets if s.ip_version == version and not s.is_automatic]
            if plain:
                found.append(_from_any(tx, plain, wish))
    else:
        if len(asked) > MAX_FIXED_IPS:
            raise InvalidInput("Exceeded maximum amount of fixed ips per port")
        for item in sorted(asked, key=lambda item: "ip_address" not in item):
            chosen = _one(tx, subnets, wish, item, found)
            if chosen is not None:
                found.append(chosen)
        if asked:
            found.sort(key=lambda chosen: _place(chosen, asked))
    if not wish.is_router and asked != []:
        automatic = [(s.id, cidr.slaac_address(s.cidr, wish.mac_address)) for s in subnets if s.is_automatic]
        found += [chosen for chosen in automatic if chosen not in found]
    return found


def _place(chosen: Chosen, asked: Sequence[dict[str, str]]) -> int:
    """Where in the request an address was asked for, so that answers keep its order."""
    for index, item in enumerate(asked):
        if item.get("ip_address") == chosen[1] or (
            "ip_address" not in item and item.get("subnet_id") == chosen[0]
        ):
            return index
    return len(asked)


def _one(
    tx: Tx, subnets: Sequence[Subnet], wish: Wish, item: dict[str, str], found: Sequence[Chosen]
) -> Chosen | None:
    """One address as it was asked for; None where the subnet gives it by itself."""
    subnet = _subnet_for(subnets, wish, item)
    ip_address = item.get("ip_address")
    if ip_address is not None:
        return _exact(tx, subnet, wish, ip_address)
    if subnet.is_automatic and not wish.is_router:
        return None
    held = {address for _, address in found}
    for kept in wish.mine:
        if kept["subnet_id"] == subnet.id and kept["ip_address"] not in held:
            return subnet.id, kept["ip_address"]
    free = pick(tx, subnet, avoid=held)
    if free is None:
        raise exhausted(wish.network_id)
    return subnet.id, free


def _subnet_for(subnets: Sequence[Subnet], wish: Wish, item: dict[str, str]) -> Subnet:
    if not subnets:
        raise InvalidInput("IP allocation requires subnets for network")
    if "subnet_id" in item:
        for subnet in subnets:
            if subnet.id == item["subnet_id"]:
                return subnet
        raise InvalidInput(
            f"Failed to create port on network {wish.network_id}, because fixed_ips included invalid subnet "
            f"{item['subnet_id']}"
        )
    if "ip_address" not in item:
        raise InvalidInput("IP allocation requires subnet_id or ip_address")
    for subnet in subnets:
        if _usable(subnet, item["ip_address"]):
            return subnet
    raise BadRequest(
        f"IP address {item['ip_address']} is not a valid IP for any of the subnets on the specified network.",
        kind="InvalidIpForNetwork",
    )


def _usable(subnet: Subnet, ip_address: str) -> bool:
    """Whether a port may hold the address: inside the subnet, and not the network's or broadcast's own."""
    network, number = parsed(subnet.cidr), cidr.to_int(ip_address)
    if (":" in ip_address) != (network.version == 6):
        return False
    first, last = int(network.network_address), int(network.broadcast_address)
    if network.version == 4 and network.prefixlen < 31:
        return first < number < last
    return first <= number <= last


def _exact(tx: Tx, subnet: Subnet, wish: Wish, ip_address: str) -> Chosen:
    if not _usable(subnet, ip_address):
        raise BadRequest(
            f"IP address {ip_address} is not a valid IP for the specified subnet.", kind="InvalidIpForSubnet"
        )
    own = subnet.is_automatic and cidr.slaac_address(subnet.cidr, wish.mac_address) == ip_address
    if subnet.is_automatic and not wish.is_router and not own:
        raise BadRequest(
            f"IPv6 address {ip_address} cannot be directly assigned to a port on subnet {subnet.id} as the "
            "subnet is configured for automatic addresses",
            kind="AllocationOnAutoAddressSubnet",
        )
    mine = {kept["ip_address"] for kept in wish.mine}
    if ip_address not in mine and tx.get(Address, f"{subnet.id}/{ip_address}") is not None:
        raise Conflict(
            f"IP address {ip_address} already allocated in subnet {subnet.id}",
            kind="IpAddressAlreadyAllocated",
        )
    return subnet.id, ip_address


def _from_any(tx: Tx, subnets: Iterable[Subnet], wish: Wish) -> Chosen:
    for subnet in subnets:
        free = pick(tx, subnet, lowest=wish.device_owner == DHCP)
        if free is not None:
            return subnet.id, free
    raise exhausted(wish.network_id)


def exhausted(network_id: str) -> Conflict:
    return Conflict(
        f"No more IP addresses available on network {network_id}.", kind="IpAddressGenerationFailure"
    )


def pick(tx: Tx, subnet: Subnet, *, avoid: Iterable[str] = (), lowest: bool = False) -> str | None:
    """A free address of the subnet's pools, None when there is none: the lowest, or any."""
    pools, version = subnet.pools, subnet.ip_version
    if not lowest and sum(pool.size for pool in pools) > _SMALL_POOL:
        guessed = _guess(tx, subnet, set(avoid))
        if guessed is not None:
            return guessed
    query = sa.select(Address.c.ip_address).where(Address.c.subnet_id == subnet.id)
    taken = {cidr.to_int(text) for text in (*tx.execute(query).scalars(), *avoid)}
    free = cidr.first_free(pools, taken) if lowest else cidr.random_free(pools, taken, _random)
    return cidr.to_text(free, version) if free is not None else None


def _guess(tx: Tx, subnet: Subnet, avoid: set[str]) -> str | None:
    """One of a few random addresses that is not taken, None when all of them are."""
    pools = subnet.pools
    weights = [pool.size for pool in pools]
    drawn = [_random.randint(pool.first, pool.last) for pool in _random.choices(pools, weights, k=_TRIES)]
    texts = [cidr.to_text(number, subnet.ip_version) for number in drawn]
    wanted = [f"{subnet.id}/{text}" for text in texts]
    taken = set(tx.execute(sa.select(Address.c.ip_address).where(Address.c.id.in_(wanted))).scalars()) | avoid
    return next((text for text in texts if text not in taken), None)


# -- rows -----------------------------------------------------------------------------------------------


def hold(tx: Tx, port_id: str, chosen: Sequence[Chosen]) -> None:
    """The port holds these addresses and no others."""
    held = {row.id: row for row in tx.all(Address, Address.c.port_id == port_id)}
    wanted = {f"{subnet_id}/{text}": (subnet_id, text) for subnet_id, text in chosen}
    for id, row in held.items():
        if id not in wanted:
            tx.delete(row)
    for position, (id, (subnet_id, text)) in enumerate(wanted.items()):
        if id not in held:
            tx.insert(Address.of(subnet_id, text, port_id, position), retry=True)
        elif held[id].position != position:
            tx.update(held[id], position=position)
