# SPDX-License-Identifier: Apache-2.0
"""Sizes: the APIs count in GiB and MiB, images and files in bytes. Rounding is always up, so that it fits."""

KIB = 1 << 10
MIB = 1 << 20
GIB = 1 << 30
TIB = 1 << 40

_SUFFIXES = ("B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB")


def whole_gib(size: int) -> int:
    """The least number of GiB that holds `size` bytes."""
    return -(-size // GIB)


def whole_mib(size: int) -> int:
    """The least number of MiB that holds `size` bytes."""
    return -(-size // MIB)


def round_up(size: int, step: int) -> int:
    """The least multiple of `step` that is not less than `size`."""
    return -(-size // step) * step


def readable(size: int) -> str:
    """The size for people, to three digits: `512 B`, `1.5 GiB`."""
    amount = float(size)
    for suffix in _SUFFIXES:
        if abs(amount) < 1000 or suffix == _SUFFIXES[-1]:
            break
        amount /= 1024
    return f"{amount:.3g} {suffix}"
