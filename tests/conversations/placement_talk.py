# SPDX-License-Identifier: Apache-2.0
"""Talking with Placement in tests: a cloud of its own, and short words for what most talks begin with."""

import asyncio
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from cumulet.services.placement.service import SERVICE as PLACEMENT
from cumulet.testing.asgi import Answer
from cumulet.testing.cloud import Cloud
from cumulet.testing.people import people

LATEST = "1.39"
PROJECT, USER = "p" * 32, "u" * 32


def named(name: str) -> str:
    """The id that a name has in every test."""
    return str(uuid.uuid5(uuid.NAMESPACE_DNS, name))


class Talk:
    """Requests to Placement as an admin, in the newest version unless another is named."""

    def __init__(self, cloud: Cloud) -> None:
        self.cloud = cloud

    async def ask(
        self, method: str, path: str, body: Any = None, version: str = LATEST, **rules: Any
    ) -> Answer:
        headers = {"OpenStack-API-Version": f"placement {version}", **rules.pop("headers", {})}
        rules.setdefault("token", "admin")
        return await self.cloud.request(method, f"/placement{path}", body, headers=headers, **rules)

    async def done(
        self, method: str, path: str, body: Any = None, version: str = LATEST, **rules: Any
    ) -> Any:
        """The body of an answer that is no refusal."""
        answer = await self.ask(method, path, body, version, **rules)
        assert answer.status < 300, answer
        return answer.body

    async def generation(self, provider_id: str) -> int:
        return int((await self.done("GET", f"/resource_providers/{provider_id}"))["generation"])

    async def provider(self, name: str, parent: str | None = None, **classes: Any) -> str:
        """A provider with these totals, or whole inventories, of these classes."""
        id = named(name)
        await self.done(
            "POST", "/resource_providers", {"name": name, "uuid": id, "parent_provider_uuid": parent}
        )
        terms = {c: {"total": one} if isinstance(one, int) else one for c, one in classes.items()}
        for custom in (c for c in classes if c.startswith("CUSTOM_")):
            await self.done("PUT", f"/resource_classes/{custom}")
        body = {"resource_provider_generation": 0, "inventories": terms}
        await self.done("PUT", f"/resource_providers/{id}/inventories", body)
        return id

    async def describe(self, provider_id: str, *, traits: list[str] = [], aggregates: list[str] = []) -> None:  # noqa: B006
        """The provider has these traits and is in these aggregates."""
        for custom in (name for name in traits if name.startswith("CUSTOM_")):
            await self.done("PUT", f"/traits/{custom}")
        for kind, names in (("traits", traits), ("aggregates", aggregates)):
            generation = await self.generation(provider_id)
            body = {kind: names, "resource_provider_generation": generation}
            await self.done("PUT", f"/resource_providers/{provider_id}/{kind}", body)

    async def allocate(
        self, consumer: str, generation: int | None = None, **by_provider: dict[str, int]
    ) -> Answer:
        """Have a consumer hold these resources of providers by name."""
        allocations = {named(name): {"resources": taken} for name, taken in by_provider.items()}
        body = {"allocations": allocations, "project_id": PROJECT, "user_id": USER}
        body |= {"consumer_generation": generation, "consumer_type": "INSTANCE"}
        return await self.ask("PUT", f"/allocations/{named(consumer)}", body)

    async def candidates(self, query: str, version: str = LATEST) -> set[tuple[tuple[str, str, int], ...]]:
        """What each candidate takes: provider, class and amount."""
        body = await self.done("GET", f"/allocation_candidates?{query}", version=version)
        return {
            tuple(
                sorted(
                    (id, c, n)
                    for id, one in found["allocations"].items()
                    for c, n in one["resources"].items()
                )
            )
            for found in body["allocation_requests"]
        }


@asynccontextmanager
async def placement(tmp_path: Path, database: str = "") -> AsyncIterator[Talk]:
    async with Cloud.running(tmp_path, [people(), PLACEMENT], hosts=0, database=database) as cloud:
        yield Talk(cloud)
        assert await cloud.app.db.read(broken) == []


def broken(tx: Any) -> list[str]:
    """Every invariant that does not hold."""
    return [sentence for check in PLACEMENT.invariants() for sentence in check(tx)]


def talk(tmp_path: Path, conversation: Callable[[Talk], Awaitable[None]], database: str = "") -> None:
    """Have this conversation with a new cloud."""

    async def whole() -> None:
        async with placement(tmp_path, database) as one:
            await conversation(one)

    asyncio.run(whole())
