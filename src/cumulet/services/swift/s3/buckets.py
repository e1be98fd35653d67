# SPDX-License-Identifier: Apache-2.0
"""Buckets, and lists of what is in them."""

import base64
import re
from typing import Any
from urllib.parse import quote

from cumulet.kernel.auth.context import Context
from cumulet.kernel.errors import BadRequest, Conflict, Error, NotImplementedHere
from cumulet.kernel.http.endpoint import route
from cumulet.kernel.http.messages import Reply, Request
from cumulet.services.swift.asked import find
from cumulet.services.swift.containers import making
from cumulet.services.swift.containers import removing as emptying
from cumulet.services.swift.containers.changes import Changes
from cumulet.services.swift.gate import Pass
from cumulet.services.swift.listing import items, source
from cumulet.services.swift.listing.question import Question
from cumulet.services.swift.names import Place
from cumulet.services.swift.objects.writing import needed
from cumulet.services.swift.s3 import acl, letter, removing, uploads
from cumulet.services.swift.s3.chunked import short_body
from cumulet.services.swift.s3.door import entered, place_of, served
from cumulet.services.swift.s3.letter import Node
from cumulet.services.swift.s3.signing import ROOT

BUCKET = f"{ROOT}/{{bucket}}"
RULES: dict[str, Any] = {"prefixed": False, "anonymous": True, "raw": True, "tags": ("s3",)}
_NAME = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]", re.ASCII)
_NOT_THERE = (
    *("cors", "lifecycle", "policy", "website", "notification", "replication", "encryption", "object-lock"),
    *("requestPayment", "accelerate", "analytics", "inventory", "metrics", "ownershipControls"),
    *("publicAccessBlock", "versions"),
)
_EMPTY: dict[str, tuple[str, list[Node]]] = {
    "location": ("LocationConstraint", []),
    "versioning": ("VersioningConfiguration", []),
    "logging": ("BucketLoggingStatus", []),
    "tagging": ("Tagging", [("TagSet", [])]),
}
"""What can be asked of a bucket, and of which there is nothing to be told."""
_MOST_KEYS = 1000


@route("GET", ROOT, returns=letter.XML, **RULES)
@served
async def list_buckets(ctx: Context, request: Request) -> Reply:
    """The buckets of the caller's account."""
    place = place_of(ctx, request)
    await entered(ctx, request, place)
    rows = await ctx.read(source.containers, place.account, Question())
    shown = [row for row in rows if not row[0].endswith(removing.SEGMENTS)]
    buckets = [("Bucket", [("Name", name), ("CreationDate", moment(at))]) for name, _, _, at in shown]
    return letter.answer("ListAllMyBucketsResult", [acl.owner(ctx), ("Buckets", buckets)])


def moment(timestamp: Any) -> str:
    return f"{timestamp[:23]}Z"


@route("PUT", BUCKET, returns=letter.XML, **RULES)
@served
async def make_bucket(ctx: Context, request: Request) -> Reply:
    """The bucket is there, empty, or who may use it is as `?acl` says. Raises Conflict if it was."""
    place = place_of(ctx, request)
    found, _ = await entered(ctx, request, place)
    _refuse_settings(request)
    if "acl" in request.query:
        return await _let(ctx, request, place)
    if not _NAME.fullmatch(place.container):
        raise BadRequest("The specified bucket is not valid.", kind="InvalidBucketName")
    if found.container is not None or await ctx.transact(making.make, place, Changes(acl.of_bucket(request))):
        raise Conflict("You own this bucket already.", kind="BucketAlreadyOwnedByYou")
    return Reply(200, None, {"Location": f"/{place.container}"})


async def _let(ctx: Context, request: Request, place: Place) -> Reply:
    """Others may use the bucket as a canned list says. Raises NotFound, NotImplementedHere."""
    needed(await ctx.read(find, place))
    lists = acl.of_bucket(request)
    if not lists:
        raise NotImplementedHere
    await ctx.transact(making.make, place, Changes(lists))
    return Reply(200)


def refuse_subresource(request: Request) -> None:
    """Raise NotImplementedHere for what buckets elsewhere have besides."""
    if any(name in _NOT_THERE for name in request.query.names()):
        raise NotImplementedHere


def _refuse_settings(request: Request) -> None:
    """Raise NotImplementedHere for what cannot be changed of a bucket."""
    if any(name in _NOT_THERE or name in _EMPTY for name in request.query.names()):
        raise NotImplementedHere


@route("DELETE", BUCKET, status=204, **RULES)
@served
async def remove_bucket(ctx: Context, request: Request) -> Reply:
    """The bucket is not there; it had to be empty."""
    place = place_of(ctx, request)
    await entered(ctx, request, place)
    _refuse_settings(request)
    try:
        await ctx.transact(emptying.remove, place)
    except Conflict:
        raise Conflict("The bucket you tried to delete is not empty.", kind="BucketNotEmpty") from None
    await uploads.forget_all(ctx, place)
    return Reply(204)


@route("GET", BUCKET, returns=letter.XML, **RULES)
@served
async def show_bucket(ctx: Context, request: Request) -> Reply:
    """The objects of a bucket, in version 1 or 2 of the list; or where the bucket is."""
    place, query = place_of(ctx, request), request.query
    found, _ = await entered(ctx, request, place)
    container = needed(found)
    if request.method == "HEAD":
        return Reply(200)
    for name, (tag, nodes) in _EMPTY.items():
        if name in query:
            return letter.answer(tag, nodes)
    if "acl" in query:
        return acl.shown(ctx, container)
    if "uploads" in query:
        return await uploads.list_uploads(ctx, request, place)
    refuse_subresource(request)
    return await _listed(ctx, request, container.id, place)


async def _listed(ctx: Context, request: Request, container_id: str, place: Place) -> Reply:
    query = request.query
    most, second = number(query.get("max-keys"), _MOST_KEYS), query.get("list-type") == "2"
    prefix, delimiter = query.get("prefix") or "", query.get("delimiter") or ""
    token = query.get("continuation-token")
    marker = (query.get("start-after") or "") if second else (query.get("marker") or "")
    if second and token:
        marker = _marker(token)
    asked = Question(limit=most + 1 if most else 0, prefix=prefix, marker=marker, delimiter=delimiter)
    listed = await ctx.read(items.objects, container_id, asked)
    more, shown = len(listed) > most, listed[:most]
    last = (shown[-1].get("name") or shown[-1]["subdir"]) if shown else ""
    name = quote if query.get("encoding-type") == "url" else str
    nodes: list[Node] = [
        ("Name", place.container), ("Prefix", name(prefix)), ("MaxKeys", most), ("IsTruncated", more),
    ]  # fmt: skip
    if delimiter:
        nodes.append(("Delimiter", name(delimiter)))
    if query.get("encoding-type"):
        nodes.append(("EncodingType", "url"))
    if second:
        nodes.append(("KeyCount", len(shown)))
        nodes += [("ContinuationToken", token)] if token else []
        nodes += [("NextContinuationToken", _token(last))] if more else []
    else:
        nodes.append(("Marker", name(marker)))
        nodes += [("NextMarker", name(last))] if more and delimiter else []
    nodes += [("Contents", _entry(ctx, item, name)) for item in shown if "name" in item]
    nodes += [("CommonPrefixes", [("Prefix", name(item["subdir"]))]) for item in shown if "subdir" in item]
    return letter.answer("ListBucketResult", nodes)


def _entry(ctx: Context, item: dict[str, Any], name: Any) -> list[Node]:
    etag = item.get("slo_etag") or f'"{item["hash"]}"'
    return [
        ("Key", name(item["name"])), ("LastModified", f"{item['last_modified'][:23]}Z"), ("ETag", etag),
        ("Size", item["bytes"]), acl.owner(ctx), ("StorageClass", "STANDARD"),
    ]  # fmt: skip


def number(text: str | None, most: int) -> int:
    """A count in a query, no more than can be had at once. Raises BadRequest."""
    if text is None:
        return most
    if not (text.isascii() and text.isdecimal() and len(text) < 11):
        raise BadRequest("Argument must be an integer between 0 and 2147483647.", kind="InvalidArgument")
    return min(int(text), most)


def _token(name: str) -> str:
    return base64.urlsafe_b64encode(name.encode()).decode()


def _marker(token: str) -> str:
    try:
        return base64.urlsafe_b64decode(token.encode()).decode()
    except ValueError:
        raise BadRequest("The continuation token provided is incorrect.", kind="InvalidArgument") from None


@route("POST", BUCKET, returns=letter.XML, query=("delete",), **RULES)
@served
async def delete_several(ctx: Context, request: Request) -> Reply:
    """POST ?delete: what the body names is gone."""
    place = place_of(ctx, request)
    if "delete" not in request.query:
        raise NotImplementedHere("Forms are for Swift's own interface.")
    needed(await ctx.read(find, place))
    root = letter.read(await short_body(request))
    keys = [element.findtext("Key") or "" for element in root.iter("Object")]
    if not 0 < len(keys) <= _MOST_KEYS or not all(keys):
        raise BadRequest("The XML you provided was not well-formed.", kind="MalformedXML")
    quiet = (root.findtext("Quiet") or "").strip().lower() == "true"
    nodes: list[Node] = []
    for key in keys:
        try:
            one = place.to(place.container, key)
            found, grant = await entered(ctx, request, one, "DELETE")
            await removing.remove(ctx, request, Pass(grant), one, found)
        except Error as refusal:
            code = "AccessDenied" if refusal.status in (401, 403) else "InternalError"
            nodes.append(("Error", [("Key", key), ("Code", code), ("Message", refusal.message)]))
            continue
        if not quiet:
            nodes.append(("Deleted", [("Key", key)]))
    return letter.answer("DeleteResult", nodes)


ROUTES = (list_buckets, make_bucket, remove_bucket, show_bucket, delete_several)
