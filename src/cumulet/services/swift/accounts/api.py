# SPDX-License-Identifier: Apache-2.0
"""Accounts over HTTP."""

from collections.abc import Mapping

from cumulet.kernel.auth.context import Context
from cumulet.kernel.db import Tx
from cumulet.kernel.errors import Conflict, NotFound
from cumulet.kernel.http.endpoint import Other, route
from cumulet.kernel.http.messages import Reply, Request
from cumulet.kernel.resource.shapes import array
from cumulet.services.swift import access, acl, gate, headers, limits, quotas, times
from cumulet.services.swift.access import Grant
from cumulet.services.swift.asked import find
from cumulet.services.swift.bulk.deleting import delete_listed
from cumulet.services.swift.bulk.extracting import extract
from cumulet.services.swift.bulk.outcome import FORMATS
from cumulet.services.swift.counters import delete_seen
from cumulet.services.swift.listing import items
from cumulet.services.swift.listing.letter import LISTED_CONTAINER, listing_reply
from cumulet.services.swift.listing.question import media_type, question
from cumulet.services.swift.model import Account
from cumulet.services.swift.names import Place, place_of
from cumulet.services.swift.storage_policy import POLICY

PATH = "/{account}"
TAGS = ("accounts",)
LISTED = ("limit", "marker", "end_marker", "prefix", "delimiter", "reverse", "format")
AS_TOLD = tuple(Other(200, None, kind) for kind in FORMATS)
"""How it is told what became of many things."""
AS_TEXT = (204, *(other for other in AS_TOLD if other.returns != "application/json"))
AS_MADE = (202, *AS_TOLD)
_KEYS = "X-Account-Meta-Temp-Url-Key"


@route("GET", PATH, anonymous=True, tags=TAGS, query=LISTED, answer=array(LISTED_CONTAINER), also=AS_TEXT)
async def show(ctx: Context, request: Request) -> Reply:
    """The containers of an account, and what is said of it."""
    place = place_of(request)
    found = await ctx.read(find, place)
    entered = gate.enter(ctx, request, place, found)
    asked, kind = question(request.query), media_type(request.query, request.headers.get("accept", ""))
    said = account_headers(found.account, ctx, entered.grant)
    if request.method == "HEAD":
        return Reply(204, None, {**said, "Content-Type": f"{kind}; charset=utf-8"})
    listed = await ctx.read(items.containers, place.account, asked)
    return listing_reply(kind, listed, said, ("account", place.account, "container"))


def account_headers(account: Account | None, ctx: Context, grant: Grant) -> dict[str, str]:
    """What is said of an account, also of one that was never used."""
    shown = account or Account(id="", created_at=ctx.app.clock.now())
    containers, objects, size = (str(n) for n in (shown.containers, shown.objects, shown.bytes))
    found = {
        "X-Account-Container-Count": containers,
        "X-Account-Object-Count": objects,
        "X-Account-Bytes-Used": size,
        "X-Timestamp": times.stamp(shown.created_at),
        "Accept-Ranges": "bytes",
        **(shown.headers if grant.owner else _public(shown.headers)),
    }
    if account is not None:
        used = {"Container-Count": containers, "Object-Count": objects, "Bytes-Used": size}
        found |= {f"X-Account-Storage-Policy-{POLICY}-{what}": value for what, value in used.items()}
        found["X-Put-Timestamp"] = times.stamp(account.created_at)
    return found


def _public(said: Mapping[str, str]) -> dict[str, str]:
    """What everybody may see who may see the account."""
    hidden = (access.OF_ACCOUNT, _KEYS, f"{_KEYS}-2")
    return {name: value for name, value in said.items() if name not in hidden}


@route("POST", PATH, anonymous=True, tags=TAGS, raw=True, status=204, also=AS_TOLD, query=("bulk-delete",))
async def update(ctx: Context, request: Request) -> Reply:
    """What is said of the account is changed; or what the body names is deleted."""
    place = place_of(request)
    if "bulk-delete" in request.query:
        return await delete_listed(ctx, request, place.account)
    found = await ctx.read(find, place)
    entered = gate.enter(ctx, request, place, found)
    await ctx.transact(_update, place, _changes(request, entered.grant))
    return Reply(204)


def _changes(request: Request, grant: Grant) -> dict[str, str]:
    """What a request says of an account. Raises BadRequest, Forbidden."""
    sent = request.headers
    found = headers.metadata(sent, "account") | quotas.of_account(sent, reseller=grant.reseller)
    if (text := sent.get(access.OF_ACCOUNT.lower())) is not None and grant.owner:
        found[access.OF_ACCOUNT] = acl.cleaned_of_account(text)
    return found


def _update(tx: Tx, place: Place, changes: Mapping[str, str]) -> bool:
    """Whether the account was there before."""
    limits.require_names(place)
    account = tx.get(Account, place.account)
    if account is None:
        tx.insert(Account(id=place.account, headers=headers.merged({}, changes, "account")), retry=True)
        return False
    if changes:
        tx.update(account, headers=headers.merged(account.headers, changes, "account"))
    return True


@route(
    "PUT",
    PATH,
    anonymous=True,
    tags=TAGS,
    raw=True,
    status=201,
    also=(202, *AS_TOLD),
    query=("extract-archive",),
)
async def create(ctx: Context, request: Request) -> Reply:
    """The account is there, which resellers may ask; or the files of an archive are objects in it."""
    place = place_of(request)
    if "extract-archive" in request.query:
        return await extract(ctx, request, place)
    entered = gate.enter(ctx, request, place, await ctx.read(find, place))
    existed = await ctx.transact(_update, place, _changes(request, entered.grant))
    return Reply(202 if existed else 201)


@route("DELETE", PATH, anonymous=True, tags=TAGS, raw=True, status=204, also=AS_TOLD, query=("bulk-delete",))
async def remove(ctx: Context, request: Request) -> Reply:
    """The account is forgotten, which resellers may ask once it is empty; or what the body names is."""
    place = place_of(request)
    if "bulk-delete" in request.query:
        return await delete_listed(ctx, request, place.account)
    gate.enter(ctx, request, place, await ctx.read(find, place))
    await ctx.transact(_remove, place)
    return Reply(204)


def _remove(tx: Tx, place: Place) -> None:
    account = tx.get(Account, place.account)
    if account is None:
        raise NotFound
    if account.containers:
        raise Conflict
    delete_seen(tx, account)


ROUTES = (show, update, create, remove)
