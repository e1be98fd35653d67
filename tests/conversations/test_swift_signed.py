# SPDX-License-Identifier: Apache-2.0
"""Signatures in place of tokens: temporary URLs, and forms that upload."""

import base64
import hashlib
import hmac
import time
from pathlib import Path
from urllib.parse import quote

from tests.conversations.swift_talk import ACCOUNT, Talk, with_swift

from cumulet.testing.asgi import Answer
from cumulet.testing.people import PROJECT

LATER = int(time.time()) + 3600
MOUNT = "/object-store"


def signed(method: str, path: str, key: str = "secret", digest: str = "sha256", expires: int = LATER) -> str:
    """The query of a temporary URL; `path` is what is signed, behind the account."""
    kind = "prefix:" if path.startswith("prefix:") else ""
    text = f"{method}\n{expires}\n{kind}/v1/AUTH_{PROJECT}{path.removeprefix(kind)}"
    signature = hmac.new(key.encode(), text.encode(), digest).hexdigest()
    return f"temp_url_sig={signature}&temp_url_expires={expires}"


async def ready(swift: Talk) -> None:
    await swift.made("/box", "/box/o", "/other", "/other/o")
    await swift("POST", x_account_meta_temp_url_key="secret", x_account_meta_temp_url_key_2="second")
    await swift("POST", "/box", x_container_meta_temp_url_key="boxed")


def test_an_address_does_what_it_was_signed_for(tmp_path: Path) -> None:
    async def talk(swift: Talk) -> None:
        await ready(swift)
        for key in ("secret", "second", "boxed"):
            for digest in ("sha256", "sha512"):
                answer = await swift("GET", f"/box/o?{signed('GET', '/box/o', key, digest)}", token="")
                assert (answer.status, answer.body) == (200, b"content")
        assert answer.headers["content-disposition"] == "attachment; filename=\"o\"; filename*=UTF-8''o"
        assert answer.headers["expires"].endswith("GMT")
        assert (await swift("HEAD", f"/box/o?{signed('GET', '/box/o')}", token="")).status == 200
        assert (await swift("PUT", f"/box/new?{signed('PUT', '/box/new')}", b"new", token="")).status == 201
        assert (await swift("DELETE", f"/box/new?{signed('DELETE', '/box/new')}", token="")).status == 204
        whole = f"GET\n{LATER}\n{ACCOUNT}/box/o".encode()
        text = base64.urlsafe_b64encode(hmac.digest(b"secret", whole, "sha256")).decode()
        query = f"temp_url_sig={quote(f'sha256:{text}')}&temp_url_expires={LATER}"
        assert (await swift("GET", f"/box/o?{query}", token="")).status == 200

    with_swift(tmp_path, talk)


def test_an_address_does_nothing_else(tmp_path: Path) -> None:
    async def talk(swift: Talk) -> None:
        await ready(swift)
        good = signed("GET", "/box/o")
        cases = [
            ("PUT", f"/box/o?{good}"), ("GET", f"/box/other?{good}"), ("GET", f"/other/o?{good}"),
            ("GET", f"/box/o?{signed('GET', '/box/o', 'wrong')}"), ("GET", f"/box/o?{good}1"),
            ("GET", f"/box/o?{signed('GET', '/box/o', expires=1000)}"), ("GET", "/box/o?temp_url_sig=zz"),
            ("GET", f"/other/o?{signed('GET', '/other/o', 'boxed')}"), ("GET", "/box/o?temp_url_expires=x"),
            ("GET", f"/box/o?{signed('GET', '/box/o', digest='sha1')}"),
            ("GET", f"/box?{signed('GET', '/box')}"),
            ("GET", "/box/o?temp_url_sig=sha256:%FF&temp_url_expires=99999999999999999999999"),
        ]  # fmt: skip
        for method, path in cases:
            answer = await swift(method, path, b"x" if method == "PUT" else None, token="")
            assert answer.status == 401, (method, path)
        query = signed("PUT", "/box/o")
        for header in ({"x_object_manifest": "other/o"}, {"x_symlink_target": "other/o"}):
            assert (await swift("PUT", f"/box/o?{query}", b"", token="", **header)).status == 400
        query = signed("PUT", "/box/o", "boxed")
        answer = await swift("PUT", f"/box/o?{query}", x_copy_from="other/o", content_length="0", token="")
        assert answer.status == 401
        manifest = b'[{"path": "/other/o"}]'
        await swift("PUT", f"/box/m?multipart-manifest=put&{signed('PUT', '/box/m')}", manifest, token="")
        assert (await swift("GET", "/box/m")).body == manifest

    with_swift(tmp_path, talk)


def test_an_address_may_hold_for_a_prefix_a_network_and_a_name(tmp_path: Path) -> None:
    async def talk(swift: Talk) -> None:
        await ready(swift)
        await swift("PUT", "/box/pre/one", b"1", x_object_meta_a="b", x_object_meta_public_c="d")
        query = signed("GET", "prefix:/box/pre") + "&temp_url_prefix=pre"
        answer = await swift("GET", f"/box/pre/one?{query}&filename=a%20b.txt", token="")
        assert answer.body == b"1" and 'filename="a b.txt"' in answer.headers["content-disposition"]
        assert "x-object-meta-a" not in answer.headers and answer.headers["x-object-meta-public-c"] == "d"
        answer = await swift("GET", f"/box/pre/one?{query}&inline", token="")
        assert answer.headers["content-disposition"] == "inline"
        assert (await swift("GET", f"/box/o?{query}", token="")).status == 401
        for network, status in (("127.0.0.0/8", 200), ("10.0.0.0/8", 401), ("nonsense", 401)):
            text = f"ip={network}\nGET\n{LATER}\n/v1/AUTH_{PROJECT}/box/o"
            signature = hmac.new(b"secret", text.encode(), "sha256").hexdigest()
            query = f"temp_url_sig={signature}&temp_url_expires={LATER}&temp_url_ip_range={network}"
            assert (await swift("GET", f"/box/o?{query}", token="")).status == status
        iso = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(LATER))
        query = signed("GET", "/box/o").replace(f"expires={LATER}", f"expires={iso}")
        assert (await swift("GET", f"/box/o?{query}", token="")).status == 200

    with_swift(tmp_path, talk)


def test_only_owners_see_the_keys(tmp_path: Path) -> None:
    async def talk(swift: Talk) -> None:
        await ready(swift)
        for path in ("", "/box"):
            assert any("temp-url-key" in name for name in (await swift("HEAD", path)).headers)
            seen = (await swift("HEAD", path, token="reader")).headers
            assert not any("temp-url-key" in name for name in seen)

    with_swift(tmp_path, talk)


async def send_form(
    swift: Talk, files: list[tuple[str, bytes]], path: str = "/box/up-", **different: str
) -> Answer:
    """A form with these files, signed for what it says unless something else is given."""
    fields = {
        "redirect": "",
        "max_file_size": "100",
        "max_file_count": "2",
        "expires": str(LATER),
    } | different
    names = ("redirect", "max_file_size", "max_file_count", "expires")
    text = "\n".join([f"{MOUNT}/v1/AUTH_{PROJECT}{path}", *(fields[name] for name in names)])
    fields.setdefault("signature", hmac.new(b"secret", text.encode(), hashlib.sha256).hexdigest())
    body = b""
    for name, value in fields.items():
        body += f'--mark\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'.encode()
    for name, content in files:
        head = f'Content-Disposition: form-data; name="file"; filename="{name}"\r\nContent-Type: text/x-form'
        body += f"--mark\r\n{head}\r\n\r\n".encode() + content + b"\r\n"
    body += b"--mark--\r\n"
    chunks = iter([body[at : at + 7] for at in range(0, len(body), 7)])
    kind = {"content_type": "multipart/form-data; boundary=mark", "transfer_encoding": "chunked"}
    return await swift("POST", path, chunks, token="", **kind)


def test_a_form_uploads_files(tmp_path: Path) -> None:
    async def talk(swift: Talk) -> None:
        await ready(swift)
        answer = await send_form(swift, [("one", b"1\r\n--mar\r\n"), ("zwei \u00fc", b"")])
        assert (answer.status, answer.body) == (201, b"201 Created")
        answer = await swift("GET", "/box/up-one")
        assert (answer.body, answer.headers["content-type"]) == (b"1\r\n--mar\r\n", "text/x-form")
        assert (await swift("HEAD", "/box/up-" + quote("zwei \u00fc"))).status == 200
        answer = await send_form(swift, [("three", b"3")], redirect="http://site/done?x=1")
        assert answer.status == 303
        assert answer.headers["location"] == "http://site/done?x=1&status=201&message="
        assert (await send_form(swift, [("a", b"3")], path="/box")).status == 201
        assert (await swift("GET", "/box/a")).body == b"3"
        answer = await send_form(swift, [("gone", b"x")], x_delete_after="-5")
        assert answer.status == 400

    with_swift(tmp_path, talk)


def test_a_form_is_held_to_what_was_signed(tmp_path: Path) -> None:
    async def talk(swift: Talk) -> None:
        await ready(swift)
        answer = await send_form(swift, [("one", b"x" * 101)])
        assert (answer.status, answer.body) == (400, b"FormPost: max_file_size exceeded")
        answer = await send_form(swift, [("1", b""), ("2", b""), ("3", b"")])
        assert (answer.status, answer.body) == (400, b"FormPost: max file count exceeded")
        answer = await send_form(swift, [("one", b"x")], signature="0" * 64)
        assert (answer.status, answer.body) == (401, b"FormPost: Invalid Signature")
        answer = await send_form(swift, [("one", b"x")], expires="1000")
        assert (answer.status, answer.body) == (401, b"FormPost: Form Expired")
        assert (await send_form(swift, [("one", b"x")], max_file_count="many")).status == 400
        assert (await send_form(swift, [])).status == 400
        kind = {"content_type": "multipart/form-data; boundary=mark"}
        for body in (b"", b"nonsense", b"--mark\r\nX: y", b"--mark\r\n\r\nx" * 10, b"--mark--"):
            assert (await swift("POST", "/box/up", body, token="", **kind)).status == 400, body
        assert not [name for name in await swift.names("/box") if name == "up-one"]

    with_swift(tmp_path, talk)
