# SPDX-License-Identifier: Apache-2.0
"""What every API of the cloud does with requests, good and bad."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from shelf import SHELF

from cumulet.kernel.db import Tx
from cumulet.kernel.http.idempotency import StoredAnswer
from cumulet.kernel.quota import set_limit
from cumulet.testing.cloud import Cloud
from cumulet.testing.people import PROJECT, people

BOOKS = "/shelf/v1/books"
Talk = Callable[[Cloud], Awaitable[None]]


@pytest.fixture
def talk(tmp_path: Path) -> Callable[[Talk], None]:
    """Runs a coroutine against a cloud of one shelf, as its member."""

    def run(conversation: Talk) -> None:
        async def whole() -> None:
            async with Cloud.running(tmp_path, [people(), SHELF], hosts=0) as cloud:
                cloud.token = "member"
                await conversation(cloud)

        asyncio.run(whole())

    return run


async def book(cloud: Cloud, **fields: Any) -> dict[str, Any]:
    answer = await cloud.request("POST", BOOKS, {"book": fields})
    assert answer.status == 201, answer
    made: dict[str, Any] = answer["book"]
    return made


def test_every_answer_names_its_request_and_its_version(talk: Callable[[Talk], None]) -> None:
    async def conversation(cloud: Cloud) -> None:
        for token in ("member", "", "nobody"):
            answer = await cloud.request("GET", BOOKS, token=token)
            assert answer.headers["x-openstack-request-id"].startswith("req-")
            assert answer.headers["openstack-api-version"] == "shelf 1.0"
            assert answer.headers["vary"] == "OpenStack-API-Version"

    talk(conversation)


@pytest.mark.parametrize(
    ("asked", "status"),
    [
        ("shelf 1.2", 200),
        ("shelf latest", 200),
        ("compute 9.9", 200),
        ("shelf 1.4", 406),
        ("shelf 0.9", 400),
        ("shelf x", 400),
    ],
)
def test_a_version_is_negotiated(talk: Callable[[Talk], None], asked: str, status: int) -> None:
    async def conversation(cloud: Cloud) -> None:
        answer = await cloud.request("GET", BOOKS, headers={"OpenStack-API-Version": asked})
        assert answer.status == status, answer

    talk(conversation)


def test_a_field_is_known_from_its_version_on(talk: Callable[[Talk], None]) -> None:
    async def conversation(cloud: Cloud) -> None:
        new = {"OpenStack-API-Version": "shelf 1.3"}
        made = await book(cloud, title="old")
        assert "genre" not in made
        assert (await cloud.request("POST", BOOKS, {"book": {"genre": "essay"}})).status == 400
        essay = await cloud.request("POST", BOOKS, {"book": {"genre": "essay"}}, headers=new)
        assert essay["book"]["genre"] == "essay"
        wrong = await cloud.request("POST", BOOKS, {"book": {"genre": "poem"}}, headers=new)
        assert wrong.status == 400
        assert (await cloud.request("PUT", f"{BOOKS}/{made['id']}", {"book": {"lent": True}})).status == 400
        lent = await cloud.request("PUT", f"{BOOKS}/{made['id']}", {"book": {"lent": True}}, headers=new)
        assert lent["book"]["lent"] is True

    talk(conversation)


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"{", 400),
        (b"\xff\xfe", 400),
        (b"[1]", 400),
        (b"null", 400),
        (b"", 400),
        ({}, 400),
        ({"book": []}, 400),
        ({"book": {"title": "x" * 21}}, 400),
        ({"book": {"title": 5}}, 400),
        ({"book": {"pages": 0}}, 400),
        ({"book": {"pages": "many"}}, 400),
        ({"book": {"colour": "red"}}, 400),
        ({"book": {"id": "mine"}}, 400),
        (b"[" * 100_000, 400),
        (b"x" * (1 << 21), 413),
    ],
)
def test_a_bad_body_is_refused_and_nothing_is_made(
    talk: Callable[[Talk], None], body: Any, status: int
) -> None:
    async def conversation(cloud: Cloud) -> None:
        answer = await cloud.request("POST", BOOKS, body)
        assert answer.status == status, answer
        assert (await cloud.request("GET", BOOKS)).body == {"books": []}

    talk(conversation)


def test_a_body_of_another_type_is_refused(talk: Callable[[Talk], None]) -> None:
    async def conversation(cloud: Cloud) -> None:
        answer = await cloud.request("POST", BOOKS, b"<book/>", headers={"Content-Type": "application/xml"})
        assert (answer.status, answer["badMediaType"]["code"]) == (415, 415)

    talk(conversation)


def test_an_unknown_method_says_which_there_are(talk: Callable[[Talk], None]) -> None:
    async def conversation(cloud: Cloud) -> None:
        answer = await cloud.request("PATCH", BOOKS, {})
        assert answer.status == 405
        assert {"GET", "POST"} <= set(answer.headers["allow"].replace(" ", "").split(","))

    talk(conversation)


def test_unknown_paths_are_404_and_want_a_token_first(talk: Callable[[Talk], None]) -> None:
    async def conversation(cloud: Cloud) -> None:
        assert (await cloud.request("GET", "/shelf/v1/magazines")).status == 404
        assert (await cloud.request("GET", "/shelf/v1/magazines", token="")).status == 401
        assert (await cloud.request("GET", "/nowhere")).status == 404

    talk(conversation)


def test_head_answers_like_get_without_a_body(talk: Callable[[Talk], None]) -> None:
    async def conversation(cloud: Cloud) -> None:
        answer = await cloud.request("HEAD", BOOKS)
        assert (answer.status, answer.body) == (200, None)
        assert int(answer.headers["content-length"]) == len(b'{"books":[]}')

    talk(conversation)


def test_what_nobody_foresaw_is_a_500_that_can_be_traced(talk: Callable[[Talk], None]) -> None:
    async def conversation(cloud: Cloud) -> None:
        answer = await cloud.request("GET", "/shelf/v1/boom")
        assert answer.status == 500
        assert "nobody foresaw" not in str(answer.body)
        story = cloud.app.traces.stories(answer.headers["x-openstack-request-id"])
        assert "nobody foresaw this" in story[0][0].message

    talk(conversation)


def test_links_follow_the_address_by_which_the_caller_came(talk: Callable[[Talk], None]) -> None:
    async def conversation(cloud: Cloud) -> None:
        sent = {"Host": "inside:1", "X-Forwarded-Host": "cloud.example", "X-Forwarded-Proto": "https"}
        answer = await cloud.request("GET", "/shelf/v1/hello", token="", headers=sent)
        assert answer.body == {"hello": "https://cloud.example/shelf"}

    talk(conversation)


def test_a_project_may_stand_in_the_path_if_it_is_the_own_one(talk: Callable[[Talk], None]) -> None:
    async def conversation(cloud: Cloud) -> None:
        assert (await cloud.request("GET", f"/shelf/v1/{PROJECT}/books")).status == 200
        assert (await cloud.request("GET", f"/shelf/v1/{'c' * 32}/books")).status == 400

    talk(conversation)


def test_rights_decide_what_is_seen_and_done(talk: Callable[[Talk], None]) -> None:
    async def conversation(cloud: Cloud) -> None:
        made = await book(cloud, title="mine")
        path = f"{BOOKS}/{made['id']}"
        assert (await cloud.request("GET", path, token="reader")).status == 200
        assert (await cloud.request("PUT", path, {"book": {"title": "x"}}, token="reader")).status == 403
        assert (await cloud.request("GET", path, token="stranger")).status == 404
        assert (await cloud.request("POST", BOOKS, {"book": {"shelf": "a"}})).status == 403
        placed = await cloud.request("POST", BOOKS, {"book": {"shelf": "a"}}, token="admin")
        assert placed["book"]["shelf"] == "a"
        assert "shelf" not in (await cloud.request("GET", f"{BOOKS}/{placed['book']['id']}"))["book"]
        assert (await cloud.request("GET", path, token="nobody")).status == 401

    talk(conversation)


def test_a_create_that_is_sent_again_with_its_key_is_made_once(talk: Callable[[Talk], None]) -> None:
    async def conversation(cloud: Cloud) -> None:
        key = {"Idempotency-Key": "order-1"}
        first = await cloud.request("POST", BOOKS, {"book": {"title": "a"}}, headers=key)
        again = await cloud.request("POST", BOOKS, {"book": {"title": "a"}}, headers=key)
        assert again.body == first.body
        assert again.headers["idempotency-replayed"] == "true"
        other = await cloud.request("POST", BOOKS, {"book": {"title": "b"}}, headers=key)
        assert other.status == 409
        theirs = await cloud.request("POST", BOOKS, {"book": {"title": "a"}}, headers=key, token="stranger")
        assert theirs["book"]["id"] != first["book"]["id"]
        assert len((await cloud.request("GET", BOOKS))["books"]) == 1

    talk(conversation)


def test_what_is_kept_for_a_key_can_be_read_by_nobody_without_it(talk: Callable[[Talk], None]) -> None:
    async def conversation(cloud: Cloud) -> None:
        await cloud.request("POST", BOOKS, {"book": {"title": "Diary"}}, headers={"Idempotency-Key": "mine"})
        kept = await cloud.app.db.read(Tx.first, StoredAnswer)
        assert kept is not None
        assert "Diary" not in str(kept) and "mine" not in str(kept)

    talk(conversation)


def test_a_dry_run_with_a_key_uses_up_no_key(talk: Callable[[Talk], None]) -> None:
    async def conversation(cloud: Cloud) -> None:
        key = {"Idempotency-Key": "order-1"}
        rehearsed = await cloud.request(
            "POST", BOOKS, {"book": {"title": "a"}}, headers={**key, "Cumulet-Dry-Run": "1"}
        )
        assert rehearsed.status == 201
        real = await cloud.request("POST", BOOKS, {"book": {"title": "a"}}, headers=key)
        assert "idempotency-replayed" not in real.headers
        assert [one["id"] for one in (await cloud.request("GET", BOOKS))["books"]] == [real["book"]["id"]]

    talk(conversation)


def test_a_dry_run_answers_and_keeps_nothing(talk: Callable[[Talk], None]) -> None:
    async def conversation(cloud: Cloud) -> None:
        answer = await cloud.request(
            "POST", BOOKS, {"book": {"title": "a"}}, headers={"Cumulet-Dry-Run": "1"}
        )
        assert answer.status == 201
        assert (await cloud.request("GET", BOOKS)).body == {"books": []}

    talk(conversation)


def test_several_are_made_together_or_not_at_all(talk: Callable[[Talk], None]) -> None:
    async def conversation(cloud: Cloud) -> None:
        answer = await cloud.request("POST", BOOKS, {"books": [{"title": "a"}, {"title": "b"}]})
        assert [one["title"] for one in answer["books"]] == ["a", "b"]
        broken = await cloud.request("POST", BOOKS, {"books": [{"title": "c"}, {"pages": 0}]})
        assert broken.status == 400
        over = await cloud.request("POST", BOOKS, {"books": [{"title": str(n)} for n in range(9)]})
        assert over.status == 403, over
        assert len((await cloud.request("GET", BOOKS))["books"]) == 2

    talk(conversation)


def test_a_taken_unique_value_is_a_conflict(talk: Callable[[Talk], None]) -> None:
    async def conversation(cloud: Cloud) -> None:
        await book(cloud, isbn="1")
        assert (await cloud.request("POST", BOOKS, {"book": {"isbn": "1"}})).status == 409
        assert (await cloud.request("POST", BOOKS, {"book": {"isbn": "1"}}, token="stranger")).status == 201

    talk(conversation)


def test_quota_counts_what_is_there(talk: Callable[[Talk], None]) -> None:
    async def conversation(cloud: Cloud) -> None:
        await cloud.app.db.transact(set_limit, "shelf", PROJECT, "pages", 100)
        await book(cloud, pages=60)
        refused = await cloud.request("POST", BOOKS, {"book": {"pages": 41}})
        assert refused.status == 403
        assert "pages: 41 asked, 60 of 100 used" in refused["forbidden"]["message"]
        await book(cloud, pages=40)

    talk(conversation)


def test_pages_of_other_origins_are_let_in_only_where_allowed(talk: Callable[[Talk], None]) -> None:
    async def conversation(cloud: Cloud) -> None:
        answer = await cloud.request("GET", BOOKS, headers={"Origin": "https://board"})
        assert "access-control-allow-origin" not in answer.headers

    talk(conversation)


def test_a_service_tells_of_all_its_routes_to_everybody(talk: Callable[[Talk], None]) -> None:
    async def conversation(cloud: Cloud) -> None:
        answer = await cloud.request("GET", "/shelf/openapi.json", token="")
        assert answer.status == 200
        assert answer["openapi"] == "3.1.0"
        assert {"get", "post"} <= answer["paths"]["/v1/books"].keys()

    talk(conversation)


def test_health_and_metrics_need_no_token(talk: Callable[[Talk], None]) -> None:
    async def conversation(cloud: Cloud) -> None:
        assert (await cloud.request("GET", "/healthcheck", token="")).body == b"OK"
        assert (await cloud.request("GET", "/shelf/healthcheck", token="")).status == 200
        assert b"python_info" in (await cloud.request("GET", "/metrics", token="")).body

    talk(conversation)
