# SPDX-License-Identifier: Apache-2.0
"""Objects: what is written is what is read, under its conditions, and nothing is left of what is gone."""

import hashlib
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

from tests.conversations.swift_talk import Talk, with_swift

from cumulet.kernel.clock import ManualClock
from cumulet.lib import timestamps
from cumulet.services.swift import reconcile
from cumulet.services.swift.inspection import every_row_has_its_file
from cumulet.services.swift.store import Store


def md5(content: bytes) -> str:
    return hashlib.md5(content).hexdigest()


def files(talk: Talk) -> list[Path]:
    """The files of the store."""
    return [path for path in talk.cloud.app.contract(Store).folder.rglob("*") if path.is_file()]


def test_what_is_written_is_read(tmp_path: Path) -> None:
    async def talk(swift: Talk) -> None:
        await swift.made("/box")
        said = {"content_type": "text/plain", "x_object_meta_colour": "red", "content_disposition": "inline"}
        answer = await swift("PUT", "/box/a/b", b"hello", **said)
        assert answer.status == 201 and answer.headers["etag"] == md5(b"hello")
        answer = await swift("GET", "/box/a/b")
        assert (answer.status, answer.body) == (200, b"hello")
        assert answer.headers["content-type"] == "text/plain"
        assert answer.headers["x-object-meta-colour"] == "red"
        assert answer.headers["content-disposition"] == "inline"
        assert answer.headers["accept-ranges"] == "bytes" and answer.headers["last-modified"]
        assert answer.headers["x-trans-id"].startswith("tx") and answer.headers["x-timestamp"]
        answer = await swift("HEAD", "/box/a/b")
        assert (answer.status, answer.body, answer.headers["content-length"]) == (200, None, "5")

    with_swift(tmp_path, talk)


def test_names_may_be_anything_but_nul(tmp_path: Path) -> None:
    async def talk(swift: Talk) -> None:
        await swift.made("/" + quote("königlich ☃"))
        names = [
            "a b",
            "über/☃",
            "//",
            "ends/",
            "100%",
            "?#&",
            "..",
            "a//b/",
            "\u202e",
            "\U0001f600",
            "\ufffd",
        ]
        for name in names:
            await swift.made(f"/{quote('königlich ☃')}/{quote(name)}", content=name.encode())
        for name in names:
            answer = await swift("GET", f"/{quote('königlich ☃')}/{quote(name)}")
            assert (answer.status, answer.body) == (200, name.encode()), name
        assert await swift.names("/" + quote("königlich ☃")) == sorted(names)
        for bad in ("/box/%00", "/box/%ff", "/b%00x", "/%c3%28"):
            assert (await swift("PUT", bad, b"")).status == 412, bad
        assert (await swift("GET", "//name")).status == 404

    with_swift(tmp_path, talk)


def test_metadata_of_any_bytes_comes_back_as_it_was(tmp_path: Path) -> None:
    async def talk(swift: Talk) -> None:
        await swift.made("/box")
        value = "grün".encode().decode("latin-1")
        await swift("PUT", "/box/o", b"", x_object_meta_colour=value)
        assert (await swift("HEAD", "/box/o")).headers["x-object-meta-colour"] == value
        assert (await swift("POST", "/box", x_container_meta_colour=value)).status == 204
        assert (await swift("HEAD", "/box")).headers["x-container-meta-colour"] == value
        assert (await swift("POST", "/box", x_container_meta_colour="\xff")).status == 400

    with_swift(tmp_path, talk)


def test_a_post_replaces_what_is_said_and_keeps_the_content(tmp_path: Path) -> None:
    async def talk(swift: Talk) -> None:
        await swift.made("/box")
        await swift("PUT", "/box/o", b"x", x_object_meta_one="1", content_type="text/x-one")
        assert (await swift("POST", "/box/o", x_object_meta_two="2")).status == 202
        answer = await swift("GET", "/box/o")
        assert "x-object-meta-one" not in answer.headers and answer.headers["x-object-meta-two"] == "2"
        assert answer.headers["content-type"] == "text/x-one" and answer.body == b"x"
        assert (await swift("POST", "/box/none")).status == 404

    with_swift(tmp_path, talk)


def test_long_content_streams_in_both_directions(tmp_path: Path) -> None:
    content = bytes(range(256)) * 4096 * 5

    def chunks() -> Iterator[bytes]:
        for start in range(0, len(content), 65536):
            yield content[start : start + 65536]

    async def talk(swift: Talk) -> None:
        await swift.made("/box")
        answer = await swift("PUT", "/box/long", chunks(), transfer_encoding="chunked")
        assert answer.status == 201 and answer.headers["etag"] == md5(content)
        assert (await swift("GET", "/box/long")).body == content
        part = await swift("GET", "/box/long", range="bytes=1000000-3999999")
        assert part.status == 206 and part.body == content[1000000:4000000]
        assert part.headers["content-range"] == f"bytes 1000000-3999999/{len(content)}"

    with_swift(tmp_path, talk)


def test_what_goes_wrong_on_the_way_leaves_nothing(tmp_path: Path) -> None:
    def broken() -> Iterator[bytes]:
        yield b"x" * 2**21
        raise ConnectionError

    async def talk(swift: Talk) -> None:
        await swift.made("/box")
        assert (await swift("PUT", "/box/o", b"right", etag=md5(b"wrong"))).status == 422
        assert (await swift("PUT", "/box/o", broken(), transfer_encoding="chunked")).status == 400
        assert (await swift("PUT", "/none/o", b"x")).status == 404
        assert (await swift("PUT", "/box/o", iter(()))).status == 411
        too_long = await swift("PUT", "/box/o", b"x", content_length=str(6 * 2**30))
        assert (too_long.status, too_long.body) == (413, b"Your request is too large.")
        assert (await swift("PUT", "/box/" + "n" * 1025, b"x")).status == 400
        assert (await swift("GET", "/box/o")).status == 404
        assert files(swift) == []

    with_swift(tmp_path, talk)


def test_what_is_replaced_or_deleted_leaves_no_file(tmp_path: Path) -> None:
    async def talk(swift: Talk) -> None:
        await swift.made("/box", "/box/o")
        await swift.made("/box/o", content=b"other")
        assert len(files(swift)) == 1
        assert (await swift("DELETE", "/box/o")).status == 204
        assert (await swift("DELETE", "/box/o")).status == 404
        assert files(swift) == []
        await swift.made("/box/empty", content=b"")
        assert files(swift) == [] and (await swift("GET", "/box/empty")).body is None

    with_swift(tmp_path, talk)


def test_the_sweep_removes_files_without_a_row_and_no_others(tmp_path: Path) -> None:
    async def talk(swift: Talk) -> None:
        await swift.made("/box", "/box/o")
        store = swift.cloud.app.contract(Store)
        store.write("f" * 32, b"lost")
        with store.new() as coming:
            store.write(coming, b"coming")
            await reconcile.sweep(swift.cloud.app)
            assert not store.path("f" * 32).exists() and store.path(coming).exists()
        assert (await swift("GET", "/box/o")).body == b"content"

    with_swift(tmp_path, talk)


def test_the_doctor_misses_content_and_finds_what_is_left_over(tmp_path: Path) -> None:
    async def talk(swift: Talk) -> None:
        await swift.made("/box", "/box/o", "/box/p")
        await swift("PUT", "/box", x_versions_enabled="true")
        await swift.made("/box/o", content=b"again")
        app, store = swift.cloud.app, swift.cloud.app.contract(Store)
        assert await every_row_has_its_file(app) == []
        store.write("f" * 32, b"lost")
        next(path for path in files(swift) if path.name != "f" * 32).write_bytes(b"shorter or longer")
        missing, left = await every_row_has_its_file(app)
        assert missing.startswith("The content ") and left.startswith("1 files ")
        await reconcile.sweep(app)
        assert len(await every_row_has_its_file(app)) == 1

    with_swift(tmp_path, talk)


def test_conditions_decide_what_is_sent(tmp_path: Path) -> None:
    async def talk(swift: Talk) -> None:
        await swift.made("/box", "/box/o")
        etag = md5(b"content")
        long_ago, far_off = "Mon, 01 Jan 2001 00:00:00 GMT", "Fri, 01 Jan 2100 00:00:00 GMT"
        cases = [
            ({"if_match": etag}, 200), ({"if_match": "*"}, 200), ({"if_match": "other"}, 412),
            ({"if_none_match": f'"{etag}"'}, 304), ({"if_none_match": "other"}, 200),
            ({"if_modified_since": long_ago}, 200), ({"if_modified_since": far_off}, 304),
            ({"if_unmodified_since": long_ago}, 412), ({"if_unmodified_since": far_off}, 200),
            ({"if_modified_since": "nonsense"}, 200),
        ]  # fmt: skip
        for headers, status in cases:
            assert (await swift("GET", "/box/o", **headers)).status == status, headers
        assert (await swift("PUT", "/box/o", b"x", if_none_match="*")).status == 412
        assert (await swift("PUT", "/box/new", b"x", if_none_match="*")).status == 201
        assert (await swift("PUT", "/box/new", b"x", if_none_match="word")).status == 400

    with_swift(tmp_path, talk)


def test_ranges_are_parts(tmp_path: Path) -> None:
    async def talk(swift: Talk) -> None:
        await swift.made("/box")
        await swift.made("/box/o", content=b"0123456789")
        cases = [
            ("bytes=2-4", 206, b"234"), ("bytes=7-", 206, b"789"), ("bytes=-3", 206, b"789"),
            ("bytes=5-100", 206, b"56789"), ("bytes=4-2", 200, b"0123456789"),
            ("lines=1-2", 200, b"0123456789"),
            ("bytes=-100", 206, b"0123456789"),
        ]  # fmt: skip
        for asked, status, body in cases:
            answer = await swift("GET", "/box/o", range=asked)
            assert (answer.status, answer.body) == (status, body), asked
        answer = await swift("GET", "/box/o", range="bytes=10-")
        assert (answer.status, answer.headers["content-range"]) == (416, "bytes */10")
        several = await swift("GET", "/box/o", range="bytes=0-1,-2", accept="*/*")
        assert several.status == 206 and len(several.body) == int(several.headers["content-length"])
        assert b"Content-Range: bytes 0-1/10\r\n\r\n01\r\n" in several.body
        assert b"Content-Range: bytes 8-9/10\r\n\r\n89\r\n" in several.body
        greedy = await swift("GET", "/box/o", range="bytes=" + ",".join(["0-9"] * 60))
        assert greedy.status == 416

    with_swift(tmp_path, talk)


def test_copies_are_independent(tmp_path: Path) -> None:
    async def talk(swift: Talk) -> None:
        await swift.made("/box", "/other")
        await swift("PUT", "/box/o", b"content", x_object_meta_one="1", content_type="text/x-one")
        answer = await swift("COPY", "/box/o", destination="other/copy", x_object_meta_two="2")
        assert answer.status == 201 and answer.headers["x-copied-from"] == "box/o"
        copy = await swift("GET", "/other/copy")
        assert copy.headers["x-object-meta-one"] == "1" and copy.headers["x-object-meta-two"] == "2"
        assert copy.headers["content-type"] == "text/x-one"
        answer = await swift(
            "PUT", "/box/fresh", x_copy_from="/box/o", x_fresh_metadata="true", content_length="0"
        )
        assert answer.status == 201
        assert "x-object-meta-one" not in (await swift("HEAD", "/box/fresh")).headers
        await swift("DELETE", "/box/o")
        assert (await swift("GET", "/other/copy")).body == b"content"
        assert (await swift("GET", "/box/fresh")).body == b"content"
        for destination in ("", "nameless", "/", "none/o"):
            wanted = 404 if destination == "none/o" else 412
            answer = await swift("COPY", "/other/copy", destination=destination)
            assert answer.status == wanted, destination
        assert (await swift("COPY", "/box/none", destination="box/x")).status == 404

    with_swift(tmp_path, talk)


def test_an_object_expires(tmp_path: Path) -> None:
    clock = ManualClock()

    async def talk(swift: Talk) -> None:
        await swift.made("/box")
        now = int(timestamps.to_epoch(clock.now()))
        assert (await swift("PUT", "/box/o", b"x", x_delete_after="60")).status == 201
        assert (await swift("HEAD", "/box/o")).headers["x-delete-at"] == str(now + 60)
        for wrong in ({"x_delete_at": "soon"}, {"x_delete_after": "-1"}, {"x_delete_at": str(now)}):
            assert (await swift("PUT", "/box/p", b"x", **wrong)).status == 400
        clock.advance(61)
        assert (await swift("GET", "/box/o")).status == 404
        await reconcile.expire(swift.cloud.app)
        assert await swift.names("/box") == [] and files(swift) == []

    with_swift(tmp_path, talk, clock=clock)


def test_refusals_are_pages_and_lines(tmp_path: Path) -> None:
    async def talk(swift: Talk) -> None:
        answer = await swift("GET", "/none")
        page = b"<html><h1>Not Found</h1><p>The resource could not be found.</p></html>"
        assert (answer.status, answer.body) == (404, page)
        assert answer.headers["content-type"] == "text/html; charset=UTF-8"
        answer = await swift("PUT", "/" + "c" * 257)
        assert (answer.status, answer.body) == (400, b"Container name length of 257 longer than 256")
        assert (await swift("PATCH", "/box")).status == 405

    with_swift(tmp_path, talk)


def test_too_much_metadata_is_refused(tmp_path: Path) -> None:
    async def talk(swift: Talk) -> None:
        await swift.made("/box")
        many = {f"x_object_meta_{number}": "1" for number in range(91)}
        cases: list[dict[str, str]] = [
            many, {"x_object_meta_" + "n" * 129: "1"}, {"x_object_meta_one": "v" * 257},
            {f"x_object_meta_{number}": "v" * 250 for number in range(20)},
            {"x_object_meta_": "nameless"}, {"x_other": "v" * 8193},
        ]  # fmt: skip
        for headers in cases:
            assert (await swift("PUT", "/box/o", b"", **headers)).status == 400, list(headers)[:1]
        for number in range(90):
            await swift("POST", "/box", **{f"x_container_meta_{number}": "1"})
        assert (await swift("POST", "/box", x_container_meta_more="1")).status == 400
        assert (
            await swift("POST", "/box", x_remove_container_meta_0="x", x_container_meta_more="1")
        ).status == 204

    with_swift(tmp_path, talk)
