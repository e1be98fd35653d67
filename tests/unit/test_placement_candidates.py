# SPDX-License-Identifier: Apache-2.0
"""Candidates against their definition: all that could be is tried, and what may not be is thrown out."""

import itertools
from collections.abc import Iterator
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from cumulet.lib.timestamps import Timestamp
from cumulet.services.placement.candidates.request import Asked
from cumulet.services.placement.candidates.search import search
from cumulet.services.placement.filters import Wishes, meets
from cumulet.services.placement.names import SHARES
from cumulet.services.placement.picture import Picture, Provider, Stock

NEVER = Timestamp("")
CLASSES, TRAITS, AGGREGATES = ("VCPU", "DISK_GB"), ("T", "U"), ("a", "b")
Serving = tuple[tuple[str, str, int], ...]


# -- any cloud, any request -----------------------------------------------------------------------------


@st.composite
def pictures(draw: Any) -> Picture:
    providers: dict[str, Provider] = {}
    for number in range(draw(st.integers(1, 5))):
        id = f"p{number}"
        parent = draw(st.sampled_from([None, *providers]))
        root_id = id if parent is None else providers[parent].root_id
        made = Provider(id, id, 0, parent, root_id, NEVER, NEVER)
        for name in draw(st.sets(st.sampled_from(CLASSES))):
            stock = Stock(
                draw(st.integers(1, 4)), 0, 1, draw(st.integers(1, 4)), draw(st.integers(1, 2)), 1.0, NEVER
            )
            stock.used = draw(st.integers(0, 2))
            stock.room = stock.total - stock.used
            made.stocks[name] = stock
        made.traits = draw(st.sets(st.sampled_from((*TRAITS, SHARES))))
        made.aggregates = draw(st.sets(st.sampled_from(AGGREGATES)))
        providers[id] = made
    return Picture((), providers)


@st.composite
def wishes(draw: Any, *, empty: bool) -> Wishes:
    amounts = st.dictionaries(st.sampled_from(CLASSES), st.integers(1, 3), min_size=0 if empty else 1)
    choices = st.lists(st.sets(st.sampled_from(TRAITS), min_size=1), max_size=1)
    groups = st.lists(st.sets(st.sampled_from(AGGREGATES), min_size=1), max_size=1)
    return Wishes(
        resources=draw(amounts),
        required=draw(choices),
        forbidden=draw(st.sets(st.sampled_from(TRAITS), max_size=1)),
        member_of=draw(groups),
        forbidden_aggregates=draw(st.sets(st.sampled_from(AGGREGATES), max_size=1)),
        in_tree=draw(st.sampled_from([None, None, None, "p0", "p1"])),
    )


@st.composite
def requests(draw: Any) -> Asked:
    suffixes = draw(st.sampled_from([("",), ("_A",), ("", "_A"), ("_A", "_B")]))
    named = [suffix for suffix in suffixes if suffix]
    together = [set(named)] if len(named) == 2 and draw(st.booleans()) else []
    return Asked(
        {suffix: draw(wishes(empty=bool(suffix and together))) for suffix in suffixes},
        isolate=draw(st.booleans()),
        root_required=draw(st.sets(st.sampled_from(TRAITS), max_size=1)),
        same_subtrees=together,
        nested=draw(st.booleans()),
    )


# -- by definition --------------------------------------------------------------------------------------


def by_definition(now: Picture, asked: Asked) -> set[Any]:
    """Every choice of a provider for each class of each group, under each root, that nothing forbids."""
    found = set()
    if any(
        w.in_tree is not None and w.in_tree not in now.providers for w in asked.groups.values() if w.resources
    ):
        return found
    for anchor in (provider for provider in now.providers.values() if provider.parent_id is None):
        if not asked.root_required <= anchor.traits:
            continue
        ways = [list(servings(now, anchor, suffix, wish)) for suffix, wish in asked.groups.items()]
        for chosen in itertools.product(*ways):
            takes = added_up(chosen)
            if takes is not None and fits(now, takes) and apart(now, asked, chosen):
                mappings = {s: frozenset(ids) for s, (ids, _) in zip(asked.groups, chosen, strict=True)}
                found.add((frozenset(takes.items()), frozenset(mappings.items())))
    return found


def servings(
    now: Picture, anchor: Provider, suffix: str, wish: Wishes
) -> Iterator[tuple[tuple[str, ...], Serving]]:
    """The providers that serve one group under a root, and what is taken of each."""
    alone = bool(suffix) or not (now.has_trees or now.sharing)
    if alone:
        for one in now.providers.values():
            if serves_alone(now, anchor, one, wish):
                yield (one.id,), tuple((one.id, name, amount) for name, amount in wish.resources.items())
        return
    for many in itertools.product(now.providers.values(), repeat=len(wish.resources)):
        if many and serve_together(now, anchor, many, wish):
            pairs = zip(many, wish.resources.items(), strict=True)
            yield (
                tuple(one.id for one in many),
                tuple((one.id, name, amount) for one, (name, amount) in pairs),
            )


def serves_alone(now: Picture, anchor: Provider, one: Provider, wish: Wishes) -> bool:
    bound = wish.resources and wish.in_tree is not None
    return (
        (bool(wish.resources) or bool(wish.required or wish.member_of))
        and one.has_room(wish.resources)
        and (not bound or now.providers[str(wish.in_tree)].root_id == one.root_id)
        and wish.likes(one.traits, one.aggregates)
        and reaches(now, one, anchor)
    )


def serve_together(now: Picture, anchor: Provider, many: tuple[Provider, ...], wish: Wishes) -> bool:
    traits = set().union(*(one.traits for one in many))
    return (
        meets(traits, wish.required)
        and traits.isdisjoint(wish.forbidden)
        and all(
            serves_a_class(now, anchor, one, item, wish)
            for one, item in zip(many, wish.resources.items(), strict=True)
        )
    )


def serves_a_class(
    now: Picture, anchor: Provider, one: Provider, item: tuple[str, int], wish: Wishes
) -> bool:
    own = one.root_id == anchor.id
    shared = reaches(now, one, anchor) and wish.in_tree is None and meets(one.aggregates, wish.member_of)
    return (
        (own or shared)
        and one.has_room(dict([item]))
        and (wish.in_tree is None or now.providers[wish.in_tree].root_id == one.root_id)
        and (meets(one.aggregates, wish.member_of) or meets(anchor.aggregates, wish.member_of))
        and wish.forbidden_aggregates.isdisjoint(one.aggregates | anchor.aggregates)
    )


def reaches(now: Picture, one: Provider, anchor: Provider) -> bool:
    """Whether the provider is of the root's tree, or shares with a member of it."""
    tree = [other for other in now.providers.values() if other.root_id == anchor.id]
    shares = SHARES in one.traits and any(one.aggregates & other.aggregates for other in tree)
    return one.root_id == anchor.id or shares


def added_up(chosen: Any) -> dict[tuple[str, str], int] | None:
    takes: dict[tuple[str, str], int] = {}
    for _, serving in chosen:
        for id, name, amount in serving:
            takes[id, name] = takes.get((id, name), 0) + amount
    return takes


def fits(now: Picture, takes: dict[tuple[str, str], int]) -> bool:
    stocks = {(id, name): now.providers[id].stocks[name] for id, name in takes}
    return all(n <= min(stocks[key].room, stocks[key].max_unit) for key, n in takes.items())


def apart(now: Picture, asked: Asked, chosen: Any) -> bool:
    """Whether groups that have to be apart are, and those that belong into one subtree are in one."""
    by_suffix = {suffix: set(ids) for suffix, (ids, _) in zip(asked.groups, chosen, strict=True)}
    named = [ids for suffix, ids in by_suffix.items() if suffix]
    if asked.isolate and len(named) == 2 and named[0] == named[1]:
        return False
    for group in asked.same_subtrees:
        ids = set().union(*(by_suffix[suffix] for suffix in group))
        if not any(all(top in now.ancestors(id) for id in ids) for top in ids):
            return False
    if asked.nested or not now.has_trees:
        return True
    used = {id for _, serving in chosen for id, _, _ in serving}
    return len({now.providers[id].root_id for id in used}) == len(used)


@settings(max_examples=120, deadline=None)
@given(pictures(), requests())
def test_candidates_are_what_they_are_defined_to_be(now: Picture, asked: Asked) -> None:
    found = search(now, asked)
    written = {
        (
            frozenset(((id, name), amount) for id, name, amount in one.takes),
            frozenset((suffix, frozenset(ids)) for suffix, ids in one.mappings.items()),
        )
        for one in found
    }
    assert written == by_definition(now, asked)
    assert len(written) == len(found)


@settings(max_examples=50, deadline=None)
@given(pictures(), requests(), st.integers(1, 3))
def test_a_limit_takes_the_first_candidates(now: Picture, asked: Asked, limit: int) -> None:
    everything = search(now, asked)
    asked.limit = limit
    assert search(now, asked) == everything[:limit]
