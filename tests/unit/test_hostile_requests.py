# SPDX-License-Identifier: Apache-2.0
"""What no API of the cloud must stumble over, whatever its declarations say; on both databases."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from shelf import SHELF, Book

from cumulet.kernel.db import Tx
from cumulet.kernel.errors import BadRequest
from cumulet.testing.cloud import Cloud
from cumulet.testing.people import people

BOOKS = "/shelf/v1/books"
HUGE = 2**63
Talk = Callable[[Cloud], Awaitable[None]]


@pytest.fixture
def talk(tmp_path: Path, database: str) -> Callable[[Talk], None]:
    """Runs a coroutine against a cloud of one shelf, as its member."""

    def run(conversation: Talk) -> None:
        async def whole() -> None:
            services = [people(), SHELF]
            async with Cloud.running(tmp_path, services, hosts=0, database=database) as cloud:
                cloud.token = "member"
                await conversation(cloud)

        asyncio.run(whole())

    return run


REFUSED: list[tuple[str, str, Any, int]] = [
    ("POST", BOOKS, {"book": {"pages": HUGE}}, 400),
    ("POST", BOOKS, {"book": {"pages": -HUGE - 1}}, 400),
    ("POST", BOOKS, {"book": {"pages": 1e300}}, 400),
    ("POST", BOOKS, b'{"book": {"pages": %s}}' % (b"9" * 5000), 400),
    ("POST", BOOKS, {"book": {"title": "a\0b"}}, 400),
    ("POST", BOOKS, {"book": {"a\0b": 1}}, 400),
    ("POST", BOOKS, b'{"book": {"title": "\\ud800"}}', 400),
    ("POST", BOOKS, b'{"book": {"title": "\xed\xa0\x80"}}', 400),
    ("POST", BOOKS, b'{"book": {"title": ' + b"[" * 300 + b"]" * 300 + b"}}", 400),
    ("POST", BOOKS, b'{"book": {"pages": NaN}}', 400),
    ("GET", f"{BOOKS}?pages={HUGE}", None, 400),
    ("GET", f"{BOOKS}?pages={'9' * 5000}", None, 400),
    ("GET", f"{BOOKS}?limit={HUGE}", None, 400),
    ("GET", f"{BOOKS}?marker={HUGE}", None, 400),
    ("GET", f"{BOOKS}?marker=%00", None, 400),
    ("GET", f"{BOOKS}?title=a%00b", None, 400),
    ("GET", f"{BOOKS}?title=%ED%A0%80", None, 200),
    ("GET", f"{BOOKS}?%FF=%FE", None, 200),
    ("GET", f"{BOOKS}/{HUGE}", None, 404),
    ("GET", f"{BOOKS}/a%00b", None, 404),
    ("GET", f"{BOOKS}/%FF", None, 404),
    ("DELETE", f"{BOOKS}/{'x' * 5000}", None, 404),
]


def test_what_cannot_be_stored_or_walked_is_refused(talk: Callable[[Talk], None]) -> None:
    async def conversation(cloud: Cloud) -> None:
        for method, path, body, status in REFUSED:
            answer = await cloud.request(method, path, body)
            assert answer.status == status, (method, path, body, answer)
            assert answer.headers["x-openstack-request-id"].startswith("req-")
        assert (await cloud.request("GET", BOOKS)).body == {"books": []}

    talk(conversation)


def test_text_that_only_looks_like_nul_or_deep_is_text(talk: Callable[[Talk], None]) -> None:
    async def conversation(cloud: Cloud) -> None:
        for title in ("\\u0000", "[[[[[[[[[[[[[[[[[[[["):
            made = await cloud.request("POST", BOOKS, {"book": {"title": title}})
            assert (made.status, made["book"]["title"]) == (201, title)
        assert (await cloud.request("POST", "/shelf/v1/strict", {"all": ["["] * 200})).status == 200

    talk(conversation)


def test_a_number_that_no_schema_saw_is_refused_by_the_database(talk: Callable[[Talk], None]) -> None:
    def find(tx: Tx) -> Any:
        return tx.all(Book, Book.c.pages == HUGE)

    def write(tx: Tx) -> None:
        tx.insert(Book(pages=HUGE, project_id="p"))

    async def conversation(cloud: Cloud) -> None:
        with pytest.raises(BadRequest):
            await cloud.app.db.transact(write)
        with pytest.raises(BadRequest):
            await cloud.app.db.read(find)

    talk(conversation)


def test_two_who_delete_the_same_thing_are_both_answered(talk: Callable[[Talk], None]) -> None:
    async def conversation(cloud: Cloud) -> None:
        made = await cloud.request("POST", BOOKS, {"book": {"title": "one"}})
        path = f"{BOOKS}/{made['book']['id']}"
        answers = await asyncio.gather(*(cloud.request("DELETE", path) for _ in range(5)))
        assert {answer.status for answer in answers} <= {202, 404, 409}
        assert 202 in {answer.status for answer in answers}
        await cloud.settled()
        assert (await cloud.request("GET", BOOKS)).body == {"books": []}

    talk(conversation)


def test_headers_that_cannot_be_read_are_the_callers_fault(talk: Callable[[Talk], None]) -> None:
    async def conversation(cloud: Cloud) -> None:
        for headers in ({"Content-Length": "many"}, {"Content-Length": "-1"}):
            answer = await cloud.request("POST", BOOKS, {"book": {}}, headers=headers)
            assert answer.status == 400, (headers, answer)
        assert (await cloud.request("GET", BOOKS, token="\xff" * 300)).status == 401
        for version in ("shelf 1.99999999999999999999", "shelf \xb2.1", "shelf", ",,,", "shelf -1.0"):
            answer = await cloud.request("GET", BOOKS, headers={"OpenStack-API-Version": version})
            assert answer.status in (200, 400, 406), (version, answer)

    talk(conversation)


def test_every_method_is_answered_with_the_requests_id(talk: Callable[[Talk], None]) -> None:
    async def conversation(cloud: Cloud) -> None:
        for method in ("OPTIONS", "TRACE", "PROPFIND", "CONNECT", "HEAD"):
            answer = await cloud.request(method, BOOKS)
            assert answer.status < 500, (method, answer)
            assert answer.headers.get("x-openstack-request-id", "").startswith("req-"), (method, answer)

    talk(conversation)
