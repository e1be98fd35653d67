# SPDX-License-Identifier: Apache-2.0
"""The root of the one port: which service a path belongs to, and what holds for all of them.

Every service has a path (/compute) and, with classic ports, a port of its own as well. Requests beyond what
can be served soon are refused with 503 and Retry-After rather than queued without end.
"""

import asyncio
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import msgspec

from cumulet.kernel import ids

if TYPE_CHECKING:
    from cumulet.kernel.app import App

MAX_IN_FLIGHT = 512


class Root:
    """The ASGI application of a port. `only` names the service of a classic port."""

    def __init__(self, app: "App", only: str = "") -> None:
        self.app = app
        self.only = only
        self._paths = {running.manifest.path: running.name for running in app.services.values()}
        self._at_root = {
            path: running.name for running in app.services.values() for path in running.manifest.at_root
        }
        self._in_flight = 0

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "http":
            return
        headers = {key.decode("latin-1"): value.decode("latin-1") for key, value in scope["headers"]}
        if "origin" in headers and self.app.settings.cors_origins:
            send = self._with_cors(headers, send)
            if scope["method"] == "OPTIONS" and "access-control-request-method" in headers:
                return await _plain(send, 200, b"")
        if self._in_flight >= MAX_IN_FLIGHT:
            body = (
                b'{"error": {"code": 503, "title": "Service Unavailable", '
                b'"message": "Too many requests at once."}}'
            )
            return await _plain(send, 503, body, [(b"retry-after", b"1")])
        self._in_flight += 1
        try:
            await self._route(scope, headers, receive, send)
        finally:
            self._in_flight -= 1

    async def _route(self, scope: Any, headers: Mapping[str, str], receive: Any, send: Any) -> None:
        path: str = scope["path"]
        name = self.only
        mount = ""
        if not name:
            first = "/" + path.lstrip("/").partition("/")[0]
            name = self._paths.get(first, "")
            mount = first
        if not name and path in self._at_root:
            name, mount = self._at_root[path], ""
        if self._is_healthcheck(path, mount, name):
            return await _plain(send, 200, b"OK", [(b"content-type", b"text/plain")])
        if path == "/metrics" and not self.only:
            content_type, body = self.app.metrics()
            return await _plain(send, 200, body, [(b"content-type", content_type.encode())])
        if not name:
            return await self._index(path, headers, scope, send)
        if path == mount + "/openapi.json":
            return await _plain(send, 200, await asyncio.to_thread(self.app.openapi, name))
        scope["cumulet.path"] = path
        scope["path"] = path[len(mount) :] or "/"
        scope["cumulet.base_url"] = public_address(scope, headers) + mount
        scope["cumulet.request_id"] = ids.request_id()
        await self.app.dispatcher(name)(scope, receive, send)

    def _is_healthcheck(self, path: str, mount: str, name: str) -> bool:
        """Whether this asks if the cloud, or a service that does not say so itself, is there."""
        if name and self.app.services[name].manifest.own_healthcheck:
            return False
        return path == "/healthcheck" or bool(name and path == f"{mount}/healthcheck")

    async def _index(self, path: str, headers: Mapping[str, str], scope: Any, send: Any) -> None:
        """What stands where no service does: at the root, a list of the services; else 404."""
        if path != "/":
            body = msgspec.json.encode(
                {"error": {"code": 404, "title": "Not Found", "message": f"No service answers at {path}."}}
            )
            return await _plain(send, 404, body, [(b"x-openstack-request-id", ids.request_id().encode())])
        address = public_address(scope, headers)
        services = {
            name: address + running.manifest.path for name, running in sorted(self.app.services.items())
        }
        await _plain(send, 200, msgspec.json.encode({"services": services}))

    def _with_cors(self, headers: Mapping[str, str], send: Any) -> Any:
        allowed = self.app.settings.cors_origins
        origin = headers["origin"]
        if "*" not in allowed and origin not in allowed:
            return send
        extra = [
            (b"access-control-allow-origin", origin.encode()),
            (b"vary", b"Origin"),
            (
                b"access-control-expose-headers",
                b"X-Subject-Token, X-Openstack-Request-Id, OpenStack-API-Version, OpenStack-Auth-Receipt, "
                b"Location",
            ),
            (b"access-control-allow-methods", b"GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS"),
            (
                b"access-control-allow-headers",
                headers.get("access-control-request-headers", "X-Auth-Token").encode(),
            ),
        ]

        async def sending(message: Any) -> None:
            if message["type"] == "http.response.start":
                message = {**message, "headers": [*message.get("headers", ()), *extra]}
            await send(message)

        return sending


def public_address(scope: Mapping[str, Any], headers: Mapping[str, str]) -> str:
    """Scheme, host, port and prefix by which the caller came, as a proxy in front reports them."""
    scheme = headers.get("x-forwarded-proto", scope.get("scheme", "http")).split(",")[0].strip()
    host = headers.get("x-forwarded-host", headers.get("host", "localhost")).split(",")[0].strip()
    prefix = headers.get("x-forwarded-prefix", "").rstrip("/")
    return f"{scheme}://{host}{prefix}"


async def _plain(
    send: Any, status: int, body: bytes, headers: list[tuple[bytes, bytes]] | None = None
) -> None:
    found = [(b"content-length", str(len(body)).encode()), *(headers or [])]
    if not any(name == b"content-type" for name, _ in found):
        found.append((b"content-type", b"application/json"))
    await send({"type": "http.response.start", "status": status, "headers": found})
    await send({"type": "http.response.body", "body": body})
