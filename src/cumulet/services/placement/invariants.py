# SPDX-License-Identifier: Apache-2.0
"""What always holds of Placement's tables, for `cumulet doctor`."""

import sqlalchemy as sa

from cumulet.kernel.db import Tx
from cumulet.services.placement.rows import Allocation, Consumer, Inventory, ResourceProvider

_A, _I, _C, _P = Allocation.c, Inventory.c, Consumer.c, ResourceProvider.c
_SAME = sa.and_(_I.provider_id == _A.provider_id, _I.resource_class == _A.resource_class)


def allocations_have_inventories(tx: Tx) -> list[str]:
    """Nobody uses anything of what a provider does not have."""
    joined = Allocation.table.outerjoin(Inventory.table, _SAME)
    query = sa.select(_A.consumer_id, _A.resource_class, _A.provider_id).select_from(joined)
    return [
        f"{consumer_id} holds {resource_class} of provider {provider_id}, which has no inventory of it"
        for consumer_id, resource_class, provider_id in tx.execute(query.where(_I.id.is_(None))).fetchall()
    ]


def usage_is_within_capacity(tx: Tx) -> list[str]:
    """No more is used than there is, where the inventory is as it was made.

    One that was changed may have less than is used: upstream lets operators do that, and so do we.
    """
    used = sa.func.sum(_A.used)
    query = (
        sa.select(_I.provider_id, _I.resource_class, used, _I.total, _I.reserved, _I.allocation_ratio)
        .select_from(Inventory.table.join(Allocation.table, _SAME))
        .where(_I.created_at == _I.updated_at)
        .group_by(_I.id)
        .having(used > (_I.total - _I.reserved) * _I.allocation_ratio)
    )
    return [
        f"{int(amount)} {resource_class} of provider {provider_id} are used, "
        f"and it has {int((total - reserved) * ratio)}"
        for provider_id, resource_class, amount, total, reserved, ratio in tx.execute(query).fetchall()
    ]


def consumers_hold_something(tx: Tx) -> list[str]:
    """A consumer exists while it holds allocations, and no longer."""
    joined = Consumer.table.outerjoin(Allocation.table, _A.consumer_id == _C.id)
    query = sa.select(_C.id).select_from(joined).where(_A.id.is_(None))
    return [f"consumer {id} is kept and holds nothing" for id in tx.execute(query).scalars()]


def trees_have_one_root(tx: Tx) -> list[str]:
    """A child is of its parent's tree, and what has no parent is a root."""
    parent = ResourceProvider.table.alias("parent")
    joined = ResourceProvider.table.outerjoin(parent, parent.c.id == _P.parent_id)
    wrong = _P.root_id != sa.func.coalesce(parent.c.root_id, _P.id)
    query = sa.select(_P.id, _P.root_id).select_from(joined).where(wrong)
    return [
        f"provider {id} says that {root_id} is its root, and it is not" for id, root_id in tx.execute(query)
    ]


CHECKS = (
    allocations_have_inventories,
    usage_is_within_capacity,
    consumers_hold_something,
    trees_have_one_root,
)
