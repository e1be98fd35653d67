# SPDX-License-Identifier: Apache-2.0
"""Objects that consist of others, and objects that stand for others."""

import hashlib
import json
from base64 import b64encode
from pathlib import Path
from typing import Any

from tests.conversations.swift_talk import Talk, with_swift

from cumulet.testing.asgi import Answer
from cumulet.testing.people import PROJECT


def md5(text: str | bytes) -> str:
    return hashlib.md5(text if isinstance(text, bytes) else text.encode()).hexdigest()


async def put_manifest(swift: Talk, path: str, segments: Any, **headers: str) -> Answer:
    body = segments if isinstance(segments, bytes) else json.dumps(segments).encode()
    return await swift("PUT", f"{path}?multipart-manifest=put", body, **headers)


async def with_segments(swift: Talk) -> None:
    await swift.made("/parts", "/box")
    await swift.made("/parts/1", content=b"hello ")
    await swift.made("/parts/2", content=b"world")


SEGMENTS = [{"path": "/parts/1", "etag": md5("hello "), "size_bytes": 6}, {"path": "parts/2"}]


def test_a_static_large_object_is_its_segments(tmp_path: Path) -> None:
    async def talk(swift: Talk) -> None:
        await with_segments(swift)
        answer = await put_manifest(swift, "/box/whole", SEGMENTS, content_type="text/x-whole")
        whole = f'"{md5(md5("hello ") + md5("world"))}"'
        assert (answer.status, answer.headers["etag"]) == (201, whole)
        answer = await swift("GET", "/box/whole")
        assert (answer.status, answer.body) == (200, b"hello world")
        assert answer.headers["etag"] == whole and answer.headers["x-static-large-object"] == "True"
        assert answer.headers["content-type"] == "text/x-whole"
        head = await swift("HEAD", "/box/whole")
        assert head.headers["content-length"] == "11" and head.headers["etag"] == whole
        assert (await swift("GET", "/box/whole", range="bytes=4-7")).body == b"o wo"
        assert (await swift("GET", "/box/whole", if_none_match=whole)).status == 304
        (item,) = (await swift("GET", "/box")).body
        assert (item["bytes"], item["slo_etag"], item["content_type"]) == (11, whole, "text/x-whole")
        manifest = await swift("GET", "/box/whole?multipart-manifest=get")
        assert [part["name"] for part in manifest.body] == ["/parts/1", "/parts/2"]
        raw = await swift("GET", "/box/whole?multipart-manifest=get&format=raw")
        assert raw.body[0] == {"path": "/parts/1", "etag": md5("hello "), "size_bytes": 6}

    with_swift(tmp_path, talk)


def test_segments_may_be_parts_data_and_manifests(tmp_path: Path) -> None:
    async def talk(swift: Talk) -> None:
        await with_segments(swift)
        data = b64encode(b", ").decode()
        segments = [{"path": "/parts/1", "range": "0-4"}, {"data": data}, {"path": "/parts/2", "range": "-3"}]
        assert (await put_manifest(swift, "/box/inner", segments)).status == 201
        assert (await swift("GET", "/box/inner")).body == b"hello, rld"
        await swift.made("/box/bang", content=b"!")
        outer = [{"path": "/box/inner"}, {"path": "/box/bang"}, {"path": "/box/inner", "range": "1-2"}]
        assert (await put_manifest(swift, "/box/outer", outer)).status == 201
        assert (await swift("GET", "/box/outer")).body == b"hello, rld!el"
        assert (await swift("GET", "/box/outer", range="bytes=6-10")).body == b" rld!"
        copied = await swift("COPY", "/box/outer", destination="box/flat")
        assert copied.headers["etag"] == md5("hello, rld!el")
        linked = await swift("COPY", "/box/outer?multipart-manifest=get", destination="box/linked")
        assert linked.status == 201
        assert (await swift("HEAD", "/box/linked")).headers["x-static-large-object"] == "True"

    with_swift(tmp_path, talk)


def test_a_manifest_must_be_right(tmp_path: Path) -> None:
    async def talk(swift: Talk) -> None:
        await with_segments(swift)
        wrong: list[Any] = [
            b"{", {}, ["x"], [{}], [{"path": "/parts"}], [{"path": 5}], [{"path": "/parts/1", "colour": 1}],
            [{"path": "/parts/1", "range": "9-"}], [{"path": "/parts/1", "range": "x"}], [{"data": "!"}],
            [{"data": b64encode(b"x").decode()}], [{"path": "/box/whole"}], [{"path": "/parts/3"}],
            [{"path": "/parts/1", "size_bytes": "x"}], [{"path": "/parts/1", "size_bytes": 5}],
            [{"path": "/parts/1", "etag": "x"}], [{"path": "/none/1"}],
            [{"path": "/parts/1", "range": "0-1,2-3"}], b"[" * 100000,
            [{"path": "/parts/1", "size_bytes": float("inf")}], [{"path": "/parts/\0"}],
        ]  # fmt: skip
        for manifest in wrong:
            answer = await put_manifest(swift, "/box/whole", manifest, accept="text/plain")
            assert answer.status == 400 and answer.body, manifest
        answer = await put_manifest(
            swift, "/box/whole", [{"path": "/parts/3"}, {"path": "/parts/1", "etag": "x"}]
        )
        assert answer.body == {"Errors": [["/parts/3", "404 Not Found"], ["/parts/1", "Etag Mismatch"]]}
        assert (await put_manifest(swift, "/box/whole", SEGMENTS, etag="x")).status == 422
        assert (await put_manifest(swift, "/box/whole", [{"path": "/parts/1"}] * 1001)).status == 413
        assert (await swift("GET", "/box/whole")).status == 404

    with_swift(tmp_path, talk)


def test_a_segment_that_has_changed_is_a_conflict(tmp_path: Path) -> None:
    async def talk(swift: Talk) -> None:
        await with_segments(swift)
        await put_manifest(swift, "/box/whole", SEGMENTS)
        await swift.made("/parts/2", content=b"WORLD")
        assert (await swift("GET", "/box/whole")).status == 409
        assert (await swift("GET", "/box/whole", range="bytes=0-3")).body == b"hell"

    with_swift(tmp_path, talk)


def test_segments_are_read_by_who_may_read_them(tmp_path: Path) -> None:
    async def talk(swift: Talk) -> None:
        await with_segments(swift)
        await put_manifest(swift, "/box/whole", SEGMENTS)
        await swift("POST", "/box", x_container_read=".r:*")
        assert (await swift("GET", "/box/whole", token="")).status == 409
        await swift("POST", "/parts", x_container_read=".r:*")
        assert (await swift("GET", "/box/whole", token="")).body == b"hello world"

    with_swift(tmp_path, talk)


def test_a_manifest_goes_with_its_segments(tmp_path: Path) -> None:
    async def talk(swift: Talk) -> None:
        await with_segments(swift)
        await put_manifest(swift, "/box/inner", SEGMENTS)
        await put_manifest(swift, "/box/outer", [{"path": "/box/inner"}, {"path": "/parts/1"}])
        answer = await swift("DELETE", "/box/outer?multipart-manifest=delete")
        assert answer.status == 200 and answer.body["Response Status"] == "200 OK"
        assert answer.body["Number Deleted"] == 4 and answer.body["Errors"] == []
        assert await swift.names("/box") == await swift.names("/parts") == []
        await swift.made("/box/plain")
        answer = await swift("DELETE", "/box/plain?multipart-manifest=delete")
        assert answer.body["Errors"] == [["box/plain", "Not an SLO manifest"]]
        answer = await swift("DELETE", "/box/none?multipart-manifest=delete")
        assert (answer.body["Number Not Found"], answer.body["Number Deleted"]) == (1, 0)

    with_swift(tmp_path, talk)


def test_a_dynamic_large_object_is_what_is_listed(tmp_path: Path) -> None:
    async def talk(swift: Talk) -> None:
        await with_segments(swift)
        await swift.made("/parts/x", content=b"other")
        await swift("PUT", "/parts/%C3%BC/1", b"one")
        assert (await swift("PUT", "/box/whole", b"", x_object_manifest="parts/2")).status == 201
        assert (await swift("GET", "/box/whole")).body == b"world"
        await swift.made("/parts/2/more", content=b"!" * 70000)
        answer = await swift("GET", "/box/whole")
        assert answer.body == b"world" + b"!" * 70000
        assert answer.headers["etag"] == f'"{md5(md5("world") + md5(b"!" * 70000))}"'
        assert answer.headers["x-object-manifest"] == "parts/2"
        assert (await swift("GET", "/box/whole", range="bytes=3-6")).body == b"ld!!"
        itself = await swift("GET", "/box/whole?multipart-manifest=get")
        assert (itself.body, itself.headers["etag"]) == (None, md5(""))
        await swift("PUT", "/box/escaped", b"", x_object_manifest="parts/%C3%BC")
        assert (await swift("GET", "/box/escaped")).body == b"one"
        flat = await swift("COPY", "/box/whole", destination="box/flat")
        assert "x-object-manifest" not in (await swift("HEAD", "/box/flat")).headers and flat.status == 201
        for wrong in ("parts", "/x", "parts/", "parts/?x", "%ff/x"):
            assert (await swift("PUT", "/box/o", b"", x_object_manifest=wrong)).status in (400, 412), wrong
        await swift("PUT", "/box/lost", b"", x_object_manifest="none/x")
        assert (await swift("GET", "/box/lost")).status == 404

    with_swift(tmp_path, talk)


def test_a_dynamic_object_that_contains_itself_is_refused(tmp_path: Path) -> None:
    async def talk(swift: Talk) -> None:
        await swift.made("/box")
        await swift("PUT", "/box/loop", b"x", x_object_manifest="box/loop")
        assert (await swift("GET", "/box/loop")).status == 409

    with_swift(tmp_path, talk)


def test_a_link_is_what_it_leads_to(tmp_path: Path) -> None:
    async def talk(swift: Talk) -> None:
        await with_segments(swift)
        assert (await swift("PUT", "/box/link", b"", x_symlink_target="parts/2")).status == 201
        answer = await swift("GET", "/box/link")
        assert answer.body == b"world"
        assert answer.headers["content-location"] == f"/v1/AUTH_{PROJECT}/parts/2"
        link = await swift("HEAD", "/box/link?symlink=get")
        assert (link.headers["x-symlink-target"], link.headers["content-length"]) == ("parts/2", "0")
        (item,) = (await swift("GET", "/box")).body
        assert item["symlink_path"] == f"/v1/AUTH_{PROJECT}/parts/2"
        moved = await swift("POST", "/box/link", x_object_meta_a="b")
        assert (moved.status, moved.headers["location"]) == (307, f"/v1/AUTH_{PROJECT}/parts/2")
        await swift("COPY", "/box/link", destination="box/copy")
        assert (await swift("GET", "/box/copy?symlink=get")).body == b"world"
        await swift("COPY", "/box/link?symlink=get", destination="box/other")
        assert (await swift("HEAD", "/box/other?symlink=get")).headers["x-symlink-target"] == "parts/2"
        await swift("DELETE", "/box/link")
        assert (await swift("GET", "/parts/2")).body == b"world"
        assert (await swift("PUT", "/box/link", b"x", x_symlink_target="parts/2")).status == 400
        assert (await swift("PUT", "/box/link", b"", x_symlink_target="parts")).status == 412
        assert (await swift("PUT", "/box/link", b"", x_symlink_target="box/link")).status == 400
        await swift("PUT", "/box/lost", b"", x_symlink_target="parts/none")
        assert (await swift("GET", "/box/lost")).status == 404

    with_swift(tmp_path, talk)


def test_links_end_somewhere(tmp_path: Path) -> None:
    async def talk(swift: Talk) -> None:
        await swift.made("/box", "/box/o")
        for name, target in (("1", "o"), ("2", "1"), ("3", "2"), ("a", "b"), ("b", "a")):
            await swift("PUT", f"/box/{name}", b"", x_symlink_target=f"box/{target}")
        assert (await swift("GET", "/box/2")).body == b"content"
        assert (await swift("GET", "/box/3")).status == (await swift("GET", "/box/a")).status == 409

    with_swift(tmp_path, talk)


def test_a_static_link_holds_only_as_it_was(tmp_path: Path) -> None:
    async def talk(swift: Talk) -> None:
        await with_segments(swift)
        static = {"x_symlink_target": "parts/2", "x_symlink_target_etag": md5("world")}
        assert (await swift("PUT", "/box/link", b"", **static)).status == 201
        link = (await swift("HEAD", "/box/link?symlink=get")).headers
        assert (link["x-symlink-target-etag"], link["x-symlink-target-bytes"]) == (md5("world"), "5")
        assert (await swift("GET", "/box/link")).body == b"world"
        await swift.made("/parts/2", content=b"other")
        assert (await swift("GET", "/box/link")).status == 409
        assert (await swift("PUT", "/box/link", b"", **static)).status == 409
        static["x_symlink_target"] = "parts/none"
        assert (await swift("PUT", "/box/link", b"", **static)).status == 409

    with_swift(tmp_path, talk)


def test_a_link_opens_nothing_that_is_closed(tmp_path: Path) -> None:
    async def talk(swift: Talk) -> None:
        await with_segments(swift)
        await swift("PUT", "/box/link", b"", x_symlink_target="parts/2")
        await swift("POST", "/box", x_container_read=".r:*")
        assert (await swift("GET", "/box/link", token="")).status == 401

    with_swift(tmp_path, talk)
