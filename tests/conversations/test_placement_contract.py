# SPDX-License-Identifier: Apache-2.0
"""What other services do with Placement in their own transactions."""

import asyncio
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from cumulet.contracts.placement import Allocator, Demand, Inventory, NoRoom
from cumulet.kernel.auth.context import ANONYMOUS, Context
from cumulet.kernel.db import Tx
from cumulet.services.placement.picture import Pictures
from cumulet.services.placement.service import SERVICE as PLACEMENT
from cumulet.testing.cloud import Cloud
from cumulet.testing.people import people

HOST = {"VCPU": Inventory(total=4), "MEMORY_MB": Inventory(total=1024, reserved=24, allocation_ratio=1.5)}


class Place:
    """A cloud with Placement alone, and its allocator in transactions of their own."""

    def __init__(self, cloud: Cloud) -> None:
        self.app = cloud.app
        self.allocator = cloud.app.contract(Allocator)
        self.ctx = Context(cloud.app, cloud.app.service("placement"), ANONYMOUS, "req")

    async def host(self, name: str, *traits: str, **inventories: Inventory) -> str:
        id = str(uuid.uuid5(uuid.NAMESPACE_DNS, name))
        await self.app.db.transact(self.allocator.ensure_provider, id, name, inventories or HOST, traits)
        return id

    async def claim(self, consumer_id: str, provider_id: str, **resources: int) -> None:
        demand = Demand(resources=resources)
        await self.app.db.transact(self.allocator.claim, self.ctx, consumer_id, provider_id, demand)

    async def names(self, **rules: Any) -> list[str]:
        found = await self.app.db.read(self.allocator.candidates, Demand(**rules))
        return [candidate.name for candidate in found]


@asynccontextmanager
async def placement(tmp_path: Path, database: str = "") -> AsyncIterator[Place]:
    async with Cloud.running(tmp_path, [people(), PLACEMENT], hosts=0, database=database) as cloud:
        yield Place(cloud)


def test_a_host_offers_what_it_has_left(tmp_path: Path, database: str) -> None:
    async def talk() -> None:
        async with placement(tmp_path, database) as place:
            host = await place.host("host-1", "HW_CPU_X86_AVX2", "CUSTOM_GOLD")
            await place.host("host-2")
            asked = {"VCPU": 2, "MEMORY_MB": 512}
            assert await place.names(resources=asked) == ["host-1", "host-2"]
            assert await place.names(resources=asked, required=["CUSTOM_GOLD"]) == ["host-1"]
            assert await place.names(resources=asked, forbidden=["HW_CPU_X86_AVX2"]) == ["host-2"]
            await place.claim("a", host, **asked)
            [one, two] = await place.app.db.read(place.allocator.candidates, Demand(resources=asked))
            assert (one.free, two.free) == ({"VCPU": 2, "MEMORY_MB": 988}, {"VCPU": 4, "MEMORY_MB": 1500})
            await place.claim("b", host, VCPU=1)
            assert await place.names(resources=asked) == ["host-2"]
            usage = await place.app.db.read(place.allocator.usage, [host, "nobody"])
            assert usage == {host: {"VCPU": 3, "MEMORY_MB": 512}}
            assert await place.app.db.read(place.allocator.held_by, ["a"]) == {"a": {host: asked}}
            assert await place.app.db.read(place.allocator.consumers) == {"a", "b"}
            await place.app.db.transact(place.allocator.release, "a")
            assert await place.names(resources=asked) == ["host-1", "host-2"]
            assert await place.app.db.read(place.allocator.consumers) == {"b"}

    asyncio.run(talk())


def test_a_claim_replaces_what_was_held_and_is_refused_without_room(tmp_path: Path, database: str) -> None:
    async def talk() -> None:
        async with placement(tmp_path, database) as place:
            host, other = await place.host("host-1"), await place.host("host-2")
            await place.claim("a", host, VCPU=3)
            await place.claim("a", other, VCPU=4)
            assert await place.app.db.read(place.allocator.held_by, ["a"]) == {"a": {other: {"VCPU": 4}}}
            for provider, resources in (
                (other, {"VCPU": 1}),
                (host, {"DISK_GB": 1}),
                ("nobody", {"VCPU": 1}),
            ):
                with pytest.raises(NoRoom):
                    await place.claim("b", provider, **resources)
            assert await place.app.db.read(place.allocator.consumers) == {"a"}

    asyncio.run(talk())


def test_of_two_claims_for_the_last_unit_one_gets_it(tmp_path: Path, database: str) -> None:
    async def talk() -> None:
        async with placement(tmp_path, database) as place:
            host = await place.host("host-1", VCPU=Inventory(total=3))
            claims = [place.claim(f"c{number}", host, VCPU=1) for number in range(8)]
            done = await asyncio.gather(*claims, return_exceptions=True)
            assert [type(result) for result in done if result is not None] == [NoRoom] * 5
            assert (await place.app.db.read(place.allocator.usage, [host]))[host] == {"VCPU": 3}

    asyncio.run(talk())


def test_a_picture_of_a_transaction_that_failed_is_nobodys(tmp_path: Path, database: str) -> None:
    async def talk() -> None:
        async with placement(tmp_path, database) as place:
            host = await place.host("host-1", VCPU=Inventory(total=1))

            def claim_and_fail(tx: Tx) -> None:
                place.allocator.claim(tx, place.ctx, "a", host, Demand(resources={"VCPU": 1}))
                assert place.allocator.candidates(tx, Demand(resources={"VCPU": 1})) == []
                raise NoRoom("after all")

            assert await place.names(resources={"VCPU": 1}) == ["host-1"]
            with pytest.raises(NoRoom):
                await place.app.db.transact(claim_and_fail)
            assert await place.names(resources={"VCPU": 1}) == ["host-1"]
            await place.host("host-1", VCPU=Inventory(total=5))
            assert await place.names(resources={"VCPU": 5}) == ["host-1"]

    asyncio.run(talk())


def test_every_process_sees_what_another_has_changed(tmp_path: Path, database: str) -> None:
    async def talk() -> None:
        async with placement(tmp_path, database) as place:
            hosts = [await place.host(f"host-{n}", VCPU=Inventory(total=50)) for n in range(4)]
            other = Pictures(place.app)

            async def come_and_go(number: int) -> None:
                for round in range(4):
                    await place.claim(f"c{number}", hosts[(number + round) % 4], VCPU=1 + round)
                    await place.app.db.read(other.current)
                if number % 2:
                    await place.app.db.transact(place.allocator.release, f"c{number}")

            await asyncio.gather(*(come_and_go(number) for number in range(8)))
            seen = await place.app.db.read(other.current)
            fresh = await place.app.db.read(Pictures(place.app).current)
            assert seen.providers == fresh.providers
            used = [provider.stocks["VCPU"].used for provider in fresh.providers.values()]
            assert sum(used) == 4 * 4

    asyncio.run(talk())


def test_a_host_that_comes_back_keeps_what_is_in_use_and_its_own_traits(tmp_path: Path) -> None:
    async def talk() -> None:
        async with placement(tmp_path) as place:
            host = await place.host(
                "host-1",
                "HW_CPU_X86_AVX2",
                "CUSTOM_GOLD",
                VCPU=Inventory(total=1),
                DISK_GB=Inventory(total=9),
            )
            await place.claim("a", host, DISK_GB=2)
            await place.host("host-1", "HW_CPU_X86_SSE", VCPU=Inventory(total=2))
            assert await place.app.db.read(place.allocator.usage, [host]) == {host: {"VCPU": 0, "DISK_GB": 2}}
            wanted = ["CUSTOM_GOLD", "HW_CPU_X86_SSE"]
            assert await place.names(resources={"VCPU": 2}, required=wanted) == ["host-1"]
            assert await place.names(resources={"VCPU": 2}, required=["HW_CPU_X86_AVX2"]) == []

    asyncio.run(talk())
