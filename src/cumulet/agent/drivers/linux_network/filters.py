# SPDX-License-Identifier: Apache-2.0
"""The packet filters of a plane as nft text: pure functions from what should be to a program.

A frame on a bridge meets four stations.

1. `bridge prerouting`: what enters from a guest's tap goes to the chain of that tap. There it loses what it
   may not claim (addresses of others, DHCP answers, router advertisements) and gets the number of its port
   as its mark.
2. `inet prerouting` (br_netfilter hands the packet over): conntrack works in the zone of the bridge, so two
   networks may use the same addresses; then the mark leads to the port's egress rules.
3. `bridge forward`: the mark becomes the number of the port that the frame goes to.
4. `inet forward`: the mark leads to the port's ingress rules.

Conntrack is asked only whether a packet *answers*. Packets of the direction that began a conversation meet
the rules each time, so taking a rule or a member away ends at once what it had let in, and nobody has to
hunt for entries in the conntrack table. What nothing accepts is dropped: a reject could not be sent from a
bridge.

`Filters` is the whole wish. A change is the difference of two wishes, in one transaction; the first load of
an agent is the whole. Every statement can be made twice.
"""

import ipaddress
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from cumulet.agent.drivers.linux_network.links import link_local
from cumulet.agent.drivers.linux_network.names import MACHINE_PEER
from cumulet.agent.drivers.linux_network.rules import members_name, render_rule
from cumulet.contracts.documents import PortDocument, SecurityGroupDocument, tap_name

Network = ipaddress.IPv4Network | ipaddress.IPv6Network

BRIDGE, INET = "bridge cumulet", "inet cumulet"
UNKNOWN_GROUP = SecurityGroupDocument(id="")

_UNTAGGED = "ether type { vlan, 0x88a8 } drop"
"""br_netfilter does not see into VLAN frames, so a filtered port neither sends nor gets one."""

_HEAD = f"""\
add table {BRIDGE}
add table {INET}
add map {BRIDGE} guests {{ typeof iifname : verdict; }}
add map {BRIDGE} towards {{ typeof oifname : verdict; }}
add map {INET} zones {{ typeof iifname : ct zone; }}
add map {INET} egress {{ typeof meta mark : verdict; }}
add map {INET} ingress {{ typeof meta mark : verdict; }}
add chain {BRIDGE} prerouting {{ type filter hook prerouting priority -300; policy accept; }}
add chain {BRIDGE} forward {{ type filter hook forward priority -200; policy accept; }}
add chain {INET} zoning {{ type filter hook prerouting priority raw; policy accept; }}
add chain {INET} prerouting {{ type filter hook prerouting priority filter; policy accept; }}
add chain {INET} forward {{ type filter hook forward priority filter; policy accept; }}
add chain {INET} always-out
add chain {INET} always-in
add chain {INET} answers
flush chain {BRIDGE} prerouting
flush chain {BRIDGE} forward
flush chain {INET} zoning
flush chain {INET} prerouting
flush chain {INET} forward
flush chain {INET} always-out
flush chain {INET} always-in
flush chain {INET} answers
add rule {BRIDGE} prerouting meta mark set 0
add rule {BRIDGE} prerouting iifname vmap @guests
add rule {BRIDGE} prerouting iifname "tap*" drop
add rule {BRIDGE} forward meta mark set 0
add rule {BRIDGE} forward oifname vmap @towards
add rule {BRIDGE} forward oifname "tap*" drop
add rule {BRIDGE} forward oifname "{MACHINE_PEER}" icmpv6 type {{ nd-router-advert, nd-redirect }} drop
add rule {INET} zoning ct zone set iifname map @zones
add rule {INET} prerouting meta mark vmap @egress
add rule {INET} forward meta mark vmap @ingress
add rule {INET} always-out meta nfproto ipv4 udp sport 68 udp dport 67 accept
add rule {INET} always-out meta nfproto ipv6 udp sport 546 udp dport 547 accept
add rule {INET} always-out icmpv6 type {{ 131, 132, 133, 135, 136, 143 }} accept
add rule {INET} always-in meta nfproto ipv4 udp sport 67 udp dport 68 accept
add rule {INET} always-in meta nfproto ipv6 udp sport 547 udp dport 546 accept
add rule {INET} always-in icmpv6 type {{ 130, 131, 132, 134, 135, 136, 143 }} accept
add rule {INET} answers ct direction reply ct state established accept
add rule {INET} answers ct state related accept
add rule {INET} answers ct state invalid drop
"""


@dataclass(frozen=True)
class Filters:
    """What the filters of a plane should be; `numbers` are the marks of ports, `zones` those of bridges."""

    ports: Mapping[str, PortDocument] = field(default_factory=dict)
    groups: Mapping[str, SecurityGroupDocument] = field(default_factory=dict)
    numbers: Mapping[str, int] = field(default_factory=dict)
    zones: Mapping[str, int] = field(default_factory=dict)

    def declared(self) -> set[str]:
        """The groups that have chains and sets: those that are known, and those that something names."""
        named = {group_id for port in self.ports.values() for group_id in port.security_group_ids}
        rules = (rule for group in self.groups.values() for rule in group.rules)
        return named | set(self.groups) | {rule.remote_group_id for rule in rules if rule.remote_group_id}

    def members(self) -> dict[str, list[Network]]:
        """The addresses of each declared group's members, here and on other hosts."""
        found: dict[str, list[Network]] = defaultdict(list)
        for port in self.ports.values():
            for group_id in port.security_group_ids:
                found[group_id].extend(_addresses(port))
        for group in self.groups.values():
            found[group.id].extend(ipaddress.ip_network(text, strict=False) for text in group.remote_members)
        return found

    def stateful(self, port: PortDocument) -> bool:
        """Whether answers to what the port began are let in: not when all its groups are stateless."""
        groups = [self.groups.get(group_id, UNKNOWN_GROUP) for group_id in port.security_group_ids]
        return not groups or any(group.stateful for group in groups)


def render_whole(wish: Filters) -> str:
    """The program that makes the filters exactly this, whatever they were."""
    anew = [f"add table {family}\ndelete table {family}\n" for family in (BRIDGE, INET)]
    return "".join(anew) + render_change(Filters(), wish)


def render_change(old: Filters, new: Filters, touched: Collection[str] = ()) -> str:
    """The program that turns the one into the other; ports and groups `touched` are written in any case."""
    lines = [_HEAD]
    lines += [line for group_id in sorted(new.declared() - old.declared()) for line in _declare(group_id)]
    lines += _zones(old, new)
    lines += _groups(old, new, touched)
    lines += _members(old, new, touched)
    for port_id in sorted(old.ports.keys() - new.ports.keys()):
        lines += _forget_port(old.ports[port_id], old.numbers[port_id])
    for port_id, port in new.ports.items():
        if port_id in touched or old.ports.get(port_id) != port or old.stateful(port) != new.stateful(port):
            lines += _port(port, new.numbers[port_id], new.stateful(port))
    lines += [line for group_id in sorted(old.declared() - new.declared()) for line in _undeclare(group_id)]
    return "\n".join(lines) + "\n"


# -- groups ----------------------------------------------------------------------------------------


def _declare(group_id: str) -> Iterator[str]:
    yield f"add chain {INET} group-in-{group_id}"
    yield f"add chain {INET} group-out-{group_id}"
    for version, kind in ((4, "ipv4_addr"), (6, "ipv6_addr")):
        name = members_name(group_id, version)
        yield f"add set {INET} {name} {{ type {kind}; flags interval; auto-merge; }}"


def _undeclare(group_id: str) -> Iterator[str]:
    yield from _empty_chains((f"group-in-{group_id}", f"group-out-{group_id}"))
    yield f"delete chain {INET} group-in-{group_id}"
    yield f"delete chain {INET} group-out-{group_id}"
    yield f"delete set {INET} {members_name(group_id, 4)}"
    yield f"delete set {INET} {members_name(group_id, 6)}"


def _groups(old: Filters, new: Filters, touched: Collection[str]) -> Iterator[str]:
    for group_id in sorted(new.declared()):
        group = new.groups.get(group_id, UNKNOWN_GROUP)
        if group_id not in touched and old.groups.get(group_id, UNKNOWN_GROUP).rules == group.rules:
            continue
        yield from _empty_chains((f"group-in-{group_id}", f"group-out-{group_id}"))
        for rule in group.rules:
            chain = "group-in" if rule.direction == "ingress" else "group-out"
            yield f"add rule {INET} {chain}-{group_id} {render_rule(rule)}"


def _empty_chains(names: Iterable[str]) -> Iterator[str]:
    for name in names:
        yield f"flush chain {INET} {name}"


def _members(old: Filters, new: Filters, touched: Collection[str]) -> Iterator[str]:
    before, after = old.members(), new.members()
    for group_id in sorted(new.declared()):
        wanted = after.get(group_id, [])
        if group_id in touched or before.get(group_id, []) != wanted:
            for version in (4, 6):
                name = members_name(group_id, version)
                yield f"flush set {INET} {name}"
                if elements := _elements(network for network in wanted if network.version == version):
                    yield f"add element {INET} {name} {elements}"


def _elements(networks: Iterable[Network]) -> str:
    """A set literal without overlaps; empty when there is nothing to hold."""
    collapsed = list(ipaddress.collapse_addresses(networks))  # type: ignore[type-var]
    return "{ " + ", ".join(_spell(network) for network in collapsed) + " }" if collapsed else ""


def _spell(network: Network) -> str:
    return str(network.network_address) if network.prefixlen == network.max_prefixlen else str(network)


def _addresses(port: PortDocument) -> list[Network]:
    texts = [fixed.ip_address for fixed in port.fixed_ips]
    texts += [pair.ip_address for pair in port.allowed_address_pairs]
    return [ipaddress.ip_network(text, strict=False) for text in texts]


# -- bridges ---------------------------------------------------------------------------------------


def _zones(old: Filters, new: Filters) -> Iterator[str]:
    for bridge in sorted(old.zones.keys() | new.zones.keys()):
        before, after = old.zones.get(bridge), new.zones.get(bridge)
        if before != after and before is not None:
            yield f'delete element {INET} zones {{ "{bridge}" : {before} }}'
        if before != after and after is not None:
            yield f'add element {INET} zones {{ "{bridge}" : {after} }}'


# -- ports -----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Chains:
    """Names of what belongs to one port."""

    tap: str
    number: int

    def all(self) -> tuple[tuple[str, str], ...]:
        return (
            (BRIDGE, f"{self.tap}-from"),
            (BRIDGE, f"{self.tap}-to"),
            (INET, f"{self.tap}-egress"),
            (INET, f"{self.tap}-ingress"),
        )

    def elements(self) -> tuple[str, ...]:
        return (
            f'{BRIDGE} guests {{ "{self.tap}" : goto {self.tap}-from }}',
            f'{BRIDGE} towards {{ "{self.tap}" : goto {self.tap}-to }}',
            f"{INET} egress {{ {self.number} : goto {self.tap}-egress }}",
            f"{INET} ingress {{ {self.number} : goto {self.tap}-ingress }}",
        )


def _port(port: PortDocument, number: int, stateful: bool) -> Iterator[str]:
    chains = _Chains(tap_name(port.id), number)
    for family, chain in chains.all():
        yield f"add chain {family} {chain}"
        yield f"flush chain {family} {chain}"
    bodies: tuple[Iterable[str], ...] = (["accept" if port.admin_state_up else "drop"],) * 4
    if port.admin_state_up and port.port_security:
        bodies = (
            _from_guest(port, number),
            [_UNTAGGED, f"meta mark set {number}", "accept"],
            _rules("out", port, stateful),
            _rules("in", port, stateful),
        )
    for (family, chain), body in zip(chains.all(), bodies, strict=True):
        for rule in body:
            yield f"add rule {family} {chain} {rule}"
    for element in chains.elements():
        yield f"add element {element}"


def _forget_port(port: PortDocument, number: int) -> Iterator[str]:
    """Nothing of the port is left; each part is made first, so that its absence is no error."""
    chains = _Chains(tap_name(port.id), number)
    for family, chain in chains.all():
        yield f"add chain {family} {chain}"
    for element in chains.elements():
        yield f"add element {element}"
        yield f"delete element {element}"
    for family, chain in chains.all():
        yield f"flush chain {family} {chain}"
        yield f"delete chain {family} {chain}"


def _rules(direction: str, port: PortDocument, stateful: bool) -> Iterator[str]:
    yield f"jump always-{direction}"
    if stateful:
        yield "jump answers"
    for group_id in port.security_group_ids:
        yield f"jump group-{direction}-{group_id}"
    yield "drop"


def _from_guest(port: PortDocument, number: int) -> Iterator[str]:
    """What the guest may say: its own addresses, and never what only the network itself may answer."""
    cards = _cards(port)
    yield _UNTAGGED
    yield f"meta mark set {number}"
    yield f"ether saddr != {{ {', '.join(sorted(cards))} }} drop"
    yield "ether type ip udp sport 67 udp dport 68 drop"
    yield "ether type ip6 udp sport 547 udp dport 546 drop"
    yield "icmpv6 type { nd-router-advert, nd-redirect } drop"
    yield "ether type ip ip saddr 0.0.0.0 udp sport 68 udp dport 67 accept"
    yield "ether type ip6 ip6 saddr :: icmpv6 type { 131, 132, 133, 135, 143 } accept"
    yield from _neighbour_advertisements(cards)
    for mac, networks in sorted(cards.items()):
        v4 = [network for network in networks if network.version == 4]
        v6 = [network for network in networks if network.version == 6]
        probe = ipaddress.ip_network("0.0.0.0/32")
        yield f"ether saddr {mac} arp saddr ether {mac} arp saddr ip {_elements([probe, *v4])} accept"
        if v4:
            yield f"ether saddr {mac} ip saddr {_elements(v4)} accept"
        yield f"ether saddr {mac} ip6 saddr {_elements(v6)} accept"
    yield "drop"


def _neighbour_advertisements(cards: Mapping[str, list[Network]]) -> Iterator[str]:
    """A guest answers for its own IPv6 addresses only; a whole prefix that is allowed cannot be checked."""
    targets = {network for networks in cards.values() for network in networks if network.version == 6}
    if all(network.prefixlen == network.max_prefixlen for network in targets):
        spelled = ", ".join(f"{int(network.network_address):#034x}" for network in sorted(targets, key=str))
        yield f"icmpv6 type nd-neighbor-advert @th,64,128 != {{ {spelled} }} drop"


def _cards(port: PortDocument) -> dict[str, list[Network]]:
    """The card addresses that the port may use, each with its IP addresses."""
    cards: dict[str, list[Network]] = defaultdict(list)
    own = port.mac_address.lower()
    cards[own] += [ipaddress.ip_network(fixed.ip_address) for fixed in port.fixed_ips]
    for pair in port.allowed_address_pairs:
        cards[(pair.mac_address or own).lower()].append(ipaddress.ip_network(pair.ip_address, strict=False))
    for mac, networks in cards.items():
        networks.append(ipaddress.ip_network(link_local(mac)))
    return cards
