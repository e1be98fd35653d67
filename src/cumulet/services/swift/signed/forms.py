# SPDX-License-Identifier: Apache-2.0
"""Forms that upload: a browser sends files with a signature that says how many, how large and until when."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from email.message import Message
from html import escape
from urllib.parse import quote

from cumulet.kernel.auth.context import Context
from cumulet.kernel.errors import BadRequest, Error, NotFound, TooLarge, Unauthorized
from cumulet.kernel.http.messages import Reply, Request
from cumulet.services.swift import limits, quotas, times
from cumulet.services.swift.asked import find
from cumulet.services.swift.bulk.outcome import status_line
from cumulet.services.swift.names import Place
from cumulet.services.swift.objects import incoming, writing
from cumulet.services.swift.objects.discarding import discard
from cumulet.services.swift.objects.draft import Draft
from cumulet.services.swift.objects.expiry import delete_at
from cumulet.services.swift.settings import SwiftSettings
from cumulet.services.swift.signed.keys import Key, keys_of, signer
from cumulet.services.swift.signed.multipart import Reader
from cumulet.services.swift.store import Store

_LONGEST_VALUE = 4096


def is_form(request: Request) -> bool:
    """Whether a POST is a form with files."""
    return bool(_boundary(request))


def _boundary(request: Request) -> str:
    message: Message[str, str] = Message()
    message["content-type"] = request.headers.get("content-type", "")
    if message.get_content_type() != "multipart/form-data":
        return ""
    boundary = message.get_param("boundary", "")
    return boundary if isinstance(boundary, str) else ""


async def accept(ctx: Context, request: Request, place: Place) -> Reply:
    """The files of the form are objects below this place. Raises BadRequest, Unauthorized."""
    assert request.stream is not None
    found = await ctx.read(find, place.to(place.container))
    form = _Form(ctx, place, keys_of(place, found))
    reader = Reader(request.stream, _boundary(request))
    try:
        async for part in reader.parts():
            if filename := _filename(part):
                await form.add(part, filename, reader.content())
            else:
                form.fields[_name(part)] = await _value(reader.content())
        if not form.files:
            raise BadRequest("no files to process")
    except Unauthorized as refusal:
        raise Unauthorized(f"FormPost: {refusal.message.title()}") from None
    except Error as refusal:
        if not form.fields.get("redirect"):
            raise type(refusal)(f"FormPost: {refusal.message.removeprefix('FormPost: ')}") from None
        return form.reply(refusal.status, refusal.message)
    return form.reply(201, "")


def _filename(part: "Message[str, str]") -> str:
    name = part.get_param("filename", "", "content-disposition")
    return _as_text(name) if isinstance(name, str) else str(name[2])


def _name(part: "Message[str, str]") -> str:
    name = part.get_param("name", "", "content-disposition")
    return name.lower() if isinstance(name, str) else ""


def _as_text(name: str) -> str:
    """A name as the browser meant it, of which a character stands for each byte."""
    return name.encode("latin-1", errors="replace").decode(errors="replace")


async def _value(content: AsyncIterator[bytes]) -> str:
    value = bytearray()
    async for chunk in content:
        value += chunk[: _LONGEST_VALUE - len(value)]
    return value.decode(errors="replace").rstrip("\r\n")


@dataclass
class _Form:
    """One form: the fields so far, and the files that became objects."""

    ctx: Context
    place: Place
    keys: list[Key]
    fields: dict[str, str] = field(default_factory=dict)
    files: int = 0

    async def add(self, part: "Message[str, str]", filename: str, content: AsyncIterator[bytes]) -> None:
        """One more file is an object. Raises BadRequest, Unauthorized, TooLarge and what else refuses it."""
        self.files += 1
        if self.files > self._number("max_file_count"):
            raise BadRequest("max file count exceeded")
        most = self._number("max_file_size")
        self._require_signature()
        target = self._target(filename)
        limits.require_names(target)
        if "\0" in filename:
            raise BadRequest("invalid filename")
        found = await self.ctx.read(find, target)
        if found.container is None:
            raise NotFound
        quotas.require_room(found, None)
        draft = self._described(part, target)
        store = self.ctx.app.contract(Store)
        try:
            async with incoming.received(store, content, draft, min(most, limits.MAX_FILE_SIZE)) as draft:
                written = await self.ctx.transact(writing.put, target, draft)
        except TooLarge:
            raise BadRequest("max_file_size exceeded") from None
        await discard(self.ctx.app, written.dead)

    def _target(self, filename: str) -> Place:
        """Below the place that the form was sent to, whose name is the beginning of the object's."""
        return self.place.to(self.place.container, f"{self.place.name}{filename}")

    def _described(self, part: "Message[str, str]", target: Place) -> Draft:
        fields = self.fields
        given = fields.get("content-type") or part.get("content-type") or ""
        encoding = fields.get("content-encoding") or part.get("content-encoding") or ""
        expiry = {
            f"x-delete-{word}": fields[f"x_delete_{word}"]
            for word in ("at", "after")
            if f"x_delete_{word}" in fields
        }
        return Draft(
            content_type=incoming.content_type({"content-type": _as_header(given)}, target.name),
            headers={"Content-Encoding": _as_header(encoding)} if encoding else {},
            delete_at=delete_at(expiry, self.ctx.app.clock.now()),
        )

    def _number(self, name: str) -> int:
        try:
            return int(self.fields.get(name, "0")[:20] or "0")
        except ValueError:
            raise BadRequest(f"{name} not an integer") from None

    def _require_signature(self) -> None:
        """Raise Unauthorized unless the owner has signed for what the form says of itself."""
        if self._number("expires") < times.seconds(self.ctx.app.clock.now()):
            raise Unauthorized("form expired")
        names = ("redirect", "max_file_size", "max_file_count", "expires")
        said = [self.fields.get(name) or ("" if name == "redirect" else "0") for name in names]
        path = f"/v1/{self.place.account}/{self.place.container}"
        inner = [f"/{self.place.name}"] if self.place.name else ["", "/"]
        mounts = ("", self.ctx.service.manifest.path)
        texts = ["\n".join([f"{mount}{path}{end}", *said]) for mount in mounts for end in inner]
        allowed = self.ctx.app.contract(SwiftSettings).allowed_digests
        if signer(self.fields.get("signature", ""), texts, self.keys, allowed) is None:
            raise Unauthorized("invalid signature")

    def reply(self, status: int, message: str) -> Reply:
        """How it went, for the page where the form says to go on."""
        redirect = self.fields.get("redirect")
        if not redirect:
            return Reply(status, status_line(status).encode(), {}, "text/plain")
        target = f"{redirect}{'&' if '?' in redirect else '?'}status={status}&message={quote(message)}"
        link = f'<html><body><p><a href="{escape(target)}">Click to continue...</a></p></body></html>'
        where = {"Location": quote(target, safe=":/?#[]@!$&'()*+,;=%~-._")}
        return Reply(303, link.encode(), where, "text/html; charset=UTF-8")


def _as_header(text: str) -> str:
    return "".join(character for character in text if character.isprintable()).encode().decode("latin-1")
