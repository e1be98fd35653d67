# SPDX-License-Identifier: Apache-2.0
"""Uploads in parts: each is an object of the container BUCKET+segments, and the whole a manifest of them.

KEY/UPLOAD          the upload, with what was said of the object when it began
KEY/UPLOAD/00001    its parts
"""

import binascii
import hashlib
from typing import Any

from cumulet.kernel import ids
from cumulet.kernel.auth.context import Context
from cumulet.kernel.db import Tx
from cumulet.kernel.errors import BadRequest, NotFound
from cumulet.kernel.http.messages import Reply, Request
from cumulet.services.swift import times
from cumulet.services.swift.asked import find
from cumulet.services.swift.containers import making
from cumulet.services.swift.containers import removing as emptying
from cumulet.services.swift.containers.changes import Changes
from cumulet.services.swift.large import manifest
from cumulet.services.swift.large.manifest import Segment
from cumulet.services.swift.listing import source
from cumulet.services.swift.listing.question import Question
from cumulet.services.swift.model import Object
from cumulet.services.swift.names import Place
from cumulet.services.swift.objects import incoming, writing
from cumulet.services.swift.objects.discarding import discard
from cumulet.services.swift.objects.draft import Draft
from cumulet.services.swift.s3 import letter, removing
from cumulet.services.swift.s3.chunked import short_body
from cumulet.services.swift.s3.letter import Node
from cumulet.services.swift.s3.removing import SEGMENTS, Replaced
from cumulet.services.swift.store import Store

MOST_PARTS, LEAST_PART = 10000, 5 * 2**20
_MARK = "application/x-cumulet-upload"


def _segments(place: Place) -> Place:
    return place.to(f"{place.container}{SEGMENTS}")


def _upload(place: Place, upload_id: str) -> Place:
    return place.to(f"{place.container}{SEGMENTS}", f"{place.name}/{upload_id}")


def part_place(place: Place, upload_id: str, part: int) -> Place:
    return place.to(f"{place.container}{SEGMENTS}", f"{place.name}/{upload_id}/{part:05}")


def part_number(text: str | None) -> int:
    """Raises BadRequest."""
    if text is None or not text.isdecimal() or not 1 <= int(text[:9]) <= MOST_PARTS:
        raise BadRequest(f"Part number must be between 1 and {MOST_PARTS}.", kind="InvalidArgument")
    return int(text[:9])


async def begin(ctx: Context, place: Place, draft: Draft) -> Reply:
    """POST ?uploads: parts may come."""
    upload_id = ids.plain()
    await ctx.transact(_begin, place, upload_id, draft)
    names = [("Bucket", place.container), ("Key", place.name), ("UploadId", upload_id)]
    return letter.answer("InitiateMultipartUploadResult", names)


def _begin(tx: Tx, place: Place, upload_id: str, draft: Draft) -> None:
    making.make(tx, _segments(place), Changes({}))
    facts = {"content_type": draft.content_type}
    mark = Draft(_MARK, headers=draft.headers, facts=facts)
    writing.put(tx, _upload(place, upload_id), mark)


def needed(tx: Tx, place: Place, upload_id: str) -> Object:
    """An upload that goes on. Raises NotFound."""
    found = find(tx, _upload(place, upload_id)).object if upload_id else None
    if found is None or found.content_type != _MARK:
        raise NotFound("The specified upload does not exist.", kind="NoSuchUpload")
    return found


def _parts(tx: Tx, place: Place, upload_id: str) -> dict[int, Any]:
    """The parts that have come, by their numbers."""
    needed(tx, place, upload_id)
    container = find(tx, _segments(place)).container
    assert container is not None
    prefix = f"{place.name}/{upload_id}/"
    rows = source.objects(tx, container.id, Question(limit=MOST_PARTS, prefix=prefix))
    return {int(row[0][len(prefix) :]): row for row in rows}


async def complete(ctx: Context, request: Request, place: Place, upload_id: str) -> Reply:
    """POST ?uploadId: the object is these parts, in their order. Raises BadRequest, NotFound."""
    known = await ctx.read(_parts, place, upload_id)
    asked = _asked(await short_body(request))
    segments, sums = [], b""
    for index, (number, etag) in enumerate(asked):
        row = known.get(number)
        if row is None or row[2] != etag:
            raise BadRequest("One or more of the specified parts could not be found.", kind="InvalidPart")
        if row[1] < LEAST_PART and index < len(asked) - 1:
            raise BadRequest(
                "Your proposed upload is smaller than the minimum allowed size.", kind="EntityTooSmall"
            )
        sums += binascii.unhexlify(row[2])
        name = part_place(place, upload_id, number)
        segments.append(
            Segment(
                name=f"/{name.container}/{name.name}", bytes=row[1], hash=row[2], content_type=row[3],
                last_modified=times.listed(row[4]),
            )
        )  # fmt: skip
    whole = f"{hashlib.md5(sums, usedforsecurity=False).hexdigest()}-{len(segments)}"
    facts = {"bytes": sum(s.bytes for s in segments), "etag": whole, "listed": {"slo_etag": f'"{whole}"'}}
    upload = await ctx.read(needed, place, upload_id)
    draft = Draft(upload.facts["content_type"], headers=upload.headers, kind="slo", facts=facts)
    old = await removing.replaced(ctx, place, await ctx.read(find, place))
    async with incoming.kept(ctx.app.contract(Store), manifest.kept(segments), draft) as draft:
        dead = await ctx.transact(_complete, place, upload_id, draft, [number for number, _ in asked], old)
    await discard(ctx.app, dead)
    names: list[Node] = [("Bucket", place.container), ("Key", place.name), ("ETag", f'"{whole}"')]
    return letter.answer("CompleteMultipartUploadResult", names)


def _asked(body: bytes) -> list[tuple[int, str]]:
    """Numbers and sums of the parts, in growing order. Raises BadRequest."""
    root = letter.read(body)
    found = [
        (
            part_number((part.findtext("PartNumber") or "").strip()),
            (part.findtext("ETag") or "").strip().strip('"'),
        )
        for part in root.iter("Part")
    ]
    if not found:
        raise BadRequest("The XML you provided was not well-formed.", kind="MalformedXML")
    if [number for number, _ in found] != sorted({number for number, _ in found}):
        raise BadRequest("The list of parts was not in ascending order.", kind="InvalidPartOrder")
    return found


def _complete(
    tx: Tx, place: Place, upload_id: str, draft: Draft, used: list[int], old: Replaced
) -> writing.Blobs:
    """The upload has become an object; parts that it does not use are gone. Raises NotFound."""
    dead: writing.Blobs = ()
    for number in _parts(tx, place, upload_id):
        if number not in used:
            dead += writing.remove(tx, part_place(place, upload_id, number)).dead
    writing.remove(tx, _upload(place, upload_id))
    return removing.without_parts(tx, old, dead + writing.put(tx, place, draft).dead)


async def abort(ctx: Context, place: Place, upload_id: str) -> Reply:
    """DELETE ?uploadId: nothing is left of the upload. Raises NotFound."""
    await discard(ctx.app, await ctx.transact(_abort, place, upload_id))
    return Reply(204)


def _abort(tx: Tx, place: Place, upload_id: str) -> writing.Blobs:
    dead: writing.Blobs = ()
    for number in _parts(tx, place, upload_id):
        dead += writing.remove(tx, part_place(place, upload_id, number)).dead
    return dead + writing.remove(tx, _upload(place, upload_id)).dead


async def list_parts(ctx: Context, place: Place, upload_id: str) -> Reply:
    """GET ?uploadId: what has come so far."""
    known = await ctx.read(_parts, place, upload_id)
    nodes: list[Node] = [
        ("Bucket", place.container), ("Key", place.name), ("UploadId", upload_id), ("IsTruncated", False),
        ("MaxParts", MOST_PARTS),
    ]  # fmt: skip
    for number, row in known.items():
        part = [
            ("PartNumber", number), ("LastModified", f"{times.listed(row[4])[:23]}Z"),
            ("ETag", f'"{row[2]}"'), ("Size", row[1]),
        ]  # fmt: skip
        nodes.append(("Part", part))
    return letter.answer("ListPartsResult", nodes)


async def list_uploads(ctx: Context, request: Request, place: Place) -> Reply:
    """GET ?uploads: what goes on in a bucket, up to a thousand."""
    prefix = request.query.get("prefix") or ""
    found = await ctx.read(_uploads, place, prefix)
    nodes: list[Node] = [("Bucket", place.container), ("Prefix", prefix), ("IsTruncated", False)]
    for name, began in found:
        key, _, upload_id = name.rpartition("/")
        nodes.append(
            ("Upload", [("Key", key), ("UploadId", upload_id), ("Initiated", f"{times.listed(began)[:23]}Z")])
        )
    return letter.answer("ListMultipartUploadsResult", nodes)


def _uploads(tx: Tx, place: Place, prefix: str) -> list[tuple[str, Any]]:
    container = find(tx, _segments(place)).container
    if container is None:
        return []
    c = Object.c
    rows = tx.all(
        Object,
        c.container_id == container.id,
        c.content_type == _MARK,
        c.name >= prefix,
        order_by=(c.name,),
        limit=1000,
    )
    return [(row.name, row.updated_at) for row in rows if row.name.startswith(prefix)]


async def forget_all(ctx: Context, place: Place) -> None:
    """The container for the parts of a bucket that is gone goes too, if nothing is left in it."""
    await ctx.transact(_forget, _segments(place))


def _forget(tx: Tx, segments: Place) -> None:
    container = find(tx, segments).container
    if container is not None and not container.objects:
        emptying.remove(tx, segments)
