# SPDX-License-Identifier: Apache-2.0
"""Providers and their trees: making, moving and deleting them.

Whoever gives a provider a parent, takes one away or deletes one holds the lock of all trees, so that no two
of them make a loop together or leave a child without its parent.
"""

from cumulet.kernel.db import Tx
from cumulet.kernel.errors import BadRequest, Conflict, Duplicate, NotFound
from cumulet.services.placement import changes, errors
from cumulet.services.placement.picture import Provider, current
from cumulet.services.placement.rows import Allocation, ResourceProvider, shard_of

TREES = "placement:trees"
OWN_PARENT = (
    "parent provider UUID cannot be same as UUID. "
    "Please set parent provider UUID to None if there is no parent."
)
NO_PARENT = "parent provider UUID does not exist."


def hold(tx: Tx, provider_id: str, *more: str) -> ResourceProvider:
    """The provider, which nobody else changes until this transaction ends. Raises NotFound."""
    changes.lock(tx, [provider_id], *more)
    return tx.need(ResourceProvider, provider_id, _unknown(provider_id))


def seen(tx: Tx, provider_id: str, lead: str = "") -> Provider:
    """The provider as it is seen now. Raises NotFound, with words before upstream's own."""
    provider = current(tx).providers.get(provider_id)
    if provider is None:
        raise NotFound(lead + _unknown(provider_id))
    return provider


def require_generation(provider: ResourceProvider, generation: int, message: str) -> None:
    """Raise Conflict with this message when the caller has seen another generation."""
    if provider.generation != generation:
        raise Conflict(message, kind=errors.CONCURRENT_UPDATE)


def create(tx: Tx, id: str, name: str, parent_id: str | None) -> ResourceProvider:
    """A new provider, below its parent where it has one."""
    changes.lock(tx, [id], TREES)
    parent = None
    if parent_id is not None:
        parent = tx.get(ResourceProvider, parent_id)
        if parent is None or parent_id == id:
            reason = OWN_PARENT if parent_id == id else NO_PARENT
            raise BadRequest(
                f'Unable to create resource provider "{name}", {id}: {_failed("create", reason)}'
            )
    root_id = id if parent is None else parent.root_id
    provider = ResourceProvider(id=id, name=name, parent_id=parent_id, root_id=root_id, shard=shard_of(id))
    try:
        provider = tx.insert(provider)
    except Duplicate as error:
        taken = ", ".join("name: " + name if column == "name" else "uuid: " + id for column in error.columns)
        raise _taken(taken) from None
    changes.touch(tx, [id])
    return provider


def rename(tx: Tx, provider: ResourceProvider, name: str) -> ResourceProvider:
    try:
        provider = tx.update(provider, name=name)
    except Duplicate:
        raise _taken(name) from None
    changes.touch(tx, [provider.id])
    return provider


def move(tx: Tx, provider: ResourceProvider, parent_id: str | None, *, anywhere: bool) -> ResourceProvider:
    """The provider and all below it stand below another parent, or below none.

    Without `anywhere` only a provider without a parent may be given one. The caller holds the lock of all
    trees. Raises BadRequest.
    """
    if parent_id is None and provider.parent_id is None:
        return provider
    parent = tx.get(ResourceProvider, parent_id) if parent_id is not None else None
    if parent_id is not None and parent is None:
        raise _unsaved(provider, _failed("create", NO_PARENT))
    if provider.parent_id not in (None, parent_id) and not anywhere:
        verb = "un-parenting" if parent_id is None else "re-parenting"
        raise _unsaved(provider, _failed("update", f"{verb} a provider is not currently allowed."))
    below = _subtree(tx, provider)
    if parent_id in {row.id for row in below}:
        raise _unsaved(provider, _failed("update", "creating loop in the provider tree is not allowed."))
    root_id = provider.id if parent is None else parent.root_id
    for row in below:
        if row.id != provider.id and row.root_id != root_id:
            tx.update(row, root_id=root_id)
    changes.touch(tx, [row.id for row in below])
    return tx.update(provider, parent_id=parent_id, root_id=root_id)


def delete(tx: Tx, provider_id: str) -> None:
    """The provider and what it has are gone. Raises NotFound, and Conflict while anybody needs it."""
    changes.lock(tx, [provider_id], TREES)
    provider = tx.get(ResourceProvider, provider_id)
    if provider is None:
        raise NotFound(f"No resource provider with uuid {provider_id} found for delete")
    if tx.exists(ResourceProvider, ResourceProvider.c.parent_id == provider_id):
        raise Conflict(
            f"Unable to delete parent resource provider {provider_id}: It has child resource providers.",
            kind=errors.CANNOT_DELETE_PARENT,
        )
    if tx.exists(Allocation, Allocation.c.provider_id == provider_id):
        raise Conflict(
            f"Unable to delete resource provider {provider_id}: Resource provider has allocations.",
            kind=errors.PROVIDER_IN_USE,
        )
    changes.touch(tx, [provider_id])
    tx.delete(provider)


def _subtree(tx: Tx, top: ResourceProvider) -> list[ResourceProvider]:
    """The provider and all below it."""
    tree = tx.all(ResourceProvider, ResourceProvider.c.root_id == top.root_id)
    found, ids = [top], {top.id}
    while more := [row for row in tree if row.parent_id in ids and row.id not in ids]:
        found += more
        ids |= {row.id for row in more}
    return found


def _unknown(provider_id: str) -> str:
    return f"No resource provider with uuid {provider_id} found"


def _failed(action: str, reason: str) -> str:
    return f"Object action {action} failed because: {reason}"


def _unsaved(provider: ResourceProvider, why: str) -> BadRequest:
    return BadRequest(f"Unable to save resource provider {provider.id}: {why}")


def _taken(what: str) -> Conflict:
    return Conflict(f"Conflicting resource provider {what} already exists.", kind=errors.DUPLICATE_NAME)
