# SPDX-License-Identifier: Apache-2.0
"""/allocation_candidates."""

from collections.abc import Iterable
from typing import Any

import msgspec

from cumulet.kernel.auth.context import Context
from cumulet.kernel.db import Tx
from cumulet.kernel.errors import BadRequest
from cumulet.kernel.http.messages import Reply, Request
from cumulet.kernel.resource.shapes import array, by_version, keys, mapping, since
from cumulet.services.placement import names
from cumulet.services.placement.asking import reads
from cumulet.services.placement.candidates import request as requests
from cumulet.services.placement.candidates.request import GROUPED, Asked
from cumulet.services.placement.candidates.search import Found, search
from cumulet.services.placement.errors import UnknownClass, UnknownTraits
from cumulet.services.placement.picture import Picture, Provider, current
from cumulet.services.placement.wire import answer

_encode = msgspec.json.encode
_RESOURCES = keys(resources=dict[str, int])
_LISTED = array(keys(resource_provider=keys(uuid=str), resources=dict[str, int]))
REQUEST = keys(
    allocations=by_version({"1.10": _LISTED, "1.12": mapping(_RESOURCES)}),
    mappings=since("1.34", dict[str, list[str]]),
)
SUMMARY = keys(
    resources=mapping(keys(capacity=int, used=int)),
    traits=since("1.17", list[str]),
    parent_provider_uuid=since("1.29", str | None),
    root_provider_uuid=since("1.29", str),
)


@reads(
    "/allocation_candidates",
    "placement:allocation_candidates:list",
    since="1.10",
    query=(*GROUPED, "group_policy", "limit", "root_required", "same_subtree"),
    answer=keys(allocation_requests=array(REQUEST), provider_summaries=mapping(SUMMARY)),
)
def list_candidates(tx: Tx, ctx: Context, request: Request) -> Reply:
    """Every way in which providers could serve the request now, and what is known of these providers."""
    asked = requests.read(ctx, request)
    _require_names(tx, asked)
    now = current(tx)
    found = search(now, asked)
    body = b'{"allocation_requests":[%b],"provider_summaries":{%b}}' % (
        b",".join(_requests(ctx, found)),
        b",".join(_summaries(ctx, asked, _described(now, asked, found))),
    )
    return answer(ctx, body)


ROUTES = (list_candidates,)


def _require_names(tx: Tx, asked: Asked) -> None:
    groups = asked.groups.values()
    traits = {
        *asked.root_required,
        *asked.root_forbidden,
        *(name for wishes in groups for name in wishes.traits),
    }
    try:
        names.require_classes(tx, sorted(asked.classes))
        names.require_traits(tx, sorted(traits))
    except UnknownClass as error:
        raise BadRequest(f"Invalid resource class in resources parameter: {error}") from None
    except UnknownTraits as error:
        raise BadRequest(str(error)) from None


def _described(now: Picture, asked: Asked, found: Iterable[Found]) -> Iterable[Provider]:
    """The providers to describe: all of each tree that serves, or below 1.29 only those that serve."""
    ids = {take[0] for one in found for take in one.takes}
    if not now.has_trees or not asked.nested:
        return [now.providers[id] for id in ids]
    roots = {now.providers[id].root_id for id in ids}
    return [provider for root_id in roots for provider in now.trees[root_id]]


# -- how it looks ---------------------------------------------------------------------------------------


def _requests(ctx: Context, found: Iterable[Found]) -> Iterable[bytes]:
    """Each way to serve as JSON that can be sent back to be allocated."""
    if not ctx.at("1.12"):
        return [_encode({"allocations": _listed(one)}) for one in found]
    mapped, amounts = ctx.at("1.34"), _Amounts()
    written = []
    for one in found:
        view = b'{"allocations":{%b}' % b",".join(_allocations(one, amounts))
        if mapped:
            view += b',"mappings":' + _encode({suffix: sorted(ids) for suffix, ids in one.mappings.items()})
        written.append(view + b"}")
    return written


def _listed(one: Found) -> list[dict[str, Any]]:
    return [
        {"resource_provider": {"uuid": id}, "resources": dict(taken)}
        for id, taken in _by_provider(one).items()
    ]


def _by_provider(one: Found) -> dict[str, list[tuple[str, int]]]:
    found: dict[str, list[tuple[str, int]]] = {}
    for provider_id, name, amount in one.takes:
        found.setdefault(provider_id, []).append((name, amount))
    return found


class _Amounts(dict[tuple[tuple[str, int], ...], bytes]):
    """Amounts by class as JSON: most ways to serve a request take the same of their providers."""

    def __missing__(self, taken: tuple[tuple[str, int], ...]) -> bytes:
        made = self[taken] = b':{"resources":' + _encode(dict(taken)) + b"}"
        return made


def _allocations(one: Found, amounts: _Amounts) -> list[bytes]:
    return [_encode(id) + amounts[tuple(taken)] for id, taken in _by_provider(one).items()]


def _summaries(ctx: Context, asked: Asked, providers: Iterable[Provider]) -> Iterable[bytes]:
    """What is known of each provider as JSON, made once for each of its revisions."""
    classes = None if ctx.at("1.27") else frozenset(asked.classes)
    shape = ("summary", ctx.at("1.17"), ctx.at("1.29"), classes)
    for provider in providers:
        fragment = provider.fragments.get(shape)
        if fragment is None:
            view = _summary(ctx, provider, classes)
            fragment = provider.fragments[shape] = _encode(provider.id) + b":" + _encode(view)
        yield fragment


def _summary(ctx: Context, provider: Provider, classes: frozenset[str] | None) -> dict[str, Any]:
    resources = {
        name: {"capacity": stock.capacity, "used": stock.used}
        for name, stock in provider.stocks.items()
        if classes is None or name in classes
    }
    view: dict[str, Any] = {"resources": resources}
    if ctx.at("1.17"):
        view["traits"] = names.in_order(provider.traits)
    if ctx.at("1.29"):
        view |= {"parent_provider_uuid": provider.parent_id, "root_provider_uuid": provider.root_id}
    return view
