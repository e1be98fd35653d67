# SPDX-License-Identifier: Apache-2.0
"""Who may do what: roles in the own project, lists of access for everybody else."""

import json
from pathlib import Path

from tests.conversations.swift_talk import Talk, with_swift

from cumulet.testing.people import OTHER_PROJECT

STRANGER = f"{OTHER_PROJECT}:{'stranger':0<32}"


async def may(swift: Talk, token: str, **headers: str) -> tuple[bool, bool, bool]:
    """Whether somebody may list the container, read an object of it, and write one."""
    answers = [
        await swift("GET", "/box", token=token, **headers),
        await swift("GET", "/box/o", token=token, **headers),
        await swift("PUT", "/box/new", b"x", token=token, **headers),
    ]
    refused = 403 if token else 401
    assert all(answer.status in (200, 201, refused) for answer in answers), answers
    list_, read, write = (answer.status < 400 for answer in answers)
    return list_, read, write


def test_roles_decide_in_the_own_project(tmp_path: Path) -> None:
    async def talk(swift: Talk) -> None:
        await swift.made("/box", "/box/o")
        for token in ("admin", "manager", "member"):
            assert await may(swift, token) == (True, True, True), token
        assert await may(swift, "reader") == (True, True, False)
        for token in ("stranger", "service", "", "none"):
            headers = {"x_storage_token": "member"} if token == "none" else {}
            if headers:
                assert await may(swift, "", **headers) == (True, True, True)
            else:
                assert await may(swift, token) == (False, False, False)
        answer = await swift("GET", "/box", token="")
        assert answer.headers["www-authenticate"].startswith('Swift realm="AUTH_')
        assert (await swift("GET", "", token="stranger")).status == 403

    with_swift(tmp_path, talk)


def test_lists_let_others_in(tmp_path: Path) -> None:
    async def talk(swift: Talk) -> None:
        await swift.made("/box", "/box/o")
        for acl in (STRANGER, f"{OTHER_PROJECT}:*", "*:*", f"*:{'stranger':0<32}", "*:stranger", "a:b,*:*"):
            await swift("POST", "/box", x_container_read=acl, x_container_write="")
            assert await may(swift, "stranger") == (True, True, False), acl
            await swift("POST", "/box", x_container_read="", x_container_write=acl)
            assert await may(swift, "stranger") == (False, False, True), acl
        await swift("POST", "/box", x_container_read="other:*", x_remove_container_write="x")
        assert await may(swift, "stranger") == (False, False, False)
        assert (await swift("HEAD", "/box")).headers["x-container-read"] == "other:*"
        assert "x-container-read" not in (await swift("HEAD", "/box", token="reader")).headers
        assert (await swift("DELETE", "/box", token="stranger")).status == 403

    with_swift(tmp_path, talk)


def test_pages_let_anybody_read(tmp_path: Path) -> None:
    async def talk(swift: Talk) -> None:
        await swift.made("/box", "/box/o")
        await swift("POST", "/box", x_container_read=".r:*")
        assert await may(swift, "") == (False, True, False)
        assert (await swift("GET", "/box/o", token="no such token")).status == 200
        await swift("POST", "/box", x_container_read=".referrer : *, .rlistings")
        assert (await swift("HEAD", "/box")).headers["x-container-read"] == ".r:*,.rlistings"
        assert await may(swift, "") == (True, True, False)
        await swift("POST", "/box", x_container_read=".r:*.example.com,.r:-bad.example.com")
        for host, allowed in (("www.example.com", True), ("bad.example.com", False), ("other.org", False)):
            assert (await may(swift, "", referer=f"http://{host}/page"))[1] is allowed, host
        for header in (
            {"x_container_read": ".r:"},
            {"x_container_write": ".r:*"},
            {"x_container_read": ".x:y"},
        ):
            assert (await swift("POST", "/box", **header)).status == 400

    with_swift(tmp_path, talk)


def test_roles_may_stand_in_lists(tmp_path: Path) -> None:
    async def talk(swift: Talk) -> None:
        await swift.made("/box", "/box/o")
        await swift("POST", "/box", x_container_read="service", x_container_write="Service")
        assert await may(swift, "service") == (True, True, True)

    with_swift(tmp_path, talk)


def test_an_account_has_a_list_of_its_own(tmp_path: Path) -> None:
    async def talk(swift: Talk) -> None:
        await swift.made("/box", "/box/o")
        for degree, allowed in (("read-only", (True, True, False)), ("read-write", (True, True, True))):
            await swift("POST", x_account_access_control=json.dumps({degree: [STRANGER]}))
            assert await may(swift, "stranger") == allowed
            assert (await swift("POST", token="stranger", x_account_meta_a="b")).status == 403
            assert "x-account-access-control" not in (await swift("HEAD", token="stranger")).headers
        await swift("POST", x_account_access_control=json.dumps({"admin": [STRANGER]}))
        assert (await swift("POST", token="stranger", x_account_meta_a="b")).status == 204
        assert json.loads((await swift("HEAD")).headers["x-account-access-control"]) == {"admin": [STRANGER]}
        for wrong in ("[]", "{", '{"all": ["x"]}', '{"admin": "x"}', "[" * 5000):
            assert (await swift("POST", x_account_access_control=wrong)).status == 400
        await swift("POST", x_account_access_control="{}")
        assert await may(swift, "stranger") == (False, False, False)

    with_swift(tmp_path, talk)


def test_who_may_not_learns_nothing_of_what_is_there(tmp_path: Path) -> None:
    async def talk(swift: Talk) -> None:
        await swift.made("/box", "/box/o")
        for path in ("/box/o", "/box/none", "/none", "/none/o"):
            for method in ("GET", "HEAD", "PUT", "POST", "DELETE"):
                assert (await swift(method, path, token="stranger")).status == 403, (method, path)
                assert (await swift(method, path, token="")).status == 401, (method, path)
        assert (await swift("COPY", "/box/o", token="stranger", destination="box/p")).status == 403

    with_swift(tmp_path, talk)
