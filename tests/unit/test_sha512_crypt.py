# SPDX-License-Identifier: Apache-2.0
"""SHA-crypt, judged by what the C library has made of the same passwords."""

import pytest

from cumulet.lib import sha512_crypt

MADE = [
    (
        "Hello world!",
        "$6$saltstring$svn8UoSVapNtMuq1ukKS4tPQd8iKwSMHWjl/O817G3uBnI"
        "FNjnQJuesI68u4OTLiBFdcbYEdFCoEOfaS35inz1",
    ),
    (
        "",
        "$6$rounds=1400$ab$mVHwTOZqE6lj1gWCotjG0fJNlDkBErgoGcHGmmnQQQ"
        "L1Pnp/QulhFmKDVX7QkxPLkQMCsxEhm7HT9PRmEotok.",
    ),
    (
        "x" * 64,
        "$6$rounds=1000$abcdefghijklmnop$VlZRxpW2yhe0vILjHObZNJZhSD6w"
        "KEmAcAhagTnrv1VuB5NA0fwFCvFG58dmWP.9tNVciJwcJ2WUMbtLDVVLx1",
    ),
    (
        "Grüße, " * 12,
        "$6$rounds=1001$.$MVsINnrT2v6YH9Gxd9MqxbSewW7FU0d4JUGtupMdO4C"
        "aJbzEURJcSxfpGi4zvK0g1XTawo4p.e1Ca5HnIMvny.",
    ),
]


@pytest.mark.parametrize(("password", "stored"), MADE)
def test_hashes_are_those_of_the_c_library(password: str, stored: str) -> None:
    assert sha512_crypt.matches(password.encode(), stored)
    assert not sha512_crypt.matches(password.encode() + b"!", stored)
