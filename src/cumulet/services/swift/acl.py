# SPDX-License-Identifier: Apache-2.0
"""Access lists: `.r:HOST` for pages that link here, `.rlistings`, `PROJECT:USER`, and names of roles.

X-Container-Read and X-Container-Write are such lists. X-Account-Access-Control is JSON, with a list of
`PROJECT:USER` for each of three degrees of access.
"""

from dataclasses import dataclass
from urllib.parse import urlsplit

import msgspec

from cumulet.kernel.errors import BadRequest
from cumulet.lib.memo import memo_of

_REFERRER = (".r", ".ref", ".referer", ".referrer")
DEGREES = ("admin", "read-write", "read-only")


@dataclass(frozen=True)
class Acl:
    """A list taken apart: hosts of pages in their order, and everything else."""

    referrers: tuple[str, ...] = ()
    groups: frozenset[str] = frozenset()

    @property
    def listings(self) -> bool:
        return ".rlistings" in self.groups

    def admits_referrer(self, address: str) -> bool:
        """Whether the last word about the host of this page is that it may read."""
        host = _host(address)
        allowed = False
        for word in self.referrers:
            refused = word.startswith("-")
            if _covers(word.removeprefix("-"), host):
                allowed = not refused
        return allowed


def _host(address: str) -> str:
    try:
        return urlsplit(address).hostname or "unknown"
    except ValueError:
        return "unknown"


def _covers(word: str, host: str) -> bool:
    return word in ("*", host) or (word.startswith(".") and host.endswith(word))


@memo_of(1000)
def parse(text: str) -> Acl:
    """A list that was cleaned before."""
    words = [word for word in text.split(",") if word]
    referrers = tuple(word[3:] for word in words if word.startswith(".r:"))
    return Acl(referrers, frozenset(word for word in words if not word.startswith(".r:")))


def cleaned(header: str, text: str) -> str:
    """A list as it is kept. Raises BadRequest with a sentence for what is none."""
    return ",".join(_cleaned(header, word.strip()) for word in text.split(",") if word.strip())


def _cleaned(header: str, word: str) -> str:
    first, colon, second = (part.strip() for part in word.partition(":"))
    if not colon or not first.startswith("."):
        return word
    if first not in _REFERRER:
        raise BadRequest(f"Unknown designator {first!r} in ACL: {word!r}")
    if "write" in header.lower():
        raise BadRequest(f"Referrers not allowed in write ACL: {word!r}")
    minus = "-" if second.startswith("-") else ""
    host = second[len(minus) :].strip()
    if host != "*":
        host = host.removeprefix("*").strip()
    if host in ("", "."):
        raise BadRequest(f"No host/domain value after referrer designation in ACL: {word!r}")
    return f".r:{minus}{host}"


def cleaned_of_account(text: str) -> str:
    """An account's list as it is kept, "" for one that lets nobody in. Raises BadRequest."""
    try:
        found = msgspec.json.decode(text.encode("latin-1"), type=dict[str, list[str]])
    except (msgspec.MsgspecError, UnicodeError, RecursionError):
        raise BadRequest("X-Account-Access-Control is not a JSON object of lists of names.") from None
    if unknown := sorted(set(found) - set(DEGREES)):
        raise BadRequest(f"X-Account-Access-Control knows {', '.join(DEGREES)}, not {', '.join(unknown)}.")
    kept = {degree: found[degree] for degree in DEGREES if found.get(degree)}
    # Headers are ASCII here, for clients that read no other.
    return msgspec.json.encode(kept).decode() if kept else ""


@memo_of(1000)
def parse_of_account(text: str) -> dict[str, frozenset[str]]:
    found = msgspec.json.decode(text or "{}", type=dict[str, list[str]])
    return {degree: frozenset(found.get(degree, ())) for degree in DEGREES}
