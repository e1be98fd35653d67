# SPDX-License-Identifier: Apache-2.0
"""SHA-crypt with SHA-512, as `/etc/shadow` and old Keystones have it: `$6$rounds=10000$SALT$HASH`.

The steps are those of Ulrich Drepper's specification ("Unix crypt using SHA-256 and SHA-512").
"""

import hmac
from hashlib import sha512

_LETTERS = "./0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_ROUNDS = 5000
_LEAST, _MOST = 1000, 999_999_999
_SALT_LENGTH = 16


def matches(password: bytes, stored: str) -> bool:
    """Whether this is the hash of the password. Raises ValueError for what is none."""
    _, _, *said, salt, wanted = stored.split("$")
    rounds = int(said[0].removeprefix("rounds=")) if said else _ROUNDS
    made = _text(_digest(password, salt.encode()[:_SALT_LENGTH], min(max(rounds, _LEAST), _MOST)))
    return hmac.compare_digest(made.encode(), wanted.encode())


def _digest(password: bytes, salt: bytes, rounds: int) -> bytes:
    mixed = sha512(password + salt + password).digest()
    first = sha512(password + salt + _filled(mixed, len(password)))
    bits = len(password)
    while bits:
        first.update(mixed if bits & 1 else password)
        bits >>= 1
    digest = first.digest()
    key = _filled(sha512(password * len(password)).digest(), len(password))
    grain = _filled(sha512(salt * (16 + digest[0])).digest(), len(salt))
    for number in range(rounds):
        step = sha512(key if number & 1 else digest)
        if number % 3:
            step.update(grain)
        if number % 7:
            step.update(key)
        step.update(digest if number & 1 else key)
        digest = step.digest()
    return digest


def _filled(block: bytes, length: int) -> bytes:
    """The block again and again, cut to this length."""
    return (block * (length // len(block) + 1))[:length]


def _text(digest: bytes) -> str:
    """Six bits a letter, of three bytes a third of the digest apart, in an order that goes around."""
    letters = ""
    for number in range(21):
        places = (number, number + 21, number + 42)
        turn = number % 3
        high, middle, low = places[turn:] + places[:turn]
        letters += _letters(digest[high] << 16 | digest[middle] << 8 | digest[low], 4)
    return letters + _letters(digest[63], 2)


def _letters(number: int, count: int) -> str:
    return "".join(_LETTERS[number >> 6 * place & 63] for place in range(count))
