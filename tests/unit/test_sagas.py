# SPDX-License-Identifier: Apache-2.0
"""Sagas: durable, fenced, cancelled in time, and never silently stuck."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from shelf import SHELF, shelve

from cumulet.kernel.db import Tx
from cumulet.kernel.lease import Lease
from cumulet.kernel.quota import set_limit
from cumulet.kernel.saga import SagaRow, Worker
from cumulet.kernel.saga.store import SagaKey, SagaStep
from cumulet.testing.cloud import Cloud
from cumulet.testing.people import PROJECT, people
from cumulet.testing.torment import torment

BOOKS = "/shelf/v1/books"
Talk = Callable[[Cloud], Awaitable[None]]


@pytest.fixture
def talk(tmp_path: Path, database: str) -> Callable[[Talk], None]:
    """Runs a coroutine against a cloud of one shelf and one host, on SQLite and on PostgreSQL."""

    def run(conversation: Talk) -> None:
        async def whole() -> None:
            async with Cloud.running(tmp_path, [people(), SHELF], database=database) as cloud:
                await conversation(cloud)

        asyncio.run(whole())

    return run


async def book(cloud: Cloud) -> str:
    cloud.token = "admin"
    await cloud.app.db.transact(set_limit, "shelf", PROJECT, "books", -1)
    return str((await cloud.request("POST", BOOKS, {"book": {}}))["book"]["id"])


async def shelving(cloud: Cloud) -> str:
    id = await book(cloud)
    answer = await cloud.request("POST", f"{BOOKS}/{id}/action", {"shelve": None})
    assert answer.status == 202, answer
    return id


async def status(cloud: Cloud, id: str) -> Any:
    answer = await cloud.request("GET", f"{BOOKS}/{id}")
    return answer["book"]["status"] if answer.status == 200 else answer.status


def rows(tx: Tx) -> list[SagaRow]:
    return tx.all(SagaRow, order_by=(SagaRow.c.created_at,))


async def ends_whole(cloud: Cloud, id: str) -> None:
    await cloud.rest()
    there = id in cloud.worlds["host-1"].volumes
    assert (await status(cloud, id), there) in (("shelved", True), ("lost", False))


test_a_tormented_saga_ends_whole_or_leaves_nothing = torment(
    shelve, [people(), SHELF], begin=shelving, check=ends_whole
)


def test_an_ended_saga_keeps_no_keys_and_no_steps(talk: Callable[[Talk], None]) -> None:
    async def conversation(cloud: Cloud) -> None:
        id = await shelving(cloud)
        await cloud.settled()
        assert await status(cloud, id) == "shelved"
        left = await cloud.app.db.read(lambda tx: (tx.count(SagaKey), tx.count(SagaStep)))
        assert left == (0, 0)

    talk(conversation)


def test_a_second_saga_on_the_same_thing_is_refused(talk: Callable[[Talk], None]) -> None:
    async def conversation(cloud: Cloud) -> None:
        cloud.worlds["host-1"].faults.hang("volume")
        id = await shelving(cloud)
        again = await cloud.request("POST", f"{BOOKS}/{id}/action", {"shelve": None})
        assert again.status == 409, again
        cloud.worlds["host-1"].faults.heal()
        await cloud.settled()

    talk(conversation)


def test_a_delete_cancels_what_makes_the_thing_and_follows(talk: Callable[[Talk], None]) -> None:
    async def conversation(cloud: Cloud) -> None:
        cloud.worlds["host-1"].faults.hang("volume")
        id = await shelving(cloud)
        assert (await cloud.request("DELETE", f"{BOOKS}/{id}")).status == 202
        cloud.worlds["host-1"].faults.heal()
        await cloud.settled()
        assert await status(cloud, id) == 404
        assert [row.state for row in await cloud.app.db.read(rows)] == ["failed", "done"]

    talk(conversation)


def test_a_failed_attempt_is_undone_and_the_next_one_works(talk: Callable[[Talk], None]) -> None:
    async def conversation(cloud: Cloud) -> None:
        cloud.worlds["host-1"].faults.fail("volume")
        id = await shelving(cloud)
        await cloud.settled()
        assert await status(cloud, id) == "shelved"

    talk(conversation)


def test_the_last_failure_says_why(talk: Callable[[Talk], None]) -> None:
    async def conversation(cloud: Cloud) -> None:
        cloud.worlds["host-1"].faults.refuse("volume")
        id = await shelving(cloud)
        await cloud.settled()
        shown = (await cloud.request("GET", f"{BOOKS}/{id}"))["book"]
        assert shown["status"] == "lost"
        assert shown["why"]

    talk(conversation)


def test_two_workers_never_run_one_saga(talk: Callable[[Talk], None]) -> None:
    async def conversation(cloud: Cloud) -> None:
        cloud.worlds["host-1"].faults.hang("volume")
        id = await shelving(cloud)
        other = Worker(cloud.app, cloud.app.sagas.sagas.values())
        other.owner = "other:1"
        if not cloud.app.db.is_sqlite:
            await other._adopt()
            assert not other._tasks
        cloud.worlds["host-1"].faults.heal()
        await cloud.settled()
        assert await status(cloud, id) == "shelved"

    talk(conversation)


def test_a_worker_that_lost_its_lease_cannot_write(talk: Callable[[Talk], None]) -> None:
    async def conversation(cloud: Cloud) -> None:
        cloud.worlds["host-1"].faults.hang("volume")
        id = await shelving(cloud)
        old = cloud.app.sagas
        del cloud.app.__dict__["sagas"]
        await cloud.app.db.transact(lambda tx: tx.delete_where(Lease, Lease.c.id == f"worker:{old.id}"))
        await cloud.app.sagas.start()
        cloud.worlds["host-1"].faults.heal()
        await cloud.settled()
        assert await status(cloud, id) == "shelved"
        while old._tasks:
            await asyncio.sleep(0.01)
        assert [row.state for row in await cloud.app.db.read(rows)] == ["done"]
        await old.die()

    talk(conversation)


def test_a_saga_that_must_not_be_undone_gets_stuck_where_an_operator_sees_it(tmp_path: Path) -> None:
    async def whole() -> None:
        async with Cloud.running(tmp_path, [people(), SHELF]) as cloud:
            id = await shelving(cloud)
            await cloud.settled()
            cloud.app.sagas.hook = _fail_burning
            cloud.app.__dict__["clock"] = _Impatient()
            assert (await cloud.request("DELETE", f"{BOOKS}/{id}")).status == 202
            await cloud.settled()
            stuck = (await cloud.app.db.read(rows))[-1]
            assert (stuck.state, "no fire" in (stuck.why or "")) == ("stuck", True)
            cloud.app.sagas.hook = lambda moment, step: None
            from cumulet.kernel.saga import worker

            await cloud.app.db.transact(worker.retry, stuck.id)
            await cloud.settled()
            assert await status(cloud, id) == 404

    asyncio.run(whole())


def _fail_burning(moment: str, step: str) -> None:
    if (moment, step) == ("before", "burn"):
        raise RuntimeError("no fire")


class _Impatient:
    """A clock for which no time passes while one sleeps."""

    def now(self) -> Any:
        from cumulet.kernel.clock import SystemClock

        return SystemClock().now()

    def monotonic(self) -> float:
        return 0.0

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(0)
