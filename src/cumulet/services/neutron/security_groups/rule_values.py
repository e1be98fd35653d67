# SPDX-License-Identifier: Apache-2.0
"""The values of a security group rule, as users send them."""

import ipaddress
from typing import Any

from cumulet.kernel.errors import BadRequest
from cumulet.services.neutron.values import cidr

PROTOCOLS = {
    "ah": 51,
    "dccp": 33,
    "egp": 8,
    "esp": 50,
    "gre": 47,
    "hopopt": 0,
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
IPV6_PROTOCOLS = ("icmpv6", "ipv6-encap", "ipv6-frag", "ipv6-icmp", "ipv6-nonxt", "ipv6-opts", "ipv6-route")
_ANY = (None, "any", -1, "-1")


def protocol(value: Any) -> str | None:
    """A name in lower case, or a number as text; None for any."""
    if isinstance(value, list | dict):
        raise _unsupported(value)
    if value in _ANY:
        return None
    word = str(value).lower()
    if word in PROTOCOLS or (word.isascii() and word.isdigit() and len(word) < 10 and int(word) <= 255):
        return str(int(word)) if word.isdigit() else word
    raise _unsupported(value)


def _unsupported(value: Any) -> BadRequest:
    return BadRequest(
        f"Security group rule protocol {value} not supported. Only protocol values "
        f"{[None, *sorted(PROTOCOLS)]} "
        "and integer representations [0 to 255] are supported.",
        kind="SecurityGroupRuleInvalidProtocol",
    )


def ethertype(value: Any) -> str:
    found = {"ipv4": "IPv4", "ipv6": "IPv6"}.get(value.lower()) if isinstance(value, str) else None
    if found is None:
        raise BadRequest(
            f"Security group rule for ethertype '{value}' not supported. Allowed values are ['IPv4', "
            "'IPv6'].",
            kind="SecurityGroupRuleInvalidEtherType",
        )
    return found


def port(value: Any) -> int | None:
    if value is None:
        return None
    try:
        number = int(value)
    except (TypeError, ValueError):
        number = -1
    if not 0 <= number <= 65535 or isinstance(value, bool):
        raise BadRequest(f"Invalid value for port {value}", kind="SecurityGroupInvalidPortValue")
    return number


def prefix(value: Any) -> str | None:
    """An address with the length of its network's prefix; a bare address means itself alone."""
    if value is None:
        return None
    try:
        cidr(value)
        return str(ipaddress.ip_interface(value))
    except (TypeError, ValueError):
        raise BadRequest(f"Invalid CIDR {value} given as IP prefix.", kind="InvalidCIDR") from None


def normalized(prefix: str | None) -> str | None:
    """The network in which an address with a prefix is."""
    return None if prefix is None else str(ipaddress.ip_network(prefix, strict=False))
