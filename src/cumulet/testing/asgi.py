# SPDX-License-Identifier: Apache-2.0
"""HTTP without a network: requests handed to the application in process."""

import dataclasses
from collections.abc import Callable, Iterator, Mapping
from typing import Any
from urllib.parse import unquote, urlsplit

import msgspec


@dataclasses.dataclass(frozen=True)
class Answer:
    """What came back. `body` is the parsed JSON, or the bytes where it is none, or None."""

    status: int
    headers: Mapping[str, str]
    body: Any

    def __getitem__(self, key: str) -> Any:
        return self.body[key]


async def request(
    application: Any,
    method: str,
    url: str,
    *,
    body: Any = None,
    headers: Mapping[str, str] | None = None,
    sink: Callable[[bytes], None] | None = None,
) -> Answer:
    """One request; a body that is not bytes is sent as JSON.

    An iterator of bytes is sent in chunks, without its length; if it raises ConnectionError, the client
    has gone away. What comes back is given to the sink, if there is one, and not kept.
    """
    parts = urlsplit(url)
    chunks_sent = body if isinstance(body, Iterator) else None
    content = _content(body) if chunks_sent is None else b""
    sent = {"host": parts.netloc or "cloud", "accept": "application/json"}
    sent |= {name.lower(): value for name, value in (headers or {}).items()}
    if body is not None and chunks_sent is None:
        sent.setdefault("content-type", "application/json")
        sent.setdefault("content-length", str(len(content)))
    scope = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": method,
        "scheme": "http",
        "path": unquote(parts.path),
        "raw_path": parts.path.encode(),
        "query_string": parts.query.encode(),
        "root_path": "",
        "headers": [(key.encode(), value.encode("latin-1")) for key, value in sent.items()],
        "client": ("127.0.0.1", 1),
        "server": ("127.0.0.1", 80),
    }
    received = [{"type": "http.request", "body": content, "more_body": False}]
    status, found, chunks = 0, {}, []

    async def receive() -> dict[str, Any]:
        if chunks_sent is not None:
            return _next_chunk(chunks_sent)
        return received.pop(0) if received else {"type": "http.disconnect"}

    async def send(message: dict[str, Any]) -> None:
        nonlocal status
        if message["type"] == "http.response.start":
            status = message["status"]
            found.update({k.decode("latin-1").lower(): v.decode("latin-1") for k, v in message["headers"]})
        elif sink is not None:
            sink(message.get("body", b""))
        else:
            chunks.append(message.get("body", b""))

    await application(scope, receive, send)
    raw = b"".join(chunks)
    return Answer(status, found, _parsed(raw, found.get("content-type", "")))


def _content(body: Any) -> bytes:
    return b"" if body is None else body if isinstance(body, bytes) else msgspec.json.encode(body)


def _next_chunk(chunks: Iterator[bytes]) -> dict[str, Any]:
    try:
        chunk = next(chunks, None)
    except ConnectionError:
        return {"type": "http.disconnect"}
    return {"type": "http.request", "body": chunk or b"", "more_body": chunk is not None}


def _parsed(raw: bytes, content_type: str) -> Any:
    if not raw:
        return None
    return msgspec.json.decode(raw) if "json" in content_type else raw
