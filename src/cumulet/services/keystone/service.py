# SPDX-License-Identifier: Apache-2.0
"""Keystone's manifest."""

import functools
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from cumulet.kernel.service import Api, CatalogEntry, Service
from cumulet.services.keystone.settings import KeystoneSettings

if TYPE_CHECKING:
    from pathlib import Path

    from cumulet.kernel.app import App
    from cumulet.kernel.db import Tx
    from cumulet.kernel.reconcile import Reconciler
    from cumulet.services.keystone.directories.known import NewDirectory


def api() -> Api:
    from cumulet.services.keystone import oauth2, versions
    from cumulet.services.keystone.application_credentials import api as application_credentials
    from cumulet.services.keystone.catalog import api as catalog
    from cumulet.services.keystone.checks import KINDS
    from cumulet.services.keystone.credentials import api as credentials
    from cumulet.services.keystone.credentials import ec2, signed
    from cumulet.services.keystone.domain_config import api as domain_config
    from cumulet.services.keystone.endpoint_filter import endpoints as endpoint_filter
    from cumulet.services.keystone.endpoint_filter import groups as endpoint_groups
    from cumulet.services.keystone.endpoint_policy import api as endpoint_policy
    from cumulet.services.keystone.federation import auth as federated_auth
    from cumulet.services.keystone.federation import mappings, protocols, providers, saml
    from cumulet.services.keystone.limits import api as limits
    from cumulet.services.keystone.limits import registered
    from cumulet.services.keystone.oauth1 import access_tokens, consumers
    from cumulet.services.keystone.oauth1 import flow as oauth1
    from cumulet.services.keystone.policies import POLICIES
    from cumulet.services.keystone.projects import api as projects
    from cumulet.services.keystone.roles import api as roles
    from cumulet.services.keystone.roles import assignments, grants
    from cumulet.services.keystone.tokens import api as tokens
    from cumulet.services.keystone.tokens import revocations
    from cumulet.services.keystone.trusts import api as trusts
    from cumulet.services.keystone.users import api as users
    from cumulet.services.keystone.users import groups
    from cumulet.services.keystone.wire import WIRE

    modules = (
        versions,
        tokens,
        revocations,
        projects,
        domain_config,
        users,
        groups,
        roles,
        grants,
        assignments,
        trusts,
        ec2,
        signed,
        oauth1,
        access_tokens,
        oauth2,
        catalog,
        endpoint_filter,
        endpoint_groups,
        endpoint_policy,
        application_credentials,
        registered,
        limits,
        protocols,
        saml,
        federated_auth,
    )
    return Api(
        prefix="/v3",
        wire=WIRE,
        policies=POLICIES,
        resources=(
            projects.PROJECTS,
            projects.DOMAINS,
            users.USERS,
            groups.GROUPS,
            roles.ROLES,
            consumers.CONSUMERS,
            catalog.SERVICES,
            catalog.ENDPOINTS,
            catalog.REGIONS,
            endpoint_groups.ENDPOINT_GROUPS,
            endpoint_policy.POLICIES,
            credentials.CREDENTIALS,
            registered.REGISTERED_LIMITS,
            limits.LIMITS,
            providers.IDENTITY_PROVIDERS,
            providers.SERVICE_PROVIDERS,
            mappings.MAPPINGS,
        ),
        routes=tuple(function for module in modules for function in module.ROUTES),
        kinds=KINDS,
        version_headers=False,
        admit=signed.admit,
    )


def reconcilers() -> "list[Reconciler]":
    from cumulet.kernel.reconcile import Reconciler
    from cumulet.services.keystone import renewal
    from cumulet.services.keystone.directories import reconcile
    from cumulet.services.keystone.federation import identities, memberships
    from cumulet.services.keystone.tokens import revocation
    from cumulet.services.keystone.trusts import model as trusts

    return [
        Reconciler(revocation.trim, 600.0),
        Reconciler(trusts.trim, 3600.0),
        Reconciler(renewal.renew, 60.0),
        Reconciler(reconcile.refresh, 300.0),
        Reconciler(memberships.trim, 10.0),
        Reconciler(identities.trim, 3600.0),
    ]


async def prepare(app: "App") -> None:
    from cumulet.services.keystone import bootstrap

    await bootstrap.prepare(app)


def first_start(tx: "Tx", app: "App") -> None:
    from cumulet.services.keystone import bootstrap

    bootstrap.first_start(tx, app)


async def devstack(app: "App", image: "Path | None") -> None:
    from cumulet.services.keystone import devstack as known

    await app.db.transact(known.devstack, app)


async def watch(app: "App") -> None:
    from cumulet.services.keystone.directories.known import Directories
    from cumulet.services.keystone.tokens.authority import Authority

    try:
        await app.contract(Authority).watch(app)
    finally:
        await app.contract(Directories).close()


def service(
    settings: KeystoneSettings = KeystoneSettings(), drivers: "Mapping[str, NewDirectory] | None" = None
) -> Service:
    """Keystone with these settings.

    `drivers` are those that a domain may name in `identity.driver`, LDAP's unless others are given.
    """

    def provides() -> Mapping[type, Any]:
        from cumulet.contracts import keystone
        from cumulet.kernel.auth.context import Authenticator
        from cumulet.kernel.unified_limits import UnifiedLimits
        from cumulet.services.keystone.contract import Directory, Signers
        from cumulet.services.keystone.directories.known import DRIVERS, Directories
        from cumulet.services.keystone.limits.provided import KeystoneLimits
        from cumulet.services.keystone.tokens.audit import Bound
        from cumulet.services.keystone.tokens.authority import Authority

        authority = Authority(settings)
        return {
            Authenticator: authority,
            Authority: authority,
            Bound: Bound(),
            KeystoneSettings: settings,
            Directories: Directories(drivers or DRIVERS),
            keystone.Directory: Directory(),
            keystone.Signers: Signers(),
            UnifiedLimits: KeystoneLimits(),
        }

    return Service(
        name="keystone",
        path="/identity",
        port=5000,
        catalog=(CatalogEntry("identity", "keystone"),),
        api=api,
        reconcilers=reconcilers,
        provides=provides,
        prepare=prepare,
        devstack=devstack,
        first_start=first_start,
        watch=watch,
        settings=settings,
        configure=functools.partial(service, drivers=drivers),
    )


SERVICE = service()
