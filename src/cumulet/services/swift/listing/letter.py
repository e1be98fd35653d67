# SPDX-License-Identifier: Apache-2.0
"""Lists as text, JSON and XML."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any
from xml.sax.saxutils import escape, quoteattr

import msgspec

from cumulet.kernel.http.messages import Reply
from cumulet.kernel.resource.shapes import keys, maybe

_NO_XML = {code: "\ufffd" for code in range(32) if code not in (9, 10, 13)}
LISTED_CONTAINER = keys(
    name=maybe(str), count=maybe(int), bytes=maybe(int), last_modified=maybe(str), subdir=maybe(str)
)
LISTED_OBJECT = keys(
    name=maybe(str), hash=maybe(str), bytes=maybe(int), content_type=maybe(str), last_modified=maybe(str),
    subdir=maybe(str), slo_etag=maybe(str), symlink_path=maybe(str), symlink_bytes=maybe(int),
    symlink_etag=maybe(str), version_id=maybe(str), is_latest=maybe(bool), version_symlink=maybe(bool),
)  # fmt: skip


def listing_reply(
    kind: str, items: list[dict[str, Any]], headers: Mapping[str, str], root: tuple[str, str, str]
) -> Reply:
    """A list in this media type, 204 where it is empty; `root` is the tag and the name of what is listed, and
    the tag of what is in it.
    """
    body = _WRITERS[kind](items, root)
    content_type = f"{kind}; charset=utf-8"
    if not body:
        return Reply(204, None, {**headers, "Content-Type": content_type})
    return Reply(200, body, headers, content_type)


def as_json(items: list[dict[str, Any]], root: tuple[str, str, str]) -> bytes:
    return msgspec.json.encode(items)


def as_text(items: list[dict[str, Any]], root: tuple[str, str, str]) -> bytes:
    return "".join(f"{item.get('name') or item.get('subdir')}\n" for item in items).encode()


def as_xml(items: list[dict[str, Any]], root: tuple[str, str, str]) -> bytes:
    tag, name, inner = root
    lines = "".join(_elements(items, inner, tag == "container"))
    page = f'<?xml version="1.0" encoding="UTF-8"?>\n<{tag} name={quoteattr(_xml(name))}>{lines}</{tag}>'
    return page.encode()


def _elements(items: list[dict[str, Any]], inner: str, named: bool) -> Iterable[str]:
    for item in items:
        if (folder := item.get("subdir")) is not None:
            inside = f"<name>{escape(_xml(folder))}</name>" if named else ""
            yield f"<subdir name={quoteattr(_xml(folder))}>{inside}</subdir>"
            continue
        values = (
            f"<{key}>{escape(_xml(str(value)))}</{key}>" for key, value in item.items() if key in _IN_XML
        )
        yield f"<{inner}>{''.join(values)}</{inner}>"


def _xml(text: str) -> str:
    """The text without what no XML may hold."""
    return text.translate(_NO_XML)


_IN_XML = ("name", "count", "hash", "bytes", "content_type", "last_modified")
_WRITERS: dict[str, Callable[[list[dict[str, Any]], tuple[str, str, str]], bytes]] = {
    "application/json": as_json,
    "application/xml": as_xml,
    "text/xml": as_xml,
    "text/plain": as_text,
}
