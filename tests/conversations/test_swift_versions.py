# SPDX-License-Identifier: Apache-2.0
"""What objects were, in both ways to keep it."""

from pathlib import Path
from typing import Any

from tests.conversations.swift_talk import Talk, with_swift

from cumulet.services.swift.store import Store


async def versions(swift: Talk, query: str = "") -> list[tuple[Any, ...]]:
    """Name, version and whether it is the latest, of a list of all versions."""
    answer = await swift("GET", f"/box?versions{query}")
    assert answer.status == 200, answer
    return [(item["name"], item["version_id"], item["is_latest"]) for item in answer.body]


async def put(swift: Talk, name: str, content: bytes) -> str:
    """The version's id of an object that was written."""
    answer = await swift("PUT", f"/box/{name}", content)
    assert answer.status == 201, answer
    return answer.headers.get("x-object-version-id", "null")


def test_every_write_is_a_version(tmp_path: Path) -> None:
    async def talk(swift: Talk) -> None:
        await swift.made("/box", "/box/o")
        assert "x-versions-enabled" not in (await swift("HEAD", "/box")).headers
        assert (await swift("POST", "/box", x_versions_enabled="true")).status == 204
        assert (await swift("HEAD", "/box")).headers["x-versions-enabled"] == "True"
        assert await versions(swift) == [("o", "null", True)]
        one, two = await put(swift, "o", b"one"), await put(swift, "o", b"two")
        known = await versions(swift)
        assert [version for _, version, _ in known][:2] == [two, one] and len(known) == 3
        assert [latest for _, _, latest in known] == [True, False, False]
        assert (await swift("GET", "/box/o")).body == b"two"
        answer = await swift("GET", f"/box/o?version-id={one}")
        assert (answer.body, answer.headers["x-object-version-id"]) == (b"one", one)
        assert (await swift("GET", "/box/o?version-id=null")).status == 404
        assert (await swift("GET", "/box/o?version-id=x")).status == 400
        head = (await swift("HEAD", "/box")).headers
        assert (head["x-container-object-count"], head["x-container-bytes-used"]) == ("1", "13")

    with_swift(tmp_path, talk)


def test_a_deletion_leaves_a_marker(tmp_path: Path) -> None:
    async def talk(swift: Talk) -> None:
        await swift("PUT", "/box", x_versions_enabled="true")
        one = await put(swift, "o", b"one")
        marker = (await swift("DELETE", "/box/o")).headers["x-object-version-id"]
        assert (await swift("GET", "/box/o")).status == 404 and await swift.names("/box") == []
        assert await versions(swift) == [("o", marker, True), ("o", one, False)]
        assert (await swift("GET", f"/box/o?version-id={marker}")).status == 404
        assert (await swift("DELETE", "/box/o")).status == 404
        assert len(await versions(swift)) == 3
        restored = await swift("PUT", f"/box/o?version-id={one}", b"")
        assert (restored.status, restored.headers["x-object-version-id"]) == (201, one)
        assert (await swift("GET", "/box/o")).body == b"one"
        assert (await swift("PUT", f"/box/o?version-id={one}", b"x")).status == 400
        assert (await swift("PUT", f"/box/o?version-id={marker}", b"")).status == 404

    with_swift(tmp_path, talk)


def test_versions_go_one_by_one(tmp_path: Path) -> None:
    async def talk(swift: Talk) -> None:
        await swift("PUT", "/box", x_versions_enabled="true")
        one, two = await put(swift, "o", b"one"), await put(swift, "o", b"two")
        assert (await swift("DELETE", "/box")).status == 409
        answer = await swift("DELETE", f"/box/o?version-id={one}")
        assert (answer.status, answer.headers["x-object-current-version-id"]) == (204, two)
        answer = await swift("DELETE", f"/box/o?version-id={two}")
        assert answer.headers["x-object-current-version-id"] == "null"
        assert (await swift("DELETE", f"/box/o?version-id={two}")).status == 404
        assert (await swift("GET", "/box/o")).status == 404 and await versions(swift) == []
        store = swift.cloud.app.contract(Store)
        assert [path for path in store.folder.rglob("*") if path.is_file()] == []
        assert (await swift("DELETE", "/box")).status == 204

    with_swift(tmp_path, talk)


def test_while_suspended_nothing_new_is_kept(tmp_path: Path) -> None:
    async def talk(swift: Talk) -> None:
        await swift("PUT", "/box", x_versions_enabled="true")
        one = await put(swift, "o", b"one")
        await swift("POST", "/box", x_versions_enabled="false")
        assert (await swift("HEAD", "/box")).headers["x-versions-enabled"] == "False"
        assert await put(swift, "o", b"two") == await put(swift, "o", b"three") == "null"
        assert await versions(swift) == [("o", "null", True), ("o", one, False)]
        assert (await swift("GET", "/box/o?version-id=null")).body == b"three"
        assert (await swift("DELETE", "/box/o")).status == 204
        assert await versions(swift) == [("o", one, False)]
        assert (await swift("GET", f"/box/o?version-id={one}")).body == b"one"

    with_swift(tmp_path, talk)


def test_lists_of_versions_come_in_pages(tmp_path: Path) -> None:
    async def talk(swift: Talk) -> None:
        await swift("PUT", "/box", x_versions_enabled="true")
        for name in ("a", "b/1", "b/2", "c"):
            for content in (b"1", b"2", b"3"):
                await put(swift, name, content)
        await swift("DELETE", "/box/c")
        everything = await versions(swift)
        assert [name for name, _, _ in everything] == ["a"] * 3 + ["b/1"] * 3 + ["b/2"] * 3 + ["c"] * 4
        found: list[tuple[Any, ...]] = []
        query = ""
        while page := await versions(swift, f"&limit=2{query}"):
            found += page
            query = f"&marker={page[-1][0]}&version_marker={page[-1][1]}"
        assert found == everything
        assert await versions(swift, "&reverse=true") == everything[::-1]
        assert await versions(swift, "&prefix=b/2") == everything[6:9]
        assert await versions(swift, "&marker=b/2") == everything[9:]
        assert await versions(swift, "&end_marker=b/1") == everything[:3]
        answer = await swift("GET", "/box?versions&delimiter=/")
        shown = [item.get("name", item.get("subdir")) for item in answer.body]
        assert shown == ["a"] * 3 + ["b/"] + ["c"] * 4
        answer = await swift("GET", "/box?versions&delimiter=/&reverse=true")
        assert [item.get("name", item.get("subdir")) for item in answer.body] == shown[::-1]
        for wrong in ("&version_marker=x", "&marker=a&version_marker=x", "&delimiter=0"):
            assert (await swift("GET", f"/box?versions{wrong}")).status == 400

    with_swift(tmp_path, talk)


def test_an_archive_brings_back_what_was(tmp_path: Path) -> None:
    async def talk(swift: Talk) -> None:
        await swift.made("/old")
        await swift("PUT", "/box", x_versions_location="old")
        assert (await swift("HEAD", "/box")).headers["x-versions-location"] == "old"
        for content in (b"one", b"two", b"three"):
            await put(swift, "o", content)
        archived = await swift.names("/old")
        assert len(archived) == 2 and all(name.startswith("001o/") for name in archived)
        for content in (b"two", b"one"):
            assert (await swift("DELETE", "/box/o")).status == 204
            assert (await swift("GET", "/box/o")).body == content
        assert await swift.names("/old") == []
        await swift("DELETE", "/box/o")
        assert (await swift("GET", "/box/o")).status == 404
        assert (await swift("POST", "/box", x_versions_enabled="true")).status == 400
        await swift("POST", "/box", x_remove_versions_location="x")
        assert "x-versions-location" not in (await swift("HEAD", "/box")).headers

    with_swift(tmp_path, talk)


def test_a_history_only_grows(tmp_path: Path) -> None:
    async def talk(swift: Talk) -> None:
        await swift.made("/old")
        await swift("PUT", "/box", x_history_location="old")
        await put(swift, "o", b"one")
        await put(swift, "o", b"two")
        assert (await swift("DELETE", "/box/o")).status == 204
        assert (await swift("GET", "/box/o")).status == 404
        items = (await swift("GET", "/old")).body
        assert [item["bytes"] for item in items] == [3, 3, 0]
        assert "deleted" in items[2]["content_type"]
        assert (await swift("DELETE", "/box/o")).status == 404
        await swift("DELETE", "/box/o")
        both = {"x_history_location": "old", "x_versions_location": "old"}
        assert (await swift("POST", "/box", **both)).status == 400
        await swift("POST", "/box", x_history_location="nowhere")
        await put(swift, "o", b"three")
        assert (await swift("PUT", "/box/o", b"four")).status == 412

    with_swift(tmp_path, talk)
