# SPDX-License-Identifier: Apache-2.0
import pytest

from cumulet.lib import units


def test_sizes_round_up_so_that_they_fit() -> None:
    assert [units.whole_gib(size) for size in (0, 1, units.GIB, units.GIB + 1)] == [0, 1, 1, 2]
    assert [units.whole_mib(size) for size in (0, 1, units.MIB, units.MIB + 1)] == [0, 1, 1, 2]
    assert [units.round_up(size, 512) for size in (0, 1, 512, 513)] == [0, 512, 512, 1024]


@pytest.mark.parametrize(
    ("size", "text"),
    [
        (0, "0 B"),
        (512, "512 B"),
        (1000, "0.977 KiB"),
        (units.GIB * 3 // 2, "1.5 GiB"),
        (units.TIB << 20, "1 EiB"),
    ],
)
def test_sizes_are_readable(size: int, text: str) -> None:
    assert units.readable(size) == text
