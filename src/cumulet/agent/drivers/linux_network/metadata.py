# SPDX-License-Identifier: Apache-2.0
"""Metadata for guests: a small HTTP server inside a namespace, answered by the control plane.

Only its listening socket lives in the namespace; connections are served by the agent's event loop. It says
who asked by address and by network or router; the anti-spoofing of ports makes the address honest.
"""

import asyncio
import socket
from contextlib import suppress
from http import HTTPStatus

from cumulet.agent.driver import Surroundings
from cumulet.agent.drivers.linux_network.namespaces import identify_namespace, socket_inside

ADDRESS_V4 = "169.254.169.254"
ADDRESS_V6 = "fe80::a9fe:a9fe"
PORT = 80

LARGEST_POST = 4096
"""Bytes; more than any guest has to tell."""
_PATIENCE_SECONDS = 10
_IP_FREEBIND = 15


class MetadataServer:
    """Listens in one namespace; `place` names its network or router to the control plane."""

    def __init__(self, namespace: str, place: dict[str, str]) -> None:
        self._namespace = namespace
        self._place = place
        self._servers: list[asyncio.Server] = []
        self._listening_on: tuple[int, int | None] | None = None
        self._around: Surroundings | None = None

    async def listen(self, around: Surroundings, interface: int | None) -> None:
        """Guests are answered on 169.254.169.254, and on the link-local address of an interface."""
        place = identify_namespace(self._namespace), interface
        if self._servers and self._listening_on == place:
            return
        await self.close()
        self._around, self._listening_on = around, place
        sockets = await asyncio.to_thread(self._sockets, interface)
        for opened in sockets:
            self._servers.append(await asyncio.start_server(self._converse, sock=opened, limit=8192))

    async def close(self) -> None:
        for server in self._servers:
            server.close()
        self._servers.clear()

    def _sockets(self, interface: int | None) -> list[socket.socket]:
        opened = [_listening(self._namespace, (ADDRESS_V4, PORT))]
        if interface is not None:
            opened.append(_listening(self._namespace, (ADDRESS_V6, PORT, 0, interface)))
        return opened

    async def _converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError, TimeoutError):
            async with asyncio.timeout(_PATIENCE_SECONDS):
                head = await reader.readuntil(b"\r\n\r\n")
                posted = await reader.readexactly(min(_length(head), LARGEST_POST + 1))
                writer.write(await self._answer(head, posted, writer.get_extra_info("peername")[0]))
                await writer.drain()
        with suppress(OSError):
            writer.close()

    async def _answer(self, head: bytes, posted: bytes, address: str) -> bytes:
        method, path = _request_line(head)
        if method not in ("GET", "HEAD", "POST") or not path.startswith("/"):
            return _response(HTTPStatus.METHOD_NOT_ALLOWED, "text/plain", b"", body_wanted=True)
        if len(posted) > LARGEST_POST:
            return _response(HTTPStatus.BAD_REQUEST, "text/plain", b"Request is too large.", body_wanted=True)
        assert self._around is not None
        peer = {"remote_address": address.partition("%")[0], **self._place}
        try:
            status, kind, body = await self._around.metadata(peer, path, posted if method == "POST" else None)
        except Exception:
            status, kind, body = HTTPStatus.SERVICE_UNAVAILABLE, "text/plain", b"The control plane is away."
        return _response(status, kind, body, body_wanted=method != "HEAD")


def _listening(namespace: str, address: tuple[object, ...]) -> socket.socket:
    family = socket.AF_INET if len(address) == 2 else socket.AF_INET6
    opened = socket_inside(namespace, family, socket.SOCK_STREAM)
    opened.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    opened.setsockopt(socket.IPPROTO_IP, _IP_FREEBIND, 1)
    opened.bind(address)
    opened.listen(64)
    return opened


def _request_line(head: bytes) -> tuple[str, str]:
    words = head.split(b"\r\n", 1)[0].decode("latin-1").split(" ")
    return (words[0], words[1]) if len(words) == 3 else ("", "")


def _length(head: bytes) -> int:
    """Bytes of a body, as the request says; 0 where it says nothing that can be read."""
    for line in head.split(b"\r\n")[1:]:
        name, _, value = line.partition(b":")
        if name.strip().lower() == b"content-length" and value.strip().isdigit():
            return int(value)
    return 0


def _response(status: int, kind: str, body: bytes, *, body_wanted: bool) -> bytes:
    reason = HTTPStatus(status).phrase
    head = (
        f"HTTP/1.1 {int(status)} {reason}\r\nContent-Type: {kind}\r\n"
        f"Content-Length: {len(body)}\r\nConnection: close\r\n\r\n"
    )
    return head.encode("latin-1") + (body if body_wanted else b"")
