# SPDX-License-Identifier: Apache-2.0
"""One rule of a security group, as nft says it."""

import ipaddress

from cumulet.contracts.documents import FilterRule

PROTOCOLS = {
    "ah": 51,
    "dccp": 33,
    "egp": 8,
    "esp": 50,
    "gre": 47,
    "icmp": 1,
    "icmpv6": 58,
    "igmp": 2,
    "ip": 0,
    "ipip": 4,
    "ipv6-encap": 41,
    "ipv6-frag": 44,
    "ipv6-icmp": 58,
    "ipv6-nonxt": 59,
    "ipv6-opts": 60,
    "ipv6-route": 43,
    "ospf": 89,
    "pgm": 113,
    "rsvp": 46,
    "sctp": 132,
    "tcp": 6,
    "udp": 17,
    "udplite": 136,
    "vrrp": 112,
}
"""The names that the networking API knows (neutron-lib, constants.IP_PROTOCOL_MAP)."""

_ICMP, _ICMPV6 = 1, 58
_WITH_PORTS = {6, 17, 33, 132, 136}


def protocol_number(protocol: str, ethertype: str) -> int:
    """The number of a protocol; plain "icmp" under IPv6 means ICMPv6, as upstream has it."""
    number = int(protocol) if protocol.isdigit() else PROTOCOLS.get(protocol.lower())
    if number is None or number > 255:
        raise ValueError(f"there is no protocol {protocol}")
    return _ICMPV6 if (number, ethertype) == (_ICMP, "IPv6") else number


def members_name(group_id: str, version: int) -> str:
    """The set that holds the addresses of a group's members."""
    return f"members{version}-{group_id}"


def render_rule(rule: FilterRule) -> str:
    """The nft rule that accepts what the security group rule accepts."""
    parts = [*_family(rule), *_protocol(rule), *_remote(rule), "accept"]
    return " ".join(parts)


def _family(rule: FilterRule) -> list[str]:
    return ["meta nfproto ipv4" if rule.ethertype == "IPv4" else "meta nfproto ipv6"]


def _protocol(rule: FilterRule) -> list[str]:
    if rule.protocol is None or rule.protocol.lower() == "any":
        return []
    number = protocol_number(rule.protocol, rule.ethertype)
    low, high = rule.port_range_min, rule.port_range_max
    if number in (_ICMP, _ICMPV6):
        word = "icmp" if number == _ICMP else "icmpv6"
        named = [] if low is None else [f"{word} type {low}"]
        coded = [] if high is None else [f"{word} code {high}"]
        return [f"meta l4proto {number}", *named, *coded]
    if number not in _WITH_PORTS or (low is None and high is None):
        return [f"meta l4proto {number}"]
    first, last = (low if low is not None else high), (high if high is not None else low)
    return [f"meta l4proto {number}", f"th dport {first}" if first == last else f"th dport {first}-{last}"]


def _remote(rule: FilterRule) -> list[str]:
    word = "ip" if rule.ethertype == "IPv4" else "ip6"
    side = "saddr" if rule.direction == "ingress" else "daddr"
    parts = []
    if rule.remote_ip_prefix is not None:
        network = ipaddress.ip_network(rule.remote_ip_prefix, strict=False)
        if network.prefixlen:
            parts.append(f"{word} {side} {network}")
    if rule.remote_group_id is not None:
        version = 4 if rule.ethertype == "IPv4" else 6
        parts.append(f"{word} {side} @{members_name(rule.remote_group_id, version)}")
    return parts
