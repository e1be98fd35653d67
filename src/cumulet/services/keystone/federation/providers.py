# SPDX-License-Identifier: Apache-2.0
"""The operations on identity providers and service providers."""

from typing import Any

from cumulet.kernel import ids
from cumulet.kernel.auth.context import Context
from cumulet.kernel.db import Tx
from cumulet.kernel.resource import Delete, Show, expose
from cumulet.services.keystone.entity import List, Update
from cumulet.services.keystone.errors import not_found
from cumulet.services.keystone.federation.identities import forget_assertions
from cumulet.services.keystone.federation.memberships import minutes, move_ends
from cumulet.services.keystone.federation.model import IdentityProvider, ServiceProvider, set_remote_ids
from cumulet.services.keystone.federation.operations import Put
from cumulet.services.keystone.federation.visitors import only_known_by
from cumulet.services.keystone.projects.changes import forget_users
from cumulet.services.keystone.projects.model import Project
from cumulet.services.keystone.settings import KeystoneSettings
from cumulet.services.keystone.storing import unique
from cumulet.services.keystone.tokens.revocation import rights_changed
from cumulet.services.keystone.wire import STRICT

# -- identity providers ---------------------------------------------------------------------------------


def create_identity_provider(tx: Tx, ctx: Context, given: dict[str, Any]) -> IdentityProvider:
    """An identity provider, whose people are in the domain that was named or in a new one."""
    values = {name: value for name, value in given.items() if name in IdentityProvider.stored}
    values["domain_id"] = _domain(tx, given)
    with unique("identity_provider", f"Duplicate entry: {values['id']}"):
        row = tx.insert(IdentityProvider(**values))
    set_remote_ids(tx, row.id, given.get("remote_ids") or ())
    return row


def _domain(tx: Tx, given: dict[str, Any]) -> str:
    """The domain that was named, or a new one for this identity provider alone."""
    domain_id = given.get("domain_id")
    if domain_id:
        domain = tx.get(Project, domain_id)
        if domain is None or not domain.is_domain:
            raise not_found("domain", domain_id)
        return domain.id
    id = ids.plain()
    description = f"Auto generated federated domain for Identity Provider: {given['id']}"
    return tx.insert(Project(id=id, name=id, description=description, is_domain=True)).id


def update_identity_provider(
    tx: Tx, ctx: Context, row: IdentityProvider, given: dict[str, Any]
) -> IdentityProvider:
    """The identity provider with its changes; of one that is disabled all tokens have ended."""
    changes = {name: value for name, value in given.items() if name in IdentityProvider.stored}
    if row.enabled and changes.get("enabled") is False:
        changes["era"] = ids.plain()
        forget_assertions(tx, row.id)
    if "remote_ids" in given:
        set_remote_ids(tx, row.id, given["remote_ids"] or ())
    rights_changed(tx)
    settings = tx.app.contract(KeystoneSettings)
    changed = tx.update(row, **changes)
    later = minutes(settings, changed) - minutes(settings, row)
    if later:
        move_ends(tx, row, later * 60)
    return changed


def delete_identity_provider(tx: Tx, ctx: Context, row: IdentityProvider) -> None:
    """The identity provider is gone, with its protocols and visitors; its domain stays."""
    forget_users(tx, only_known_by(tx, [row.id]))
    tx.delete(row)
    rights_changed(tx)


IDENTITY_PROVIDERS = expose(
    IdentityProvider,
    List(policy="identity:list_identity_providers"),
    Show(policy="identity:get_identity_provider"),
    Put(policy="identity:create_identity_provider", run=create_identity_provider),
    Update(policy="identity:update_identity_provider", run=update_identity_provider, wire=STRICT),
    Delete(policy="identity:delete_identity_provider", run=delete_identity_provider),
)


# -- service providers ----------------------------------------------------------------------------------


def create_service_provider(tx: Tx, ctx: Context, given: dict[str, Any]) -> ServiceProvider:
    rights_changed(tx)
    with unique("service_provider", f"Duplicate entry found with ID {given['id']}"):
        return tx.insert(ServiceProvider(**given))


def update_service_provider(
    tx: Tx, ctx: Context, row: ServiceProvider, given: dict[str, Any]
) -> ServiceProvider:
    rights_changed(tx)
    return tx.update(row, **given)


def delete_service_provider(tx: Tx, ctx: Context, row: ServiceProvider) -> None:
    rights_changed(tx)
    tx.delete(row)


SERVICE_PROVIDERS = expose(
    ServiceProvider,
    List(policy="identity:list_service_providers"),
    Show(policy="identity:get_service_provider"),
    Put(policy="identity:create_service_provider", run=create_service_provider),
    Update(policy="identity:update_service_provider", run=update_service_provider, wire=STRICT),
    Delete(policy="identity:delete_service_provider", run=delete_service_provider),
)
