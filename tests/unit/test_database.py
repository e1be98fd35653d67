# SPDX-License-Identifier: Apache-2.0
"""Transactions: nothing is lost between two writers, and limits hold under a race."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from shelf import SHELF, Book

from cumulet.kernel import events
from cumulet.kernel.db import Tx
from cumulet.kernel.errors import Unauthorized
from cumulet.testing.cloud import Cloud
from cumulet.testing.people import PROJECT, people

BOOKS = "/shelf/v1/books"
Talk = Callable[[Cloud], Awaitable[None]]


@pytest.fixture
def talk(tmp_path: Path, database: str) -> Callable[[Talk], None]:
    """Runs a coroutine against a cloud of one shelf, on SQLite and on PostgreSQL."""

    def run(conversation: Talk) -> None:
        async def whole() -> None:
            async with Cloud.running(tmp_path, [people(), SHELF], hosts=0, database=database) as cloud:
                cloud.token = "member"
                await conversation(cloud)

        asyncio.run(whole())

    return run


def test_fifty_racing_creates_stop_at_the_limit(talk: Callable[[Talk], None]) -> None:
    async def conversation(cloud: Cloud) -> None:
        answers = await asyncio.gather(*(cloud.request("POST", BOOKS, {"book": {}}) for _ in range(50)))
        assert sorted(answer.status for answer in answers) == [201] * 10 + [403] * 40
        assert await cloud.app.db.read(lambda tx: tx.count(Book)) == 10

    talk(conversation)


def test_no_update_is_lost_between_two_writers(talk: Callable[[Talk], None]) -> None:
    def one_page_more(tx: Tx, id: str) -> None:
        book = tx.need(Book, id)
        tx.update(book, pages=book.pages + 1)

    async def conversation(cloud: Cloud) -> None:
        id = (await cloud.request("POST", BOOKS, {"book": {}}))["book"]["id"]
        await asyncio.gather(*(cloud.app.db.transact(one_page_more, id) for _ in range(20)))
        assert (await cloud.app.db.read(Tx.need, Book, id)).pages == 21

    talk(conversation)


def test_a_failed_transaction_leaves_nothing_and_announces_nothing(talk: Callable[[Talk], None]) -> None:
    heard: list[str] = []

    def half(tx: Tx) -> None:
        tx.insert(Book(project_id=PROJECT))
        tx.after_commit(lambda: heard.append("done"))
        raise ValueError("no")

    async def conversation(cloud: Cloud) -> None:
        with pytest.raises(ValueError, match="no"):
            await cloud.app.db.transact(half)
        assert await cloud.app.db.read(lambda tx: tx.count(Book)) == 0
        assert heard == []

    talk(conversation)


def test_a_refusal_that_must_persist_is_kept(talk: Callable[[Talk], None]) -> None:
    def refuse(tx: Tx) -> None:
        tx.insert(Book(project_id=PROJECT))
        raise Unauthorized("no", commit=True)

    async def conversation(cloud: Cloud) -> None:
        with pytest.raises(Unauthorized):
            await cloud.app.db.transact(refuse)
        assert await cloud.app.db.read(lambda tx: tx.count(Book)) == 1

    talk(conversation)


def test_a_read_cannot_write(talk: Callable[[Talk], None]) -> None:
    async def conversation(cloud: Cloud) -> None:
        with pytest.raises(Exception, match=r"(?i)read.?only"):
            await cloud.app.db.read(lambda tx: tx.insert(Book(project_id=PROJECT)))

    talk(conversation)


def test_pages_follow_one_another_whatever_the_sort(talk: Callable[[Talk], None]) -> None:
    async def conversation(cloud: Cloud) -> None:
        for title, pages in (("b", 2), (None, 2), ("a", 1), ("b", 3), (None, 1), ("c", 2)):
            await cloud.request("POST", BOOKS, {"book": {"title": title, "pages": pages}})
        for sort in (
            "sort_key=title",
            "sort_key=title&sort_dir=desc",
            "sort_key=pages&sort_key=title&sort_dir=desc",
        ):
            whole = [b["id"] for b in (await cloud.request("GET", f"{BOOKS}/detail?{sort}"))["books"]]
            paged: list[Any] = []
            while len(paged) < 7:
                marker = f"&marker={paged[-1]}" if paged else ""
                page = (await cloud.request("GET", f"{BOOKS}/detail?{sort}&limit=2{marker}"))["books"]
                if not page:
                    break
                paged += [b["id"] for b in page]
            assert paged == whole, sort

    talk(conversation)


def test_a_consumer_sees_every_event_once_it_can_no_longer_be_overtaken(talk: Callable[[Talk], None]) -> None:
    async def conversation(cloud: Cloud) -> None:
        seen: list[str] = []

        async def listen(found: list[events.Event]) -> None:
            seen.extend(event.resource_id for event in found if event.type == "shelf.book.create")

        cloud.app.consume("listener", listen)
        made = [(await cloud.request("POST", BOOKS, {"book": {}}))["book"]["id"] for _ in range(5)]
        async with asyncio.timeout(10):
            while len(seen) < 5:
                await asyncio.sleep(0.01)
        assert seen == made

    talk(conversation)
