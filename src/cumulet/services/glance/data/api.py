# SPDX-License-Identifier: Apache-2.0
"""Content over HTTP: uploads and downloads."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from cumulet.kernel import ids
from cumulet.kernel.auth.context import Context
from cumulet.kernel.db import Tx
from cumulet.kernel.errors import BadRequest, Forbidden, MethodNotAllowed, UnsupportedMediaType
from cumulet.kernel.http.endpoint import route
from cumulet.kernel.http.files import FileStream
from cumulet.kernel.http.messages import Reply, Request
from cumulet.kernel.resource.finding import fetch_by_key
from cumulet.services.glance.data import transfer, uploads
from cumulet.services.glance.data.digest import Digest
from cumulet.services.glance.data.download import Span, asked_span
from cumulet.services.glance.data.store import Part, Store, deleted
from cumulet.services.glance.images.model import Image

OCTETS = "application/octet-stream"


@route("PUT", "/images/{image_id}/file", raw=True, status=204)
async def upload(ctx: Context, request: Request) -> None:
    """The image is active, with the body as its content; or it is queued as before, and nothing is kept."""
    declared = declared_size(request)
    image_id, upload_id, store = request.params["image_id"], ids.plain(), ctx.app.contract(Store)
    with store.upload(upload_id):
        image = await ctx.transact(uploads.begin, ctx, image_id, upload_id, declared)
        async with undone_unless_finished(ctx, image_id, upload_id):
            digest = Digest(image.disk_format, image.container_format)
            await _receive(store.images, image_id, upload_id, digest, request)
            content = digest.content()
            require_size(digest, declared)
            done = await ctx.transact(uploads.finish, ctx, image_id, upload_id, content)
            if not done:
                raise deleted(image_id)


@route("PUT", "/images/{image_id}/stage", raw=True, status=204)
async def stage(ctx: Context, request: Request) -> None:
    """The body waits to be imported as the image's content; nobody has looked at it yet."""
    declared = declared_size(request)
    image_id, upload_id, store = request.params["image_id"], ids.plain(), ctx.app.contract(Store)
    with store.upload(upload_id):
        await ctx.transact(uploads.begin_staging, ctx, image_id, upload_id, declared)
        async with undone_unless_finished(ctx, image_id, upload_id):
            digest = Digest("", inspected=False)
            await _receive(store.staging, image_id, upload_id, digest, request)
            require_size(digest, declared)
            done = await ctx.transact(uploads.finish_staging, image_id, upload_id, digest.size)
            if not done:
                raise deleted(image_id)


async def _receive(folder: Path, image_id: str, upload_id: str, digest: Digest, request: Request) -> None:
    """The body is a file of the folder. Whether it is what it should be is asked before it gets its name."""
    assert request.stream is not None
    part = await asyncio.to_thread(Part, folder, image_id, upload_id, digest)
    try:
        await transfer.receive(part, request.stream)
        digest.content()
        await asyncio.to_thread(part.keep)
    except BaseException:
        part.discard()
        raise


@asynccontextmanager
async def undone_unless_finished(ctx: Context, image_id: str, upload_id: str) -> AsyncIterator[None]:
    """After a failure inside nothing is left of the upload, and the image is queued again."""
    try:
        yield
    except BaseException:
        await asyncio.shield(transfer.undo(ctx.app, ctx.app.contract(Store), image_id, upload_id))
        raise


def declared_size(request: Request) -> int | None:
    """How many bytes the client says it sends; UnsupportedMediaType unless they are plain bytes."""
    content_type = request.headers.get("content-type")
    if (content_type or "").split(";")[0].strip().lower() != OCTETS:
        raise UnsupportedMediaType(f"Invalid content type {content_type}")
    text = request.headers.get("x-openstack-image-size") or request.headers.get("content-length")
    try:
        return int(text) if text is not None else None
    except ValueError:
        raise BadRequest("Invalid or missing image size in request headers.") from None


def require_size(digest: Digest, declared: int | None) -> None:
    if declared is not None and digest.size != declared:
        raise BadRequest(f"The image was announced with {declared} bytes, and {digest.size} arrived.")


@route("GET", "/images/{image_id}/file", also=(204, 206), returns=OCTETS)
async def download(ctx: Context, request: Request) -> Reply:
    """The image's content, or the part of it that a Range header asks for; 204 while there is none."""
    if request.method == "HEAD":
        raise MethodNotAllowed("Content is read with GET.", headers={"Allow": "GET, PUT"})
    image = await ctx.read(_readable, ctx, request.params["image_id"])
    if image.size is None or image.status not in ("active", "deactivated"):
        return Reply(204)
    span = asked_span(request.headers, image.size)
    headers = {
        "Content-Length": str(span.length),
        **({"Content-MD5": image.checksum} if image.checksum else {}),
    }
    if span.partial:
        headers["Content-Range"] = f"bytes {span.start}-{span.end - 1}/{image.size}"
    stream = await _open(ctx, image, span)
    if stream is None:
        return Reply(204)
    return Reply(206 if span.partial else 200, headers=headers, content_type=OCTETS, stream=stream)


async def _open(ctx: Context, image: Image, span: Span) -> FileStream | None:
    path = ctx.app.contract(Store).path(image.id)
    try:
        return await asyncio.to_thread(FileStream, path, span.start, span.length)
    except FileNotFoundError:
        ctx.app.log.error("the content of an image is missing", image=image.id)
        return None


def _readable(tx: Tx, ctx: Context, image_id: str) -> Image:
    image: Image = fetch_by_key(tx, ctx, Image, image_id, "get_image")
    if image.status == "deactivated" and not ctx.is_admin:
        raise Forbidden("The requested image has been deactivated. Image data download is forbidden.")
    fetch_by_key(tx, ctx, Image, image_id, "download_image")
    return image


ROUTES = (upload, stage, download)
