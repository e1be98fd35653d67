# SPDX-License-Identifier: Apache-2.0
"""Sets of addresses as networks."""

from cumulet.lib.prefixes import compacted, left


def text(networks: object) -> list[str]:
    return [str(network) for network in networks]  # type: ignore[attr-defined]


def test_neighbours_and_what_is_inside_another_become_one() -> None:
    assert compacted(["10.1.0.0/16", "10.0.0.0/16", "10.0.4.0/24"]) == ["10.0.0.0/15"]
    assert compacted(["fd00:1::/64", "fd00::/64"]) == ["fd00::/64", "fd00:1::/64"]


def test_what_is_taken_leaves_the_largest_networks_around_it() -> None:
    assert text(left(["10.0.0.0/24"], ["10.0.0.64/26"])) == ["10.0.0.0/26", "10.0.0.128/25"]
    assert text(left(["10.0.0.0/24", "10.0.2.0/24"], ["10.0.0.0/24"])) == ["10.0.2.0/24"]
    assert left(["10.0.0.0/24"], ["10.0.0.0/16"]) == []
    assert text(left(["10.0.0.0/24"], ["10.0.0.128/25", "10.0.0.192/26"])) == ["10.0.0.0/25"]
    assert text(left(["fd00::/63"], ["fd00::/64"])) == ["fd00:0:0:1::/64"]
    assert text(left(["10.0.0.0/24"], ["192.168.0.0/24"])) == ["10.0.0.0/24"]
