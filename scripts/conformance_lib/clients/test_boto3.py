# SPDX-License-Identifier: Apache-2.0
"""boto3, as programs written for Amazon's S3 use it."""

import io
import os
import secrets
import unittest
import urllib.request
from typing import Any

import boto3
from botocore.client import Config
from botocore.exceptions import ClientError

from .keys import s3_of

MIB = 2**20


class Boto3(unittest.TestCase):
    """One program's bucket."""

    def setUp(self) -> None:
        os.environ.pop("AWS_CA_BUNDLE", None)
        self.s3 = s3_of(self)
        self.client = self.by("s3v4")
        self.bucket = f"boto3-{secrets.token_hex(4)}"
        self.client.create_bucket(Bucket=self.bucket)
        self.addCleanup(self.client.delete_bucket, Bucket=self.bucket)

    def by(self, signature: str) -> Any:
        return boto3.client(
            "s3", endpoint_url=self.s3.endpoint, region_name="RegionOne",
            aws_access_key_id=self.s3.access, aws_secret_access_key=self.s3.secret,
            config=Config(signature_version=signature, s3={"addressing_style": "path"}),
        )  # fmt: skip

    def put(self, key: str, content: bytes, **said: Any) -> None:
        self.client.put_object(Bucket=self.bucket, Key=key, Body=io.BytesIO(content), **said)
        self.addCleanup(self.client.delete_object, Bucket=self.bucket, Key=key)

    def read(self, client: Any, key: str) -> bytes:
        content: bytes = client.get_object(Bucket=self.bucket, Key=key)["Body"].read()
        return content

    def test_objects_are_kept_described_listed_and_copied(self) -> None:
        self.put("a/é +.txt", b"hello", Metadata={"color": "red"}, ContentType="text/x-note")
        self.put("b", b"x" * MIB, ChecksumAlgorithm="SHA256")
        head = self.client.head_object(Bucket=self.bucket, Key="a/é +.txt")
        said = (head["Metadata"], head["ContentType"], head["ContentLength"])
        self.assertEqual(said, ({"color": "red"}, "text/x-note", 5))
        self.assertEqual(self.read(self.client, "b"), b"x" * MIB)
        source = {"Bucket": self.bucket, "Key": "a/é +.txt"}
        self.client.copy(source, self.bucket, "copied")
        self.addCleanup(self.client.delete_object, Bucket=self.bucket, Key="copied")
        pages = self.client.get_paginator("list_objects_v2").paginate(
            Bucket=self.bucket, PaginationConfig={"PageSize": 2}
        )
        self.assertEqual(
            [item["Key"] for page in pages for item in page["Contents"]], ["a/é +.txt", "b", "copied"]
        )
        with self.assertRaises(ClientError) as refused:
            self.client.delete_bucket(Bucket=self.bucket)
        self.assertEqual(refused.exception.response["Error"]["Code"], "BucketNotEmpty")
        with self.assertRaises(self.client.exceptions.NoSuchKey):
            self.client.get_object(Bucket=self.bucket, Key="none")

    def test_large_objects_come_and_go_in_parts(self) -> None:
        content = secrets.token_bytes(17 * MIB)
        self.client.upload_fileobj(io.BytesIO(content), self.bucket, "large")
        found = io.BytesIO()
        self.client.download_fileobj(self.bucket, "large", found)
        self.assertEqual(found.getvalue(), content)
        gone = self.client.delete_objects(Bucket=self.bucket, Delete={"Objects": [{"Key": "large"}]})
        self.assertEqual([item["Key"] for item in gone["Deleted"]], ["large"])

    def test_addresses_are_given_away(self) -> None:
        self.put("shared", b"for you")
        for client in (self.client, self.by("s3")):
            where = {"Bucket": self.bucket, "Key": "shared"}
            address = client.generate_presigned_url("get_object", Params=where, ExpiresIn=60)
            with urllib.request.urlopen(address) as answer:
                self.assertEqual(answer.read(), b"for you")
            self.assertEqual(self.read(client, "shared"), b"for you")
