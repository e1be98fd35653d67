# SPDX-License-Identifier: Apache-2.0
"""Address translation of a router as nft text: a pure function of its document.

Translation outlives its rule: conntrack goes on translating what it once began. So the forward chain asks
of every translated packet whether its translation still stands, and a floating IP that moved or went ends
its connections.

What comes in by the gateway bears a mark, because the hook that translates sources no longer knows whence a
packet came.
"""

import ipaddress
from collections.abc import Iterator

from cumulet.agent.drivers.linux_network.metadata import ADDRESS_V4
from cumulet.agent.drivers.linux_network.names import leg_names
from cumulet.contracts.documents import RouterDocument, RouterGateway

TABLE = "ip cumulet"
_FROM_GATEWAY = 2


def render_nat(router: RouterDocument) -> str:
    """The program that makes the router translate exactly this, whatever it did before."""
    chains = {
        "arriving": ("type filter hook prerouting priority mangle", _inbound(router)),
        "aiming": ("type nat hook prerouting priority dstnat", _dnat(router)),
        "masking": ("type nat hook postrouting priority srcnat", _snat(router)),
        "standing": ("type filter hook forward priority filter", _forward(router)),
    }
    lines = [f"add table {TABLE}", f"delete table {TABLE}", f"table {TABLE} {{"]
    for name, (hook, rules) in chains.items():
        lines.append(f"  chain {name} {{")
        lines.append(f"    {hook}; policy accept;")
        lines += [f"    {rule}" for rule in rules]
        lines.append("  }")
    return "\n".join([*lines, "}", ""])


def gateway_address(gateway: RouterGateway | None) -> str | None:
    """The router's own IPv4 address outside, which masks what has no floating IP."""
    interfaces = [ipaddress.ip_interface(cidr) for cidr in gateway.cidrs] if gateway else []
    return next((str(interface.ip) for interface in interfaces if interface.version == 4), None)


def _inbound(router: RouterDocument) -> Iterator[str]:
    if router.gateway:
        outside = leg_names(router.gateway.port_id, gateway=True)[1]
        yield f'iifname "{outside}" meta mark set {_FROM_GATEWAY}'
        yield f'iifname "{outside}" ip daddr {ADDRESS_V4} drop'


def _dnat(router: RouterDocument) -> Iterator[str]:
    if router.floating_ips:
        pairs = ", ".join(f"{f.floating_ip_address} : {f.fixed_ip_address}" for f in router.floating_ips)
        yield f"dnat to ip daddr map {{ {pairs} }}"


def _snat(router: RouterDocument) -> Iterator[str]:
    """Inner traffic keeps its addresses, unless it was sent to a floating IP and must come back this way."""
    if not router.gateway:
        return
    outside, address = leg_names(router.gateway.port_id, gateway=True)[1], gateway_address(router.gateway)
    yield f"meta mark {_FROM_GATEWAY} accept"
    yield f'oifname != "{outside}" ct status & dnat == 0 accept'
    if router.floating_ips:
        pairs = ", ".join(f"{f.fixed_ip_address} : {f.floating_ip_address}" for f in router.floating_ips)
        yield f"snat to ip saddr map {{ {pairs} }}"
    if address:
        yield f"ct status dnat snat to {address}"
        if router.gateway.snat:
            yield f'oifname "{outside}" snat to {address}'


def _forward(router: RouterDocument) -> Iterator[str]:
    translated = [f"{f.floating_ip_address} . {f.fixed_ip_address}" for f in router.floating_ips]
    address = gateway_address(router.gateway)
    masks = [f.floating_ip_address for f in router.floating_ips] + ([address] if address else [])
    if translated:
        pairs = ", ".join(translated)
        yield f"ct status dnat ct original ip daddr . ct reply ip saddr != {{ {pairs} }} drop"
    else:
        yield "ct status dnat drop"
    yield (
        f"ct status snat ct reply ip daddr != {{ {', '.join(masks)} }} drop"
        if masks
        else "ct status snat drop"
    )
