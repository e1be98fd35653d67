# SPDX-License-Identifier: Apache-2.0
"""What a provider has, and the changes of it."""

from collections.abc import Collection, Mapping
from typing import Any

from cumulet.contracts.placement import Inventory as Terms
from cumulet.kernel.db import Tx
from cumulet.services.placement import changes, names
from cumulet.services.placement.errors import InventoryInUse
from cumulet.services.placement.rows import TERMS, Allocation, Inventory, row_id


def of(tx: Tx, provider_id: str) -> dict[str, Inventory]:
    """The provider's inventories by resource class."""
    rows = tx.all(
        Inventory, Inventory.c.provider_id == provider_id, order_by=(Inventory.c.created_at, Inventory.c.id)
    )
    return {row.resource_class: row for row in rows}


def terms(row: Inventory) -> Terms:
    """An inventory without its place."""
    return Terms(**{name: getattr(row, name) for name in TERMS})


def given(values: Mapping[str, Any]) -> Terms:
    """An inventory as somebody sent it; what was not sent is as usual."""
    return Terms(**{name: value for name, value in values.items() if name in TERMS})


def find(tx: Tx, provider_id: str, resource_class: str) -> Inventory | None:
    return tx.get(Inventory, row_id(provider_id, resource_class))


def replace(tx: Tx, provider_id: str, wanted: Mapping[str, Terms]) -> None:
    """The provider has exactly these inventories. Raises UnknownClass, InventoryInUse."""
    names.require_classes(tx, wanted)
    stored = of(tx, provider_id)
    gone = stored.keys() - wanted.keys()
    if used := in_use(tx, provider_id, gone):
        raise InventoryInUse(used, provider_id)
    if gone:
        tx.delete_where(
            Inventory, Inventory.c.provider_id == provider_id, Inventory.c.resource_class.in_(sorted(gone))
        )
    for resource_class, one in wanted.items():
        put(tx, provider_id, resource_class, one, stored.get(resource_class))
    changes.raise_generations(tx, [provider_id])


def put(tx: Tx, provider_id: str, resource_class: str, wanted: Terms, stored: Inventory | None) -> Inventory:
    """The provider has this inventory. The caller raises the provider's generation."""
    values = {name: getattr(wanted, name) for name in TERMS}
    if stored is not None:
        return stored if terms(stored) == wanted else tx.update(stored, **values)
    row = Inventory(
        id=row_id(provider_id, resource_class),
        provider_id=provider_id,
        resource_class=resource_class,
        **values,
    )
    return tx.insert(row)


def in_use(tx: Tx, provider_id: str, classes: Collection[str]) -> list[str]:
    """Those of the provider's classes of which somebody uses something."""
    if not classes:
        return []
    c = Allocation.c
    rows = tx.all(Allocation, c.provider_id == provider_id, c.resource_class.in_(sorted(classes)))
    return sorted({row.resource_class for row in rows}, key=names.class_order)
