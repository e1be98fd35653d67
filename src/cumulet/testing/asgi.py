# SPDX-License-Identifier: Apache-2.0
"""HTTP without a network: requests handed to the application in process."""

import dataclasses
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

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
) -> Answer:
    """One request; a body that is not bytes is sent as JSON."""
    parts = urlsplit(url)
    content = b"" if body is None else body if isinstance(body, bytes) else msgspec.json.encode(body)
    sent = {"host": parts.netloc or "cloud", "accept": "application/json"}
    sent |= {name.lower(): value for name, value in (headers or {}).items()}
    if body is not None:
        sent.setdefault("content-type", "application/json")
        sent.setdefault("content-length", str(len(content)))
    scope = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": method,
        "scheme": "http",
        "path": parts.path,
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
        return received.pop(0) if received else {"type": "http.disconnect"}

    async def send(message: dict[str, Any]) -> None:
        nonlocal status
        if message["type"] == "http.response.start":
            status = message["status"]
            found.update({k.decode("latin-1").lower(): v.decode("latin-1") for k, v in message["headers"]})
        else:
            chunks.append(message.get("body", b""))

    await application(scope, receive, send)
    raw = b"".join(chunks)
    return Answer(status, found, _parsed(raw, found.get("content-type", "")))


def _parsed(raw: bytes, content_type: str) -> Any:
    if not raw:
        return None
    return msgspec.json.decode(raw) if "json" in content_type else raw
