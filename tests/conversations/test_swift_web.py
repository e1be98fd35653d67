# SPDX-License-Identifier: Apache-2.0
"""What browsers need: containers as web sites, and answers that pages of other sites may read."""

from pathlib import Path

from tests.conversations.swift_talk import ACCOUNT, Talk, with_swift


async def a_site(swift: Talk, **said: str) -> None:
    await swift.made("/site", "/site/page.txt", "/site/deep/in/it.txt")
    await swift("POST", "/site", x_container_read=".r:*,.rlistings", **said)


def test_a_folder_has_an_index(tmp_path: Path) -> None:
    async def talk(swift: Talk) -> None:
        await a_site(swift, x_container_meta_web_index="index.html")
        await swift.made("/site/index.html", content=b"<h1>home</h1>")
        await swift.made("/site/deep/index.html", content=b"<h1>deep</h1>")
        for path, body in (
            ("/site/", b"<h1>home</h1>"),
            ("/site/deep/", b"<h1>deep</h1>"),
            ("/site/page.txt", b"content"),
        ):
            answer = await swift("GET", path, token="")
            assert (answer.status, answer.body) == (200, body), path
        for path in ("/site", "/site/deep"):
            answer = await swift("GET", path, token="")
            assert (answer.status, answer.headers["location"]) == (301, f"{ACCOUNT}{path}/")
        answer = await swift("GET", "/site/deep/in/", token="")
        assert answer.status == 404 and b"Web Listing Disabled" in answer.body
        assert await swift.names("/site") == ["deep/in/it.txt", "deep/index.html", "index.html", "page.txt"]
        assert (await swift("GET", "/site/", x_web_mode="true")).body == b"<h1>home</h1>"
        assert (await swift("HEAD", "/site/", token="")).status == 200
        assert (await swift("GET", "/site/none", token="")).status == 404

    with_swift(tmp_path, talk)


def test_a_folder_may_be_listed(tmp_path: Path) -> None:
    async def talk(swift: Talk) -> None:
        await a_site(swift, x_container_meta_web_listings="true", x_container_meta_web_listings_css="my.css")
        await swift.made("/site/%3Cb%3E")
        answer = await swift("GET", "/site/", token="")
        assert answer.status == 200 and answer.headers["content-type"].startswith("text/html")
        assert b'<a href="./page.txt">page.txt</a>' in answer.body and b'href="./deep/"' in answer.body
        assert b"&lt;b&gt;" in answer.body and b"<b>" not in answer.body
        assert b'href="my.css"' in answer.body
        answer = await swift("GET", "/site/deep/", token="")
        assert b'<a href="../">../</a>' in answer.body and b'href="../my.css"' in answer.body
        await swift("POST", "/site", x_container_read=".r:*")
        assert (await swift("GET", "/site/", token="")).status == 401

    with_swift(tmp_path, talk)


def test_a_site_has_pages_for_errors(tmp_path: Path) -> None:
    async def talk(swift: Talk) -> None:
        await a_site(swift, x_container_meta_web_index="index.html", x_container_meta_web_error="error.html")
        await swift.made("/site/404error.html", content=b"<h1>lost</h1>")
        answer = await swift("GET", "/site/none", token="")
        assert (answer.status, answer.body) == (404, b"<h1>lost</h1>")
        await swift("PUT", "/site/folder", b"", content_type="application/directory")
        assert (await swift("GET", "/site/folder", token="")).status == 404

    with_swift(tmp_path, talk)


def test_pages_of_other_sites_may_ask_where_the_container_allows_it(tmp_path: Path) -> None:
    async def talk(swift: Talk) -> None:
        allowed = {"x_container_meta_access_control_allow_origin": "http://good http://fine"}
        await swift("PUT", "/box", x_container_meta_access_control_max_age="60", **allowed)
        await swift("PUT", "/box/o", b"x", x_object_meta_colour="red")
        asked = {"access_control_request_method": "GET", "access_control_request_headers": "x-auth-token"}
        answer = await swift("OPTIONS", "/box/o", token="", origin="http://good", **asked)
        assert answer.status == 200 and answer.headers["access-control-allow-origin"] == "http://good"
        assert answer.headers["access-control-max-age"] == "60"
        assert answer.headers["access-control-allow-headers"] == "x-auth-token"
        assert (await swift("OPTIONS", "/box/o", token="", origin="http://bad", **asked)).status == 401
        assert (await swift("OPTIONS", "/none/o", token="", origin="http://good", **asked)).status == 401
        assert "GET" in (await swift("OPTIONS", "/box", token="")).headers["allow"]
        answer = await swift("GET", "/box/o", origin="http://fine")
        assert answer.headers["access-control-allow-origin"] == "http://fine"
        assert "x-object-meta-colour" in answer.headers["access-control-expose-headers"]
        assert (
            "access-control-allow-origin" not in (await swift("GET", "/box/o", origin="http://bad")).headers
        )
        answer = await swift("GET", "/box/none", origin="http://good")
        assert (answer.status, answer.headers["access-control-allow-origin"]) == (404, "http://good")
        await swift("POST", "/box", x_container_meta_access_control_allow_origin="*")
        assert (await swift("GET", "/box/o", origin="http://x")).headers["access-control-allow-origin"] == "*"

    with_swift(tmp_path, talk)


def test_other_domains_have_a_policy(tmp_path: Path) -> None:
    async def talk(swift: Talk) -> None:
        for path in ("/crossdomain.xml", "/object-store/crossdomain.xml"):
            answer = await swift.cloud.request("GET", path)
            assert answer.status == 200 and answer.body.endswith(b"</cross-domain-policy>")

    with_swift(tmp_path, talk)
