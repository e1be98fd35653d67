# SPDX-License-Identifier: Apache-2.0
"""Passwords: hashes of older Keystones, and more logins at once than can be served."""

import asyncio

import pytest

from cumulet.kernel.errors import Unavailable
from cumulet.services.keystone.hashing import Passwords, hash_generated

OLD = {
    "bcrypt": "$2b$04$KBpZU6dCORh1hixc4T45c.iZSwmXUCe3V3.dIV6ycXIHigqyuiNuq",
    "bcrypt_sha256": "$bcrypt-sha256$v=2,t=2b,r=4$vXi96jVgvWFpsYOVtogk2O$bOYpUqFGb42aXshqpbyGFXGH3pPK9q6",
    "scrypt": "$scrypt$ln=4,r=8,p=1$CQGglHJOidG6FwJgTGnt/Q$aZUAk7bgPtHyeTagbpG6DYahVZsZMKJy9aCPj2jCP5M",
    "pbkdf2_sha512": "$pbkdf2-sha512$10$qvX.X4txrjWGcE7Jea91rg$o6nq392MImOdgOdUzwoQ7JmBnR1QZX/z/YRxqXUOiLXN"
    ".cp97UAD/cW5cvJPwXYuxBw/GVR3HL1yYstZnnEayw",
    "sha512_crypt": "$6$rounds=10000$oldkeystone$IV/UluLfLEVZphX67DjTewv01cVXYjifH8Py5sSUqNMRgXxzGLmn6v0OET1C"
    "nj5zTETuxNO4XYI3E5yD5KV4/1",
}
"""What passlib and Keystone, and the C library for the last one, have made of the password `secret`."""


def matches(password: str, stored: str) -> bool:
    async def run() -> bool:
        passwords = Passwords()
        try:
            return await passwords.matches(password, stored)
        finally:
            passwords.close()

    return asyncio.run(run())


@pytest.mark.parametrize("kind", OLD)
def test_hashes_of_older_keystones_are_read(kind: str) -> None:
    assert matches("secret", OLD[kind])
    assert not matches("wrong", OLD[kind])
    assert not matches("", OLD[kind])


@pytest.mark.parametrize(
    "stored",
    [
        "$scrypt$",
        "$scrypt$ln=x$a$b",
        "$scrypt$ln=40,r=8,p=1$YQ$YQ",
        "$scrypt$r=8,p=1$YQ$YQ",
        "$2b$",
        "$2b$04$x",
        "$pbkdf2-sha512$0$YQ$YQ",
        "$pbkdf2-sha512$10$\N{SNOWMAN}$YQ",
        "$bcrypt-sha256$v=2$x$y",
        "$6$a$b",
        "$6$",
        "$6$rounds=many$a$b",
        "$",
        "",
    ],
)
def test_what_is_no_hash_matches_nothing(stored: str) -> None:
    assert not matches("secret", stored)


@pytest.mark.parametrize("password", ["a\0b", "\N{SNOWMAN}" * 100])
def test_strange_passwords_match_no_old_hash(password: str) -> None:
    assert not any(matches(password, stored) for stored in OLD.values())


def test_more_than_can_be_served_soon_are_told_to_come_back() -> None:
    async def run() -> None:
        passwords = Passwords(threads=1)
        stored = hash_generated("drawn")
        found = await asyncio.gather(
            *(passwords.matches("drawn", stored) for _ in range(110)), return_exceptions=True
        )
        assert found[:100] == [True] * 100
        for refusal in found[100:]:
            assert isinstance(refusal, Unavailable)
            assert int(refusal.headers["Retry-After"]) > 0
        assert await passwords.matches("drawn", stored), "there is room again"
        passwords.close()

    asyncio.run(run())
