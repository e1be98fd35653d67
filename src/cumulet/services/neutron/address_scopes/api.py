# SPDX-License-Identifier: Apache-2.0
"""The operations on address scopes."""

from typing import Any

from cumulet.kernel.auth.context import Context
from cumulet.kernel.db import Tx
from cumulet.kernel.errors import BadRequest, Conflict
from cumulet.kernel.resource import Create, Delete, List, Show, Update, expose
from cumulet.services.neutron.address_scopes.model import AddressScope
from cumulet.services.neutron.subnet_pools.model import LOCK, SubnetPool


def update_scope(tx: Tx, ctx: Context, scope: AddressScope, given: dict[str, Any]) -> AddressScope:
    """Rename a scope or share it, which is for good."""
    if scope.shared and not given.get("shared", True):
        raise BadRequest(
            f"Unable to update address scope {scope.id} : Shared address scope can't be unshared.",
            kind="AddressScopeUpdateError",
        )
    return tx.update(scope, **given)


def delete_scope(tx: Tx, ctx: Context, scope: AddressScope) -> None:
    tx.lock(LOCK)
    if tx.exists(SubnetPool, SubnetPool.c.address_scope_id == scope.id):
        raise Conflict(
            f"Unable to complete operation on address scope {scope.id}. There are one or more subnet pools "
            "in use on the address scope.",
            kind="AddressScopeInUse",
        )
    tx.delete(scope)


ADDRESS_SCOPES = expose(
    AddressScope,
    List(
        policy="get_address_scope",
        filters={"tenant_id": lambda ctx, sent: AddressScope.c.project_id.in_(sent)},
    ),
    Show(policy="get_address_scope"),
    Create(policy="create_address_scope", bulk=True),
    Update(policy="update_address_scope", run=update_scope),
    Delete(policy="delete_address_scope", run=delete_scope),
)
