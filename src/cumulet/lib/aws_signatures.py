# SPDX-License-Identifier: Apache-2.0
"""The signatures of requests to the interfaces of EC2 and S3, computed from what was signed.

`ec2` takes a request as it is told by who received it (`SignedRequest`), in versions 0, 1, 2 and 4; the first
two, of boto's first years, bind neither host nor path. `s3` takes the text that was signed, in which the
request has become a hash already. Both raise ValueError for what cannot have been signed.
"""

import base64
import hashlib
import hmac
import re
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import quote

_V4 = "AWS4-HMAC-SHA256"
_OLD_BOTO = re.compile(r"Boto/2\.[0-9]\.[0-2]")
"""Signs its host without the port that it sends."""
_S3_SERVICES = ("s3", "iam", "sts")


@dataclass(frozen=True, kw_only=True)
class SignedRequest:
    """A request without its signature; of its body only the SHA-256 counts."""

    verb: str
    host: str
    path: str
    params: Mapping[str, str]
    headers: Mapping[str, str]
    body_hash: str = ""

    @property
    def moment(self) -> str:
        """When it was signed, as its client wrote it; empty when it does not say."""
        dated = (self.params.get("Timestamp"), self.headers.get("X-Amz-Date"), self.params.get("X-Amz-Date"))
        return next((moment for moment in dated if moment), "")


def ec2(secret: str, request: SignedRequest) -> str:
    """The signature that the owner of the secret puts to a request."""
    version = request.params.get("SignatureVersion")
    if version == "0":
        return _sha1(secret, _version_0_text(request))
    if version == "1":
        return _sha1(secret, _version_1_text(request))
    if version == "2":
        return _version_2(secret, request)
    if version is None and _is_version_4(request):
        return _version_4(secret, request)
    raise ValueError(f"a signature of version {version or 'unknown'}")


def s3(secret: str, signed: bytes) -> str:
    """The signature that the owner of the secret puts to a text, of version 4 if it begins as one."""
    if not signed.startswith(b"AWS4"):
        return _sha1(secret, signed)
    algorithm, _, scope, *rest = signed.decode().split("\n")
    date, region, service, end, *more = [*scope.split("/"), "", "", "", ""]
    if len(rest) != 1 or any(more) or (algorithm, end) != (_V4, "aws4_request"):
        raise ValueError("no text that version 4 signs")
    if service not in _S3_SERVICES:
        raise ValueError(f"a signature for {service}")
    return hmac.new(_signing_key(secret, date, region, service), signed, hashlib.sha256).hexdigest()


def _sha1(secret: str, signed: bytes) -> str:
    return base64.b64encode(hmac.digest(secret.encode(), signed, "sha1")).decode()


# -- versions 0 and 1 -----------------------------------------------------------------------------------


def _version_0_text(request: SignedRequest) -> bytes:
    """Over what is to be done, and when; whatever else was asked is anybody's word."""
    action, moment = request.params.get("Action"), request.params.get("Timestamp")
    if not (action and moment):
        raise ValueError("a signature of version 0 over no action, or at no time")
    return f"{action}{moment}".encode()


def _version_1_text(request: SignedRequest) -> bytes:
    return "".join(f"{key}{request.params[key]}" for key in sorted(request.params, key=str.lower)).encode()


# -- version 2 ------------------------------------------------------------------------------------------


def _version_2(secret: str, request: SignedRequest) -> str:
    query = _canonical_query({**request.params, "SignatureMethod": "HmacSHA256"})
    text = f"{request.verb}\n{request.host}\n{request.path}\n{query}"
    return base64.b64encode(hmac.digest(secret.encode(), text.encode(), "sha256")).decode()


def _canonical_query(params: Mapping[str, str]) -> str:
    return "&".join(f"{quote(key, safe='')}={quote(params[key], safe='-_~')}" for key in sorted(params))


# -- version 4 ------------------------------------------------------------------------------------------


def _is_version_4(request: SignedRequest) -> bool:
    if "Authorization" in request.headers:
        return request.headers["Authorization"].startswith(_V4)
    return request.params.get("X-Amz-Algorithm") == _V4


def _version_4(secret: str, request: SignedRequest) -> str:
    signed_headers = _parameter(request, "SignedHeaders")
    credential, *scope = _parameter(request, "Credential").split("/")
    moment = request.headers.get("X-Amz-Date") or request.params.get("X-Amz-Date") or ""
    if len(scope) < 3 or not moment.startswith(scope[0]):
        raise ValueError(f"the scope of {credential} is not of the day on which it was signed")
    canonical = "\n".join(
        (
            request.verb.upper(),
            request.path,
            "" if request.verb.upper() == "POST" else _canonical_query(request.params),
            _canonical_headers(request, signed_headers),
            signed_headers,
            request.body_hash,
        )
    )
    digest = hashlib.sha256(canonical.encode()).hexdigest()
    text = "\n".join((_V4, moment, "/".join(scope), digest))
    key = _signing_key(secret, *scope[:3])
    return hmac.new(key, text.encode(), hashlib.sha256).hexdigest()


def _parameter(request: SignedRequest, name: str) -> str:
    """A part of the Authorization header, or of the query where there is none."""
    if "Authorization" in request.headers:
        return request.headers["Authorization"].partition(f"{name}=")[2].split(",")[0]
    return request.params.get(f"X-Amz-{name}", "")


def _canonical_headers(request: SignedRequest, names: str) -> str:
    headers = {name.lower().strip(): value.strip() for name, value in request.headers.items()}
    if "host" in headers and _OLD_BOTO.match(headers.get("user-agent", "")):
        headers["host"] = headers["host"].split(":")[0]
    return "\n".join(f"{name}:{headers[name]}" for name in names.split(";") if name in headers) + "\n"


def _signing_key(secret: str, date: str, region: str, service: str) -> bytes:
    key = f"AWS4{secret}".encode()
    for part in (date, region, service, "aws4_request"):
        key = hmac.digest(key, part.encode(), "sha256")
    return key
