# SPDX-License-Identifier: Apache-2.0
"""Placement's refusals: the codes that clients match on, and errors that become sentences in each API."""

from cumulet.kernel.errors import Conflict

UNDEFINED = "placement.undefined_code"
INVENTORY_IN_USE = "placement.inventory.inuse"
CONCURRENT_UPDATE = "placement.concurrent_update"
DUPLICATE_NAME = "placement.duplicate_name"
PROVIDER_IN_USE = "placement.resource_provider.inuse"
CANNOT_DELETE_PARENT = "placement.resource_provider.cannot_delete_parent"
PROVIDER_NOT_FOUND = "placement.resource_provider.not_found"
DUPLICATE_KEY = "placement.query.duplicate_key"
BAD_VALUE = "placement.query.bad_value"
MISSING_VALUE = "placement.query.missing_value"

CHANGED = "Another thread concurrently updated the data. Please retry your update"


class InvalidInventory(Conflict):
    """A provider has no inventory of what is to be taken, or not enough of it."""

    @classmethod
    def missing(cls, resource_class: str, provider_id: str) -> "InvalidInventory":
        return cls(f"Inventory for '{resource_class}' on resource provider '{provider_id}' invalid.")

    @classmethod
    def full(cls, resource_class: str, provider_id: str) -> "InvalidInventory":
        return cls(_refused(resource_class, provider_id, "exceed the capacity"))

    @classmethod
    def misfit(cls, resource_class: str, provider_id: str) -> "InvalidInventory":
        return cls(_refused(resource_class, provider_id, "violate inventory constraints"))


def _refused(resource_class: str, provider_id: str, why: str) -> str:
    return (
        f"Unable to create allocation for '{resource_class}' on resource provider '{provider_id}'. "
        f"The requested amount would {why}."
    )


class InventoryInUse(Exception):
    """An inventory cannot go because somebody uses some of it."""

    def __init__(self, classes: list[str], provider_id: str) -> None:
        super().__init__(f"Inventory for '{', '.join(classes)}' on resource provider '{provider_id}' in use.")


class UnknownName(Exception):
    """A resource class or traits that nobody has made. Each API has its own sentence around it."""


class UnknownClass(UnknownName):
    """A resource class that nobody has made."""

    def __init__(self, name: str) -> None:
        super().__init__(f"No such resource class {name}.")


class UnknownTraits(UnknownName):
    """Traits that nobody has made."""

    def __init__(self, names: list[str]) -> None:
        super().__init__(f"No such trait(s): {', '.join(names)}.")
