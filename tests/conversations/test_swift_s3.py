# SPDX-License-Identifier: Apache-2.0
"""Swift's objects by the interface of S3, asked with the keys of EC2 credentials or with a token."""

import asyncio
import base64
import binascii
import hashlib
import hmac
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode
from xml.etree import ElementTree

from tests.conversations.swift_talk import Talk, with_swift

from cumulet.lib import timestamps
from cumulet.services.keystone.service import SERVICE as KEYSTONE
from cumulet.services.swift.service import SERVICE as SWIFT
from cumulet.testing import identity
from cumulet.testing.asgi import Answer
from cumulet.testing.cloud import Cloud

ROOT = "/object-store/s3"
PART = 5 * 2**20


class Buckets:
    """Requests by a token, as the member of the people's project."""

    def __init__(self, swift: Talk) -> None:
        self.cloud = swift.cloud

    async def __call__(
        self, method: str, path: str, body: bytes | None = None, *, token: str = "member", **headers: str
    ) -> Answer:
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        if body is not None:
            sent.setdefault("content-type", "application/octet-stream")
        return await self.cloud.request(method, ROOT + path, body, token=token, headers=sent)

    async def made(self, *paths: str, content: bytes = b"content") -> None:
        for path in paths:
            answer = await self("PUT", path, content if path.count("/") > 1 else None)
            assert answer.status == 200, answer


def tree(answer: Answer) -> ElementTree.Element:
    """An answer's document, whose tags are without their namespace."""
    root = ElementTree.fromstring(answer.body)
    for element in root.iter():
        element.tag = element.tag.rpartition("}")[2]
    return root


def refused(answer: Answer) -> tuple[int, str | None]:
    return answer.status, tree(answer).findtext("Code")


def texts(answer: Answer, tag: str) -> list[str | None]:
    return [element.text for element in tree(answer).iter(tag)]


def with_buckets(path: Path, talk: Callable[[Buckets, Talk], Awaitable[None]]) -> None:
    async def both(swift: Talk) -> None:
        await talk(Buckets(swift), swift)

    with_swift(path, both)


def md5(content: bytes) -> str:
    return hashlib.md5(content, usedforsecurity=False).hexdigest()


def test_buckets_are_containers_and_their_keys_objects(tmp_path: Path) -> None:
    async def talk(s3: Buckets, swift: Talk) -> None:
        assert (await s3("PUT", "/box")).headers["location"] == "/box"
        assert refused(await s3("PUT", "/box")) == (409, "BucketAlreadyOwnedByYou")
        assert refused(await s3("PUT", "/Bad_Name")) == (400, "InvalidBucketName")
        stored = await s3("PUT", "/box/a/b c", b"hello", content_type="text/x", x_amz_meta_color="red")
        assert (stored.status, stored.headers["etag"]) == (200, f'"{md5(b"hello")}"')
        found = await swift("GET", "/box/a/b%20c")
        assert (found.body, found.headers["x-object-meta-color"]) == (b"hello", "red")
        await swift.made("/box/other", content=b"12345")
        found = await s3("GET", "/box/other", range="bytes=1-2")
        assert (found.status, found.body) == (206, b"23")
        head = await s3("HEAD", "/box/a/b%20c")
        assert (head.headers["x-amz-meta-color"], head.headers["content-length"]) == ("red", "5")
        assert (await s3("GET", "/box/other", if_none_match=f'"{md5(b"12345")}"')).status == 304
        for path in ("", "/"):
            assert texts(await s3("GET", path), "Name") == ["box"]
        assert refused(await s3("DELETE", "/box")) == (409, "BucketNotEmpty")
        for name in ("other", "a/b%20c", "a/b%20c"):
            assert (await s3("DELETE", f"/box/{name}")).status == 204
        assert refused(await s3("GET", "/box/other")) == (404, "NoSuchKey")
        assert (await s3("DELETE", "/box")).status == 204
        assert refused(await s3("GET", "/box")) == (404, "NoSuchBucket")
        assert (await s3("HEAD", "/box")).status == 404

    with_buckets(tmp_path, talk)


def test_lists_come_in_both_versions_and_in_pages(tmp_path: Path) -> None:
    async def talk(s3: Buckets, swift: Talk) -> None:
        await s3.made("/box", "/box/a", "/box/d/1", "/box/d/2", "/box/é%20é", "/box/z")
        assert texts(await s3("GET", "/box"), "Key") == ["a", "d/1", "d/2", "z", "é é"]
        answer = await s3("GET", "/box?delimiter=/&encoding-type=url")
        assert texts(answer, "Key") == ["a", "z", quote("é é")]
        assert tree(answer).findtext("CommonPrefixes/Prefix") == "d/"
        answer = await s3("GET", "/box?prefix=d/&max-keys=1&list-type=2")
        assert (texts(answer, "Key"), texts(answer, "IsTruncated")) == (["d/1"], ["true"])
        token = texts(answer, "NextContinuationToken")[0]
        answer = await s3("GET", f"/box?prefix=d/&list-type=2&continuation-token={token}")
        assert (texts(answer, "Key"), texts(answer, "KeyCount")) == (["d/2"], ["1"])
        assert texts(await s3("GET", "/box?marker=d/1&max-keys=1"), "Key") == ["d/2"]
        assert texts(await s3("GET", "/box?list-type=2&start-after=z"), "Key") == ["é é"]
        assert refused(await s3("GET", "/box?max-keys=many")) == (400, "InvalidArgument")
        assert refused(await s3("GET", "/box?list-type=2&continuation-token=%20%20x")) == (
            400,
            "InvalidArgument",
        )

    with_buckets(tmp_path, talk)


def test_an_object_is_copied_with_what_is_said_of_it_or_anew(tmp_path: Path) -> None:
    async def talk(s3: Buckets, swift: Talk) -> None:
        await s3.made("/box", "/other")
        await s3("PUT", "/box/a", b"hello", x_amz_meta_color="red")
        answer = await s3("PUT", "/other/b", x_amz_copy_source="/box/a")
        assert texts(answer, "ETag") == [f'"{md5(b"hello")}"']
        assert (await s3("HEAD", "/other/b")).headers["x-amz-meta-color"] == "red"
        anew = {"x_amz_metadata_directive": "REPLACE", "x_amz_meta_size": "big"}
        assert (await s3("PUT", "/box/a", x_amz_copy_source="box/a", **anew)).status == 200
        head = (await s3("HEAD", "/box/a")).headers
        assert head["x-amz-meta-size"] == "big" and "x-amz-meta-color" not in head
        assert refused(await s3("PUT", "/box/a", x_amz_copy_source="box/a")) == (400, "InvalidRequest")
        assert refused(await s3("PUT", "/box/c", x_amz_copy_source="box/none")) == (404, "NoSuchKey")
        only = {"x_amz_copy_source": "box/a", "x_amz_copy_source_if_match": '"0"'}
        assert refused(await s3("PUT", "/box/c", **only)) == (412, "PreconditionFailed")

    with_buckets(tmp_path, talk)


async def begun(s3: Buckets, key: str) -> str:
    answer = await s3("POST", f"{key}?uploads", x_amz_meta_color="red", content_type="text/x")
    upload = texts(answer, "UploadId")[0]
    assert upload is not None
    return upload


async def uploaded(s3: Buckets, key: str, *parts: bytes) -> Answer:
    """An object that came in parts."""
    upload, named = await begun(s3, key), []
    for number, content in enumerate(parts, start=1):
        answer = await s3("PUT", f"{key}?partNumber={number}&uploadId={upload}", content)
        named.append((number, answer.headers["etag"]))
    return await s3("POST", f"{key}?uploadId={upload}", listing(named))


def listing(parts: list[tuple[int, str]]) -> bytes:
    items = "".join(f"<Part><PartNumber>{n}</PartNumber><ETag>{etag}</ETag></Part>" for n, etag in parts)
    return f"<CompleteMultipartUpload>{items}</CompleteMultipartUpload>".encode()


def test_an_upload_in_parts_becomes_an_object_and_leaves_nothing(tmp_path: Path) -> None:
    async def talk(s3: Buckets, swift: Talk) -> None:
        await s3.made("/box")
        first = b"x" * PART
        answer = await uploaded(s3, "/box/big", first, b"end")
        sums = binascii.unhexlify(md5(first) + md5(b"end"))
        assert texts(answer, "ETag") == [f'"{md5(sums)}-2"']
        found = await s3("GET", "/box/big", range=f"bytes={PART - 1}-")
        assert (found.body, found.headers["x-amz-meta-color"]) == (b"xend", "red")
        assert found.headers["content-type"] == "text/x"
        (item,) = (await swift("GET", "/box?format=json")).body
        assert (item["bytes"], item["slo_etag"]) == (PART + 3, f'"{md5(sums)}-2"')
        assert texts(await s3("GET", ""), "Name") == ["box"]
        assert len(await swift.names("/box+segments")) == 2
        await uploaded(s3, "/box/big", b"once more")
        assert len(await swift.names("/box+segments")) == 1
        await s3("PUT", "/box/big", b"short")
        assert await swift.names("/box+segments") == []
        await uploaded(s3, "/box/big", b"the last")
        body = b"<Delete><Object><Key>big</Key></Object><Object><Key>none</Key></Object></Delete>"
        assert texts(await s3("POST", "/box?delete", body), "Key") == ["big", "none"]
        assert (await s3("DELETE", "/box")).status == 204
        assert await swift.names("") == []

    with_buckets(tmp_path, talk)


def test_an_upload_is_looked_at_and_called_off(tmp_path: Path) -> None:
    async def talk(s3: Buckets, swift: Talk) -> None:
        await s3.made("/box", "/box/source")
        upload = await begun(s3, "/box/big")
        assert texts(await s3("GET", "/box?uploads"), "UploadId") == [upload]
        await s3("PUT", f"/box/big?partNumber=2&uploadId={upload}", b"two")
        span = {"x_amz_copy_source": "/box/source", "x_amz_copy_source_range": "bytes=0-2"}
        await s3("PUT", f"/box/big?partNumber=1&uploadId={upload}", **span)
        answer = await s3("GET", f"/box/big?uploadId={upload}")
        assert (texts(answer, "PartNumber"), texts(answer, "Size")) == (["1", "2"], ["3", "3"])
        path = f"/box/big?uploadId={upload}"
        both = [(1, md5(b"con")), (2, md5(b"two"))]
        assert refused(await s3("POST", path, listing(both))) == (400, "EntityTooSmall")
        assert refused(await s3("POST", path, listing(both[::-1]))) == (400, "InvalidPartOrder")
        assert refused(await s3("POST", path, listing([(3, md5(b"two"))]))) == (400, "InvalidPart")
        assert refused(await s3("POST", path, b"<not xml")) == (400, "MalformedXML")
        assert refused(await s3("PUT", f"/box/big?partNumber=0&uploadId={upload}", b"")) == (
            400,
            "InvalidArgument",
        )
        assert (await s3("DELETE", path)).status == 204
        assert refused(await s3("DELETE", path)) == (404, "NoSuchUpload")
        assert refused(await s3("PUT", f"/box/big?partNumber=1&uploadId={upload}", b"x")) == (
            404,
            "NoSuchUpload",
        )
        assert await swift.names("/box+segments") == []

    with_buckets(tmp_path, talk)


def test_bodies_are_held_against_the_sums_that_they_promise(tmp_path: Path) -> None:
    async def talk(s3: Buckets, swift: Talk) -> None:
        await s3.made("/box")
        good = base64.b64encode(hashlib.sha256(b"hello").digest()).decode()
        crc = base64.b64encode(binascii.crc32(b"hello").to_bytes(4, "big")).decode()
        for name, value in (("x_amz_checksum_sha256", good), ("x_amz_checksum_crc32", crc)):
            assert (await s3("PUT", "/box/a", b"hello", **{name: value})).status == 200
            assert refused(await s3("PUT", "/box/b", b"other", **{name: value})) == (400, "BadDigest")
            assert refused(await s3("PUT", "/box/b", b"other", **{name: "eA=="})) == (400, "InvalidDigest")
        hashed = {"x_amz_content_sha256": hashlib.sha256(b"hello").hexdigest()}
        assert refused(await s3("PUT", "/box/b", b"other", **hashed)) == (400, "XAmzContentSHA256Mismatch")
        chunked = {
            "content_encoding": "gzip, aws-chunked",
            "x_amz_content_sha256": "STREAMING-UNSIGNED-PAYLOAD-TRAILER",
            "x_amz_trailer": "x-amz-checksum-crc32",
        }
        body = b"3\r\nhel\r\n2;chunk-signature=0\r\nlo\r\n0\r\nx-amz-checksum-crc32:%s\r\n\r\n"
        assert (await s3("PUT", "/box/c", body % crc.encode(), **chunked)).status == 200
        found = await s3("GET", "/box/c")
        assert (found.body, found.headers["content-encoding"]) == (b"hello", "gzip")
        assert refused(await s3("PUT", "/box/d", body % b"AAAAAA==", **chunked)) == (400, "BadDigest")
        for cut, code in ((b"3\r\nhe", "IncompleteBody"), (b"many\r\n", "InvalidRequest")):
            assert refused(await s3("PUT", "/box/d", cut, **chunked)) == (400, code)
        assert texts(await s3("GET", "/box"), "Key") == ["a", "c"]

    with_buckets(tmp_path, talk)


def test_a_bucket_is_let_to_everybody_by_a_canned_list(tmp_path: Path) -> None:
    async def talk(s3: Buckets, swift: Talk) -> None:
        await s3.made("/box", "/box/a")
        assert texts(await s3("GET", "/box?acl"), "Permission") == ["FULL_CONTROL"]
        assert (await swift("GET", "/box/a", token="")).status == 401
        assert (await s3("PUT", "/box?acl", x_amz_acl="public-read")).status == 200
        for path in ("/box?acl", "/box/a?acl"):
            assert texts(await s3("GET", path), "Permission") == ["FULL_CONTROL", "READ"]
        assert (await swift("GET", "/box/a", token="")).body == b"content"
        assert (await s3("PUT", "/box?acl", x_amz_acl="private")).status == 200
        assert (await swift("GET", "/box/a", token="")).status == 401
        assert (await s3("PUT", "/let", x_amz_acl="public-read-write")).status == 200
        assert (await swift("PUT", "/let/a", b"", token="")).status == 201
        assert refused(await s3("PUT", "/new", x_amz_acl="odd")) == (501, "NotImplemented")
        assert refused(await s3("PUT", "/box/b", b"", x_amz_acl="public-read")) == (501, "NotImplemented")

    with_buckets(tmp_path, talk)


def test_what_buckets_elsewhere_have_besides_is_refused_or_empty(tmp_path: Path) -> None:
    async def talk(s3: Buckets, swift: Talk) -> None:
        await s3.made("/box", "/box/a")
        for name, tag in (("location", "LocationConstraint"), ("versioning", "VersioningConfiguration")):
            assert tree(await s3("GET", f"/box?{name}")).tag == tag
        for path in ("/box?tagging", "/box/a?tagging"):
            assert len(tree(await s3("GET", path)).findall("TagSet/*")) == 0
        for method, path in (
            ("GET", "/box?policy"), ("PUT", "/box?versioning"), ("DELETE", "/box?lifecycle"),
            ("GET", "/box?versions"), ("PUT", "/box/a?tagging"), ("GET", "/box/a?versionId=1"),
            ("POST", "/box"), ("POST", "/box/a"),
        ):  # fmt: skip
            assert refused(await s3(method, path, b"")) == (501, "NotImplemented"), path
        assert refused(await s3("GET", "/box", token="")) == (403, "AccessDenied")
        assert refused(await s3("GET", "/box", token="stranger")) == (404, "NoSuchBucket")

    with_buckets(tmp_path, talk)


# -- signatures -------------------------------------------------------------------------------------------


class Signer:
    """Requests that are signed with the key of an EC2 credential."""

    def __init__(self, cloud: Cloud, key: dict[str, Any]) -> None:
        self.cloud, self.key = cloud, key

    async def v4(
        self, method: str, path: str, *, late: float = 0, presigned: bool = False, secret: str = ""
    ) -> Answer:
        """As version 4 has it, in the header or in the query."""
        now = datetime.fromtimestamp(timestamps.to_epoch(self.cloud.app.clock.now()) - late, UTC)
        moment, day = now.strftime("%Y%m%dT%H%M%SZ"), now.strftime("%Y%m%d")
        scope, names = f"{day}/RegionOne/s3/aws4_request", "host;x-amz-date"
        headers = {"host": "cloud", "x-amz-date": moment, "x-amz-content-sha256": "UNSIGNED-PAYLOAD"}
        query = ""
        credential = f"{self.key['access']}/{scope}"
        if presigned:
            names = "host"
            words = {
                "X-Amz-Algorithm": "AWS4-HMAC-SHA256", "X-Amz-Credential": credential, "X-Amz-Date": moment,
                "X-Amz-Expires": "60", "X-Amz-SignedHeaders": names,
            }  # fmt: skip
            query = urlencode(words, quote_via=quote, safe="")
            headers = {"host": "cloud"}
        signed = "".join(f"{name}:{headers[name]}\n" for name in names.split(";"))
        whole = "\n".join((method, ROOT + path, query, signed, names, "UNSIGNED-PAYLOAD"))
        text = "\n".join(("AWS4-HMAC-SHA256", moment, scope, hashlib.sha256(whole.encode()).hexdigest()))
        key = f"AWS4{secret or self.key['secret']}".encode()
        for word in scope.split("/"):
            key = hmac.digest(key, word.encode(), "sha256")
        signature = hmac.new(key, text.encode(), "sha256").hexdigest()
        if presigned:
            path += f"?{query}&X-Amz-Signature={signature}"
        else:
            parts = f"Credential={credential}, SignedHeaders={names}, Signature={signature}"
            headers["authorization"] = f"AWS4-HMAC-SHA256 {parts}"
        return await self.cloud.request(method, ROOT + path, token="", headers=headers)

    async def v2(self, method: str, path: str, signed_path: str) -> Answer:
        """As version 2 has it, in the header."""
        date = datetime.fromtimestamp(timestamps.to_epoch(self.cloud.app.clock.now()), UTC).strftime(
            "%a, %d %b %Y %H:%M:%S GMT"
        )
        text = f"{method}\n\n\n{date}\n{signed_path}"
        made = base64.b64encode(hmac.digest(self.key["secret"].encode(), text.encode(), "sha1")).decode()
        headers = {"date": date, "authorization": f"AWS {self.key['access']}:{made}"}
        return await self.cloud.request(method, ROOT + path, token="", headers=headers)


def with_signer(path: Path, talk: Callable[[Signer, identity.Person], Awaitable[None]]) -> None:
    async def run() -> None:
        async with Cloud.running(path, [KEYSTONE, SWIFT], hosts=0) as cloud:
            keystone = identity.Talk(cloud)
            await keystone.become_admin()
            person = await keystone.person("alice")
            await talk(Signer(cloud, await key_of(person, await person.login())), person)

    asyncio.run(run())


async def key_of(person: identity.Person, token: str) -> dict[str, Any]:
    path, body = f"/users/{person.id}/credentials/OS-EC2", {"tenant_id": person.project["id"]}
    answer = await person.talk("POST", path, body, token=token)
    assert answer.status == 201, answer
    key: dict[str, Any] = answer["credential"]
    return key


def test_who_has_signed_is_known_by_their_key(tmp_path: Path) -> None:
    async def talk(signer: Signer, alice: identity.Person) -> None:
        assert (await signer.v4("PUT", "/box")).status == 200
        answer = await signer.v4("GET", "")
        assert (texts(answer, "Name"), texts(answer, "ID")) == (["box"], [alice.project["id"]])
        assert (await signer.v4("GET", "/box", presigned=True)).status == 200
        for signed in ("/box", f"{ROOT}/box"):
            assert (await signer.v2("GET", "/box", signed)).status == 200
        assert refused(await signer.v2("GET", "/box", "/other")) == (403, "SignatureDoesNotMatch")
        assert refused(await signer.v4("GET", "/box", secret="wrong")) == (403, "SignatureDoesNotMatch")
        assert refused(await signer.v4("GET", "/box", late=3600)) == (403, "RequestTimeTooSkewed")
        late = await signer.v4("GET", "/box", late=3600, presigned=True)
        assert refused(late) == (403, "AccessDenied")
        access = signer.key["access"]
        signer.key = {**signer.key, "access": "nobody"}
        assert refused(await signer.v4("GET", "/box")) == (403, "SignatureDoesNotMatch")
        signer.key["access"] = access
        token = await alice.login()
        await alice.talk("DELETE", f"/users/{alice.id}/credentials/OS-EC2/{access}", token=token)
        assert refused(await signer.v4("GET", "/box")) == (403, "SignatureDoesNotMatch")

    with_signer(tmp_path, talk)


def test_the_key_of_an_application_credential_opens_what_its_rules_cover(tmp_path: Path) -> None:
    async def talk(signer: Signer, alice: identity.Person) -> None:
        assert (await signer.v4("PUT", "/box")).status == 200
        rules = [
            {"service": "s3", "method": "GET", "path": "/s3/box"},
            {"service": "identity", "method": "POST", "path": "/v3/users/*/credentials/OS-EC2"},
        ]
        words = {"name": "robot", "access_rules": rules, "unrestricted": True}
        path = f"/users/{alice.id}/application_credentials"
        made = await alice.talk("POST", path, {"application_credential": words}, token=await alice.login())
        secret = {name: made["application_credential"][name] for name in ("id", "secret")}
        asked = {
            "auth": {"identity": {"methods": ["application_credential"], "application_credential": secret}}
        }
        token = (await alice.talk.ask_token(asked)).headers["x-subject-token"]
        signer.key = await key_of(alice, token)
        assert (await signer.v4("GET", "/box")).status == 200
        assert refused(await signer.v4("GET", "")) == (403, "AccessDenied")
        assert refused(await signer.v4("DELETE", "/box")) == (403, "AccessDenied")

    with_signer(tmp_path, talk)
