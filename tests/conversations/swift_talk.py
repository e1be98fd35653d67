# SPDX-License-Identifier: Apache-2.0
"""What conversations with Swift share."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from cumulet.services.swift.service import SERVICE as SWIFT
from cumulet.testing.asgi import Answer
from cumulet.testing.cloud import Cloud
from cumulet.testing.people import PROJECT, people

ACCOUNT = f"/object-store/v1/AUTH_{PROJECT}"


class Talk:
    """Requests to the account of the people's project, by the member unless somebody else is named."""

    def __init__(self, cloud: Cloud) -> None:
        self.cloud = cloud

    async def __call__(
        self, method: str, path: str = "", body: Any = None, *, token: str = "member", **headers: str
    ) -> Answer:
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        if isinstance(body, bytes):
            sent.setdefault("content-type", "application/octet-stream")
        return await self.cloud.request(method, f"{ACCOUNT}{path}", body, token=token, headers=sent)

    async def made(self, *paths: str, content: bytes = b"content") -> None:
        """These containers and objects are there."""
        for path in paths:
            answer = await self("PUT", path, content if path.count("/") > 1 else None)
            assert answer.status in (201, 202), answer

    async def names(self, path: str, query: str = "") -> list[str]:
        """What a list names, folders with their slash."""
        answer = await self("GET", f"{path}?format=json{query}")
        assert answer.status == 200, answer
        return [item.get("name") or item["subdir"] for item in answer.body]


def with_swift(
    path: Path, talk: Callable[[Talk], Awaitable[None]], *, database: str = "", **settings: Any
) -> None:
    """A talk with a Swift of its own, whose counters are right in the end."""
    from cumulet.services.swift.invariants import counters_are_exact

    async def run() -> None:
        services = [people(), SWIFT]
        async with Cloud.running(path, services, hosts=0, database=database, **settings) as cloud:
            await talk(Talk(cloud))
            assert await cloud.app.db.read(counters_are_exact) == []

    asyncio.run(run())
