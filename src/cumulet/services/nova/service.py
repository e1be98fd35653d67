# SPDX-License-Identifier: Apache-2.0
"""Nova's manifest."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from cumulet.kernel.app import App
from cumulet.kernel.bus import HostFacts
from cumulet.kernel.db import Tx
from cumulet.kernel.hosts import MetadataSource
from cumulet.kernel.reconcile import Reconciler
from cumulet.kernel.saga import Saga
from cumulet.kernel.service import Api, CatalogEntry, Check, ReportHandler, Service
from cumulet.kernel.versions import Microversions
from cumulet.services.nova.policies import POLICIES
from cumulet.services.nova.settings import NovaSettings
from cumulet.services.nova.versions import MAXIMUM, MINIMUM
from cumulet.services.nova.wire import WIRE, over_quota

SYNC_POWER_EVERY, SWEEP_GUESTS_EVERY, LOOK_FOR_DUE_EVERY = 60.0, 60.0, 60.0


def api() -> Api:
    from cumulet.services.nova import (
        extensions,
        external_events,
        keypairs,
        limits,
        quota_sets,
        server_groups,
        tenant_usage,
        usage_audit_log,
        versions,
    )
    from cumulet.services.nova.aggregates import api as aggregates
    from cumulet.services.nova.aggregates import caching
    from cumulet.services.nova.compute import hosts, hypervisors, services, zones
    from cumulet.services.nova.flavors import access, extra_specs
    from cumulet.services.nova.flavors import api as flavors
    from cumulet.services.nova.proxies import (
        fixed_ips,
        floating_ips,
        gone,
        image_metadata,
        images,
        networks,
        security_group_rules_api,
        snapshots,
        volumes,
    )
    from cumulet.services.nova.proxies import security_groups as security_group_proxy
    from cumulet.services.nova.quotas import QUOTAS
    from cumulet.services.nova.servers import (
        addresses,
        creating,
        diagnostics,
        guest_password,
        instance_actions,
        interfaces,
        listing,
        metadata,
        security_groups,
        tags,
        topology,
        volume_attachments,
    )
    from cumulet.services.nova.servers import api as servers
    from cumulet.services.nova.servers.resize import listing as migrations

    modules = (
        *(versions, extensions, extra_specs, keypairs, server_groups),
        *(limits, quota_sets, tenant_usage, usage_audit_log),
        *(services, hosts, hypervisors, zones, aggregates, caching, external_events),
        *(servers, creating, listing, metadata, tags, addresses, security_groups),
        *(volume_attachments, interfaces, instance_actions, guest_password, diagnostics, topology),
        *(migrations, images, image_metadata, networks, fixed_ips, floating_ips, volumes, snapshots),
        *(security_group_proxy, security_group_rules_api, gone),
    )
    return Api(
        prefix="/v2.1",
        wire=WIRE,
        policies=POLICIES,
        resources=(servers.SERVERS, flavors.FLAVORS, access.ACCESS, server_groups.SERVER_GROUPS),
        routes=(access.list_access, *(function for module in modules for function in module.ROUTES)),
        microversions=Microversions("compute", MINIMUM, MAXIMUM, "X-OpenStack-Nova-API-Version"),
        quota_list=QUOTAS,
        over_quota=over_quota,
        project_in_path=True,
        request_id_headers=("x-compute-request-id",),
    )


def sagas() -> Sequence[Saga]:
    from cumulet.services.nova.aggregates import caching
    from cumulet.services.nova.servers import flows, growing
    from cumulet.services.nova.servers.rescue import flows as rescue
    from cumulet.services.nova.servers.resize import flows as resize
    from cumulet.services.nova.servers.shelve import flows as shelve

    several = (flows, growing, rescue, resize, shelve)
    return (*(saga for module in several for saga in module.SAGAS), caching.bring_images)


def reconcilers() -> Sequence[Reconciler]:
    from cumulet.services.nova.servers import reconcile

    return (
        Reconciler(reconcile.sync_power, SYNC_POWER_EVERY),
        Reconciler(reconcile.withdraw_ownerless, SWEEP_GUESTS_EVERY),
        Reconciler(reconcile.offload_shelved, LOOK_FOR_DUE_EVERY),
        Reconciler(reconcile.reclaim_deleted, LOOK_FOR_DUE_EVERY),
        Reconciler(reconcile.confirm_resizes, LOOK_FOR_DUE_EVERY),
    )


def reports() -> Mapping[str, ReportHandler]:
    from cumulet.services.nova.servers import reconcile

    return {reconcile.GUEST: reconcile.guest_reported}


def invariants() -> Sequence[Check]:
    from cumulet.services.nova.servers import reconcile

    return reconcile.INVARIANTS


def first_start(tx: Tx, app: App) -> None:
    from cumulet.services.nova.compute.model import ensure_control

    ensure_control(tx)


def host_connected(tx: Tx, facts: HostFacts) -> None:
    from cumulet.services.nova.compute import model

    model.host_connected(tx, facts)


async def devstack(app: App, image: Path | None) -> None:
    from cumulet.services.nova.flavors.devstack import make

    await app.db.transact(make)


def service(settings: NovaSettings = NovaSettings()) -> Service:
    """Nova with these settings."""

    def provides() -> Mapping[type, Any]:
        from cumulet.contracts.nova import Servers
        from cumulet.services.nova.contract import NovaServers
        from cumulet.services.nova.metadata_service import Metadata

        return {MetadataSource: Metadata, NovaSettings: settings, Servers: NovaServers()}

    return Service(
        name="nova",
        path="/compute",
        port=8774,
        catalog=(CatalogEntry("compute", "nova", "/v2.1"),),
        admin_rule="context_is_admin",
        api=api,
        sagas=sagas,
        reconcilers=reconcilers,
        provides=provides,
        reports=reports,
        first_start=first_start,
        devstack=devstack,
        host_connected=host_connected,
        invariants=invariants,
        settings=settings,
        configure=service,
    )


SERVICE = service()
