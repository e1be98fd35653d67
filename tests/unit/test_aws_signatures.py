# SPDX-License-Identifier: Apache-2.0
"""Signatures of EC2 and S3, judged by python-keystoneclient's signer and by the vendor's example."""

import hashlib
import random
from typing import Any

import pytest
from keystoneclient.contrib.ec2.utils import Ec2Signer

from cumulet.lib import aws_signatures
from cumulet.lib.aws_signatures import SignedRequest

SECRET = "66afbd9bd3814e9bbbf7a83cbfc5fb0b"
_LETTERS = "aZ0 -_~/+=&%é"


def _text(chance: random.Random) -> str:
    return "".join(chance.choices(_LETTERS, k=chance.randint(1, 8)))


def _credential(chance: random.Random) -> str:
    return f"KEY/2011{chance.randint(10, 12)}09/region-{chance.randint(1, 3)}/ec2/aws4_request"


def _request(seed: int, version: str) -> dict[str, Any]:
    """A request of this signature version as Keystone is told of it; `query` stands for version 4 in it."""
    chance = random.Random(seed)
    request: dict[str, Any] = {
        "verb": chance.choice(["GET", "POST", "get"]),
        "host": chance.choice(["127.0.0.1", "cloud.example:8773"]),
        "path": chance.choice(["/", "/services/Cloud"]),
        "params": {_text(chance): _text(chance) for _ in range(chance.randint(0, 5))},
        "headers": {},
        "body_hash": hashlib.sha256(_text(chance).encode()).hexdigest(),
    }
    if version in ("0", "1", "2"):
        signed = {"Action": _text(chance), "Timestamp": "2012-11-27T11:47:02Z"}
        request["params"] |= {"SignatureVersion": version, **signed}
        return request
    credential, names = _credential(chance), "content-type;host;x-amz-date;x-missing"
    date = credential.split("/")[1] + "T233600Z"
    request["headers"] = {
        "Host": request["host"],
        "Content-Type": " text/plain ",
        "User-Agent": chance.choice(["Boto/2.9.2 (linux2)", "curl"]),
    }
    if version == "4":
        request["headers"] |= {
            "X-Amz-Date": date,
            "Authorization": f"AWS4-HMAC-SHA256 Credential={credential},SignedHeaders={names},Signature=s",
        }
    else:
        request["params"] |= {
            "X-Amz-Algorithm": "AWS4-HMAC-SHA256",
            "X-Amz-Date": date,
            "X-Amz-Credential": credential,
            "X-Amz-SignedHeaders": names,
        }
    return request


@pytest.mark.parametrize("version", ["0", "1", "2", "4", "query"])
def test_signatures_are_those_of_the_client(version: str) -> None:
    for seed in range(200):
        request = _request(seed, version)
        ours = aws_signatures.ec2(SECRET, SignedRequest(**request))
        assert ours == Ec2Signer(SECRET).generate(request), request


def test_the_vendors_example_of_version_4() -> None:
    secret = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"
    scope = "20110909/us-east-1/iam/aws4_request"
    digest = "3511de7e95d28ecd39e9513b642aee07e54f4941150d8df8bf94b328ef7e55e2"
    signed = f"AWS4-HMAC-SHA256\n20110909T233600Z\n{scope}\n{digest}"
    expected = "ced6826de92d2bdeed8f846f0bf508e8559e98e4b0199114b84c54174deb456c"
    assert aws_signatures.s3(secret, signed.encode()) == expected


def test_an_old_text_of_s3_is_signed_by_sha1() -> None:
    secret = "uV3F3YluFJax1cknvbcGwgjvx4QpvB+leU8dUj2o"
    signed = b"GET\n\n\nTue, 27 Mar 2007 19:36:42 +0000\n/johnsmith/photos/puppy.jpg"
    assert aws_signatures.s3(secret, signed) == "xXjDGYUmKxnwqr5KXNPGldn5LbA="


@pytest.mark.parametrize(
    "signed",
    [
        "AWS4",
        "AWS4-HMAC-SHA256\n\n\n",
        "AWS4-HMAC-SHA256\nd\n20110909/r/ec2/aws4_request\nh",
        "AWS4-HMAC-SHA256\nd\n20110909/r/s3/aws5_request\nh",
        "AWS4-HMAC-SHA256\nd\n20110909/r/s3/aws4_request/more\nh",
        "AWS4-HMAC-SHA256\nd\n20110909/r/s3/aws4_request\nh\nmore",
        "AWS4-HMAC-SHA1\nd\n20110909/r/s3/aws4_request\nh",
    ],
)
def test_what_s3_cannot_have_signed_is_refused(signed: str) -> None:
    with pytest.raises(ValueError):
        aws_signatures.s3(SECRET, signed.encode())


@pytest.mark.parametrize(
    ("params", "headers"),
    [
        ({}, {}),
        ({"SignatureVersion": "0", "Action": "DescribeInstances"}, {}),
        ({"SignatureVersion": "0", "Timestamp": "2012-11-27T11:47:02Z"}, {}),
        ({"SignatureVersion": "3"}, {}),
        ({}, {"Authorization": "Basic x"}),
        ({}, {"Authorization": "AWS4-HMAC-SHA256"}),
        ({"X-Amz-Algorithm": "AWS4-HMAC-SHA256"}, {}),
        ({"X-Amz-Algorithm": "AWS4-HMAC-SHA256", "X-Amz-Credential": "k/2011/r/s", "X-Amz-Date": "2012"}, {}),
    ],
)
def test_what_no_ec2_client_signs_is_refused(params: dict[str, str], headers: dict[str, str]) -> None:
    request = SignedRequest(verb="GET", host="h", path="/", params=params, headers=headers)
    with pytest.raises(ValueError):
        aws_signatures.ec2(SECRET, request)
