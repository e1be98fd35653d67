# SPDX-License-Identifier: Apache-2.0
"""Bodies as Amazon's clients send them: in chunks with their lengths, and with sums that they promise.

Sums come before the body, in headers, or behind it, in the trailers of a body in chunks. Those that Python
cannot compute (CRC-32C, CRC-64) are passed over.
"""

import base64
import binascii
import hashlib
import zlib
from collections.abc import AsyncIterator, Callable, Mapping
from typing import Any, Protocol

from cumulet.kernel.errors import BadRequest, TooLarge
from cumulet.kernel.http.messages import Request

_LONGEST_LINE = 4096
_LONGEST_DOCUMENT = 2 * 2**20
_CHECKSUM = "x-amz-checksum-"


class _Sum(Protocol):
    def update(self, data: bytes, /) -> Any: ...

    def digest(self) -> bytes: ...


class _Crc32:
    def __init__(self) -> None:
        self._value = 0

    def update(self, data: bytes) -> None:
        self._value = zlib.crc32(data, self._value)

    def digest(self) -> bytes:
        return self._value.to_bytes(4, "big")


def _md5() -> _Sum:
    return hashlib.md5(usedforsecurity=False)


def _sha1() -> _Sum:
    return hashlib.sha1(usedforsecurity=False)


_KINDS: dict[str, Callable[[], _Sum]] = {
    "content-md5": _md5,
    f"{_CHECKSUM}crc32": _Crc32,
    f"{_CHECKSUM}sha1": _sha1,
    f"{_CHECKSUM}sha256": hashlib.sha256,
}


def body_of(request: Request) -> AsyncIterator[bytes]:
    """The content of a request, checked against the sums that it promises at its end. Raises BadRequest."""
    assert request.stream is not None
    sent = request.headers
    hashed = sent.get("x-amz-content-sha256", "")
    chunked = hashed.startswith("STREAMING-") or "aws-chunked" in sent.get("content-encoding", "")
    said = {name: _decoded(name, sent[name]) for name in _KINDS if name in sent}
    if len(hashed) == 64:
        said["x-amz-content-sha256"] = _decoded_hex(hashed)
    trailers: dict[str, str] = {}
    stream = _unwrapped(request.stream, trailers) if chunked else request.stream
    return _checked(stream, said, sent.get("x-amz-trailer", "").lower().strip(), trailers)


async def short_body(request: Request) -> bytes:
    """The content of a request that is a document. Raises BadRequest, TooLarge."""
    found = bytearray()
    async for chunk in body_of(request):
        found += chunk
        if len(found) > _LONGEST_DOCUMENT:
            raise TooLarge
    return bytes(found)


async def _checked(
    stream: AsyncIterator[bytes], said: dict[str, bytes], trailer: str, trailers: Mapping[str, str]
) -> AsyncIterator[bytes]:
    wanted = [*said, *([trailer] if trailer in _KINDS else [])]
    sums = {name: _KINDS.get(name, hashlib.sha256)() for name in wanted}
    async for chunk in stream:
        for total in sums.values():
            total.update(chunk)
        yield chunk
    if trailer in sums:
        said[trailer] = _decoded(trailer, trailers.get(trailer, ""))
    for name, total in sums.items():
        if total.digest() != said[name]:
            kind = "XAmzContentSHA256Mismatch" if name == "x-amz-content-sha256" else "BadDigest"
            raise BadRequest(f"The {name} you specified did not match what we received.", kind=kind)


def _decoded(name: str, text: str) -> bytes:
    try:
        found = base64.b64decode(text, validate=True)
    except (ValueError, binascii.Error):
        found = b""
    if len(found) != len(_KINDS[name]().digest()):
        raise BadRequest(f"The {name} you specified is not valid.", kind="InvalidDigest")
    return found


def _decoded_hex(text: str) -> bytes:
    try:
        return bytes.fromhex(text)
    except ValueError:
        raise BadRequest(
            "The x-amz-content-sha256 you specified is not valid.", kind="InvalidArgument"
        ) from None


async def _unwrapped(stream: AsyncIterator[bytes], trailers: dict[str, str]) -> AsyncIterator[bytes]:
    """The content of `SIZE;chunk-signature=...` lines and chunks, and the trailers behind the last one."""
    lines = _Lines(stream)
    while True:
        try:
            left = int((await lines.next()).partition(";")[0].strip(), 16)
        except ValueError:
            raise BadRequest("A chunk has no length.", kind="InvalidRequest") from None
        if left <= 0:
            break
        async for part in lines.content(left):
            yield part
        await lines.next()
    while line := await lines.next(last=True):
        name, _, value = line.partition(":")
        trailers[name.strip().lower()] = value.strip()


class _Lines:
    """A stream that is read in lines and pieces."""

    def __init__(self, stream: AsyncIterator[bytes]) -> None:
        self._stream = stream
        self._ahead = bytearray()

    async def next(self, *, last: bool = False) -> str:
        """The next line; "" at the end where this may be the last. Raises BadRequest."""
        while (end := self._ahead.find(b"\r\n")) < 0:
            if len(self._ahead) > _LONGEST_LINE:
                raise BadRequest("A chunk has no length.", kind="InvalidRequest")
            if not await self._more():
                if not last:
                    raise _cut()
                end = len(self._ahead)
                break
        line = bytes(self._ahead[:end])
        del self._ahead[: end + 2]
        return line.decode("latin-1")

    async def content(self, left: int) -> AsyncIterator[bytes]:
        """So many bytes, in pieces. Raises BadRequest."""
        while left:
            if not self._ahead and not await self._more():
                raise _cut()
            part = bytes(self._ahead[:left])
            del self._ahead[: len(part)]
            left -= len(part)
            yield part

    async def _more(self) -> bool:
        chunk = await anext(self._stream, None)
        self._ahead += chunk or b""
        return chunk is not None


def _cut() -> BadRequest:
    return BadRequest("The request body ended before its last chunk.", kind="IncompleteBody")
