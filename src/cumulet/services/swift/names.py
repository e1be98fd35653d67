# SPDX-License-Identifier: Apache-2.0
"""Paths as names: /v1/ACCOUNT/CONTAINER/OBJECT, of which an object's name may hold anything but NUL."""

from dataclasses import dataclass, replace
from urllib.parse import quote, unquote_to_bytes

from cumulet.kernel.errors import NotFound, PreconditionFailed
from cumulet.kernel.http.messages import Request

PREFIX = "AUTH_"
UNREADABLE = "Invalid UTF8 or contains NULL"


@dataclass(frozen=True, slots=True)
class Place:
    """An account, a container of it, or an object in one; what is not meant is ""."""

    account: str
    container: str = ""
    name: str = ""

    @property
    def project_id(self) -> str:
        """The project whose account it is, "" for an account of no project."""
        return self.account[len(PREFIX) :] if self.account.startswith(PREFIX) else ""

    @property
    def path(self) -> str:
        """As it stands behind the version in a path, not yet escaped."""
        return "/" + "/".join(part for part in (self.account, self.container, self.name) if part)

    @property
    def escaped(self) -> str:
        return quote(self.path)

    def to(self, container: str, name: str = "") -> "Place":
        """Another place of the same account."""
        return replace(self, container=container, name=name)


def place_of(request: Request) -> Place:
    """What a request is about."""
    found = request.params
    return Place(found["account"], found.get("container", ""), found.get("object", ""))


def canonical(path: str) -> str:
    """A slash behind what is no object means nothing; in an object's name each one counts."""
    least, most = (2, 3) if path.startswith("/s3/") else (3, 4)
    return path[:-1] if path.endswith("/") and least <= path.count("/") <= most else path


def require_readable(path: str, raw: bytes) -> None:
    """Raise PreconditionFailed for a path that is no UTF-8 or holds a NUL."""
    if "\0" in path or ("\ufffd" in path and not _is_utf8(raw)):
        raise PreconditionFailed(UNREADABLE)
    if path.startswith("/v1/") and path.split("/")[3:4] == [""]:
        raise NotFound


def _is_utf8(raw: bytes) -> bool:
    try:
        unquote_to_bytes(raw).decode()
    except UnicodeDecodeError:
        return False
    return True


def unescaped(header: str) -> str:
    """The text behind an escaped name in a header. Raises PreconditionFailed when it is none."""
    try:
        text = unquote_to_bytes(header.encode("latin-1")).decode()
    except UnicodeError:
        raise PreconditionFailed(UNREADABLE) from None
    if "\0" in text:
        raise PreconditionFailed(UNREADABLE)
    return text


def split_object(header: str, what: str, account: str) -> Place:
    """The object that a header names as `[/]container/object`. Raises PreconditionFailed."""
    container, slash, name = unescaped(header).lstrip("/").partition("/")
    if not (container and slash and name):
        raise PreconditionFailed(f"{what} header must be of the form <container name>/<object name>")
    return Place(account, container, name)
