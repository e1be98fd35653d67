# SPDX-License-Identifier: Apache-2.0
"""The names of resource classes and traits: standard ones that all clouds share, and this cloud's own.

The standard ones come from the libraries that upstream itself takes them from, which take a while to import;
so nothing is imported before the first question.
"""

from collections.abc import Collection, Iterable

from cumulet.kernel.db import Tx
from cumulet.lib.memo import memo
from cumulet.services.placement.errors import UnknownClass, UnknownTraits
from cumulet.services.placement.rows import ResourceClass, Trait

CUSTOM = "CUSTOM_"
SHARES = "MISC_SHARES_VIA_AGGREGATE"
"""The trait of a provider whose inventory is for all who are in one of its aggregates."""


@memo
def standard_classes() -> dict[str, int]:
    """Every standard resource class with its number, in upstream's order."""
    import os_resource_classes

    return {name: number for number, name in enumerate(os_resource_classes.STANDARDS)}


@memo
def standard_traits() -> dict[str, None]:
    """Every standard trait, in alphabetical order."""
    import os_traits

    return dict.fromkeys(sorted(os_traits.get_traits()))


def in_order(traits: Iterable[str]) -> list[str]:
    """The standard ones first, as everywhere."""
    return sorted(traits, key=lambda name: (name.startswith(CUSTOM), name))


def class_order(resource_class: str) -> tuple[int, str]:
    """Where a class stands among others: the standard ones first, in upstream's order."""
    known = standard_classes()
    return known.get(resource_class, len(known)), resource_class


def unknown_classes(tx: Tx, wanted: Collection[str]) -> list[str]:
    """Those of the names that are no resource class."""
    strange = [name for name in wanted if name not in standard_classes()]
    known = tx.get_many(ResourceClass, strange) if strange else {}
    return [name for name in strange if name not in known]


def unknown_traits(tx: Tx, wanted: Collection[str]) -> list[str]:
    """Those of the names that are no trait."""
    strange = [name for name in wanted if name not in standard_traits()]
    known = tx.get_many(Trait, strange) if strange else {}
    return [name for name in strange if name not in known]


def require_classes(tx: Tx, wanted: Collection[str]) -> None:
    """Raise UnknownClass unless all of these are resource classes."""
    if unknown := unknown_classes(tx, wanted):
        raise UnknownClass(unknown[0])


def require_traits(tx: Tx, wanted: Collection[str]) -> None:
    """Raise UnknownTraits unless all of these are traits."""
    if unknown := unknown_traits(tx, wanted):
        raise UnknownTraits(unknown)
