# SPDX-License-Identifier: Apache-2.0
"""Manifests of static large objects: as clients send them, and as they are kept.

Sent:  [{"path": "/segments/1", "etag": "...", "size_bytes": 5, "range": "0-3"}, {"data": "aGVsbG8="}]
Kept:  [{"name": "/segments/1", "hash": "...", "bytes": 5, "range": "0-3", "content_type": ..., ...}, ...]
"""

import base64
import binascii
import hashlib
from dataclasses import dataclass
from typing import Any

import msgspec

from cumulet.kernel.errors import BadRequest, TooLarge
from cumulet.services.swift.objects.conditions import Range, read_ranges

MAX_SIZE = 8 * 2**20
MAX_SEGMENTS = 1000
_KEYS = {"path": {"path", "etag", "size_bytes", "range"}, "data": {"data"}}
_TOO_SMALL = "too small; each segment must be at least 1 byte."


@dataclass(frozen=True)
class Wanted:
    """A segment as a client asks for it: data of its own, or a part of an object that should be like this."""

    data: bytes = b""
    path: str = ""
    etag: str | None = None
    size: int | None = None
    range: tuple[int | None, int | None] | None = None


def read(body: bytes, own_path: str) -> list[Wanted]:
    """The segments that a client asks for. Raises BadRequest with a line for each that makes no sense."""
    try:
        items = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise BadRequest("Manifest must be valid JSON.\n") from None
    if not isinstance(items, list):
        raise BadRequest("Manifest must be a list.\n")
    found, errors = [], []
    for index, item in enumerate(items):
        try:
            found.append(_wanted(item, own_path, last=index == len(items) - 1))
        except ValueError as error:
            errors.append(f"Index {index}: {error}\n")
    if items and not errors and all(item.data for item in found):
        errors.append("Inline data segments require at least one object-backed segment.\n")
    if errors:
        raise BadRequest("".join(errors))
    if sum(1 for item in found if item.path) > MAX_SEGMENTS:
        raise TooLarge(f"Number of object-backed segments must be <= {MAX_SEGMENTS}")
    return found


def _wanted(item: Any, own_path: str, *, last: bool) -> Wanted:
    """One segment. Raises ValueError with a phrase."""
    if not isinstance(item, dict):
        raise ValueError("not a JSON object")
    kind = next((kind for kind in _KEYS if kind in item), None)
    if kind is None:
        raise ValueError("expected keys to include one of 'path' or 'data'")
    if extra := sorted(set(item) - _KEYS[kind]):
        raise ValueError(f"extraneous keys {', '.join(msgspec.json.encode(key).decode() for key in extra)}")
    return Wanted(data=_data(item["data"])) if kind == "data" else _object(item, own_path, last=last)


def _data(text: Any) -> bytes:
    try:
        data = base64.b64decode(text, validate=True)
    except (TypeError, ValueError, binascii.Error):
        raise ValueError("data must be valid base64") from None
    if not data:
        raise ValueError(_TOO_SMALL)
    return data


def _object(item: dict[str, Any], own_path: str, *, last: bool) -> Wanted:
    path, etag = item["path"], item.get("etag")
    if not isinstance(path, str) or "\0" in path:
        raise ValueError('"path" must be a string')
    if not (etag is None or isinstance(etag, str)):
        raise ValueError('"etag" must be a string or null (if provided)')
    if "/" not in path.strip("/"):
        raise ValueError("path does not refer to an object. Path must be of the form /container/object.")
    size = _size(item.get("size_bytes"))
    if size is not None and size < 1 and not last:
        raise ValueError(_TOO_SMALL)
    if path.lstrip("/") == own_path:
        raise ValueError("manifest must not include itself as a segment")
    wanted = _range(item["range"]) if item.get("range") else None
    if wanted is not None and size is not None and within(wanted, size) is None:
        raise ValueError("unsatisfiable range")
    return Wanted(path=path, etag=etag, size=size, range=wanted)


def _size(value: Any) -> int | None:
    if value is None:
        return None
    try:
        return int(value)
    except (TypeError, ValueError, OverflowError):
        raise ValueError("invalid size_bytes") from None


def _range(text: Any) -> tuple[int | None, int | None]:
    ranges = read_ranges(f"bytes={text}") if isinstance(text, str) else None
    if ranges is None:
        raise ValueError("invalid range")
    if len(ranges) > 1:
        raise ValueError("multiple ranges (only one allowed)")
    return ranges[0]


def within(wanted: tuple[int | None, int | None], size: int) -> Range | None:
    """A range of an object of this size, None when it has nothing of it."""
    first, last = wanted
    if first is None:
        return Range(max(0, size - (last or 0)), size) if last and size else None
    if first >= size:
        return None
    return Range(first, size if last is None else min(last + 1, size))


# -- as they are kept ------------------------------------------------------------------------------------


class Segment(msgspec.Struct, omit_defaults=True):
    """A segment of a kept manifest."""

    name: str = ""
    bytes: int = 0
    hash: str = ""
    range: str = ""
    sub_slo: bool = False
    content_type: str = ""
    last_modified: str = ""
    data: str = ""

    @property
    def inline(self) -> "memoryview | None":
        """Data of its own, None for a segment that is an object."""
        return memoryview(base64.b64decode(self.data)) if self.data else None

    @property
    def part(self) -> Range:
        """What of its object it is."""
        if not self.range:
            return Range(0, self.bytes)
        first, _, last = self.range.partition("-")
        return Range(int(first), int(last) + 1)

    @property
    def length(self) -> int:
        return len(base64.b64decode(self.data)) if self.data else self.part.length


def kept(segments: list[Segment]) -> bytes:
    return msgspec.json.encode(segments)


def read_kept(content: bytes) -> list[Segment]:
    return msgspec.json.decode(content, type=list[Segment])


def etag(segments: list[Segment]) -> str:
    """The sum by which the whole object is known: of the sums of its segments."""
    total = hashlib.md5(usedforsecurity=False)
    for segment in segments:
        if (inline := segment.inline) is not None:
            word = hashlib.md5(inline, usedforsecurity=False).hexdigest()
        else:
            word = f"{segment.hash}:{segment.range};" if segment.range else segment.hash
        total.update(word.encode())
    return total.hexdigest()


def as_sent(segments: list[Segment]) -> list[dict[str, Any]]:
    """A kept manifest as a client would send it: `format=raw`."""
    return [
        {"data": segment.data}
        if segment.data
        else {
            "path": segment.name,
            "etag": segment.hash,
            "size_bytes": segment.bytes,
            **({"range": segment.range} if segment.range else {}),
        }
        for segment in segments
    ]
