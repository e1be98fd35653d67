# SPDX-License-Identifier: Apache-2.0
"""Accounts and containers: their counters, what is said of them, and their lists."""

import asyncio
from pathlib import Path

from tests.conversations.swift_talk import Talk, with_swift

from cumulet.services.swift.names import PREFIX

NAMES = ("a", "b/1", "b/2", "c/d/1", "z")


async def filled(swift: Talk) -> None:
    await swift.made("/box", *(f"/box/{name}" for name in NAMES))


def test_counters_are_exact(tmp_path: Path, database: str) -> None:
    async def talk(swift: Talk) -> None:
        await swift.made("/one", "/two")
        await asyncio.gather(*(swift.made(f"/one/{n % 7}", content=b"x" * n) for n in range(1, 22)))
        await asyncio.gather(*(swift("DELETE", f"/one/{n}") for n in range(3)))
        await swift.made("/two/o", content=b"12345")
        account = (await swift("HEAD")).headers
        one = (await swift("HEAD", "/one")).headers
        assert one["x-container-object-count"] == "4"
        listed = (await swift("GET", "/one?format=json")).body
        assert int(one["x-container-bytes-used"]) == sum(item["bytes"] for item in listed)
        assert account["x-account-container-count"] == "2" and account["x-account-object-count"] == "5"
        assert int(account["x-account-bytes-used"]) == int(one["x-container-bytes-used"]) + 5
        assert account["x-account-storage-policy-policy-0-object-count"] == "5"

    with_swift(tmp_path, talk, database=database)


def test_an_account_comes_to_be_at_its_first_use(tmp_path: Path) -> None:
    async def talk(swift: Talk) -> None:
        answer = await swift("GET", accept="text/plain")
        assert (answer.status, answer.headers["x-account-container-count"]) == (204, "0")
        assert (await swift("GET")).body == []
        assert (await swift("POST", x_account_meta_colour="red")).status == 204
        assert (await swift("HEAD")).headers["x-account-meta-colour"] == "red"
        assert (await swift("POST", x_remove_account_meta_colour="x")).status == 204
        assert "x-account-meta-colour" not in (await swift("HEAD")).headers
        assert (await swift("PUT")).status == (await swift("DELETE")).status == 403

    with_swift(tmp_path, talk)


def test_a_container_is_made_changed_and_deleted(tmp_path: Path) -> None:
    async def talk(swift: Talk) -> None:
        assert (await swift("PUT", "/box", x_container_meta_one="1")).status == 201
        assert (await swift("PUT", "/box", x_container_meta_two="2")).status == 202
        headers = (await swift("HEAD", "/box/")).headers
        assert headers["x-container-meta-one"] == "1" and headers["x-container-meta-two"] == "2"
        assert headers["x-storage-policy"] == "Policy-0" and headers["x-container-object-count"] == "0"
        assert (await swift("POST", "/box", x_container_meta_one="", x_container_meta_two="3")).status == 204
        headers = (await swift("HEAD", "/box")).headers
        assert "x-container-meta-one" not in headers and headers["x-container-meta-two"] == "3"
        await swift.made("/box/o")
        assert (await swift("DELETE", "/box")).status == 409
        await swift("DELETE", "/box/o")
        assert (await swift("DELETE", "/box")).status == 204
        assert (await swift("DELETE", "/box")).status == (await swift("POST", "/box")).status == 404
        assert (await swift("PUT", "/odd", x_storage_policy="gold")).status == 400

    with_swift(tmp_path, talk)


def test_lists_are_asked_by_prefix_delimiter_and_markers(tmp_path: Path) -> None:
    async def talk(swift: Talk) -> None:
        await filled(swift)
        assert await swift.names("/box") == list(NAMES)
        assert await swift.names("/box", "&delimiter=/") == ["a", "b/", "c/", "z"]
        assert await swift.names("/box", "&delimiter=/&prefix=c/") == ["c/d/"]
        assert await swift.names("/box", "&prefix=b") == ["b/1", "b/2"]
        assert await swift.names("/box", "&limit=2") == ["a", "b/1"]
        assert await swift.names("/box", "&limit=2&marker=b/1") == ["b/2", "c/d/1"]
        assert await swift.names("/box", "&end_marker=b/2") == ["a", "b/1"]
        assert await swift.names("/box", "&reverse=true&delimiter=/") == ["z", "c/", "b/", "a"]
        assert await swift.names("/box", "&reverse=true&marker=c&limit=1") == ["b/2"]
        assert await swift.names("/box", "&path=b") == ["b/1", "b/2"]
        assert await swift.names("/box", "&path=") == ["a", "z"]
        assert await swift.names("/box", "&limit=0") == []
        assert (await swift("GET", "/box?limit=10001")).status == 412
        assert (await swift("GET", "/box?marker=%ff")).status < 500

    with_swift(tmp_path, talk)


def test_lists_are_text_json_or_xml(tmp_path: Path) -> None:
    async def talk(swift: Talk) -> None:
        await swift.made("/box", "/box/a%26b")
        for query, accept, kind in (
            ("", "*/*", "text/plain"), ("?format=json", "text/plain", "application/json"),
            ("?format=xml", "*/*", "application/xml"), ("", "text/xml", "text/xml"), ("", "", "text/plain"),
        ):  # fmt: skip
            for path in ("", "/box"):
                answer = await swift("GET", path + query, accept=accept)
                assert answer.status == 200
                assert answer.headers["content-type"] == f"{kind}; charset=utf-8"
        assert (await swift("GET", "/box", accept="text/plain")).body == b"a&b\n"
        assert b"<name>a&amp;b</name>" in (await swift("GET", "/box?format=xml")).body
        (item,) = (await swift("GET", "/box")).body
        assert item["name"] == "a&b" and item["bytes"] == 7 and len(item["hash"]) == 32
        (item,) = (await swift("GET")).body
        assert (item["name"], item["count"], item["bytes"]) == ("box", 1, 7)
        assert (await swift("GET", "/box", accept="image/png")).status == 406
        await swift.made("/empty")
        assert (await swift("GET", "/empty", accept="text/plain")).status == 204
        assert (await swift("GET", "/empty")).body == []

    with_swift(tmp_path, talk)


def test_quotas_of_containers_hold(tmp_path: Path) -> None:
    async def talk(swift: Talk) -> None:
        await swift("PUT", "/box", x_container_meta_quota_bytes="10", x_container_meta_quota_count="2")
        await swift.made("/box/one", content=b"12345678")
        answer = await swift("PUT", "/box/two", b"1234")
        assert (answer.status, answer.body) == (413, b"Upload exceeds quota.")
        answer = await swift("PUT", "/box/two", iter([b"1234"]), transfer_encoding="chunked")
        assert answer.status == 413
        await swift.made("/box/two", content=b"1")
        assert (await swift("PUT", "/box/three", b"1")).status == 413
        assert (await swift("COPY", "/box/one", destination="box/three")).status == 413
        await swift.made("/box/two", content=b"12")
        assert (await swift("POST", "/box", x_container_meta_quota_bytes="many")).status == 400

    with_swift(tmp_path, talk)


def test_quotas_of_accounts_are_set_by_resellers(tmp_path: Path) -> None:
    async def talk(swift: Talk) -> None:
        from cumulet.kernel.auth.context import Authenticator
        from cumulet.testing.people import person

        known = swift.cloud.app.contract(Authenticator).known  # type: ignore[attr-defined]
        known["reseller"] = person("reseller", "ResellerAdmin", project_id="b" * 32)
        await swift.made("/box")
        assert (await swift("POST", x_account_meta_quota_bytes="5")).status == 403
        assert (await swift("POST", token="reseller", x_account_meta_quota_bytes="5")).status == 204
        assert (await swift("HEAD")).headers["x-account-quota-bytes"] == "5"
        assert (await swift("PUT", "/box/o", b"123456")).status == 413
        assert (await swift("PUT", "/box/o", b"123456", token="reseller")).status == 201
        assert (await swift("POST", token="reseller", x_account_quota_bytes="lots")).status == 400
        assert (await swift("POST", token="reseller", x_remove_account_quota_bytes="x")).status == 204
        assert "x-account-quota-bytes" not in (await swift("HEAD")).headers
        assert (await swift("DELETE", token="reseller")).status == 409
        other = f"/object-store/v1/{PREFIX}other"
        for method, status in (("PUT", 201), ("PUT", 202), ("DELETE", 204), ("DELETE", 404)):
            answer = await swift.cloud.request(method, other, token="reseller")
            assert answer.status == status

    with_swift(tmp_path, talk)


def test_what_it_can_do_is_told_at_the_root_too(tmp_path: Path) -> None:
    async def talk(swift: Talk) -> None:
        for path in ("/info", "/object-store/info"):
            answer = await swift.cloud.request("GET", path)
            assert answer.body["swift"]["max_file_size"] == 5368709122
            assert answer.body["swift"]["policies"][0]["name"] == "Policy-0"

    with_swift(tmp_path, talk)


def test_what_several_delete_at_once_is_counted_once(tmp_path: Path, database: str) -> None:
    async def talk(swift: Talk) -> None:
        await swift.made("/box", *(f"/box/{number}" for number in range(5)))
        answers = await asyncio.gather(
            *(swift("DELETE", f"/box/{number}") for number in range(5) for _ in range(6))
        )
        assert sorted(answer.status for answer in answers) == [204] * 5 + [404] * 25
        answers = await asyncio.gather(*(swift("DELETE", "/box") for _ in range(6)))
        assert sorted(answer.status for answer in answers) == [204] + [404] * 5

    with_swift(tmp_path, talk, database=database)
