# SPDX-License-Identifier: Apache-2.0
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cumulet.lib import cidr
from cumulet.lib.cidr import Pool


def texts(pools: tuple[Pool, ...]) -> list[str]:
    return [str(pool) for pool in pools]


# -- default pools ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("network", "gateway", "pools"),
    [
        ("10.0.0.0/24", "10.0.0.1", ["10.0.0.2-10.0.0.254"]),
        ("10.0.0.0/24", "10.0.0.254", ["10.0.0.1-10.0.0.253"]),
        ("10.0.0.0/24", "10.0.0.9", ["10.0.0.1-10.0.0.8", "10.0.0.10-10.0.0.254"]),
        ("10.0.0.0/24", None, ["10.0.0.1-10.0.0.254"]),
        ("10.0.0.0/24", "10.9.0.1", ["10.0.0.1-10.0.0.254"]),
        ("10.0.0.4/30", "10.0.0.5", ["10.0.0.6-10.0.0.6"]),
        ("10.0.0.4/31", None, []),
        ("10.0.0.4/32", None, ["10.0.0.4-10.0.0.4"]),
        ("fd00::/64", "fd00::1", ["fd00::2-fd00::ffff:ffff:ffff:ffff"]),
        ("fd00::/127", None, []),
        ("fd00::5/128", None, ["fd00::5-fd00::5"]),
    ],
)
def test_the_default_pools_are_all_hosts_but_the_gateway(
    network: str, gateway: str, pools: list[str]
) -> None:
    assert texts(cidr.default_pools(network, gateway)) == pools


# -- validation ---------------------------------------------------------------------------------------


def test_good_pools_are_accepted() -> None:
    pools = [Pool.parse("10.0.0.100", "10.0.0.200"), Pool.parse("10.0.0.2", "10.0.0.99")]
    cidr.validate_pools(pools, "10.0.0.0/24", "10.0.0.1")


@pytest.mark.parametrize(
    ("spans", "error"),
    [
        ([("10.0.0.2", "10.0.1.4")], cidr.PoolOutOfBounds),
        ([("10.0.0.0", "10.0.0.4")], cidr.PoolOutOfBounds),
        ([("10.0.0.9", "10.0.0.255")], cidr.PoolOutOfBounds),
        ([("fd00::1", "fd00::2")], cidr.InvalidPool),
        ([("10.0.0.20", "10.0.0.30"), ("10.0.0.2", "10.0.0.20")], cidr.PoolsOverlap),
        ([("10.0.0.1", "10.0.0.4")], cidr.GatewayInPool),
    ],
)
def test_bad_pools_are_refused(spans: list[tuple[str, str]], error: type[cidr.PoolError]) -> None:
    with pytest.raises(error) as caught:
        cidr.validate_pools([Pool.parse(*span) for span in spans], "10.0.0.0/24", "10.0.0.1")
    assert caught.value.pools


@pytest.mark.parametrize(
    ("start", "end"),
    [("10.0.0.9", "10.0.0.2"), ("10.0.0.1", "fd00::1"), ("ten", "10.0.0.1"), ("10.0.0.1", "")],
)
def test_what_is_no_pool_is_refused(start: str, end: str) -> None:
    with pytest.raises(cidr.InvalidPool):
        Pool.parse(start, end)


def test_networks_overlap_only_within_a_version() -> None:
    assert cidr.overlap("10.0.0.0/16", "10.0.9.0/24")
    assert not cidr.overlap("10.0.0.0/24", "10.0.1.0/24")
    assert cidr.overlap("fd00::/48", "fd00::/64")
    assert not cidr.overlap("0.0.0.0/0", "::/0")


# -- free addresses -----------------------------------------------------------------------------------

small_pools = st.sets(st.integers(0, 60), max_size=8).map(
    lambda edges: [
        Pool(4, first, last) for first, last in zip(sorted(edges)[::2], sorted(edges)[1::2], strict=False)
    ]
)


@given(small_pools, st.sets(st.integers(0, 60)))
def test_the_free_addresses_are_those_of_the_pools_without_the_taken(
    pools: list[Pool], taken: set[int]
) -> None:
    inside = {address for pool in pools for address in range(pool.first, pool.last + 1)}
    gaps = list(cidr.free_ranges(pools, taken))
    free = [address for gap in gaps for address in range(gap.first, gap.last + 1)]
    assert free == sorted(inside - taken)
    assert cidr.first_free(pools, taken) == min(free, default=None)


@given(small_pools, st.sets(st.integers(0, 60)), st.randoms(use_true_random=False))
def test_a_random_free_address_is_free(pools: list[Pool], taken: set[int], random: Random) -> None:
    address = cidr.random_free(pools, taken, random)
    if address is None:
        assert cidr.first_free(pools, taken) is None
    else:
        assert address not in taken
        assert any(address in pool for pool in pools)


def test_a_random_free_address_may_be_any() -> None:
    random = Random(1)
    seen = {cidr.random_free([Pool(4, 1, 3), Pool(4, 7, 9)], [2, 8], random) for _ in range(200)}
    assert seen == {1, 3, 7, 9}


def test_an_ipv6_network_is_not_walked_through() -> None:
    (pool,) = cidr.default_pools("fd00::/64", "fd00::1")
    taken = [pool.first + step for step in range(1000)]
    assert cidr.first_free([pool], taken) == pool.first + 1000
    assert cidr.random_free([pool], taken, Random(1)) in pool


# -- SLAAC --------------------------------------------------------------------------------------------


def test_a_slaac_address_is_the_modified_eui_64() -> None:
    assert cidr.slaac_address("2001:db8::/64", "fa:16:3e:01:02:03") == "2001:db8::f816:3eff:fe01:203"


@pytest.mark.parametrize(
    ("network", "mac"),
    [
        ("2001:db8::/65", "fa:16:3e:01:02:03"),
        ("10.0.0.0/24", "fa:16:3e:01:02:03"),
        ("fd00::/64", "fa:16"),
        ("fd00::/64", "x"),
    ],
)
def test_what_cannot_have_a_slaac_address_is_refused(network: str, mac: str) -> None:
    with pytest.raises(ValueError):
        cidr.slaac_address(network, mac)
