# SPDX-License-Identifier: Apache-2.0
"""Many things at once."""

import io
import tarfile
from pathlib import Path

from tests.conversations.swift_talk import Talk, with_swift

from cumulet.services.swift.store import Store


def archive(files: dict[str, bytes], mode: str = "w") -> bytes:
    """A tar of these files."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode=mode) as tar:
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            member.pax_headers = {"SCHILY.xattr.user.meta.colour": "red"}
            tar.addfile(member, io.BytesIO(content))
    return buffer.getvalue()


def test_what_a_list_names_is_deleted(tmp_path: Path) -> None:
    async def talk(swift: Talk) -> None:
        await swift.made("/box", "/box/a%20b", "/box/o", "/full", "/full/o")
        names = b"box\n/box/a%20b\nbox/o\nbox/none\n\nfull\nnone"
        answer = await swift("POST", "?bulk-delete", names, content_type="text/plain")
        assert answer.status == 200
        assert (answer.body["Number Deleted"], answer.body["Number Not Found"]) == (3, 2)
        assert answer.body["Errors"] == [["full", "409 Conflict"]]
        assert answer.body["Response Status"] == "400 Bad Request"
        assert await swift.names("") == ["full"]
        answer = await swift(
            "DELETE", "?bulk-delete", b"full/o", content_type="text/plain", accept="text/plain"
        )
        assert b"Number Deleted: 1\n" in answer.body and b"Response Status: 200 OK\n" in answer.body
        answer = await swift("POST", "?bulk-delete", b"", content_type="text/plain", accept="application/xml")
        assert b"<response_status>400 Bad Request</response_status>" in answer.body
        answer = await swift("POST", "?bulk-delete", b"%ff", content_type="text/plain")
        assert answer.body["Response Status"] == "412 Precondition Failed"
        answer = await swift("POST", "?bulk-delete", b"full", content_type="text/plain", token="stranger")
        assert answer.body["Errors"] == [["full", "403 Forbidden"]]
        answer = await swift("POST", "?bulk-delete", b"x\n" * 10001, content_type="text/plain")
        assert answer.body["Response Status"].startswith("413")

    with_swift(tmp_path, talk)


def test_an_archive_becomes_objects(tmp_path: Path) -> None:
    async def talk(swift: Talk) -> None:
        files = {"box/a.txt": b"a", "./box/deep/b.png": b"b" * 100, "other/c": b"", "ignored": b"x"}
        for kind, mode in (("tar", "w"), ("tar.gz", "w:gz"), ("tar.bz2", "w:bz2")):
            answer = await swift("PUT", f"?extract-archive={kind}", archive(files, mode))
            assert answer.status == 200, answer
            assert answer.body["Number Files Created"] == 3 and answer.body["Errors"] == []
            assert answer.body["Response Status"] == "201 Created"
        assert await swift.names("") == ["box", "other"]
        assert await swift.names("/box") == ["a.txt", "deep/b.png"]
        answer = await swift("GET", "/box/deep/b.png")
        assert answer.body == b"b" * 100 and answer.headers["content-type"] == "image/png"
        assert answer.headers["x-object-meta-colour"] == "red"
        answer = await swift("PUT", "/box/below?extract-archive=tar", archive({"x/y": b"1"}))
        assert await swift.names("/box", "&prefix=below") == ["below/x/y"]
        folder = swift.cloud.app.contract(Store).folder
        assert len([path for path in folder.rglob("*") if path.is_file()]) == 3

    with_swift(tmp_path, talk)


def test_what_is_no_archive_is_told(tmp_path: Path) -> None:
    async def talk(swift: Talk) -> None:
        for body, kind in (
            (b"nonsense" * 100, "tar"),
            (b"", "tar"),
            (archive({"x/y": b"1"}), "tar.gz"),
            (b"x", "zip"),
        ):
            answer = await swift("PUT", f"?extract-archive={kind}", body)
            assert answer.status == 200 and answer.body["Response Status"] == "400 Bad Request"
        answer = await swift("PUT", "?extract-archive=tar", archive({"box/a": b"1"}), token="stranger")
        assert answer.body["Errors"] == [["box/a", "403 Forbidden"]]
        answer = await swift("PUT", "?extract-archive=tar", archive({"box/a": b"1"}), token="")
        assert answer.body["Response Status"] == "401 Unauthorized"
        answer = await swift(
            "PUT", "?extract-archive=tar", archive({"box/" + "n" * 1025: b"1", "box/a": b"1"})
        )
        assert answer.body["Number Files Created"] == 1 and len(answer.body["Errors"]) == 1

    with_swift(tmp_path, talk)
