# SPDX-License-Identifier: Apache-2.0
"""A request as handlers see it, and the reply they give."""

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl

from cumulet.kernel.errors import BadRequest

_TRUE = frozenset({"1", "t", "true", "on", "y", "yes"})
_FALSE = frozenset({"0", "f", "false", "off", "n", "no"})
LEAST, MOST = -(2**63), 2**63 - 1
"""The integers that a database can hold."""


class Query:
    """The query of a request, in its order, each key as often as it was sent."""

    __slots__ = ("pairs",)

    def __init__(self, text: str = "") -> None:
        """Raises BadRequest for a NUL character, which no text may hold."""
        if "%00" in text or "\0" in text:
            raise BadRequest("The query must not hold NUL characters.")
        self.pairs = parse_qsl(text, keep_blank_values=True) if text else []

    def __contains__(self, name: str) -> bool:
        return any(key == name for key, _ in self.pairs)

    def get(self, name: str, default: str | None = None) -> str | None:
        """The last value of a key, as upstream's parsers take it."""
        for key, value in reversed(self.pairs):
            if key == name:
                return value
        return default

    def all(self, name: str) -> list[str]:
        return [value for key, value in self.pairs if key == name]

    def names(self) -> list[str]:
        return list(dict.fromkeys(key for key, _ in self.pairs))

    def flag(self, name: str, default: bool = False) -> bool:
        """A loose boolean: 1, t, true, on, y, yes or nothing for true; Invalid words are false."""
        value = self.get(name)
        return default if value is None else as_flag(value, bare=True)

    def integer(self, name: str, minimum: int = 0) -> int | None:
        """A whole number, None when it was not given. Raises BadRequest with a sentence."""
        value = self.get(name)
        if value is None:
            return None
        number = whole_number(value, name)
        if number < minimum:
            raise BadRequest(f"{name} must be at least {minimum}, not {number}.")
        return number


def whole_number(value: str, name: str) -> int:
    """The number that a text says. Raises BadRequest when it is none, or none that a database can hold."""
    try:
        number = int(value)
    except ValueError:
        raise BadRequest(f"{name} must be an integer, not '{value}'.") from None
    if not LEAST <= number <= MOST:
        raise BadRequest(f"{name} must be between {LEAST} and {MOST}.")
    return number


def as_flag(value: Any, *, bare: bool = False) -> bool:
    """A boolean as clients write it in queries."""
    word = str(value).strip().lower()
    return word in _TRUE or (bare and word == "")


def strict_flag(value: Any, name: str) -> bool:
    """A boolean in any of the usual spellings; BadRequest for anything else."""
    word = str(value).strip().lower()
    if word in _TRUE:
        return True
    if word in _FALSE:
        return False
    raise BadRequest(f"'{value}' is not a boolean value for {name}.")


@dataclass(slots=True)
class Request:
    """One HTTP request, with its body read and parsed where it is JSON.

    `params` are the values of the path's placeholders. `client` is the address that asks, and `asked` the
    path for which it did, with the service's. `stream` yields the body of a route that takes it raw.
    `prepared` is what the route's `prepare` has worked out.
    """

    method: str
    path: str
    params: Mapping[str, str]
    query: Query
    headers: Mapping[str, str]
    body: Any = None
    raw: bytes = b""
    stream: AsyncIterator[bytes] | None = None
    prepared: Any = None
    client: str = ""
    asked: str = ""

    def member(self, name: str) -> Any:
        """What the body holds under this one key. Raises BadRequest when it does not."""
        if not isinstance(self.body, dict) or name not in self.body:
            raise BadRequest(f"The request body must be a JSON object with the key '{name}'.")
        return self.body[name]


@dataclass(slots=True)
class Reply:
    """An answer: a JSON value, bytes as they are, or a stream; None is an empty body."""

    status: int = 200
    body: Any = None
    headers: Mapping[str, str] = field(default_factory=dict)
    content_type: str = "application/json"
    stream: AsyncIterator[bytes] | None = None
