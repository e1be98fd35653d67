# SPDX-License-Identifier: Apache-2.0
"""Symbolic links: objects that stand for another one, as it is now or only as it was when they were made."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from typing import Any
from urllib.parse import quote

from cumulet.kernel.errors import BadRequest, Conflict, NotFound
from cumulet.kernel.http.messages import Request
from cumulet.services.swift.model import Stored
from cumulet.services.swift.names import Place, split_object, unescaped
from cumulet.services.swift.objects.draft import Draft

MOST_HOPS = 2
TARGET, ACCOUNT, ETAG = "X-Symlink-Target", "X-Symlink-Target-Account", "X-Symlink-Target-Etag"
BYTES = "X-Symlink-Target-Bytes"
DESCRIBED = (
    "The requested POST was applied to a symlink. POST directly to the target to apply requested metadata."
)


def is_asked(request: Request) -> bool:
    return TARGET.lower() in request.headers


async def described(
    request: Request, place: Place, draft: Draft, look: Callable[[Place], Awaitable[Any]]
) -> Draft:
    """The draft as a link to what the headers name. Raises BadRequest, PreconditionFailed, Conflict."""
    sent = request.headers
    if sent.get("content-length", "0") != "0" or sent.get("transfer-encoding"):
        raise BadRequest("Symlink requests require a zero byte body")
    target = _target(sent, place)
    if target == place:
        raise BadRequest("Symlink cannot target itself")
    facts: dict[str, Any] = {
        "container": target.container,
        "name": target.name,
        "account": target.account if target.account != place.account else "",
        "listed": {"symlink_path": f"/v1{target.escaped}"},
    }
    content_type = draft.content_type
    if etag := sent.get(ETAG.lower(), "").strip('"'):
        opened = await _as_it_was(target, etag, look)
        facts |= {"etag": etag, "bytes": opened.content.length}
        facts["listed"] |= {"symlink_etag": etag, "symlink_bytes": opened.content.length}
        content_type = sent.get("content-type") or opened.stored.content_type
    return replace(draft, kind="symlink", facts=facts, content_type=content_type)


def _target(sent: Mapping[str, str], place: Place) -> Place:
    account = unescaped(sent.get(ACCOUNT.lower(), "")) or place.account
    if "/" in account:
        raise BadRequest("Account name cannot contain slashes")
    return split_object(sent[TARGET.lower()], TARGET, account)


async def _as_it_was(target: Place, etag: str, look: Callable[[Place], Awaitable[Any]]) -> Any:
    try:
        opened = await look(target)
    except NotFound:
        raise Conflict("X-Symlink-Target does not exist", headers=location(target)) from None
    found = opened.etag.strip('"')
    if found != etag:
        raise Conflict(_unlike(found, etag), headers=location(target))
    return opened


def _unlike(found: str, etag: str) -> str:
    return f"Object Etag {found!r} does not match X-Symlink-Target-Etag header {etag!r}"


def target_of(link: Stored, place: Place) -> Place:
    """What a link at a place stands for."""
    facts = link.facts
    return Place(facts["account"] or place.account, facts["container"], facts["name"])


def require_unchanged(link: Stored, stored: Stored, place: Place) -> None:
    """Raise Conflict where a link was made to what is no longer there as it was."""
    wanted = link.facts.get("etag")
    if wanted is None:
        return
    found = stored.facts.get("etag") if stored.kind else stored.etag
    if found != wanted:
        raise Conflict(_unlike(found or stored.etag, wanted), headers=location(place))


def location(place: Place) -> dict[str, str]:
    """Where an answer comes from when it was not asked for there."""
    return {"Content-Location": f"/v1{place.escaped}"}


def shown(link: Stored) -> dict[str, str]:
    """What is said of a link itself."""
    facts = link.facts
    found = {TARGET: quote(f"{facts['container']}/{facts['name']}")}
    if facts["account"]:
        found[ACCOUNT] = facts["account"]
    if "etag" in facts:
        found |= {ETAG: facts["etag"], BYTES: str(facts["bytes"])}
    return found
