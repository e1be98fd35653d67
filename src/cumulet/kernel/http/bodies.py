# SPDX-License-Identifier: Apache-2.0
"""JSON bodies, and what no body may hold whatever its schema says.

A NUL is no text to PostgreSQL, and what is nested without end exhausts whoever walks it. Both are refused
here once, so that nothing behind has to think of them. Only bodies that look like holding one are walked.
"""

from typing import Any

import msgspec

from cumulet.kernel.errors import BadRequest, UnsupportedMediaType

MAX_BODY = 1 << 20
MAX_DEPTH = 100
_SLOPPY = frozenset({"application/x-www-form-urlencoded", "text/plain", "application/octet-stream", "*/*"})
"""Media types that clients put on JSON without meaning it."""


def parse(raw: bytes, content_type: str | None) -> Any:
    """The value of a JSON body. Raises UnsupportedMediaType, BadRequest."""
    kind = (content_type or "application/json").split(";")[0].strip().lower()
    if not (kind.endswith(("json", "json-patch")) or kind in _SLOPPY):
        raise UnsupportedMediaType(f"Unsupported Content-Type: {kind}; send application/json.")
    try:
        return decode(raw)
    except ValueError as error:
        raise BadRequest(f"Malformed request body: {error}.") from None


def decode(raw: bytes) -> Any:
    """The value of a JSON text. Raises ValueError with a phrase for the user."""
    try:
        value = msgspec.json.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise ValueError(f"it is not valid JSON ({error})") from None
    if b"\\u0000" in raw or raw.count(b"[") + raw.count(b"{") > MAX_DEPTH:
        _check(value)
    return value


def _check(value: Any) -> None:
    """Raise ValueError for a NUL in a text, or for more than MAX_DEPTH levels."""
    level = [value]
    for _ in range(MAX_DEPTH):
        if not level:
            return
        if any("\0" in item for item in level if isinstance(item, str)):
            raise ValueError("texts must not hold NUL characters")
        level = [part for item in level for part in _parts(item)]
    raise ValueError(f"it is nested deeper than {MAX_DEPTH} levels")


def _parts(value: Any) -> list[Any]:
    if isinstance(value, dict):
        return [*value, *value.values()]
    return value if isinstance(value, list) else []
