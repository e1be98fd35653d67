# SPDX-License-Identifier: Apache-2.0
"""Archives become objects: the first folder of a path is the container, unless the request names one."""

import asyncio
import tarfile
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from urllib.parse import quote

from cumulet.kernel.auth.context import Context
from cumulet.kernel.errors import BadRequest, Error, PreconditionFailed, TooLarge, Unauthorized
from cumulet.kernel.http.files import CHUNK
from cumulet.kernel.http.messages import Reply, Request
from cumulet.services.swift import access, headers, limits, quotas
from cumulet.services.swift.asked import find
from cumulet.services.swift.bulk.outcome import Outcome
from cumulet.services.swift.containers.changes import Changes
from cumulet.services.swift.containers.making import make
from cumulet.services.swift.names import Place
from cumulet.services.swift.objects import incoming, writing
from cumulet.services.swift.objects.discarding import discard
from cumulet.services.swift.objects.draft import Draft
from cumulet.services.swift.objects.expiry import delete_at
from cumulet.services.swift.store import Store, Writing

FORMATS = {"tar": "", "tar.gz": "gz", "tar.bz2": "bz2"}
MOST_CONTAINERS, MOST_FAILED = 10000, 1000
_MIME = ("SCHILY.xattr.user.mime_type", "LIBARCHIVE.xattr.user.mime_type")
_BREAKS = dict.fromkeys((0, 10, 13), " ")
_META = ("SCHILY.xattr.user.meta.", "LIBARCHIVE.xattr.user.meta.")


async def extract(ctx: Context, request: Request, base: Place) -> Reply:
    """PUT ?extract-archive: the archive's files are objects below this place, as far as the caller may."""
    outcome = Outcome("extract", {"Number Files Created": 0}, status=201)
    store = ctx.app.contract(Store)
    try:
        kind = request.query.get("extract-archive") or ""
        if kind not in FORMATS:
            raise BadRequest("Unsupported archive format")
        incoming.declared_length(request.headers)
        assert request.stream is not None
        with store.new() as blob:
            try:
                archive = await incoming.receive(
                    store, blob, request.stream, Draft(incoming.OCTETS), limits.MAX_FILE_SIZE
                )
                await _Extraction(ctx, request, base, outcome, store).run(archive.blob, FORMATS[kind])
            finally:
                await asyncio.shield(asyncio.to_thread(store.remove, (blob,)))
        if not (outcome.errors or outcome.counts["Number Files Created"]):
            raise BadRequest("Invalid Tar File: No Valid Files")
    except Error as refusal:
        outcome.end(refusal)
    return outcome.reply(request)


@dataclass
class _Extraction:
    """One archive on its way into a store."""

    ctx: Context
    request: Request
    base: Place
    outcome: Outcome
    store: Store
    ready: set[str] = field(default_factory=set)
    """Containers that are there."""

    async def run(self, archive: str | None, compression: str) -> None:
        """Raises BadRequest for what is no archive, Unauthorized for a caller who may do nothing."""
        if archive is None:
            raise BadRequest("Invalid Tar File: empty file")
        try:
            tar = await asyncio.to_thread(_open, self.store.path(archive), compression)
            with tar:
                while (member := await asyncio.to_thread(tar.next)) is not None:
                    if member.isfile():
                        await self._add(tar, member)
                    tar.members = []  # type: ignore[attr-defined]  # What was seen need not be remembered.
                    if len(self.outcome.errors) >= MOST_FAILED:
                        break
        except (tarfile.TarError, zlib.error, EOFError, OSError, ValueError) as error:
            raise BadRequest(f"Invalid Tar File: {error}") from None

    async def _add(self, tar: tarfile.TarFile, member: tarfile.TarInfo) -> None:
        place = self._place(member.name)
        if not place.name:
            return
        shown = quote(f"{place.container}/{place.name}", errors="surrogateescape")
        try:
            await self._put(tar, member, place)
            self.outcome.counts["Number Files Created"] += 1
        except Unauthorized:
            raise
        except Error as refusal:
            self.outcome.fail(shown, refusal)
            self.outcome.status = BadRequest.status

    def _place(self, name: str) -> Place:
        """Where a file of the archive goes."""
        inner = name.removeprefix("./").lstrip("/")
        parts = [part for part in (self.base.container, self.base.name.rstrip("/"), inner) if part]
        container, _, rest = "/".join(parts).partition("/")
        return Place(self.base.account, container, rest)

    async def _put(self, tar: tarfile.TarFile, member: tarfile.TarInfo, place: Place) -> None:
        if "\0" in place.path or _is_broken(place.path):
            raise PreconditionFailed
        if member.size > limits.MAX_FILE_SIZE:
            raise TooLarge
        limits.require_names(place)
        await self._make_ready(place)
        found = await self.ctx.read(find, place)
        asked = access.asking(self.request, place, found.account, found.container, "PUT")
        grant = access.permitted(self.ctx, asked)
        quotas.require_room(found, member.size, bound_by_account=not grant.reseller)
        draft = self._described(member, place)
        with self.store.new() as blob:
            try:
                if member.size:
                    etag = await asyncio.to_thread(_copy, self.store, blob, tar, member)
                    draft = replace(draft, blob=blob, size=member.size, etag=etag)
                written = await self.ctx.transact(
                    writing.put, place, draft, bound_by_account=not grant.reseller
                )
            except BaseException:
                await asyncio.shield(asyncio.to_thread(self.store.remove, (blob,)))
                raise
        await discard(self.ctx.app, written.dead)

    async def _make_ready(self, place: Place) -> None:
        """The container is there, if it was or the caller may make it."""
        if place.container in self.ready:
            return
        whole = place.to(place.container)
        found = await self.ctx.read(find, whole)
        if found.container is None:
            access.permitted(self.ctx, access.asking(self.request, whole, found.account, None, "PUT"))
            if len(self.ready) >= MOST_CONTAINERS:
                raise BadRequest(f"More than {MOST_CONTAINERS} containers to create from tar.")
            await self.ctx.transact(make, whole, Changes({}))
        self.ready.add(place.container)

    def _described(self, member: tarfile.TarInfo, place: Place) -> Draft:
        sent = self.request.headers
        said = {**headers.metadata_as_sent(sent), **_own_metadata(member.pax_headers)}
        headers.require_limits(said, "object")
        given = next((member.pax_headers[name] for name in _MIME if name in member.pax_headers), "")
        return Draft(
            content_type=incoming.content_type({"content-type": _latin(given)}, place.name),
            headers=said,
            delete_at=delete_at(sent, self.ctx.app.clock.now()),
        )


def _open(path: Path, compression: str) -> tarfile.TarFile:
    return tarfile.open(path, f"r:{compression}")  # type: ignore[call-overload,no-any-return]


def _is_broken(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return True
    return False


def _own_metadata(pax: Mapping[str, str]) -> dict[str, str]:
    """What an archive says of a file."""
    return {
        headers.title(f"x-object-meta-{name.removeprefix(start)}"): _latin(value)
        for start in _META
        for name, value in pax.items()
        if name.startswith(start) and name.isascii() and name.isprintable()
    }


def _latin(text: str) -> str:
    """The text as headers are kept: a character for each byte, and none that would end one."""
    return (
        text.encode(errors="replace")
        .decode("latin-1")
        .replace("\r", " ")
        .replace("\n", " ")
        .replace("\0", " ")
    )


def _copy(store: Store, blob: str, tar: tarfile.TarFile, member: tarfile.TarInfo) -> str:
    """A file of the archive is a blob; its sum."""
    source = tar.extractfile(member)
    assert source is not None
    with Writing(store, blob) as file:
        while chunk := source.read(CHUNK):
            file.write(chunk)
        file.keep()
        return file.etag
