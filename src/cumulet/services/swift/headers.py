# SPDX-License-Identifier: Apache-2.0
"""Headers that are kept: what users say of accounts, containers and objects, within its limits.

Those of accounts and containers are merged, and an empty value or X-Remove-... takes one away. Those of an
object are replaced as a whole.
"""

from collections.abc import Iterable, Mapping

from cumulet.kernel.errors import BadRequest
from cumulet.services.swift import limits

Headers = Mapping[str, str]
KEPT = (
    "Content-Disposition", "Content-Encoding", "X-Object-Manifest", "Cache-Control", "Content-Language",
    "Expires", "X-Robots-Tag",
)  # fmt: skip
"""What is kept of an object besides its own metadata."""


def prefix(kind: str) -> str:
    return f"x-{kind}-meta-"


def metadata(sent: Headers, kind: str) -> dict[str, str]:
    """What a request says of an account, a container or an object, by the names under which it is kept.

    An empty value stands where something is taken away. Raises BadRequest.
    """
    start, remove = prefix(kind), f"x-remove-{kind}-meta-"
    require_modest(sent)
    found = {title(name): value for name, value in sent.items() if name.startswith(start)}
    for name in sent:
        if name.startswith(remove):
            found.setdefault(title(start + name[len(remove) :]), "")
    if kind != "object":
        _require_utf8(found.items())
    require_limits(found, kind)
    return found


def require_modest(sent: Headers) -> None:
    """Raise BadRequest for a header of more than 8,192 characters."""
    for name, value in sent.items():
        if len(value) > limits.MAX_HEADER:
            raise BadRequest(f"Header value too long: {name[: limits.MAX_META_NAME]}")


def _require_utf8(pairs: Iterable[tuple[str, str]]) -> None:
    try:
        for name, value in pairs:
            (name + value).encode("latin-1").decode()
    except UnicodeError:
        raise BadRequest("Metadata must be valid UTF-8") from None


def require_limits(found: Headers, kind: str) -> None:
    """Raise BadRequest for metadata that is too much, in number or in size."""
    start = prefix(kind)
    count = size = 0
    for title_name, value in found.items():
        if not title_name.lower().startswith(start):
            continue
        name = title_name[len(start) :]
        count, size = count + 1, size + len(name) + len(value)
        if not name:
            raise BadRequest("Metadata name cannot be empty")
        if len(name) > limits.MAX_META_NAME:
            raise BadRequest(f"Metadata name too long: {start}{name.lower()}")
        if len(value) > limits.MAX_META_VALUE:
            raise BadRequest(f"Metadata value longer than {limits.MAX_META_VALUE}: {start}{name.lower()}")
    if count > limits.MAX_META_COUNT:
        raise BadRequest(f"Too many metadata items; max {limits.MAX_META_COUNT}")
    if size > limits.MAX_META_OVERALL:
        raise BadRequest(f"Total metadata too large; max {limits.MAX_META_OVERALL}")


def merged(known: Headers, changes: Headers, kind: str) -> dict[str, str]:
    """What is kept after these changes. Raises BadRequest when it is too much in all."""
    found = {name: value for name, value in {**known, **changes}.items() if value}
    require_limits(found, kind)
    return found


def of_object(sent: Headers) -> dict[str, str]:
    """Everything that is kept of a request that writes an object or what is said of it."""
    kept = {name: sent[name.lower()] for name in KEPT if sent.get(name.lower())}
    return {**metadata_as_sent(sent), **kept}


def metadata_as_sent(sent: Headers) -> dict[str, str]:
    """The metadata of an object, in which an empty value is a value."""
    require_modest(sent)
    start = prefix("object")
    found = {title(name): value for name, value in sent.items() if name.startswith(start)}
    require_limits(found, "object")
    return found


def title(name: str) -> str:
    """`x-object-meta-one` as `X-Object-Meta-One`."""
    return name.title()
