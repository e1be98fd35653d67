# SPDX-License-Identifier: Apache-2.0
"""What a request to S3 was signed with: the key's name, the text that was signed, and the signature.

Versions 2 and 4, in the Authorization header or, as presigned addresses have it, in the query.
"""

import hashlib
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from urllib.parse import quote

from cumulet.kernel.errors import BadRequest, Forbidden
from cumulet.kernel.http.messages import Request

ROOT = "/s3"
"""Where the interface is, below Swift's own address."""
_V4 = "AWS4-HMAC-SHA256"
_SKEW = 900
_LONGEST = 604800
_UNSIGNED = "UNSIGNED-PAYLOAD"
_SUBRESOURCES = {
    *("acl", "cors", "delete", "lifecycle", "location", "logging", "notification", "partNumber", "policy"),
    *("requestPayment", "tagging", "torrent", "uploadId", "uploads", "versionId", "versioning", "versions"),
    *("website", "response-content-type", "response-content-language", "response-expires"),
    *("response-cache-control", "response-content-disposition", "response-content-encoding"),
}
"""The keys of a query that version 2 signs."""


@dataclass(frozen=True)
class Signed:
    """The key's name, the texts of which one was signed, and the signature."""

    access: str
    texts: tuple[bytes, ...]
    signature: str


def signed(request: Request, now: float) -> Signed | None:
    """How a request was signed, None if it was not. Raises BadRequest, Forbidden for what holds no longer."""
    authorization = request.headers.get("authorization", "")
    if authorization.startswith(_V4):
        return _v4_header(request, authorization, now)
    if authorization.startswith("AWS "):
        access, _, signature = authorization[4:].partition(":")
        _require_recent(_date_of(request), now)
        date = "" if "x-amz-date" in request.headers else request.headers.get("date", "")
        return Signed(access, _v2_texts(request, date), signature)
    if "X-Amz-Signature" in request.query:
        return _v4_query(request, now)
    if "Signature" in request.query and "AWSAccessKeyId" in request.query:
        expires = request.query.get("Expires") or ""
        if not expires.isdecimal() or int(expires[:15]) < now:
            raise Forbidden("Request has expired", kind="AccessDenied")
        access, signature = request.query.get("AWSAccessKeyId") or "", request.query.get("Signature") or ""
        return Signed(access, _v2_texts(request, expires), signature)
    return None


def _v4_header(request: Request, authorization: str, now: float) -> Signed:
    said = (part.partition("=") for part in authorization[len(_V4) :].split(","))
    parts = {name.strip(): value.strip() for name, _, value in said}
    if not all(parts.get(name) for name in ("Credential", "SignedHeaders", "Signature")):
        raise BadRequest("The Authorization header is malformed.", kind="AuthorizationHeaderMalformed")
    moment = request.headers.get("x-amz-date", "")
    _require_recent(_v4_moment(moment), now)
    body_hash = request.headers.get("x-amz-content-sha256", "")
    return _v4(request, parts, moment, body_hash)


def _v4_query(request: Request, now: float) -> Signed:
    query = request.query
    if query.get("X-Amz-Algorithm") != _V4:
        raise BadRequest("X-Amz-Algorithm is not supported.", kind="AuthorizationQueryParametersError")
    moment, seconds = query.get("X-Amz-Date") or "", query.get("X-Amz-Expires") or ""
    if not seconds.isdecimal() or not 0 < int(seconds[:10]) <= _LONGEST:
        raise BadRequest("X-Amz-Expires must be up to a week.", kind="AuthorizationQueryParametersError")
    began = _v4_moment(moment)
    if began > now + _SKEW or began + int(seconds) < now:
        raise Forbidden("Request has expired", kind="AccessDenied")
    names = ("Credential", "SignedHeaders", "Signature")
    parts = {name: query.get(f"X-Amz-{name}") or "" for name in names}
    return _v4(request, parts, moment, request.headers.get("x-amz-content-sha256", _UNSIGNED))


def _v4(request: Request, parts: dict[str, str], moment: str, body_hash: str) -> Signed:
    access, _, scope = parts["Credential"].partition("/")
    names = parts["SignedHeaders"].lower().split(";")
    headers = [f"{name}:{' '.join(request.headers.get(name, '').split())}\n" for name in names]
    query = sorted(
        (quote(name, safe="-_.~"), quote(value, safe="-_.~"))
        for name, value in request.query.pairs
        if name != "X-Amz-Signature"
    )
    canonical = "\n".join(
        (
            request.method,
            quote(request.asked, safe="/-_.~"),
            "&".join(f"{name}={value}" for name, value in query),
            "".join(headers),
            ";".join(names),
            body_hash,
        )
    )
    digest = hashlib.sha256(canonical.encode("utf-8", "replace")).hexdigest()
    return Signed(access, ("\n".join((_V4, moment, scope, digest)).encode(),), parts["Signature"])


def _v2_texts(request: Request, date: str) -> tuple[bytes, ...]:
    """What is signed by version 2: some clients take the endpoint's own path for a part, some do not."""
    headers = request.headers
    amazon = sorted((name, value) for name, value in headers.items() if name.startswith("x-amz-"))
    lines = "".join(f"{name}:{' '.join(value.split())}\n" for name, value in amazon)
    chosen = sorted((name, value) for name, value in request.query.pairs if name in _SUBRESOURCES)
    query = "&".join(f"{name}={value}" if value else name for name, value in chosen)
    words = (request.method, headers.get("content-md5", ""), headers.get("content-type", ""), date)
    paths = dict.fromkeys((request.asked, request.asked.partition(ROOT)[2] or "/"))
    resources = (quote(path, safe="/-_.~") + (f"?{query}" if query else "") for path in paths)
    return tuple(("\n".join(words) + "\n" + lines + each).encode("utf-8", "replace") for each in resources)


def _v4_moment(text: str) -> float:
    try:
        return datetime.strptime(text, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC).timestamp()
    except ValueError:
        raise Forbidden("The request has no date that can be read.", kind="AccessDenied") from None


def _date_of(request: Request) -> float:
    text = request.headers.get("x-amz-date") or request.headers.get("date", "")
    try:
        return parsedate_to_datetime(text).timestamp()
    except (ValueError, TypeError, IndexError, OverflowError):
        raise Forbidden("The request has no date that can be read.", kind="AccessDenied") from None


def _require_recent(moment: float, now: float) -> None:
    if abs(moment - now) > _SKEW:
        raise Forbidden(
            "The difference between the request time and the current time is too large.",
            kind="RequestTimeTooSkewed",
        )
