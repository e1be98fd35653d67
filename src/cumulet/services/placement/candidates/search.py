# SPDX-License-Identifier: Apache-2.0
"""Which providers could serve a request: a pure function from a picture and a request to candidates.

Each group is served on its own first. A group with a suffix is served by one provider. The group without
one may be served by several: each class by a member of the same tree, or by a provider that shares what it
has with a member of the tree through an aggregate. What serves a group stands under an *anchor*, the root of
the tree that it is for; what shares may stand under many.

Then the groups are put together, anchor by anchor: one way of serving each, such that all fit at once into
what the providers have left, no provider serves two groups that have to be apart, and groups that belong
into one subtree are in one.

Required and forbidden traits, and aggregates, mean what upstream makes of them:

- A provider that serves a group with a suffix has all of it itself. Those that serve the group without one
  have the required traits together, none of them has a forbidden one, and each of them or its anchor is in
  the aggregates.
- As long as there are no trees and nobody shares, both kinds of groups are the same.
- A group without resources is served by any provider that meets its required traits or aggregates, and by
  none when it requires nothing. It does not care for `in_tree`.
"""

import itertools
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

from cumulet.services.placement.candidates.request import Asked
from cumulet.services.placement.filters import Wishes, meets
from cumulet.services.placement.picture import Picture, Provider

Take = tuple[str, str, int]
"""A provider, a class and an amount."""


class Serving(NamedTuple):
    """A way to serve one group."""

    takes: tuple[Take, ...]
    providers: frozenset[str]


class Found(NamedTuple):
    """A way to serve all groups: what it takes, and which providers serve which group."""

    takes: tuple[Take, ...]
    mappings: Mapping[str, frozenset[str]]


class Nothing(Exception):
    """No provider could serve the request."""


def search(now: Picture, asked: Asked) -> list[Found]:
    """Every way to serve the request, up to its limit."""
    try:
        ways = _ways(now, asked)
        if not asked.nested and now.has_trees:
            ways = (one for one in ways if _spares_trees(now, one))
        if now.has_trees or now.sharing:
            ways = _each_once(ways)
        return list(itertools.islice(ways, asked.limit))
    except Nothing:
        return []


def _ways(now: Picture, asked: Asked) -> Iterator[Found]:
    """Every way to serve the request, those under several anchors more than once. Raises Nothing."""
    if len(asked.groups) == 1:
        [(suffix, wishes)] = asked.groups.items()
        for _, serving in _served(now, asked, suffix, wishes):
            yield Found(serving.takes, {suffix: serving.providers})
        return
    for servings in _by_anchor(now, asked).values():
        if len(servings) == len(asked.groups):
            yield from _together(now, asked, servings)


def _each_once(ways: Iterable[Found]) -> Iterator[Found]:
    seen = set()
    for one in ways:
        key = (frozenset(one.takes), frozenset(one.mappings.items()))
        if key not in seen:
            seen.add(key)
            yield one


def _served(now: Picture, asked: Asked, suffix: str, wishes: Wishes) -> Iterator[tuple[str, Serving]]:
    """How a group could be served, each with its anchor. Raises Nothing."""
    if suffix or not (now.has_trees or now.sharing):
        return _by_one(now, asked, wishes)
    return _by_several(now, asked, wishes)


def _by_anchor(now: Picture, asked: Asked) -> dict[str, dict[str, list[Serving]]]:
    """How each group could be served, by anchor and suffix."""
    found: dict[str, dict[str, list[Serving]]] = {}
    for suffix, wishes in asked.groups.items():
        some = False
        for anchor, serving in _served(now, asked, suffix, wishes):
            some = True
            found.setdefault(anchor, {}).setdefault(suffix, []).append(serving)
        if not some:
            raise Nothing
    return found


def _tree(now: Picture, wishes: Wishes) -> str | None:
    """The root of the tree to which the wishes are bound, if they are. Raises Nothing."""
    if wishes.in_tree is None:
        return None
    member = now.providers.get(wishes.in_tree)
    if member is None:
        raise Nothing
    return member.root_id


# -- by one provider ------------------------------------------------------------------------------------


def _by_one(now: Picture, asked: Asked, wishes: Wishes) -> Iterator[tuple[str, Serving]]:
    """Providers that serve the whole group alone, under each of their anchors."""
    if not wishes.resources and not (wishes.required or wishes.member_of):
        return
    root_id = _tree(now, wishes) if wishes.resources else None
    resources = list(wishes.resources.items())
    for provider in now.providers.values():
        if root_id is not None and provider.root_id != root_id:
            continue
        if provider.has_room(wishes.resources) and wishes.likes(provider.traits, provider.aggregates):
            id = provider.id
            serving = Serving(tuple([(id, name, amount) for name, amount in resources]), frozenset((id,)))
            for anchor in _roots_served(now, provider):
                if asked.takes_root(now.providers[anchor].traits):
                    yield anchor, serving


def _roots_served(now: Picture, provider: Provider) -> Iterable[str]:
    """The root of the provider's tree, and of all trees with a member in an aggregate of one that shares."""
    if not provider.is_sharing:
        return (provider.root_id,)
    groups = provider.aggregates
    others = (other.root_id for other in now.providers.values() if not groups.isdisjoint(other.aggregates))
    return dict.fromkeys((provider.root_id, *others))


# -- by several providers -------------------------------------------------------------------------------


def _by_several(now: Picture, asked: Asked, wishes: Wishes) -> Iterator[tuple[str, Serving]]:
    """Providers that serve the group together, each one or more of its classes."""
    root_id = _tree(now, wishes)
    choices = [_choices(now, asked, wishes, root_id, one) for one in wishes.resources.items()]
    anchors = (
        [anchor for anchor in choices[0] if all(anchor in choice for choice in choices)] if choices else []
    )
    for anchor in anchors:
        for providers in itertools.product(*(choice[anchor].values() for choice in choices)):
            if not _have_traits(providers, wishes):
                continue
            pairs = zip(providers, wishes.resources.items(), strict=True)
            takes = tuple((provider.id, name, amount) for provider, (name, amount) in pairs)
            yield anchor, Serving(takes, frozenset(provider.id for provider in providers))


def _choices(
    now: Picture, asked: Asked, wishes: Wishes, root_id: str | None, wanted: tuple[str, int]
) -> dict[str, dict[str, Provider]]:
    """Who could give the amount of a class, by anchor and id."""
    name, amount = wanted
    found: dict[str, dict[str, Provider]] = {}
    for provider in now.providers.values():
        stock = provider.stocks.get(name)
        if stock is None or not stock.fits(amount) or root_id not in (None, provider.root_id):
            continue
        for anchor in _anchors(now, wishes, provider, alone=root_id is not None):
            root = now.providers[anchor]
            if asked.takes_root(root.traits) and _in_aggregates(provider, root, wishes):
                found.setdefault(anchor, {})[provider.id] = provider
    return found


def _anchors(now: Picture, wishes: Wishes, provider: Provider, *, alone: bool) -> Iterable[str]:
    """The trees that a provider serves: its own, and those that it shares with unless it may not."""
    if alone or not meets(provider.aggregates, wishes.member_of):
        return (provider.root_id,)
    return _roots_served(now, provider)


def _in_aggregates(provider: Provider, root: Provider, wishes: Wishes) -> bool:
    """Whether the provider or its anchor is in what is required, and neither in what is forbidden."""
    refused = wishes.forbidden_aggregates
    if refused and not (provider.aggregates.isdisjoint(refused) and root.aggregates.isdisjoint(refused)):
        return False
    return meets(provider.aggregates, wishes.member_of) or meets(root.aggregates, wishes.member_of)


def _have_traits(providers: Sequence[Provider], wishes: Wishes) -> bool:
    if not wishes.required and not wishes.forbidden:
        return True
    traits = set().union(*(provider.traits for provider in providers))
    return traits.isdisjoint(wishes.forbidden) and meets(traits, wishes.required)


# -- all groups together --------------------------------------------------------------------------------


def _together(now: Picture, asked: Asked, servings: Mapping[str, list[Serving]]) -> Iterator[Found]:
    """Every way to serve all groups under one anchor.

    Groups are added one by one, and a way that cannot be is given up at once: with many alike providers in
    a tree there are far more ways to pick than ways that fit.
    """
    suffixes = list(servings)

    def add(index: int, amounts: dict[tuple[str, str], int], chosen: tuple[Serving, ...]) -> Iterator[Found]:
        if index == len(suffixes):
            if _in_subtrees(now, asked, suffixes, chosen):
                takes = tuple((provider_id, name, amount) for (provider_id, name), amount in amounts.items())
                mappings = {s: one.providers for s, one in zip(suffixes, chosen, strict=True)}
                yield Found(takes, mappings)
            return
        for serving in servings[suffixes[index]]:
            if asked.isolate and suffixes[index] and _meets_another(serving, suffixes, chosen):
                continue
            more = _added(now, amounts, serving)
            if more is not None:
                yield from add(index + 1, more, (*chosen, serving))

    yield from add(0, {}, ())


def _meets_another(serving: Serving, suffixes: Sequence[str], chosen: Sequence[Serving]) -> bool:
    """Whether a group with a suffix is already served by the same provider."""
    return any(
        suffix and one.providers == serving.providers for suffix, one in zip(suffixes, chosen, strict=False)
    )


def _added(
    now: Picture, amounts: dict[tuple[str, str], int], serving: Serving
) -> dict[tuple[str, str], int] | None:
    """The amounts and what the serving takes; None when that does not fit any more."""
    more = dict(amounts)
    for provider_id, name, amount in serving.takes:
        key = (provider_id, name)
        total = more[key] = more.get(key, 0) + amount
        if total > amount:
            stock = now.providers[provider_id].stocks[name]
            if total > stock.room or total > stock.max_unit:
                return None
    return more


def _in_subtrees(now: Picture, asked: Asked, suffixes: Sequence[str], chosen: Sequence[Serving]) -> bool:
    """Whether those who serve each set of groups that belong together stand below one of themselves."""
    by_suffix = dict(zip(suffixes, chosen, strict=True))
    for group in asked.same_subtrees:
        providers = set().union(*(by_suffix[suffix].providers for suffix in group))
        shared = set.intersection(*(now.ancestors(id) for id in providers))
        if len(providers) > 1 and shared.isdisjoint(providers):
            return False
    return True


def _spares_trees(now: Picture, found: Found) -> bool:
    """Whether no two providers are of the same tree: below 1.29 nobody knows what to make of that."""
    ids = {take[0] for take in found.takes}
    return len({now.providers[id].root_id for id in ids}) == len(ids)
