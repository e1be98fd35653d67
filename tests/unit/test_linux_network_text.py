# SPDX-License-Identifier: Apache-2.0
"""What the Linux network drivers tell nft, dnsmasq and IPv6 guests, as text."""

import ipaddress
from pathlib import Path

import pytest

from cumulet.agent.drivers.linux_network.advertise import announcement, encode
from cumulet.agent.drivers.linux_network.dhcp import render_configuration, render_hosts, render_options
from cumulet.agent.drivers.linux_network.filters import Filters, render_change, render_whole
from cumulet.agent.drivers.linux_network.links import link_local
from cumulet.agent.drivers.linux_network.names import Names
from cumulet.agent.drivers.linux_network.nat import render_nat
from cumulet.agent.drivers.linux_network.rules import render_rule
from cumulet.agent.machine_link import machine_link
from cumulet.contracts.documents import (
    AddressPair,
    FilterRule,
    FixedIp,
    FloatingIpSpec,
    NetworkDocument,
    PortDocument,
    RouterDocument,
    RouterGateway,
    SecurityGroupDocument,
    SubnetSpec,
    tap_name,
)

PORT = PortDocument(
    id="0123456789abcdef",
    network_id="net",
    mac_address="fa:16:3e:00:00:01",
    fixed_ips=(FixedIp("s4", "10.0.0.5"), FixedIp("s6", "fd00::5")),
    security_group_ids=("web",),
)
TAP = tap_name(PORT.id)


def rule(direction: str = "ingress", ethertype: str = "IPv4", **more: object) -> FilterRule:
    return FilterRule(direction=direction, ethertype=ethertype, **more)  # type: ignore[arg-type]


# -- one rule ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("given", "text"),
    [
        (rule(), "meta nfproto ipv4 accept"),
        (rule(protocol="tcp", port_range_min=22, port_range_max=22), "meta l4proto 6 th dport 22 accept"),
        (rule(protocol="udp", port_range_min=1, port_range_max=9), "meta l4proto 17 th dport 1-9 accept"),
        (rule(protocol="sctp"), "meta l4proto 132 accept"),
        (rule(protocol="47", port_range_min=1, port_range_max=2), "meta l4proto 47 accept"),
        (rule(protocol="icmp"), "meta l4proto 1 accept"),
        (rule(protocol="icmp", port_range_min=8), "meta l4proto 1 icmp type 8 accept"),
        (
            rule(protocol="icmp", port_range_min=3, port_range_max=4),
            "meta l4proto 1 icmp type 3 icmp code 4 accept",
        ),
        (rule(ethertype="IPv6", protocol="icmp"), "meta nfproto ipv6 meta l4proto 58 accept"),
        (
            rule(ethertype="IPv6", protocol="ipv6-icmp", port_range_min=128),
            "meta l4proto 58 icmpv6 type 128 accept",
        ),
        (rule(remote_ip_prefix="10.1.0.7/16"), "ip saddr 10.1.0.0/16 accept"),
        (rule(remote_ip_prefix="0.0.0.0/0"), "meta nfproto ipv4 accept"),
        (rule(direction="egress", remote_ip_prefix="10.1.0.0/16"), "ip daddr 10.1.0.0/16 accept"),
        (rule(ethertype="IPv6", remote_ip_prefix="fd00::/8"), "ip6 saddr fd00::/8 accept"),
        (rule(remote_group_id="db"), "ip saddr @members4-db accept"),
        (rule(direction="egress", ethertype="IPv6", remote_group_id="db"), "ip6 daddr @members6-db accept"),
    ],
)
def test_a_rule_accepts_what_it_says(given: FilterRule, text: str) -> None:
    assert render_rule(given).endswith(text)


# -- filters -----------------------------------------------------------------------------------------------


def filters(*ports: PortDocument, groups: tuple[SecurityGroupDocument, ...] = ()) -> Filters:
    return Filters(
        ports={port.id: port for port in ports},
        groups={group.id: group for group in groups},
        numbers={port.id: n for n, port in enumerate(ports, 1)},
    )


def test_a_port_may_use_its_own_addresses_only() -> None:
    text = render_whole(filters(PORT))

    assert f"{TAP}-from ether saddr fa:16:3e:00:00:01 ip saddr {{ 10.0.0.5 }} accept" in text
    assert "ip6 saddr { fd00::5, fe80::f816:3eff:fe00:1 } accept" in text
    assert f"add rule bridge cumulet {TAP}-from drop" in text


def test_allowed_pairs_widen_what_a_port_may_use_without_overlaps() -> None:
    pairs = (AddressPair("10.0.0.0/24", ""), AddressPair("10.9.0.1", "fa:16:3e:00:00:02"))
    text = render_whole(filters(change(PORT, allowed_address_pairs=pairs)))

    assert "ether saddr fa:16:3e:00:00:01 ip saddr { 10.0.0.0/24 } accept" in text
    assert "ether saddr fa:16:3e:00:00:02 ip saddr { 10.9.0.1 } accept" in text
    assert "ether saddr != { fa:16:3e:00:00:01, fa:16:3e:00:00:02 } drop" in text
    assert "add element inet cumulet members4-web { 10.0.0.0/24, 10.9.0.1 }" in text


def test_members_here_and_elsewhere_are_in_the_set_of_their_group() -> None:
    group = SecurityGroupDocument(id="web", remote_members=("10.0.0.9", "fd00::9"))
    text = render_whole(filters(PORT, groups=(group,)))

    assert "add element inet cumulet members4-web { 10.0.0.5, 10.0.0.9 }" in text
    assert "add element inet cumulet members6-web { fd00::5, fd00::9 }" in text


def test_answers_are_let_in_unless_every_group_is_stateless() -> None:
    stateless = SecurityGroupDocument(id="web", stateful=False)
    assert f"{TAP}-ingress jump answers" in render_whole(filters(PORT))
    assert f"{TAP}-ingress jump answers" not in render_whole(filters(PORT, groups=(stateless,)))


def test_a_change_writes_only_what_changed() -> None:
    other = change(PORT, id="fedcba9876543210", security_group_ids=("other",))
    group = SecurityGroupDocument(id="web", rules=(rule(protocol="tcp"),))
    old = filters(PORT, other)
    new = Filters(ports=old.ports, groups={"web": group}, numbers=old.numbers)

    text = render_change(old, new)

    assert "add rule inet cumulet group-in-web meta nfproto ipv4 meta l4proto 6 accept" in text
    assert TAP not in text and tap_name(other.id) not in text and "group-in-other" not in text


def test_the_last_port_of_a_group_takes_its_chains_along() -> None:
    text = render_change(filters(PORT), filters())

    for gone in (f"chain inet cumulet {TAP}-egress", "chain inet cumulet group-in-web"):
        assert f"delete {gone}" in text
    assert text.index(f"delete chain inet cumulet {TAP}-ingress") < text.index("delete set inet cumulet")


def test_a_port_that_is_down_drops_and_one_without_security_accepts() -> None:
    down = render_whole(filters(change(PORT, admin_state_up=False)))
    bare = render_whole(filters(change(PORT, port_security=False)))

    for chain in (f"bridge cumulet {TAP}-from", f"bridge cumulet {TAP}-to"):
        assert f"add rule {chain} drop\n" in down and f"add rule {chain} accept\n" not in down
        assert f"add rule {chain} accept\n" in bare and f"add rule {chain} drop\n" not in bare


def change(port: PortDocument, **fields: object) -> PortDocument:
    known = {name: getattr(port, name) for name in port.__struct_fields__}
    return PortDocument(**{**known, **fields})  # type: ignore[arg-type]


# -- routers -----------------------------------------------------------------------------------------------


def router(*floating: tuple[str, str], snat: bool = True) -> RouterDocument:
    gateway = RouterGateway(
        port_id="0123456789ab", network_id="out", mac_address="fa:16:3e:00:00:09",
        cidrs=("fd01::2/64", "198.18.0.2/24"), snat=snat,
    )  # fmt: skip
    specs = tuple(
        FloatingIpSpec(id=outer, floating_ip_address=outer, fixed_ip_address=inner)
        for outer, inner in floating
    )
    return RouterDocument(id="r", gateway=gateway, floating_ips=specs)


def test_a_router_masks_behind_its_address_only_when_it_should() -> None:
    masks = 'oifname "qg-0123456789a" snat to 198.18.0.2'
    assert masks in render_nat(router())
    assert masks not in render_nat(router(snat=False))


def test_a_floating_ip_is_translated_both_ways_and_its_old_connections_end() -> None:
    text = render_nat(router(("198.18.0.7", "10.0.0.5")))

    assert "dnat to ip daddr map { 198.18.0.7 : 10.0.0.5 }" in text
    assert "snat to ip saddr map { 10.0.0.5 : 198.18.0.7 }" in text
    assert "ct original ip daddr . ct reply ip saddr != { 198.18.0.7 . 10.0.0.5 } drop" in text
    assert "ct status dnat drop" in render_nat(router())


def test_a_router_without_a_gateway_translates_nothing() -> None:
    assert "snat to" not in render_nat(RouterDocument(id="r"))


# -- DHCP and router advertisements ----------------------------------------------------------------------


V4 = SubnetSpec(id="s4", cidr="10.0.0.0/24", ip_version=4, gateway_ip="10.0.0.1", dhcp_ip="10.0.0.2")
V6 = SubnetSpec(
    id="s6", cidr="fd00::/64", ip_version=6, dhcp_ip="fd00::2",
    ipv6_ra_mode="dhcpv6-stateful", ipv6_address_mode="dhcpv6-stateful",
)  # fmt: skip
NETWORK = NetworkDocument(id="net", mtu=1450, subnets=(V4, V6))


def test_dhcp_serves_known_cards_only() -> None:
    text = render_configuration(NETWORK, Path("/x"), "ns-net")
    assert "dhcp-range=set:subnet-s4,10.0.0.0,static,255.255.255.0,86400s" in text
    assert "dhcp-range=set:subnet-s6,fd00::,static,64,86400s" in text
    assert render_hosts(NETWORK, [PORT]) == (
        "fa:16:3e:00:00:01,set:port-0123456789abcdef,10.0.0.5,[fd00::5],host-10-0-0-5\n"
    )


def test_a_subnet_without_gateway_announces_none() -> None:
    alone = NetworkDocument(
        id="net", subnets=(SubnetSpec(id="s", cidr="10.0.0.0/24", ip_version=4, dhcp_ip="10.0.0.2"),)
    )
    options = render_options(alone, [])
    assert "tag:subnet-s,option:router\n" in options
    assert "0.0.0.0/0" not in options


def test_the_name_server_that_means_none_is_not_announced() -> None:
    silent = SubnetSpec(
        id="s", cidr="10.0.0.0/24", ip_version=4, dhcp_ip="10.0.0.2", dns_nameservers=("0.0.0.0",)
    )
    assert "dns-server" not in render_options(NetworkDocument(id="net", subnets=(silent,)), [])


def test_a_port_option_cannot_smuggle_in_another_line() -> None:
    sly = change(PORT, dhcp_options=(("mtu", "9\ndhcp-script=/bin/sh"), ("a,b", "c"), ("67", "boot")))
    options = render_options(NETWORK, [sly])
    assert "script" not in options and "a,b" not in options
    assert "tag:port-0123456789abcdef,67,boot\n" in options


@pytest.mark.parametrize(
    ("mode", "flags", "prefix_flags"),
    [("slaac", 0, 0xC0), ("dhcpv6-stateless", 0x40, 0xC0), ("dhcpv6-stateful", 0x80, 0x80)],
)
def test_an_advertisement_says_how_addresses_are_made(mode: str, flags: int, prefix_flags: int) -> None:
    subnet = SubnetSpec(
        id="s", cidr="fd00::/64", ip_version=6, ipv6_ra_mode=mode, dns_nameservers=("fd00::53",)
    )  # type: ignore[arg-type]
    said = announcement(NETWORK, [subnet], lifetime=1800)
    assert said is not None

    message = encode(said, "fa:16:3e:00:00:01")

    assert message[0] == 134 and message[5] == flags
    assert int.from_bytes(message[6:8], "big") == 1800
    assert message[16:24] == b"\x01\x01\xfa\x16\x3e\x00\x00\x01"
    assert int.from_bytes(message[28:32], "big") == 1450
    assert message[32:36] == bytes([3, 4, 64, prefix_flags])
    assert message[48:64] == ipaddress.IPv6Address("fd00::").packed
    assert message.endswith(ipaddress.IPv6Address("fd00::53").packed)


# -- names -------------------------------------------------------------------------------------------------


def test_a_plane_knows_its_own_namespaces_and_no_others() -> None:
    names = Names("host1")
    assert names.owned(names.router("r-1")) == ("router", "r-1")
    assert names.owned(names.dhcp("n-1")) == ("dhcp", "n-1")
    for foreign in (names.plane, "cumulet-host11_router-r", "cumulet-host_router-r", "qrouter-r", "other"):
        assert names.owned(foreign) is None


def test_a_name_that_is_no_host_name_is_refused() -> None:
    with pytest.raises(ValueError, match="no host name"):
        Names("a/../b")


def test_the_link_to_the_machine_fits_the_kernel() -> None:
    assert machine_link("host1") == "cml-host1"
    assert len(machine_link("a-host-with-a-long-name")) == 15


def test_a_card_makes_its_link_local_address_of_its_own() -> None:
    assert link_local("fa:16:3e:00:00:01") == "fe80::f816:3eff:fe00:1"
